"""Effects into sections: what each variant does, and whether the learning-rate mode changes it."""

import math

import pandas as pd

from ablate.effects import Metric
from ablate.plots import MARKS, draw_effects, draw_modes, extremes, to_svg
from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, count, decimals_for, interval, number, p_value, rate
from ablate.report.page import Block, Figure, Section, Table

DECIDED = ("helps", "hurts")
HOW_TO_READ = (
    "Each light dot is one seed: the variant less the reference that shares its split, batch order and random draws. "
    "The thick bar is the 95 % interval of the mean, the thin one holds for all contrasts at once, and the "
    "shaded band is the margin within which a difference does not matter ({margin})."
)


def effects_section(inputs: Inputs) -> Section | None:
    """Every contrast of the mode that the headline speaks of."""
    told = inputs.told()
    if told.empty:
        return None
    metric = inputs.metric
    figure = draw_effects(
        told, inputs.scores, metric=metric, decimals=_decimals(told, metric), label=difference_label(metric)
    )
    table = effects_table_block(told, metric)
    blocks: list[Block] = []
    if figure is not None:
        title, sentence = "Effect of each variant", _what_to_see(told, inputs)
        svg = to_svg(figure, name="effects", title=title, description=_description(told, inputs.metric))
        blocks.append(Figure("effects", title, f"{sentence} {_how_to_read(inputs.metric)}", svg))
    return Section("effects", "Effects", [*blocks, table])


def modes_section(inputs: Inputs) -> Section | None:
    """The same contrasts under each learning-rate mode that was run; those whose verdict changes first."""
    modes = inputs.modes
    if len(modes) < 2:
        return None
    effects, changed = _changed_first(inputs.effects)
    figure = draw_modes(effects, metric=inputs.metric, label=difference_label(inputs.metric))
    if figure is None:
        return None
    n = effects["variant"].nunique()
    said = f"{changed} of {n} verdicts change with the mode." if changed else f"None of the {n} verdicts changes."
    sentence = (
        f"{said} With “carry” every variant trains at the reference's learning rate; with “find” each at the rate that "
        "a range test of that very configuration suggests. Variants whose verdict changes stand first."
    )
    title = "The same contrasts under each learning-rate mode"
    svg = to_svg(figure, name="modes", title=title, description=f"{said} Modes: {', '.join(modes)}.")
    table = _modes_table(effects, modes, inputs.metric)
    return Section("learning-rates", "Fair learning rates", [Figure("modes", title, sentence, svg, table)])


def difference_label(metric: Metric) -> str:
    """The axis of a difference."""
    return f"difference to the reference in {metric.label}, {metric.unit}; right is better"


def shown_mean(value: float, metric: Metric, decimals: int) -> str:
    """A mean of the metric as people know it: percent, or nats where lower is better."""
    return number(value * metric.scale if metric.unit == "points" else -value, decimals)


def verdict_text(verdict: str) -> str:
    """The verdict with its sign, so that its shape says it too."""
    return f"{MARKS[verdict][0]}\N{NO-BREAK SPACE}{verdict}" if verdict in MARKS else verdict


def effects_table_block(effects: pd.DataFrame, metric: Metric) -> Table:
    """The effects as finished text, in the order of the table."""
    decimals = _decimals(effects, metric)
    head = (
        "Factor", "Level", "Verdict", f"Difference, {metric.unit}", "95 % interval", "95 %, all at once", "p (Holm)",
        "d_z", "P(better)", f"Mean {metric.label}{', %' if metric.unit == 'points' else ''}", "Rate", "Seeds",
    )  # fmt: skip
    rows = [
        (
            str(row["factor"]),
            str(row["level"]),
            verdict_text(str(row["verdict"])),
            number(row["mean"] * metric.scale, decimals, is_signed=True),
            interval(row["low"] * metric.scale, row["high"] * metric.scale, decimals),
            interval(row["low_adjusted"] * metric.scale, row["high_adjusted"] * metric.scale, decimals),
            p_value(row["p_adjusted"]),
            number(row["d_z"], 1, is_signed=True),
            number(row["p_better"], 2),
            shown_mean(row["variant_mean"], metric, decimals),
            rate(row["learning_rate"]),
            count(row["n"]) + (f", {count(row['diverged'])} lost" if row["diverged"] else ""),
        )
        for row in effects.to_dict("records")
    ]
    return Table("Every contrast with the reference", head, rows, frozenset(range(3, len(head))))


