"""Choose the metric on which variants are compared, with its unit, chance level and margin."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import pandas as pd

from ablate.analysis import statistics
from ablate.errors import DataError
from ablate.storage.results import NUMBERS
from ablate.study.trial import COLUMNS, REFERENCE, Design

Direction: TypeAlias = Literal["maximize", "minimize"]
LEAST_MARGIN = {"accuracy": 0.005, "loss": 0.01}  # a fraction; nats
COUNTED_AT_CHANCE = ("diverged", "out_of_memory", "failed")  # results; "killed" and "pruned" are not
ONE_FACTOR: Design = "one-factor"


@dataclass(frozen=True, slots=True)
class Metric:
    """The metric on which variants are compared, as sign · column: higher is better."""

    name: str  # "test_accuracy", "val_accuracy", "test_loss", "val_loss", or an imported table's own
    column: str  # column of the results table; "score" is the monitored validation metric, higher is better
    sign: int  # −1 for a column in which lower is better
    scale: float  # from the file's unit to the displayed unit: 100 for accuracies
    unit: str  # "points" or "nats", or an imported table's own, maybe ""
    chance: float  # value of a run that did not finish: a fraction, or minus nats; NaN if guessing is unknown
    margin: float  # differences within ± this do not matter: a fraction, or nats; 0 if unknown
    direction: Direction = "maximize"  # of the values as displayed, whatever the sign of the column

    @property
    def label(self) -> str:
        """The name in words: "test accuracy"."""
        return self.name.replace("val_", "validation ").replace("_", " ")

    def shown(self, value: float) -> float:
        """A value (higher is better, in the file's unit) as displayed: percent, or a loss above 0."""
        return value * self.scale * (-1 if self.direction == "minimize" else 1)


def metric_unit(name: str) -> tuple[float, str]:
    """Scale and unit in which a metric of this package with this name is displayed."""
    return (1.0, "nats") if name.endswith("loss") else (100.0, "points")


def own_direction(name: str) -> Direction:
    """Which displayed values of a metric of this package are better."""
    return "minimize" if name.endswith("loss") else "maximize"


def chance_score(n_classes: int, monitor: str) -> float:
    """The score of guessing on balanced classes."""
    return 1 / n_classes if monitor.endswith("accuracy") else -math.log(n_classes)


def primary_metric(
    results: pd.DataFrame,
    *,
    monitor: str,
    n_classes: int | None,
    n_test: int | None,
    margin: float | None = None,
    stated: Mapping[str, Any] | None = None,  # Any: JSON
) -> Metric:
    """The test metric of the monitored kind if every finished ablation run has it, otherwise `score`.

    `monitor` is "val_accuracy" or "val_loss". Unless given, the margin of an accuracy is 0.5 points or the binomial
    standard error of `n_test` images at the reference's mean, whichever is larger; of a loss, 0.01 nats. `chance`, the
    value of a lost run, is the worse of guessing and the worst finished run, so that no loss of a run is a gain;
    guessing scores 1 / `n_classes`, or −ln(n_classes) as a loss. NaN if guessing is unknown.

    `stated` describes an imported score: "name", "direction", "unit", "scale", and "margin" and "chance" (the score of
    guessing, higher is better) in the unit of the score. Then `monitor`, `n_classes` and `n_test` are not used;
    without a margin it is 0, so that no verdict of "equivalent" or "detectable but below margin" is possible.
    """
    if stated:
        return _stated_metric(results, stated, margin=margin)
    kind = monitor.removeprefix("val_")
    if kind not in LEAST_MARGIN:
        raise DataError(f'monitor: must be "val_accuracy" or "val_loss", got "{monitor}"')
    finished = _finished(results)
    tested = len(finished) > 0 and bool(finished[f"test_{kind}"].notna().all())
    column, sign = (f"test_{kind}", -1 if own_direction(kind) == "minimize" else 1) if tested else ("score", 1)
    values = sign * finished[column]
    of_reference = values[finished["variant"] == REFERENCE]
    at_reference = float(of_reference.sort_values().mean())  # equal to the bit in whatever order trials ended
    guess = chance_score(n_classes, monitor) if n_classes else math.nan
    if margin is None:
        margin = LEAST_MARGIN[kind]
        if tested and n_test and kind == "accuracy" and 0 <= at_reference <= 1:
            margin = max(margin, statistics.binomial_error(at_reference, n=n_test))
    name = f"test_{kind}" if tested else monitor
    scale, unit = metric_unit(name)
    return Metric(name, column, sign, scale, unit, _lost_value(guess, values), margin, own_direction(name))


def _stated_metric(results: pd.DataFrame, stated: Mapping[str, Any], *, margin: float | None) -> Metric:
    direction = stated.get("direction", "maximize")
    if direction not in get_args(Direction):
        raise DataError(f'metric: direction: must be "maximize" or "minimize", got "{direction}"')
    if margin is None:
        margin = float(stated.get("margin") or 0.0)
    scale = float(stated.get("scale") or 1.0)
    guess = math.nan if stated.get("chance") is None else float(stated["chance"])
    lost = _lost_value(guess, _finished(results)["score"])
    return Metric(str(stated["name"]), "score", 1, scale, str(stated.get("unit") or ""), lost, margin, direction)


def _lost_value(guess: float, finished: "pd.Series[float]") -> float:
    """The value of a lost run: the worse of guessing and the worst `finished` run; NaN if guessing is unknown."""
    worst = float(finished.min())
    return min(guess, worst) if worst == worst else guess


def _finished(results: pd.DataFrame) -> pd.DataFrame:
    runs = confirmatory_runs(results)
    return runs[runs["state"] == "finished"]


def metric_values(runs: pd.DataFrame, metric: "Metric") -> "pd.Series[float]":
    """The metric of each run, higher is better; NaN if a run has no result, or is lost and guessing is unknown."""
    finished = (metric.sign * runs[metric.column]).where(runs["state"] == "finished")
    return finished.mask(runs["state"].isin(COUNTED_AT_CHANCE), metric.chance)


def confirmatory_runs(results: pd.DataFrame, *, design: Design = ONE_FACTOR) -> pd.DataFrame:
    """The rows of phase "ablation" of a design, with all `COLUMNS`, numbers numeric, one row per run.

    A run is a (variant, mode, against, seed); of several rows the last row wins: it is a repeated run.
    Tables without a design column hold one-factor rows, compared with the reference. A reference has the
    mode "" if all modes share it.
    """
    is_meant = results["phase"] == "ablation"
    if "design" in results:  # first, so that the rows of a large factorial are not converted in vain
        is_meant &= results["design"].replace("", ONE_FACTOR).fillna(ONE_FACTOR) == design
    runs = results[is_meant].reindex(columns=list(COLUMNS))
    for name in COLUMNS:
        column = runs[name]
        runs[name] = pd.to_numeric(column, errors="coerce") if name in NUMBERS else column.astype(object).fillna("")
    runs["design"] = runs["design"].replace("", ONE_FACTOR)
    runs = runs[(runs["design"] == design) & runs["seed"].notna()]
    return runs.drop_duplicates(["variant", "mode", "against", "seed"], keep="last").reset_index(drop=True)


def is_reference(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Whether a row is a variant with which others are compared, and that itself is compared with none."""
    names = {REFERENCE, *runs["against"]} - {""}
    return (runs["variant"] == REFERENCE) | (runs["variant"].isin(names) & (runs["against"] == ""))
