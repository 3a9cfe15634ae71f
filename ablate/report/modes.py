"""The section that compares the effects under several learning-rate modes."""

import pandas as pd

from ablate.analysis.effects import Metric
from ablate.report.effects import difference_label, linked, verdict_text
from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, effect_decimals, in_unit, interval, number, rate
from ablate.report.page import MOST_ROWS, CellContent, Section, Table, to_figure
from ablate.report.plots import MOST_DRAWN, contrast_name, draw_modes
from ablate.storage.results import Row

MEANT = {
    "carry": "with “carry”, every variant trains at the reference's learning rate",
    "find": "with “find”, each run trains at the rate that its own learning-rate range test suggests",
    "tune": "with “tune”, each variant trains at the best rate of a small search around it, with equal budgets for all",
}


def modes_section(inputs: Inputs, *, anchors: frozenset[str] = frozenset()) -> Section | None:
    """Comparisons under each learning-rate mode of the study; those with changing verdicts first."""
    modes = inputs.modes
    if len(modes) < 2:
        return None
    changed = changed_variants(inputs.effects)
    is_same = ~inputs.effects["variant"].isin(changed)
    effects = inputs.effects.assign(same=is_same).sort_values("same", kind="stable").drop(columns="same")
    figure = draw_modes(effects, metric=inputs.metric, label=difference_label(effects, inputs.metric))
    if figure is None:
        return None
    n = effects["variant"].nunique()
    change = "changes" if len(changed) == 1 else "change"
    said = f"{len(changed) or 'None'} of {'' if changed else 'the '}{n} verdicts {change} with the learning-rate mode."
    meant = "; ".join(meant for mode, meant in MEANT.items() if mode in modes)
    sentence = f"{said} Variants whose verdict changes come first."
    if n > MOST_DRAWN:
        sentence += f" The figure shows the first {MOST_DRAWN}; the table has more."
    reading = f"{meant[:1].upper()}{meant[1:]}."
    title = "The same comparisons under each learning-rate mode"
    described = f"{said} Modes: {', '.join(modes)}."
    table = _modes_table(effects, modes, inputs.metric, anchors=anchors)
    shown = to_figure(figure, "modes", title, sentence, table, reading, described=described)
    return Section("learning-rates", "Fair learning rates", [shown])


def changed_variants(effects: pd.DataFrame) -> list[str]:
    """The variants whose verdict differs between learning-rate modes, in the table's order."""
    verdicts = effects.groupby("variant", sort=False)["verdict"].nunique()
    return [str(variant) for variant in verdicts[verdicts > 1].index]


def _modes_table(effects: pd.DataFrame, modes: list[str], metric: Metric, *, anchors: frozenset[str]) -> Table:
    decimals = effect_decimals(effects, metric)
    rows: list[list[CellContent]] = []
    for _, cells in effects.groupby("variant", sort=False):
        by_mode: dict[str, Row] = {row["mode"]: row for row in cells.to_dict("records")}
        first = cells.iloc[0]
        named = contrast_name(str(first["factor"]), str(first["level"]), against=str(first.get("against", "")))
        row: list[CellContent] = [*named, "yes" if cells["verdict"].nunique() > 1 else "no"]
        for mode in modes:
            row += _mode_cells(by_mode.get(mode), metric, decimals, anchors=anchors)
        rows.append(row)
    head = ["Factor", "Level", "Changes"]
    for mode in modes:
        head += [f"{mode}: difference{in_unit(metric)}", "95 % interval", "Verdict", "Rate"]
    numeric = {3 + 4 * index + offset for index in range(len(modes)) for offset in (0, 1, 3)}
    return Table(
        "Comparisons by learning-rate mode", head, rows[:MOST_ROWS], frozenset(numeric), name="modes", data=effects,
        key="modes", filters=(2,),
    )  # fmt: skip


def _mode_cells(row: Row | None, metric: Metric, decimals: int, *, anchors: frozenset[str]) -> list[CellContent]:
    if row is None:
        return [NONE] * 4
    mean = number(row["mean"] * metric.scale, decimals, is_signed=True)
    return [
        linked(mean, row, anchors=anchors),
        interval(row["low"] * metric.scale, row["high"] * metric.scale, decimals),
        verdict_text(str(row["verdict"])),
        rate(row["learning_rate"]),
    ]
