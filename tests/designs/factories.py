"""Results tables of designs, with values given by a function of the levels and the seed."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from ablate.effects import Metric
from ablate.results import COLUMNS

METRIC = Metric("test_accuracy", "test_accuracy", 1, 100.0, "points", chance=0.1, margin=0.005)
Value = Callable[[Mapping[str, object], int], float]


def row(
    value: float,
    score: float | None = None,
    *,
    seed: int = 1,
    factors: Mapping[str, object] | None = None,
    **stated: str,
) -> dict[str, object]:
    blank: dict[str, object] = dict.fromkeys(COLUMNS, "")
    measured = {"test_accuracy": value, "score": value if score is None else score, "seed": seed, "state": "finished"}
    return blank | {"phase": "ablation", "mode": "find", "design": "one-factor"} | measured | stated | (factors or {})


def factorial(
    levels: Mapping[str, Sequence[object]], value: Value, *, seeds: Iterable[int], score: Value | None = None
) -> pd.DataFrame:
    """The reference is the first level of every factor."""
    grid = [dict(zip(levels, place, strict=True)) for place in itertools.product(*levels.values())]
    rows = [
        row(value(cell, seed), (score or value)(cell, seed), seed=seed, factors=cell, design="factorial",
            variant=", ".join(f"{name}={level}" for name, level in cell.items()))
        for seed in seeds for cell in grid
    ]  # fmt: skip
    reference = [row(0.0, seed=seed, factors=grid[0], variant="reference", mode="") for seed in seeds]
    return pd.DataFrame(reference + rows)
