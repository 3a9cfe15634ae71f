"""Tables of runs that the tests share."""

import pandas as pd

from ablate.analysis.sources import Runs


def runs(table: pd.DataFrame | dict[str, list[object]], **known) -> Runs:
    """The table as text, as a source gives it."""
    return Runs(pd.DataFrame(table).map(str).reset_index(drop=True), place="sweep.csv", name="sweep", **known)


def crossed(*, seeds=(0, 1)) -> pd.DataFrame:
    """norm × drop, two and three levels; acc = 0.5 + 0.1 (batch) − drop + 0.01 seed, to the digit."""
    return pd.DataFrame(
        [
            {
                "norm": norm,
                "drop": drop,
                "seed": seed,
                "acc": round(0.5 + 0.1 * (norm == "batch") - drop + 0.01 * seed, 4),
            }
            for norm in ("none", "batch")
            for drop in (0.0, 0.1, 0.3)
            for seed in seeds
        ]
    )
