"""Tables of the paired runs, by which every mean in the report can be traced to its runs."""

import re
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from ablate.analysis import designs
from ablate.analysis.designs import Factorial
from ablate.analysis.effects import Metric, confirmatory_runs, metric_values
from ablate.analysis.imports import end_words
from ablate.analysis.search_history import underlying_runs
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import (
    NONE,
    count,
    effect_decimals,
    file_unit,
    in_unit,
    mean_label,
    number,
    score_decimals,
    shown_mean,
    sign_note,
)
from ablate.report.page import MOST_ROWS, CellContent, Folded, Link, Table
from ablate.report.plots import contrast_name
from ablate.storage.results import Row
from ablate.study.trial import DATA_SET

SENTENCE = (
    "One row per pair: the variant's run and the reference's run with the same seed, their names in the results table "
    "and the first digits of their MLflow run IDs; the CSV has the full IDs. A run that reuses the result of an "
    "identical run names it."
)
DESIGN_SENTENCE = (
    "One row per run: its name in the results table and the first digits of its MLflow run ID; the CSV has the full "
    "IDs. A run that reuses the result of an identical run names it."
)
RUN_ID = 8  # characters of an MLflow run id that are shown; the CSV has all
OF_FACTORIAL, OF_PATH = "factorial-runs", "path-runs"  # anchors
FACTORIAL_COLUMNS = ("variant", "mode", "seed", "value", "used", "state", "trial", "run_id", "same_as")


