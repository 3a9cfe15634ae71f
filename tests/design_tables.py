"""Results tables of designs, with values given by a function of the levels and the seed."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from ablate.analysis.effects import Metric
from ablate.study.trial import COLUMNS

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


def crossed_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The results table of a factorial, from its factors, seed and score; without rows of a reference."""
    stated = {"phase": "ablation", "design": "factorial", "mode": "find", "state": "finished"}
    return table.assign(test_accuracy=table["score"], **stated)


def two_references(
    start: Mapping[str, object], end: Mapping[str, object], value: Value, *, n_seeds: int, **stated: str
) -> pd.DataFrame:
    """Two references and, from each, every variant that takes one factor to the other's level."""
    cells = [("reference", "", "", "", start), ("best", "", "", "reference", end)]
    for against, prefix, here, other in (("reference", "", start, end), ("best", "best: ", end, start)):
        cells += [
            (f"{prefix}{name}={other[name]}", name, str(other[name]), against, {**here, name: other[name]})
            for name in start
            if start[name] != end[name]
        ]
    return pd.DataFrame(
        [
            row(value(levels, seed), seed=seed, factors=levels, variant=variant, factor=factor, level=level,
                against=against, trial=f"{variant}-{seed}", **stated)
            for seed in range(n_seeds) for variant, factor, level, against, levels in cells
        ]
    )  # fmt: skip


def walk(
    direction: str, start: Mapping[str, object], end: Mapping[str, object], score: Value, *, n_seeds: int,
    named: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """The rows that a greedy walk leaves, every candidate of every step trained; trials say the step if `named`."""
    origin, goal, against = (start, end, "reference") if direction == "forward" else (end, start, "best")
    here, left, step = dict(origin), [name for name in origin if origin[name] != goal[name]], 0
    candidates: list[tuple[str, dict[str, object]]] = [("", here)]
    rows = []
    while candidates:
        for name, levels in candidates:
            for seed in range(n_seeds):
                trial = f"path-{direction}-{step}-{name}-s{seed}" if named else f"{step}{name}{seed}"
                level = str(goal[name]) if name else ""
                rows.append(
                    row(math.nan, score(levels, seed), seed=seed, factors=levels, design="path", trial=trial,
                        variant=name or against, factor=name, level=level, against=against)
                )  # fmt: skip
        best = max(candidates, key=lambda candidate: sum(score(candidate[1], seed) for seed in range(n_seeds)))
        here, left, step = best[1], [name for name in left if name != best[0]], step + 1
        candidates = [(name, {**here, name: goal[name]}) for name in left]
    return pd.DataFrame(rows)
