"""Choose the metric on which variants are compared, with its unit, chance level and margin."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import pandas as pd

from ablate.analysis import statistics
from ablate.errors import DataError
from ablate.storage.provenance import TaskFacts, TaskMetricFacts
from ablate.storage.results import NUMBERS, metric_columns
from ablate.study.metric_words import metric_words
from ablate.study.trial import COLUMNS, DATA_SET, REFERENCE, Design

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
        return metric_words(self.name)

    def shown(self, value: float) -> float:
        """A value (higher is better, in the file's unit) as displayed: percent, or a loss above 0."""
        return value * self.scale * (-1 if self.direction == "minimize" else 1)


def metric_unit(name: str) -> tuple[float, str]:
    """Scale and unit in which a metric is displayed of which the task says nothing, as in tables of older versions."""
    if name.endswith("loss"):
        return 1.0, "nats"
    return (100.0, "points") if name.endswith("accuracy") else (1.0, "")


def own_direction(name: str) -> Direction:
    """Which displayed values are better of a metric of which the task says nothing."""
    return "minimize" if name.endswith("loss") else "maximize"


def primary_metric(
    results: pd.DataFrame,
    *,
    task: TaskFacts,
    n_test: int | None,
    margin: float | None = None,
    stated: Mapping[str, Any] | None = None,  # Any: JSON
) -> Metric:
    """The test metric that decides in a task if every finished ablation run has it, otherwise `score`.

    The margin is the given one or that of the task. Without one, that of an accuracy is 0.5 points or the binomial
    standard error of `n_test` examples at the reference's mean, whichever is larger; of a cross-entropy, 0.01 nats; of
    other metrics 0, so that no verdict of "equivalent" or "detectable but below margin" is possible. `chance`, the
    value of a lost run, is the worse of guessing and the worst finished run, so that no loss of a run is a gain; NaN
    if guessing is unknown.

    `stated` describes an imported score: "name", "direction", "unit", "scale", and "margin" and "chance" (the score of
    guessing, higher is better) in the unit of the score. Then `task` and `n_test` are not used.
    """
    if stated:
        return _stated_metric(results, stated, margin=margin)
    judged = next((metric for metric in task.metrics if metric.name == task.decides), None)
    if judged is None:
        raise DataError(f'task: decides: must be one of its metrics, got "{task.decides}"')
    finished = _finished(results)
    column = f"test_{judged.name}"
    tested = len(finished) > 0 and column in finished and bool(finished[column].notna().all())
    sign = -1 if judged.goal == "minimize" else 1
    values = sign * finished[column] if tested else finished["score"]
    of_reference = values[finished["variant"] == REFERENCE]
    at_reference = float(of_reference.sort_values().mean())  # equal to the bit in whatever order trials ended
    if margin is None:
        margin = margin_at(task, judged, at_reference, n=n_test if tested else None)
    guess = math.nan if judged.guess is None else sign * judged.guess
    return Metric(
        name=column if tested else f"val_{judged.name}",
        column=column if tested else "score",
        sign=sign if tested else 1,
        scale=100.0 if judged.unit == "points" else 1.0,
        unit=judged.unit,
        chance=_lost_value(guess, values),
        margin=margin,
        direction=judged.goal,
    )


def margin_at(task: TaskFacts, judged: TaskMetricFacts, value: float, *, n: int | None) -> float:
    """The smallest difference that matters at a value of the metric that decides, as recorded; 0 if unknown.

    `n`: examples behind the value, if they are to count.
    """
    if task.margin is not None:
        return task.margin
    if task.margin_share is not None:
        return abs(task.margin_share * value) if math.isfinite(value) else 0.0
    if judged.name == "loss" and judged.unit == "nats":
        return LEAST_MARGIN["loss"]
    if judged.name != "accuracy":
        return 0.0
    if n and 0 <= value <= 1:
        return max(LEAST_MARGIN["accuracy"], statistics.binomial_error(value, n=n))
    return LEAST_MARGIN["accuracy"]


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
    recorded = runs[metric.column] if metric.column in runs else pd.Series(math.nan, index=runs.index)
    finished = (metric.sign * recorded).where(runs["state"] == "finished")
    return finished.mask(runs["state"].isin(COUNTED_AT_CHANCE), metric.chance)


def confirmatory_runs(results: pd.DataFrame, *, design: Design = ONE_FACTOR) -> pd.DataFrame:
    """The rows of phase "ablation" of a design: `COLUMNS` and metrics, numbers numeric, one row per run.

    A run is a (variant, mode, against, seed), of several data sets on each; of several rows the last row wins: it is a
    repeated run.
    Tables without a design column hold one-factor rows, compared with the reference. A reference has the
    mode "" if all modes share it.
    """
    is_meant = results["phase"] == "ablation"
    if "design" in results:  # first, so that the rows of a large factorial are not converted in vain
        is_meant &= results["design"].replace("", ONE_FACTOR).fillna(ONE_FACTOR) == design
    measured = metric_columns(results)
    block = [DATA_SET] if DATA_SET in results else []
    runs = results[is_meant].reindex(columns=[*COLUMNS, *block, *measured])
    for name in runs.columns:
        column, is_number = runs[name], name in NUMBERS or name in measured
        runs[name] = pd.to_numeric(column, errors="coerce") if is_number else column.astype(object).fillna("")
    runs["design"] = runs["design"].replace("", ONE_FACTOR)
    runs = runs[(runs["design"] == design) & runs["seed"].notna()]
    key = ["variant", "mode", "against", *block, "seed"]
    return runs.drop_duplicates(key, keep="last").reset_index(drop=True)


def is_reference(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Whether a row is a variant with which others are compared, and that itself is compared with none."""
    names = {REFERENCE, *runs["against"]} - {""}
    return (runs["variant"] == REFERENCE) | (runs["variant"].isin(names) & (runs["against"] == ""))
