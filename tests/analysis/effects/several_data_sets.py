"""Tables of a reference and its variants on several data sets."""

import numpy as np
import pandas as pd

from ablate.analysis.effects import BlockRuns, blocks_of
from ablate.storage.provenance import TaskFacts
from ablate.study.task import classification


def results(gains, *, n=6, spread=0.002, others=None, rng=None) -> pd.DataFrame:
    """x=new gains as given on each data set over a reference of 0.8, less 0.05 for each further one; `others` too."""
    rng = rng or np.random.default_rng(0)
    rows = [
        {
            "trial": f"{variant}-{name}-s{seed}", "phase": "ablation", "design": "one-factor", "variant": variant,
            "factor": variant.partition("=")[0] if "=" in variant else "", "level": variant.partition("=")[2],
            "against": "" if variant == "reference" else "reference", "mode": "", "data_set": name, "seed": seed,
            "state": "finished", "score": 0.8 - 0.05 * place + more + spread * rng.normal(),
        }
        for place, (name, gain) in enumerate(gains.items())
        for seed in range(1, n + 1)
        for variant, more in {"reference": 0.0, "x=new": gain, **(others or {})}.items()
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(run_id="", same_as="", reason="")


def blocks(gains, **more) -> list[BlockRuns]:
    """The runs of `results`, scores being accuracies."""
    task = TaskFacts.of(classification("val_accuracy", 2))
    stated = {"name": "accuracy", "unit": "points", "scale": 100.0}
    return blocks_of(results(gains, **more), task=task, n_test={}, stated=stated)
