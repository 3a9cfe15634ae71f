"""Show two studies side by side: one page that loads nothing, and a short table for the terminal."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ablate.analysis.effects import Metric
from ablate.analysis.effects.side_by_side import PAIRED
from ablate.report.effects import difference_label, verdict_text
from ablate.report.export import PageFiles
from ablate.report.inputs import Inputs, trained_reference
from ablate.report.numbers import NONE, effect_decimals, in_unit, interval, number
from ablate.report.origin import data_text
from ablate.report.page import MOST_ROWS, Block, Page, Paragraph, Section, Table, to_figure
from ablate.report.plots import MOST_DRAWN, contrast_name, draw_modes
from ablate.report.render import render
from ablate.report.two_reports import TwoReports
from ablate.report.wording.phrases import MOST_NAMED, as_rows, capital, effect_name
from ablate.storage.files.atomic import opening, write_aside
from ablate.storage.files.foreign_files import check_page
from ablate.storage.results import Row
from ablate.text import first_of, listed, number_of

DIFFERENCE = "difference"  # column, and prefix of the columns of its interval
KIND = "Comparison of two reports"
WORDS_ALONE = (
    "Two verdict words alone say nothing about whether two effects differ: one may be just within reach of the test "
    "and the other just beyond. The interval of their difference says how far they may be apart. "
)
EXPLORATORY = (
    "The differences are exploratory: no comparison of studies was preregistered, and each interval holds for its row "
    "alone, so among many rows some exclude 0 by chance. No verdict is claimed."
)
PAIRS = (
    "Both studies have the same data and study seed, so runs with the same seed share their split: differences are "
    "paired by seed; where no seed is shared, the effects are taken as independent."
)
WELCH = "The effects are taken as independent: intervals are Welch's, from the two standard errors."
OTHER_DATA = "The data differ, and a difference of two effects includes what the data make of it."
UNKNOWN_DATA = (
    "Whether both have the same data is not recorded; if runs share data and seeds, these intervals are mostly too "
    "wide."
)
KINDS = {  # of things in which studies differ: of one, of several
    "setting": ("a setting", "settings"), "reference": ("a level of the reference", "levels of the reference"),
    "data": ("a fact of the data", "facts of the data"), "judging": ("how they are judged", "ways of judging"),
    "version": ("a version", "versions"), "condition": ("a condition", "conditions"),
}  # fmt: skip


def write_two(two: TwoReports, path: Path) -> None:
    """Write the page. Raises `AblateError` if something else is there, or the folder cannot be written to."""
    page = two_page(two)
    files = PageFiles.of(page)
    inside = {key: tuple(replace(file, is_inside=True) for file in some) for key, some in files.by_block.items()}
    with opening(path.parent):
        check_page(path)
        write_aside(path, render(page, PageFiles(inside)))


def two_page(two: TwoReports) -> Page:
    """The page: the answer, the comparisons that both made, what differs, and what only one has."""
    sections = [_effects_section(two), _unlike_section(two), _only_section(two)]
    dates = [(one.facts.ended or one.facts.started or "")[:10] for one in two.inputs]
    return Page(
        title=f"{two.labels[0]} and {two.labels[1]}",
        date=max(dates),
        banners=[],
        headline=headline_of_two(two),
        facts=[pair for label, one in zip(two.labels, two.inputs, strict=True) for pair in _facts(label, one)],
        sections=[section for section in sections if section is not None],
        kind=KIND,
    )


def headline_of_two(two: TwoReports) -> list[str]:
    """What both compared, which verdicts differ, which effects do, and in what the studies differ."""
    n, changed, (a, b) = len(two.both), two.changed, two.labels
    if not n:
        return [f"{a} and {b} have no comparison in common.", _unlike_in_words(two)]
    same = n - len(changed)
    verdicts = (
        f"{capital(number_of(n, 'comparison'))} in both: {same} with the same verdict, {len(changed)} with another."
    )
    moved = [f"{effect_name(row)} {row['verdict_a']} → {row['verdict_b']}" for row in as_rows(changed)]
    apart = _apart(two.both)
    return [
        verdicts,
        *([f"Other verdicts, {a} → {b}: {first_of(moved, MOST_NAMED)}."] if moved else []),
        *([f"Intervals of the difference of the effects without 0 (exploratory): {first_of(apart, MOST_NAMED)}."]
          if apart else []),
        _unlike_in_words(two),
    ]  # fmt: skip


def rows_of_two(two: TwoReports) -> tuple[list[str], list[list[str]]]:
    """The heading and the rows of the table for the terminal."""
    metric, unit = two.metric, in_unit(two.metric)
    decimals = effect_decimals(_as_modes(two), metric) if len(two.both) else 0
    head = ["Comparison", *(f"{label}{unit}" for label in two.labels), "Difference (exploratory)"]
    return head, [_in_short(row, metric, decimals, _has_modes(two)) for row in as_rows(two.both)]


def _in_short(row: Row, metric: Metric, decimals: int, has_modes: bool) -> list[str]:
    sides = [f"{row[f'verdict_{side}']} {_sized(row, f'_{side}', metric, decimals)}" for side in "ab"]
    changed = " (changed)" if row["is_changed"] else ""
    low, high = f"{DIFFERENCE}_low", f"{DIFFERENCE}_high"
    apart = _sized(row | {"mean_d": row[DIFFERENCE], "low_d": row[low], "high_d": row[high]}, "_d", metric, decimals)
    return [_named(row, has_modes), sides[0], f"{sides[1]}{changed}", apart]


def _sized(row: Row, side: str, metric: Metric, decimals: int) -> str:
    """ "+2.1 [1.6, 2.6]"."""
    mean = number(row[f"mean{side}"] * metric.scale, decimals, is_signed=True)
    ends = interval(row[f"low{side}"] * metric.scale, row[f"high{side}"] * metric.scale, decimals)
    return mean if ends == NONE else f"{mean} {ends}"


def unlike_rows(two: TwoReports) -> list[list[str]]:
    """What differs: kind, name, and both sides."""
    return [[one.kind, one.name, one.a, one.b] for one in two.unlike]


def only_in_words(two: TwoReports) -> list[str]:
    """The comparisons that only one of them has."""
    return [
        f"Only in {label}: {first_of([_named(row, _has_modes(two)) for row in as_rows(only)], MOST_NAMED)}."
        for label, only in zip(two.labels, two.only, strict=True)
        if len(only)
    ]


def _apart(both: pd.DataFrame) -> list[str]:
    is_apart = (both["difference_low"] > 0) | (both["difference_high"] < 0)
    return [effect_name(row) for row in as_rows(both[is_apart])]


def _has_modes(two: TwoReports) -> bool:
    """Whether a comparison has to be named with its learning-rate mode."""
    return len({mode for one in two.inputs for mode in one.effects["mode"]}) > 1


def _unlike_in_words(two: TwoReports) -> str:
    if not two.unlike:
        return "Settings, data, versions and conditions are the same, as far as they are recorded."
    counts = {kind: n for kind in KINDS if (n := sum(one.kind == kind for one in two.unlike))}
    said = [KINDS[kind][0] if n == 1 else f"{n} {KINDS[kind][1]}" for kind, n in counts.items()]
    return f"The studies differ in {listed(said)}."


def _facts(label: str, inputs: Inputs) -> list[tuple[str, str]]:
    levels = " · ".join(f"{name} {level}" for name, level in trained_reference(inputs).items())
    seeds = f"{number_of(len(inputs.primary_effects()), 'comparison')}, level {inputs.level:g}"
    said = [
        inputs.title,
        data_text(inputs) or inputs.facts.source or "",
        f"reference {levels}" if levels else "",
        seeds,
    ]
    return [(label, "; ".join(text for text in said if text))]


def _effects_section(two: TwoReports) -> Section | None:
    if two.both.empty:
        return None
    figure = draw_modes(_as_modes(two), metric=_drawn(two), label=difference_label(two.both, two.metric),
                        legend="{}", key="side-by-side")  # fmt: skip
    table = _effects_table(two)
    blocks: list[Block] = [Paragraph(f"{EXPLORATORY} {_basis(two)}")]
    if figure is not None:
        sentence = headline_of_two(two)[0]
        if len(two.both) > MOST_DRAWN:
            sentence += f" The figure shows the first {MOST_DRAWN}; the table has more."
        title = "The same comparisons in both studies"
        blocks.append(to_figure(figure, "side-by-side", title, sentence, table, f"{WORDS_ALONE}{_margin_note(two)}"))
    else:
        blocks.append(table)
    return Section("side-by-side", "Comparisons that both made", blocks)


def _basis(two: TwoReports) -> str:
    if two.is_paired:
        return PAIRS
    if two.is_same_data is None:
        return f"{WELCH} {UNKNOWN_DATA}"
    return WELCH if two.is_same_data else f"{WELCH} {OTHER_DATA}"


def _drawn(two: TwoReports) -> Metric:
    """The metric with the margin of both; without one if theirs differ."""
    margins = {one.metric.margin for one in two.inputs}
    return two.metric if len(margins) == 1 else replace(two.metric, margin=0.0)


def _margin_note(two: TwoReports) -> str:
    margins = [one.metric.margin for one in two.inputs]
    if margins[0] != margins[1]:
        return "The studies have other margins, so none is shaded."
    return "The shaded band is the margin within which a difference does not matter." if margins[0] else ""


def _as_modes(two: TwoReports) -> pd.DataFrame:
    """The effects of both, with the studies' names in the place of modes; a row of the figure for each comparison."""
    both, many = two.both, two.both["mode"].nunique() > 1
    level = both["level"] + (" (" + both["mode"] + ")" if many else "")
    base = both.assign(variant=both["variant"] + "\n" + both["mode"] + "\n" + both["against"], level=level)
    sides = [
        base.assign(**{name: base[f"{name}_{side}"] for name in ("mean", "low", "high")}, mode=label)
        for side, label in zip("ab", two.labels, strict=True)
    ]
    columns = ["variant", "mode", "against", "factor", "level", "mean", "low", "high"]
    found = pd.concat([side[columns] for side in sides], ignore_index=True)
    return found.assign(low_adjusted=found["low"], high_adjusted=found["high"], diverged=0)


