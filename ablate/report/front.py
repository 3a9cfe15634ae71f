"""The part of the section on the search that shows the front of several objectives."""

import tomllib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ablate.analysis.pareto import Front, named_objectives, search_front
from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, count, number, significant
from ablate.report.page import MOST_ROWS, Block, Paragraph, Table, to_figure
from ablate.report.plots import FrontAxis, draw_front
from ablate.report.wording.front import front_sentences, objective_words
from ablate.report.wording.phrases import capital
from ablate.storage.results import factor_columns, factor_name
from ablate.study.objectives import SearchObjective
from ablate.study.trial import RATE_SETTING

TITLE = "What can be had at which price"
READING = (
    "A trial is on the front if no other trial is as good in every objective and better in one. The trials on it were "
    "selected by their scores, each of a single run on one seed, so these scores are optimistic, and with another seed "
    "other trials may be on the front; the comparisons below train with fresh seeds. Numbers of parameters are exact. "
    "Seconds are the median epoch of a trial on this machine, beside whatever else ran on it."
)
STEPS = " The stepped line is the best value that a trial reached at each price."
NOTHING = "No trial of the search finished with a value of every objective, so it has no front."


def front_of(inputs: Inputs) -> Front | None:
    """The front of the study's search; None if that had one objective."""
    facts = inputs.facts.front
    if facts is None:
        return None
    return search_front(
        inputs.results,
        inputs.epochs,
        named_objectives(facts.objectives, inputs.task),
        task=inputs.task,
        tolerance=facts.tolerance,
        n_validation=inputs.data.n_validation,
    )


def front_blocks(inputs: Inputs) -> list[Block]:
    """The figure and the table of the front; empty if the search had one objective."""
    front = front_of(inputs)
    if front is None:
        return []
    shown = front.configurations.copy()
    for objective in front.objectives:
        shown[objective.name] *= _scale(objective)
    axes = [_axis(objective) for objective in front.objectives]
    figure = draw_front(shown, axes, chosen=front.chosen, baseline=_baseline(inputs, front))
    if figure is None:
        return [Paragraph(NOTHING)]
    steps = STEPS if len(axes) == 2 else ""
    sentence = f"{' '.join(front_sentences(front))}{steps}"
    return [to_figure(figure, "front", TITLE, sentence, _table(inputs, front), READING)]


def _table(inputs: Inputs, front: Front) -> Table:
    """Every search trial with its objectives and factors, those on the front first."""
    of_search = inputs.results[inputs.results["phase"] == "search"]
    factors = [name for name in factor_columns(of_search) if name != RATE_SETTING]
    levels = of_search.drop_duplicates("trial").set_index("trial")
    others = front.table[~front.table["is_front"]]
    rows = pd.concat([front.members, others], ignore_index=True)
    found = levels.loc[rows["trial"], factors].reset_index(drop=True).add_prefix("factor ")
    data = pd.concat([rows.drop(columns="number"), found], axis=1)
    names = [objective.name for objective in front.objectives]
    head = ["Trial", "State", *map(_heading, front.objectives), "Front", *map(factor_name, factors)]
    cells = [
        [str(row["trial"]), str(row["state"]), *(_cell(one, row[one.name]) for one in front.objectives), _place(row),
         *(str(row[f"factor {name}"]) for name in factors)]
        for row in data.head(MOST_ROWS).to_dict("records")
    ]  # fmt: skip
    numeric = frozenset(range(2, 2 + len(names)))
    return Table("Every search trial by its objectives", head, cells, numeric, name="front", data=data)


def _place(row: Mapping[Any, Any]) -> str:
    if row["is_chosen"]:
        return "counts as the best"
    return "on it" if row["is_front"] else NONE


def _cell(objective: SearchObjective, value: float) -> str:
    if objective.name == "parameters":
        return count(value)
    return number(100 * value, 1) if objective.unit == "points" else significant(value)


def _heading(objective: SearchObjective) -> str:
    unit = ", %" if objective.unit == "points" else "" if objective.is_cost or not objective.unit else objective.unit
    return f"{capital(objective_words(objective))}{unit}"


def _axis(objective: SearchObjective) -> FrontAxis:
    better = "up" if objective.sign > 0 else "low"
    label = f"{_heading(objective)} ({'higher' if better == 'up' else 'lower'} is better)"
    return FrontAxis(objective.name, label, objective.is_cost, objective.sign > 0)


def _scale(objective: SearchObjective) -> float:
    return 100.0 if objective.unit == "points" else 1.0


def _baseline(inputs: Inputs, front: Front) -> str:
    """The search trial of the study's baseline; "" if there is none, or the study file is missing."""
    try:
        stated = tomllib.loads(inputs.study_file).get("baseline")
    except (ValueError, RecursionError):
        return ""
    first = inputs.results[inputs.results["trial"] == (front.table["trial"].iloc[0] if len(front.table) else "")]
    if not isinstance(stated, dict) or not stated or first.empty:
        return ""
    row = {factor_name(name): str(first[name].iloc[0]) for name in factor_columns(first)}
    is_baseline = all(row.get(name) == str(level) for name, level in stated.items())
    return str(first["trial"].iloc[0]) if is_baseline else ""
