"""Paired runs into a table in which every mean of the report can be traced to the runs that it is of."""

import re
from collections import Counter

import pandas as pd

from ablate.analysis.effects import Metric
from ablate.analysis.search_history import runs_behind
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, effect_decimals, file_unit, in_unit, mean_label, number, shown_mean
from ablate.report.page import MOST_ROWS, Folded, Table
from ablate.report.plots import contrast_name
from ablate.storage.results import Row

SENTENCE = (
    "One row per pair: the variant's run and the reference's run with the same seed, their names in the results table "
    "and the first digits of their MLflow run IDs; the CSV has the full IDs. A run that reuses the result of an "
    "identical run names it."
)
RUN_ID = 8  # digits of an MLflow run shown; the CSV has all


def runs_block(inputs: Inputs) -> Folded | None:
    """The pairs behind every contrast, in the effects' order; None where there is no pair."""
    runs = runs_behind(inputs.scores, inputs.effects)
    if runs.empty:
        return None
    metric, shown = inputs.metric, runs.head(MOST_ROWS)
    with_mode = runs["mode"].nunique() > 1
    with_reuse = bool((shown["same_as"] != "").any())
    head = [
        "Factor", "Level", *(["Mode"] if with_mode else []), "Seed", f"Difference{in_unit(metric)}", mean_label(metric),
        "Reference's", "State", "Trial", "Reference's trial", "MLflow run", "Reference's run",
        *(["Reuses result of"] if with_reuse else []),
    ]  # fmt: skip
    decimals = effect_decimals(inputs.effects, metric)
    rows = [
        [*contrast_name(row["factor"], row["level"], against=row["against"]), *([row["mode"]] if with_mode else []),
         *_numbers(row, metric, decimals), _states(row), row["trial"], row["reference_trial"],
         row["run_id"][:RUN_ID] or NONE, row["reference_run_id"][:RUN_ID] or NONE,
         *([row["same_as"] or NONE] if with_reuse else [])]
        for row in shown.to_dict("records")
    ]  # fmt: skip
    first = head.index("Seed")
    table = Table(
        "The runs behind each comparison", head, rows, frozenset(range(first, first + 4)), name="runs",
        data=with_units(runs, dict.fromkeys(("difference", "value", "reference_value"), file_unit(metric))),
        groups=_groups(shown),
    )  # fmt: skip
    return Folded("runs", SENTENCE, table)


def runs_anchor(variant: str, mode: str) -> str:
    """Where the runs of a contrast stand on the page."""
    return place_of("runs", mode, variant)


def place_of(table: str, *names: str) -> str:
    """An anchor in a table: unlike for unlike names, whatever is in them."""
    return f"{table}-" + re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}_", "-".join(names))


def hover_text(pairs: pd.DataFrame, metric: Metric, decimals: int) -> list[str]:
    """What a pair's dot says of itself: "seed 3: +1.2 points, trial …, run …"."""
    return [
        f"seed {row['seed']}: {number(row['difference'] * metric.scale, decimals, is_signed=True)} {metric.unit}"
        f"{'' if row['state'] == 'finished' else ', ' + str(row['state']).replace('_', ' ')}\n{row['trial']}"
        f"{', run ' + row['run_id'] if row['run_id'] else ''}"
        for row in pairs.to_dict("records")
    ]


def _numbers(row: Row, metric: Metric, decimals: int) -> list[str]:
    difference = number(row["difference"] * metric.scale, decimals, is_signed=True)
    values = [shown_mean(row[name], metric, decimals) for name in ("value", "reference_value")]
    return [str(row["seed"]), difference, *values]


def _groups(shown: pd.DataFrame) -> list[tuple[str, int]]:
    """(anchor, rows) of each contrast; its rows stand together."""
    anchors = [runs_anchor(*pair) for pair in zip(shown["variant"], shown["mode"], strict=True)]
    return list(Counter(anchors).items())


def _states(row: Row) -> str:
    """The variant's state, and the reference's where that did not finish."""
    states = [str(row["state"])]
    if row["reference_state"] != "finished":
        states.append(f"reference {row['reference_state']}")
    return ", ".join(states).replace("_", " ")
