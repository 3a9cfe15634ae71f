"""Say what a search with several objectives found: its front, and which configuration counts as the best."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ablate.analysis.pareto import Front
from ablate.study.metric_words import metric_words
from ablate.study.objectives import PARAMETERS, SECONDS, SearchObjective
from ablate.text import listed, number_of

if TYPE_CHECKING:
    import pandas as pd

_COSTS = {PARAMETERS: "parameters", SECONDS: "seconds an epoch"}
_BEST = {PARAMETERS: "fewest parameters", SECONDS: "fewest seconds an epoch"}


def objective_words(objective: SearchObjective) -> str:
    """An objective in words: "validation accuracy", "parameters", "seconds an epoch"."""
    return _COSTS.get(objective.name) or metric_words(f"val_{objective.name}")


def objective_value(objective: SearchObjective, value: float) -> str:
    """A value with its unit: "95.3 %", "4,210 parameters", "0.21 s an epoch", "MAE 0.213"."""
    match objective:
        case SearchObjective(name="parameters"):
            return number_of(round(value), "parameter")
        case SearchObjective(name="seconds"):
            return f"{value:.3g} s an epoch"
        case SearchObjective(unit="points"):
            return f"{100 * value:.1f} %"
        case _:
            return f"{metric_words(objective.name)} {value:.4g}"


def objectives_said(objectives: Sequence[SearchObjective]) -> str:
    """The objectives with their directions: "high validation accuracy and few parameters"."""
    return listed([_aim(objective) for objective in objectives])


def rule_said(objectives: Sequence[SearchObjective], tolerance: float) -> str:
    """The rule by which a configuration on the front counts as the best, as a sentence."""
    first, second = objectives[0], objectives[1]
    what = metric_words(first.name)
    if not tolerance:
        return f"The best configuration of the search is the trial on its front with the best {what}."
    return (
        f"The best configuration of the search is the trial on its front with the {_superlative(second)} among those "
        f"whose {what} is at most {_size(first, tolerance)} worse than the best."
    )


def front_sentences(front: Front) -> list[str]:
    """How many trials are on the front, which one counts as the best, and why; [] without a finished trial.

    Trials that reuse an identical run count once, as configurations.
    """
    members, known = front.members, front.configurations
    if members.empty:
        return []
    chosen = members[members["is_chosen"]].iloc[0]
    top, n_on = members.iloc[0], int(known["is_front"].sum())
    what = number_of(len(known), "search trial")
    if front.repeats:
        what = f"{number_of(len(known), 'configuration')} in {number_of(len(front.table), 'search trial')}"
    return [
        f"{n_on} of {what} {'is' if n_on == 1 else 'are'} on the front of {objectives_said(front.objectives)}.",
        f"The best configuration is {chosen['trial']} ({_values(front, chosen)}): {_why(front, chosen['trial'], top)}.",
    ]


def _why(front: Front, chosen: str, top: "pd.Series[Any]") -> str:
    first, second = front.objectives[0], front.objectives[1]
    what = metric_words(first.name)
    if not front.tolerance:
        return f"it has the best {what}, as no margin is known; search.tolerance states one"
    within = f"within {_size(first, front.tolerance)} of the best {what}"
    if chosen == top["trial"]:
        return f"it has the best {what}, and the {_superlative(second)} {within}"
    return f"the {_superlative(second)} {within}, {objective_value(first, top[first.name])} of {top['trial']}"


def _values(front: Front, row: "pd.Series[Any]") -> str:
    return ", ".join(objective_value(one, float(row[one.name])) for one in front.objectives)


def _aim(objective: SearchObjective) -> str:
    few = {PARAMETERS: "few parameters", SECONDS: "few seconds an epoch"}.get(objective.name)
    return few or f"{'high' if objective.sign > 0 else 'low'} {objective_words(objective)}"


def _superlative(objective: SearchObjective) -> str:
    return _BEST.get(objective.name) or f"best {metric_words(objective.name)}"


def _size(objective: SearchObjective, tolerance: float) -> str:
    if objective.unit == "points":
        size = f"{100 * tolerance:.2g}"
        return f"{size} point{'' if size == '1' else 's'}"
    return f"{tolerance:.2g} {objective.unit}".rstrip()
