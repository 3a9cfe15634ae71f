"""Statistics and a report for runs of any tool, from a script or a notebook."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ablate.errors import AblateError
from ablate.interface.arguments import told_as_arguments
from ablate.interface.result import Result

Levels: TypeAlias = Mapping[str, object]  # factor -> level


def analyze(
    source: object,
    *,
    score: str = "",
    factors: Sequence[str] = (),
    seed: str | Sequence[str] = "",
    direction: str = "",
    reference: Levels | None = None,
    target: Levels | None = None,
    margin: float | None = None,
    unit: str = "",
    state: str = "",
    states: Mapping[str, str] | None = None,
    missing: str = "",
    chance: float | None = None,
    ignore: Sequence[str] = (),
    study: str | None = None,
    name: str = "",
    out: str | os.PathLike[str] = "reports",
    tracking_uri: str | None = None,
) -> Result:
    """Compare the runs of a source, and write a report on them into `out`/NAME.

    `source`: a DataFrame with a row for each run, a path (CSV, JSON, Parquet, Markdown, an Optuna storage, a folder
    of KerasTuner, TensorBoard or W&B), "mlflow:EXPERIMENT", or an `optuna.Study`.
    `score` is the column to compare, `factors` are the columns that you varied, `seed` pairs runs (["fold", "seed"]:
    by both); each is found if it is not given, and `notes` of the result say what was taken for what. The other
    arguments are the options of `ablate analyze`.

    >>> import ablate
    >>> import pandas as pd
    >>> runs = pd.DataFrame({
    ...     "norm": ["none", "batch"] * 6,
    ...     "seed": [seed for seed in range(6) for _ in range(2)],
    ...     "accuracy": [0.80, 0.84, 0.81, 0.86, 0.79, 0.83, 0.80, 0.85, 0.82, 0.85, 0.81, 0.85],
    ... })
    >>> result = ablate.analyze(runs, score="accuracy", factors=["norm"], reference={"norm": "none"}, name="mine")
    >>> result.effects[["variant", "n", "verdict"]]
          variant  n verdict
    0  norm=batch  6   helps
    """
    from ablate.analysis.imports import ImportOptions
    from ablate.experiment.analyze import ReportPlace, analyze_source
    from ablate.tracking import DEFAULT_URI
    from ablate.tracking.address import VARIABLE

    with told_as_arguments(analyze):
        asked = ImportOptions(
            factors=_names(factors, "factors"),
            score=score,
            seed=seed if isinstance(seed, str) else ",".join(seed),
            direction=direction,
            reference=_pairs(reference or {}, "reference"),
            target=_pairs(target or {}, "target"),
            margin=margin,
            unit=unit,
            states=_pairs(states or {}, "states"),
            state=state,
            missing=missing,
            chance=chance,
            ignore=_names(ignore, "ignore"),
        )
        uri = tracking_uri or os.environ.get(VARIABLE) or DEFAULT_URI
        place = ReportPlace(source, study, uri, name, Path(out))
        made = analyze_source(place, asked, command_line="ablate.analyze(…)")
    return Result(made.folder, notes=made.notes)


def _names(names: Sequence[str], argument: str) -> tuple[str, ...]:
    if isinstance(names, str):
        raise AblateError(f'{argument}: must be a list of columns, got "{names}"\n  write ["{names}"]')
    return tuple(names)


def _pairs(levels: Mapping[str, object], argument: str) -> str:
    """As the options of the command line have them: "a=1,b=x"."""
    for name, level in levels.items():
        if any(mark in f"{name}{level}" for mark in ",="):
            raise AblateError(f'{argument}: names and levels must be without "," and "=", got {name}={level}')
    return ",".join(f"{name}={level}" for name, level in levels.items())