def _effects_table(two: TwoReports) -> Table:
    metric, both = two.metric, two.both
    decimals = effect_decimals(_as_modes(two), metric) if len(both) else 0
    a, b = two.labels
    unit = in_unit(metric)
    head = [
        "Comparison", "Verdict changed", f"{a}{unit}", "95 % interval", "Seeds", "Verdict",
        f"{b}{unit}", "95 % interval", "Verdict",
        f"Difference of the effects{unit}", "95 % interval (exploratory)", "Basis",
    ]  # fmt: skip
    rows = [_cells(row, metric, decimals, _has_modes(two)) for row in as_rows(both)]
    return Table(
        "Comparisons that both studies made", head, rows[:MOST_ROWS], frozenset({2, 3, 4, 6, 7, 9, 10}),
        name="side-by-side", data=both, key="side-by-side", filters=(1,),
    )  # fmt: skip


def _cells(row: Row, metric: Metric, decimals: int, has_modes: bool) -> list[str]:
    def shown(name: str) -> str:
        return number(row[name] * metric.scale, decimals, is_signed=True)

    def ends(low: str, high: str) -> str:
        return interval(row[low] * metric.scale, row[high] * metric.scale, decimals)

    n = f"{row['n_a']} and {row['n_b']}" + (f", {row['n_difference']} shared" if row["basis"] == PAIRED else "")
    return [
        _named(row, has_modes), "yes" if row["is_changed"] else "no",
        shown("mean_a"), ends("low_a", "high_a"), n, verdict_text(row["verdict_a"]),
        shown("mean_b"), ends("low_b", "high_b"), verdict_text(row["verdict_b"]),
        shown("difference"), ends("difference_low", "difference_high"), row["basis"],
    ]  # fmt: skip


