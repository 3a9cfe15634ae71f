"""Tables of runs that the tests share."""

import pandas as pd

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.columns import find_roles
from ablate.analysis.imports.configurations import find_configurations
from ablate.analysis.imports.rows import cells_of, measured_runs
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


def configurations_of(table):
    """The configurations and cells of a table."""
    source = runs(table)
    roles = find_roles(source, ImportOptions())
    found = find_configurations(source, roles.factors)
    return found, cells_of(measured_runs(source, roles), found, seeded=bool(roles.seed))


def flat(optimizers=("adam", "sgd", "rms"), seeds=range(6), score=lambda at, seed: 0.8 + at / 50 + seed / 500):
    return pd.DataFrame(
        [
            {"optimizer": name, "seed": seed, "acc": score(at, seed)}
            for at, name in enumerate(optimizers)
            for seed in seeds
        ]
    )
