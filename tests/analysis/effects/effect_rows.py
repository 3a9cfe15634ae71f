"""Hand-made results tables: one row a variant and seed."""

import pandas as pd

from ablate.analysis.effects import Metric

ACCURACY = Metric("test_accuracy", "test_accuracy", 1, 100.0, "points", 0.1, 0.005)
SEEDS = range(6)
REFERENCE = dict.fromkeys(SEEDS, 0.50)
# Mean .03; SD √(4·.01²/5) = .0089443; t(.975, 5) = 2.570582, so half a width of .0093864.
BATCH = {0: 0.52, 1: 0.53, 2: 0.54, 3: 0.52, 4: 0.53, 5: 0.54}


def rows(variant, values, *, mode="", score_shift=0.0, **more):
    """One finished row a seed: test accuracy from `values`, score that much above."""
    factor, _, level = variant.partition("=")
    return [
        {
            "trial": f"{variant}-{mode}-{seed}",
            "phase": "ablation",
            "variant": variant,
            "factor": factor if level else "",
            "level": level,
            "mode": mode,
            "seed": seed,
            "state": "finished",
            "score": value + score_shift,
            "test_accuracy": value,
            "learning_rate": 0.001 * (1 + seed),
            "run_id": f"run{seed}",
        }
        | more
        for seed, value in values.items()
    ]


def table(*parts):
    return pd.DataFrame([row for part in parts for row in part])