def _named(row: Row, has_modes: bool) -> str:
    mode = f" ({row['mode']})" if has_modes and row["mode"] else ""
    factor, level = contrast_name(str(row["factor"]), str(row["level"]), against=str(row["against"]))
    return f"{' = '.join((factor, level)) if level else factor}{mode}"


def _unlike_section(two: TwoReports) -> Section:
    if not two.unlike:
        return Section("differs", "What differs", [Paragraph(_unlike_in_words(two))])
    head = ["Kind", "What", *two.labels]
    table = Table("What differs between the studies", head, unlike_rows(two), name="differs", filters=(0,))
    return Section("differs", "What differs", [table])


def _only_section(two: TwoReports) -> Section | None:
    rows = [
        [label, _named(row, _has_modes(two)), verdict_text(row["verdict"]), *_alone(row, one.metric)]
        for label, only, one in zip(two.labels, two.only, two.inputs, strict=True)
        for row in as_rows(only)
    ]
    if not rows:
        return None
    unit = in_unit(two.metric)
    head = ["Study", "Comparison", "Verdict", f"Difference{unit}", "95 % interval"]
    table = Table("Comparisons that only one study made", head, rows[:MOST_ROWS], frozenset({3, 4}), name="only")
    return Section("only", "Comparisons that only one made", [table])


def _alone(row: Row, metric: Metric) -> Sequence[str]:
    decimals = effect_decimals(pd.DataFrame([row]), metric)
    mean = number(row["mean"] * metric.scale, decimals, is_signed=True)
    return [mean or NONE, interval(row["low"] * metric.scale, row["high"] * metric.scale, decimals)]
