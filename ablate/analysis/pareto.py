"""The Pareto front of a search with several objectives, and the configuration that counts as its best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ablate.analysis.costs import epoch_seconds
from ablate.analysis.effects.metric import margin_at
from ablate.errors import DataError
from ablate.storage.provenance import TaskFacts
from ablate.storage.results import trial_numbers
from ablate.study.objectives import COSTS, PARAMETERS, SECONDS, SearchObjective, cost

SLACK = 1e-9  # relative: 0.925 − 0.005 is not quite 0.92


@dataclass(frozen=True, slots=True)
class Front:
    """The trials of a search, and which of them no other one beats.

    `table` has a row per search trial in order: number, trial, state, a column for each objective (as recorded, NaN if
    the trial did not finish or lacks it), is_front and is_chosen. A trial is on the front if no other one is as good in
    every objective and better in one; equal trials are on it together.
    """

    objectives: Sequence[SearchObjective]  # the metric that decides is the first
    table: pd.DataFrame
    tolerance: float  # of the first objective, as recorded
    repeats: frozenset[str] = frozenset()  # trials that reuse the result of an earlier one

    @property
    def configurations(self) -> pd.DataFrame:
        """The rows without repeats."""
        return self.table[~self.table["trial"].isin(self.repeats)]

    @property
    def members(self) -> pd.DataFrame:
        """The rows on the front, the best in the first objective first."""
        first, *others = self.objectives
        keys = {first.name: first.sign < 0, **{other.name: other.sign < 0 for other in others}, "number": True}
        rows = self.table[self.table["is_front"]]
        return rows.sort_values(list(keys), ascending=list(keys.values()), kind="stable", ignore_index=True)

    @property
    def chosen(self) -> str:
        """The trial that counts as the best; "" if none finished."""
        found = self.table.loc[self.table["is_chosen"], "trial"]
        return str(found.iloc[0]) if len(found) else ""


def non_dominated(values: ArrayLike, *, signs: Sequence[int]) -> NDArray[np.bool_]:
    """Whether each row of `values`, shape (trials, objectives), is on the front; rows with NaN are not.

    A sign of 1 stands for an objective of which more is better, −1 for one of which less is.
    """
    gains = np.asarray(values, dtype=np.float64).reshape(-1, len(signs)) * np.asarray(signs)
    is_front = np.zeros(len(gains), dtype=np.bool_)
    known = np.flatnonzero(~np.isnan(gains).any(axis=1))
    # Whoever beats a row stands before it in this order, so that comparing with the front so far is enough.
    for row in known[np.lexsort(-gains[known].T[::-1])]:
        front = gains[is_front]
        is_front[row] = not ((front >= gains[row]).all(axis=1) & (front > gains[row]).any(axis=1)).any()
    return is_front


def search_front(
    results: pd.DataFrame,
    epochs: pd.DataFrame,
    objectives: Sequence[SearchObjective],
    *,
    task: TaskFacts,
    tolerance: float | None,
    n_validation: int | None,
) -> Front:
    """The front of the search trials in `results`, with their seconds from `epochs`.

    Without a stated `tolerance` it is the margin of the metric: the stated one, or that of an accuracy, which is 0.5
    points or the binomial standard error of `n_validation` examples at the best value, whichever is larger (as in
    the one-standard-error rule of Breiman et al. 1984); 0 if there is none.
    """
    rows = results[results["phase"] == "search"].reset_index(drop=True)
    table = pd.DataFrame({"number": trial_numbers(rows["trial"], "search"), "trial": rows["trial"]})
    table["state"] = rows["state"]
    for place, objective in enumerate(objectives):
        values = objective.sign * rows["score"] if place == 0 else _values(rows, epochs, objective)
        table[objective.name] = pd.to_numeric(values).astype(float).where(rows["state"] == "finished")
    table = table.sort_values("number", kind="stable", ignore_index=True)
    names, signs = [objective.name for objective in objectives], [objective.sign for objective in objectives]
    table["is_front"] = non_dominated(table[names], signs=signs)
    members = table[table["is_front"]]
    if tolerance is None:
        tolerance = _margin(members, objectives[0], task, n_validation)
    chosen = choose(members, objectives, tolerance=tolerance)
    table, repeats = table.assign(is_chosen=table["trial"] == chosen), _repeats(rows, table["trial"])
    return Front(objectives, table, tolerance, repeats)


def choose(members: pd.DataFrame, objectives: Sequence[SearchObjective], *, tolerance: float) -> str:
    """The trial on the front that counts as the best; "" without one.

    It is the best in the second objective among those whose first objective is at most `tolerance` worse than the
    best; of equal ones the better in the first objective, then in the third, then the earlier.
    """
    if members.empty:
        return ""
    first, second, *others = objectives
    gains = first.sign * members[first.name]
    near = members[gains >= gains.max() - tolerance - SLACK * max(1.0, abs(gains.max()))]
    keys = {objective.name: objective.sign < 0 for objective in (second, first, *others)} | {"number": True}
    return str(near.sort_values(list(keys), ascending=list(keys.values()), kind="stable")["trial"].iloc[0])


def named_objectives(names: Sequence[str], task: TaskFacts) -> tuple[SearchObjective, ...]:
    """The objectives that a file names. Raises `DataError` for one that the task does not have."""
    metrics = {metric.name: SearchObjective(metric.name, metric.goal, metric.unit) for metric in task.metrics}
    for name in names:
        if name not in metrics and name not in COSTS:
            known = ", ".join([*metrics, *COSTS])
            raise DataError(f'objectives: must be metrics of the task or costs, got "{name}"\n  known: {known}')
    return tuple(cost(name) if name in COSTS else metrics[name] for name in names)


def _repeats(rows: pd.DataFrame, trials: "pd.Series[str]") -> frozenset[str]:
    """The trials that reuse the run behind an earlier one of `trials`, which are in order."""
    if "same_as" not in rows:
        return frozenset()
    first = dict(zip(rows["trial"].astype(str), rows["same_as"].fillna("").astype(str), strict=True))
    behind = {trial: _run_behind(trial, first) for trial in first}
    runs = trials.astype(str).map(behind)
    return frozenset(trials[runs.duplicated()].astype(str))


def _run_behind(trial: str, first: Mapping[str, str]) -> str:
    seen = {trial}
    while (before := first.get(trial, "")) and before not in seen:
        trial = before
        seen.add(trial)
    return trial


def _values(rows: pd.DataFrame, epochs: pd.DataFrame, objective: SearchObjective) -> "pd.Series[float]":
    match objective.name:
        case "parameters":
            return rows[PARAMETERS]
        case "seconds":
            return epoch_seconds(rows, epochs).rename(SECONDS)
        case name:
            column = f"val_{name}"
            return rows[column] if column in rows else pd.Series(np.nan, index=rows.index)


def _margin(members: pd.DataFrame, first: SearchObjective, task: TaskFacts, n_validation: int | None) -> float:
    judged = next((metric for metric in task.metrics if metric.name == first.name), None)
    if members.empty or judged is None:
        return 0.0
    best = first.sign * float((first.sign * members[first.name]).max())
    return margin_at(task, judged, best, n=n_validation)