def _decimals(effects: pd.DataFrame, metric: Metric) -> int:
    return decimals_for(((effects["high"] - effects["low"]) / 2).tolist(), metric)


def _what_to_see(told: pd.DataFrame, inputs: Inputs) -> str:
    decided = int(told["verdict"].isin(DECIDED).sum())
    same = int((told["verdict"] == "equivalent").sum())
    total = "The only contrast" if len(told) == 1 else f"Of {len(told)} contrasts"
    said = f"{total}: {decided or 'none'} {'help or hurt' if decided > 1 else 'helps or hurts'}"
    said += f", {same or 'none'} equivalent to the reference, {len(told) - decided - same} open or below the margin."
    beyond = extremes(told, inputs.scores, metric=inputs.metric)
    if beyond:
        said += f" Too far out for the axis, marked by an arrow at its edge: {', '.join(beyond)}."
    lost = int(told["diverged"].sum())
    if lost:
        said += f" {lost} runs did not finish; they count at chance level and their dots can lie off the axis."
    return said


def _how_to_read(metric: Metric) -> str:
    margin = f"±{number(metric.margin * metric.scale, 1 if metric.unit == 'points' else 2)} {metric.unit}"
    return HOW_TO_READ.format(margin=margin)


def _description(told: pd.DataFrame, metric: Metric) -> str:
    decimals = 1 if metric.unit == "points" else 2
    parts = [
        f"{row['variant']}: {number(row['mean'] * metric.scale, decimals, is_signed=True)}, {row['verdict']}"
        for row in told.to_dict("records")
    ]
    return f"Forest plot of differences to the reference in {metric.unit}. {'; '.join(parts)}."


def _changed_first(effects: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The effects with the variants whose verdict differs between modes first, and how many those are."""
    verdicts = effects.groupby("variant", sort=False)["verdict"].nunique()
    is_same = effects["variant"].map(verdicts) == 1
    return effects.assign(same=is_same).sort_values("same", kind="stable").drop(columns="same"), int(
        (verdicts > 1).sum()
    )


def _modes_table(effects: pd.DataFrame, modes: list[str], metric: Metric) -> Table:
    decimals = _decimals(effects, metric)
    rows = []
    for _, cells in effects.groupby("variant", sort=False):
        by_mode = {row["mode"]: row for row in cells.to_dict("records")}
        row = [str(cells["factor"].iloc[0]), str(cells["level"].iloc[0])]
        for mode in modes:
            row += _mode_cells(by_mode.get(mode), metric, decimals)
        rows.append(row)
    head = ["Factor", "Level"]
    for mode in modes:
        head += [f"{mode}: difference, {metric.unit}", "95 % interval", "verdict", "rate"]
    numeric = {2 + 4 * index + offset for index in range(len(modes)) for offset in (0, 1, 3)}
    return Table("Contrasts by learning-rate mode", head, rows, frozenset(numeric))


def _mode_cells(row: "dict[object, object] | None", metric: Metric, decimals: int) -> list[str]:
    if row is None:
        return [NONE] * 4
    mean, low, high, used = (_float(row[name]) for name in ("mean", "low", "high", "learning_rate"))
    return [
        number(mean * metric.scale, decimals, is_signed=True),
        interval(low * metric.scale, high * metric.scale, decimals),
        verdict_text(str(row["verdict"])),
        rate(used),
    ]


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
