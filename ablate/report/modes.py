"""The section that compares the effects under several learning-rate modes."""

import pandas as pd

from ablate.analysis.effects import Metric
from ablate.analysis.statistics import MIN_SEEDS
from ablate.report.effects import difference_label, linked, verdict_text
from ablate.report.exploratory import describe, outside
from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, count, effect_decimals, in_unit, interval, number, p_value, rate
from ablate.report.page import MOST_ROWS, CellContent, Paragraph, Section, Table, to_figure
from ablate.report.plots import MOST_DRAWN, contrast_name, draw_modes
from ablate.storage.results import Row
from ablate.text import number_of

MEANT = {
    "carry": "with “carry”, every variant trains at the reference's learning rate",
    "find": "with “find”, each run trains at the rate that its own learning-rate range test suggests",
    "tune": "with “tune”, each variant trains at the best rate of a small search around it, with equal budgets for all",
}
CHANGE = (
    "An effect differs between two modes if the difference of the two effects, paired by seed, is significant over all "
    "variants (max-T, simultaneous intervals). Two verdict words alone say nothing about it. "
)


def modes_section(inputs: Inputs, *, anchors: frozenset[str] = frozenset()) -> Section | None:
    """Comparisons under each learning-rate mode of the study; those whose effect differs first."""
    modes = inputs.modes
    if len(modes) < 2:
        return None
    is_same = ~inputs.effects["variant"].isin(changed_variants(inputs.mode_changes))
    effects = inputs.effects.assign(same=is_same).sort_values("same", kind="stable").drop(columns="same")
    effects = describe(inputs, effects, ("",))
    label = difference_label(effects, inputs.metric)
    figure = draw_modes(effects, metric=inputs.metric, label=label, scores=inputs.scores)
    if figure is None:
        return None
    said = changes_in_words(inputs.mode_changes, first=modes[0])
    sentence = f"Exploratory: {said}"
    if effects["variant"].nunique() > MOST_DRAWN:
        sentence += f" The figure shows the first {MOST_DRAWN}; the table has more."
    meant = "; ".join(meant for mode, meant in MEANT.items() if mode in modes)
    reading = f"{CHANGE}{meant[:1].upper()}{meant[1:]}."
    title = "The same comparisons under each learning-rate mode"
    described = f"{sentence} Modes: {', '.join(modes)}."
    table = _modes_table(effects, modes, inputs, anchors=anchors)
    shown = to_figure(figure, "modes", title, sentence, table, reading, described=described)
    more = f"Verdicts are those of mode {modes[0]}; all other rows of the table are exploratory."
    head = outside(inputs, more, designs=())
    return Section("learning-rates", "Fair learning rates", [Paragraph(head), shown])


def changed_variants(changes: pd.DataFrame) -> list[str]:
    """The variants whose effect differs significantly in some further mode, in the table's order."""
    return [str(variant) for variant in changes.loc[changes["is_changed"].astype(bool), "variant"].unique()]


def tested_changes(changes: pd.DataFrame) -> pd.DataFrame:
    """The changes with enough seeds for a test."""
    return changes[changes["p_adjusted"].notna()]


def changes_in_words(changes: pd.DataFrame, *, first: str) -> str:
    """How many effects differ from those of the first mode; or that there are too few seeds to tell."""
    tested, n = tested_changes(changes), changes["variant"].nunique()
    if not n:
        return f"no variant was compared both in mode {first} and in another mode."
    if tested.empty:
        return f"fewer than {MIN_SEEDS} seeds are shared by two modes, too few to tell whether an effect differs."
    n_tested, changed = tested["variant"].nunique(), changed_variants(tested)
    untested = f" {number_of(n - n_tested, 'variant')} had too few shared seeds for a test." if n > n_tested else ""
    if not changed:
        compared = f"{number_of(n_tested, 'variant')} compared"
        return f"no effect is shown to differ from mode {first} ({compared}). This does not prove equality.{untested}"
    return (
        f"the effect of {len(changed)} of {number_of(n_tested, 'variant')} differs from mode {first} to another mode; "
        f"{'it comes' if len(changed) == 1 else 'they come'} first.{untested}"
    )


def _modes_table(effects: pd.DataFrame, modes: list[str], inputs: Inputs, *, anchors: frozenset[str]) -> Table:
    metric, changes = inputs.metric, inputs.mode_changes
    decimals = effect_decimals(effects, metric)
    by_change = {(row["variant"], row["mode"]): row for row in changes.to_dict("records")}
    rows: list[list[CellContent]] = []
    for variant, cells in effects.groupby("variant", sort=False):
        by_mode: dict[str, Row] = {row["mode"]: row for row in cells.to_dict("records")}
        first = cells.iloc[0]
        named = contrast_name(str(first["factor"]), str(first["level"]), against=str(first.get("against", "")))
        found = [by_change.get((variant, mode)) for mode in modes[1:]]
        row: list[CellContent] = [*named, _is_changed(found)]
        for mode in modes:
            row += _mode_cells(by_mode.get(mode), metric, decimals, anchors=anchors)
        for change in found:
            row += _change_cells(change, metric, decimals)
        rows.append(row)
    head = ["Factor", "Level", "Differs"]
    for mode in modes:
        head += [f"{mode}: difference{in_unit(metric)}", "95 % interval", "Verdict", "Rate"]
    for mode in modes[1:]:
        head += [f"{mode} minus {modes[0]}{in_unit(metric)}", "95 %, simultaneous", "p (max-T)", "Seeds"]
    words = {place for place, name in enumerate(head) if name in ("Factor", "Level", "Differs", "Verdict")}
    data = effects.merge(changes.rename(columns=_in_data), on=["variant", "mode"], how="left")
    return Table(
        "Comparisons by learning-rate mode (exploratory)", head, rows[:MOST_ROWS],
        frozenset(range(len(head))) - words, name="modes", data=data, key="modes", filters=(2,),
    )  # fmt: skip


def _in_data(name: str) -> str:
    """The column of a change beside those of the effects."""
    return name if name in ("variant", "mode", "change", "is_changed") else f"change_{name.removesuffix('_adjusted')}"


def _is_changed(changes: list[Row | None]) -> str:
    """ "not shown" is not "no": too few seeds or too much noise may hide a difference."""
    if not any(change is not None for change in changes):
        return "not compared"
    known = [change for change in changes if change is not None and change["p_adjusted"] == change["p_adjusted"]]
    if not known:
        return "too few seeds"
    return "yes" if any(change["is_changed"] for change in known) else "not shown"


def _change_cells(change: Row | None, metric: Metric, decimals: int) -> list[CellContent]:
    if change is None:
        return [NONE] * 4
    ends = (change["low"], change["high"]) if change["n"] >= MIN_SEEDS else (float("nan"),) * 2
    return [
        number(change["change"] * metric.scale, decimals, is_signed=True),
        interval(ends[0] * metric.scale, ends[1] * metric.scale, decimals),
        p_value(change["p_adjusted"]),
        count(change["n"]),
    ]


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
