"""The section on greedy paths: waterfalls from the reference to the best configuration and back."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis import designs
from ablate.analysis.designs import OTHER_SEEDS, SAME_SCORES, Factorial
from ablate.analysis.effects import Metric
from ablate.report.exploratory import MARKED, describe, outside, without_chosen
from ablate.report.inputs import Inputs
from ablate.report.interactions import found_factorials, stated_target
from ablate.report.numbers import NONE, count, decimals_for, in_unit, interval, number
from ablate.report.page import Block, CellContent, Paragraph, Section, Table, to_figure
from ablate.report.plots.differences import draw_path
from ablate.report.runs import OF_FACTORIAL, leading, path_anchor, path_runs
from ablate.text import number_of

BARS = "Each bar goes from the score before a step to the score after it{}."
WHISKERS = ", and the line is the 95 % interval of its gain, paired by seed"
OPTIMISM = " Each step is the best of several candidates by this score, so its gain is too good, and has no interval."
HALVED = " Half of the seeds chose the steps; scores and gains are those of the other half."
UNSEEN = " The path does not use the test set."
BY_SOURCE = {
    "path": "Every candidate of every step was trained.",
    "factorial": "The steps use the runs of the factorial: no candidate was trained for them.",
}


def path_section(inputs: Inputs, found: Sequence[Factorial] | None = None) -> Section | None:
    """The trained paths; without any, the paths within a factorial."""
    path, behind = designs.paths(inputs.results, inputs.metric), path_runs(inputs)
    if path.empty:
        found = found_factorials(inputs) if found is None else found
        path = designs.crossed_paths(found, target=stated_target(inputs))
    blocks: list[Block] = []
    for mode, rows in path.groupby("mode", sort=False):
        name = f"path-{mode}" if path["mode"].nunique() > 1 else "path"
        blocks += _path(rows, inputs, name=name, anchors=behind.anchors() if behind else frozenset({OF_FACTORIAL}))
    if not blocks:
        return None
    blocks = [Paragraph(outside(inputs)), *blocks]
    return Section("paths", "Step by step", [*blocks, behind] if behind else blocks)


def _path(rows: pd.DataFrame, inputs: Inputs, *, name: str, anchors: frozenset[str]) -> list[Block]:
    scale, label = _score_axis(inputs)
    decimals = _decimals(rows[rows["chosen"].astype(bool)], inputs.metric)
    rows = without_chosen(describe(inputs, rows, ("",)), ("",), by="steps")
    chosen = rows[rows["chosen"].astype(bool)]
    figure = draw_path(chosen, scale=scale, decimals=decimals, label=label)
    if figure is None:
        return []
    title = f"The greedy path, one factor at a time {MARKED}"
    walks = [_in_words(walk, scale, decimals) for _, walk in chosen.groupby("direction", sort=False)]
    sentence = f"Exploratory ({_choice_in_words(chosen)}): {'; '.join(walk for walk in walks if walk)}."
    table = _table(rows, inputs, decimals, name=name, anchors=anchors)
    reading = _how_to_read(chosen, is_imported=inputs.facts.metric is not None)
    return [to_figure(figure, name, title, sentence, table, reading)]


def _decimals(chosen: pd.DataFrame, metric: Metric) -> int:
    half_widths = (chosen["high"] - chosen["low"]) / 2
    gains = chosen["gain"] if (chosen["gain"].abs() > 0).any() else chosen["score"]
    return decimals_for(half_widths.tolist(), metric, values=gains.tolist())


def _how_to_read(chosen: pd.DataFrame, *, is_imported: bool) -> str:
    """The caption; for another tool's table it says nothing about a test set, since the score may be of any data."""
    bars = BARS.format(WHISKERS if chosen["low"].notna().any() else "")
    chooser = OPTIMISM if chosen["steps"].iloc[0] == SAME_SCORES else HALVED
    return f"{bars}{chooser}{'' if is_imported else UNSEEN} {BY_SOURCE[str(chosen['source'].iloc[0])]}"


def _choice_in_words(chosen: pd.DataFrame) -> str:
    """Which scores chose the target and the steps."""
    if chosen["steps"].iloc[0] == OTHER_SEEDS:
        both = "the target and the steps" if chosen["target"].iloc[0] == OTHER_SEEDS else "the steps"
        return f"half of the seeds chose {both}; the other {number_of(int(chosen['n'].max()), 'seed')} measure"
    cells = f"{chosen['target_cells'].iloc[0]:.0f} cells"
    is_same = chosen["target"].iloc[0] == SAME_SCORES
    return "these same scores chose the steps" + (f", and the target as the best of {cells}" if is_same else "")


def _score_axis(inputs: Inputs) -> tuple[float, str]:
    """Scale of the validation score, and its axis label: right is better, so a loss gets a minus sign."""
    metric = inputs.metric
    if inputs.facts.metric:
        scale, unit, name = metric.scale, metric.unit, metric.label
    else:
        measured = inputs.measure(inputs.monitor)
        scale, unit, name = measured.scale, measured.unit, inputs.monitor.replace("val_", "validation ")
    shown = "%" if unit == "points" else unit
    return scale, f"{'−' if metric.direction == 'minimize' else ''}{name}{f', {shown}' if shown else ''}"


def _in_words(walk: pd.DataFrame, scale: float, decimals: int) -> str:
    steps = walk.iloc[1:]
    if steps.empty:
        return ""
    first, last = steps.iloc[0], steps.iloc[-1]
    total = (last["score"] - walk.iloc[0]["score"]) * scale
    gain = number(first["gain"] * scale, decimals, is_signed=True)
    if walk["direction"].iloc[0] == "backward":
        why = "it costs least" if first["gain"] < 0 else "the score does not suffer"
        return f"the way back starts with {first['factor']}, as {why} ({gain})"
    whole = number(total, decimals, is_signed=True)
    verb = "changes the score by" if first["gain"] < 0 else "gains"
    return f"the first step, {first['factor']} = {first['level']}, {verb} {gain}, and the whole path {whole}"


def _table(rows: pd.DataFrame, inputs: Inputs, decimals: int, *, name: str, anchors: frozenset[str]) -> Table:
    scale, label = _score_axis(inputs)
    head = (
        "Direction", "Step", "Factor", "Level", "Taken", f"Gain{in_unit(inputs.metric)}", "95 % interval",
        label[0].upper() + label[1:], "Seeds",
    )  # fmt: skip
    text: list[list[CellContent]] = [
        [str(row["direction"]), count(row["step"]), str(row["factor"]) or "start", str(row["level"]) or NONE,
         "yes" if row["chosen"] else "no", number(row["gain"] * scale, decimals, is_signed=True),
         interval(row["low"] * scale, row["high"] * scale, decimals), number(row["score"] * scale, decimals),
         leading(count(row["n"]), path_anchor(row) if row["source"] == "path" else OF_FACTORIAL, anchors=anchors)]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    numeric = frozenset((1, 5, 6, 7, 8))
    return Table(f"Every candidate of every step {MARKED}", head, text, numeric, name=name, data=rows, filters=(0, 4))