def runs_block(inputs: Inputs) -> Folded | None:
    """The pairs behind every comparison, in the effects' order; None without a pair."""
    runs = underlying_runs(inputs.scores, inputs.effects)
    if runs.empty:
        return None
    runs = _ended(inputs, runs)
    metric, shown = inputs.metric, runs.head(MOST_ROWS)
    with_mode = runs["mode"].nunique() > 1
    with_reuse = bool((shown["same_as"] != "").any())
    head = [
        "Factor", "Level", *(["Mode"] if with_mode else []), *["Data set"] * (DATA_SET in runs), "Seed",
        f"Difference{in_unit(metric)}{sign_note(metric)}",
        mean_label(metric), "Reference's", "State", "Trial", "Reference's trial", "MLflow run", "Reference's run",
        *(["Reuses result of"] if with_reuse else []),
    ]  # fmt: skip
    decimals = effect_decimals(inputs.effects, metric)
    rows = [
        [*contrast_name(row["factor"], row["level"], against=row["against"]), *([row["mode"]] if with_mode else []),
         *[str(row.get(DATA_SET))] * (DATA_SET in runs),
         *_numbers(inputs, row, decimals), _states(row), row["trial"], row["reference_trial"],
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
    """Anchor of a comparison's runs on the page."""
    return place_of("runs", mode, variant)


def place_of(table: str, *names: str) -> str:
    """An anchor in a table: different for different names, whatever characters they contain."""
    return f"{table}-" + re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}_", "-".join(names))


def hover_text(pairs: pd.DataFrame, metric: Metric, decimals: int) -> list[str]:
    """The hover text of a pair's dot: "seed 3: +1.2 points, trial …, run …"."""
    return [
        f"seed {row['seed']}: {number(row['difference'] * metric.scale, decimals, is_signed=True)} {metric.unit}"
        f"{'' if row['state'] == 'finished' else ', ' + str(row['state']).replace('_', ' ')}\n{row['trial']}"
        f"{', run ' + row['run_id'] if row['run_id'] else ''}"
        for row in pairs.to_dict("records")
    ]


def _numbers(inputs: Inputs, row: Row, decimals: int) -> list[str]:
    metric = inputs.metric
    difference = number(row["difference"] * metric.scale, decimals, is_signed=True)
    values = [shown_mean(row[name], metric, decimals) for name in ("value", "reference_value")]
    return [str(row["seed"]) if inputs.has_seeds else NONE, difference, *values]


def _seed(inputs: Inputs, row: Row) -> str:
    return count(row["seed"]) if inputs.has_seeds else NONE


def _groups(shown: pd.DataFrame) -> list[tuple[str, int]]:
    """(anchor, rows) of each comparison; its rows are adjacent."""
    anchors = [runs_anchor(*pair) for pair in zip(shown["variant"], shown["mode"], strict=True)]
    return list(Counter(anchors).items())


def _states(row: Row) -> str:
    """The variant's state, and the reference's state if it did not finish."""
    states = [str(row["state"])]
    if row["reference_state"] != "finished":
        states.append(f"reference {row['reference_state']}")
    return ", ".join(states).replace("_", " ")


def factorial_runs(inputs: Inputs, found: Sequence[Factorial]) -> Folded | None:
    """Every run of the factorial, cell by cell; None without a factorial."""
    runs = confirmatory_runs(inputs.results, design="factorial")
    if runs.empty:
        return None
    runs, left_out = _ended(inputs, runs), {(one.mode, seed) for one in found for seed in one.left_out}
    used = [pair not in left_out for pair in zip(runs["mode"], runs["seed"].astype(int), strict=True)]
    runs = runs.assign(value=metric_values(runs, inputs.metric), used=used, seed=runs["seed"].astype(int))
    runs = _together(runs, ["mode", "variant"])[list(FACTORIAL_COLUMNS)]
    head = ["Cell", "Seed", mean_label(inputs.metric), *_names(runs)]
    has_unused = not runs["used"].all()
    rows = [
        [row["variant"], _seed(inputs, row), shown_mean(row["value"], inputs.metric, _decimals(inputs)),
         *_told(row, runs), *(["yes" if row["used"] else "no"] if has_unused else [])]
        for row in runs.head(MOST_ROWS).to_dict("records")
    ]  # fmt: skip
    head += ["Averaged"] * has_unused
    table = Table(
        "The runs behind the factorial", head, rows, frozenset((1, 2)), name=OF_FACTORIAL,
        data=with_units(runs, {"value": file_unit(inputs.metric)}),
    )  # fmt: skip
    return Folded(OF_FACTORIAL, DESIGN_SENTENCE, table)


def path_runs(inputs: Inputs) -> Folded | None:
    """Every run of the paths, candidate by candidate; None if no path was trained."""
    runs = designs.path_runs(inputs.results, inputs.metric)
    if runs.empty:
        return None
    runs = _together(_ended(inputs, runs), ["mode", "direction", "step", "factor", "level"])
    metric = inputs.score_metric
    head = ["Direction", "Step", "Candidate", "Seed", mean_label(metric), *_names(runs)]
    shown = runs.head(MOST_ROWS)
    rows = [
        [row["direction"], count(row["step"]), f"{row['factor']} = {row['level']}" if row["factor"] else "start",
         _seed(inputs, row), shown_mean(row["score"], metric, _decimals(inputs)), *_told(row, runs)]
        for row in shown.to_dict("records")
    ]  # fmt: skip
    groups = Counter(path_anchor(row) for row in shown.to_dict("records"))
    table = Table(
        "The runs behind each step", head, rows, frozenset((1, 3, 4)), name=OF_PATH,
        data=with_units(runs, {"score": file_unit(metric)}), groups=list(groups.items()), filters=(0,),
    )  # fmt: skip
    return Folded(OF_PATH, DESIGN_SENTENCE, table)


def path_anchor(row: Row) -> str:
    """Anchor of a candidate's runs on the page."""
    return place_of(OF_PATH, *(str(row[name]) for name in ("mode", "direction", "step", "factor", "level")))


def leading(text: str, anchor: str, *, anchors: frozenset[str]) -> CellContent:
    """The text, as a link if the page has the anchor."""
    return Link(text, anchor) if anchor in anchors else text


def _ended(inputs: Inputs, runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with how they ended in the words of an imported table, where a row that is dropped was not killed."""
    return runs.assign(state=end_words(runs)) if inputs.is_imported and "reason" in runs else runs


def _together(runs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The rows grouped by cell, in order of first appearance, and sorted by seed."""
    place = runs.groupby(names, sort=False, dropna=False).ngroup()
    return (
        runs.assign(place=place).sort_values(["place", "seed"], kind="stable", ignore_index=True).drop(columns="place")
    )


def _names(runs: pd.DataFrame) -> list[str]:
    return [
        *(["Mode"] if runs["mode"].nunique() > 1 else []), "State", "Trial", "MLflow run",
        *(["Reuses result of"] if (runs["same_as"] != "").any() else []),
    ]  # fmt: skip


def _told(row: Row, runs: pd.DataFrame) -> list[str]:
    return [
        *([row["mode"]] if runs["mode"].nunique() > 1 else []), str(row["state"]).replace("_", " "), row["trial"],
        row["run_id"][:RUN_ID] or NONE, *([row["same_as"] or NONE] if (runs["same_as"] != "").any() else []),
    ]  # fmt: skip


def _decimals(inputs: Inputs) -> int:
    return score_decimals(inputs.results["score"].tolist(), inputs.metric, points=2, others=4)
