"""The effects section: forest plot and table of every variant, with links to its runs."""

from collections.abc import Callable

import pandas as pd

from ablate.analysis.costs import COSTS, OF_REFERENCE
from ablate.analysis.effects import IDENTICAL, LOST, UNFINISHED, Metric
from ablate.analysis.statistics import DIFFERENT, MIN_SEEDS
from ablate.report.costs import cost_columns, costs_block, with_costs
from ablate.report.export import with_units
from ablate.report.failures import failures_block
from ablate.report.inputs import Inputs
from ablate.report.numbers import (
    count,
    difference_words,
    effect_decimals,
    file_unit,
    in_unit,
    interval,
    mean_label,
    number,
    p_value,
    rate,
    shown_mean,
    sign_note,
)
from ablate.report.page import MOST_ROWS, Block, CellContent, Folded, Link, Section, Table, to_figure
from ablate.report.plots import MARKS, contrast_name, draw_effects, extremes
from ablate.report.robustness import robustness_block
from ablate.report.runs import hover_text, runs_anchor
from ablate.report.wording import latex_effects, percent
from ablate.report.wording.phrases import DECIMALS
from ablate.storage.preregistration import ALPHA
from ablate.storage.results import Row
from ablate.study.trial import BEST
from ablate.text import number_of

IN_FILE_UNIT = (
    "mean", "sd", "low", "high", "low_adjusted", "high_adjusted", "margin", "mde", "reference_mean", "variant_mean",
)  # fmt: skip
DOTS = "Each light dot is one seed: {sides}, {shared}."
DOTS_OF_MEANS = "Each light dot is a mean of all runs: {sides}; without seeds no run has a partner."
NO_DOTS = " A comparison without shared seeds has no dots."
BARS = "The thick bar is the 95 % interval of the mean, the thin bar holds for all comparisons at once."
NO_BARS = "The mark is the mean; with fewer than {least} seeds there is no interval."
UNSEEDED = "The mark is the mean; without seeds there is no interval."
BAND = "The shaded band is the margin within which a difference does not matter ({margin})."
COUNTED = {  # verdict -> of several comparisons, of one
    "helps": ("help", "helps"),
    "hurts": ("hurt", "hurts"),
    "equivalent": ("are equivalent", "is equivalent"),
    "detectable but below margin": ("are detectable but below the margin", "is detectable but below the margin"),
    "detectable, size undecided": ("are detectable, their size undecided", "is detectable, its size undecided"),
    "inconclusive": ("are undecided", "is undecided"),
    "too few seeds": ("have too few seeds for a verdict", "has too few seeds for a verdict"),
    IDENTICAL: ("have identical runs", "has identical runs"),
    UNFINISHED: ("have no finished run", "has no finished run"),
    LOST: ("have lost runs, so no size is claimed", "has lost runs, so no size is claimed"),
    "exploratory": ("are exploratory", "is exploratory"),
}
TESTED = ("equivalent", "detectable but below margin", "detectable, size undecided", "inconclusive")


def effects_section(inputs: Inputs, *, behind: Folded | None = None) -> Section | None:
    """All comparisons in the headline's learning-rate mode, followed by the table `behind` of their runs."""
    primary = inputs.primary_effects()
    if primary.empty:
        return None
    primary, metric = with_costs(primary, inputs), inputs.metric
    decimals = effect_decimals(primary, metric)
    scores = inputs.scores.assign(said=hover_text(inputs.scores, metric, decimals))
    figure = draw_effects(primary, scores, metric=metric, decimals=decimals, label=difference_label(primary, metric))
    blocks: list[Block] = []
    if figure is not None:
        title, sentence = "Effect of each variant", _what_to_see(primary, inputs)
        described, reading = _description(primary, inputs.metric), _how_to_read(primary, inputs)
        blocks.append(to_figure(figure, "effects", title, sentence, reading=reading, described=described))
    blocks.append(
        effects_table_block(primary, metric, anchors=behind.anchors() if behind else frozenset(), level=inputs.level)
    )
    blocks += [*costs_block(primary), *failures_block(primary), *robustness_block(primary, inputs)]
    return Section("effects", "Effects", [*blocks, behind] if behind else blocks)


def difference_label(effects: pd.DataFrame, metric: Metric) -> str:
    """The axis label of a difference."""
    other = "its comparison" if (effects["against"] == BEST).any() else "the reference"
    return f"difference from {other} in {metric.label}{in_unit(metric)}; right is better"


def verdict_text(verdict: str) -> str:
    """The verdict after its sign, so that it is readable without colour."""
    return f"{MARKS[verdict][0]}\N{NO-BREAK SPACE}{verdict}" if verdict in MARKS else verdict


def effects_table_block(
    effects: pd.DataFrame, metric: Metric, *, anchors: frozenset[str], level: float = ALPHA
) -> Table:
    """The effects as formatted text, in the table's order; rows link to their runs if these are among the `anchors`."""
    columns = _columns(effects, metric, anchors=anchors, level=level)
    rows = [[text(row) for _, text in columns] for row in effects.head(MOST_ROWS).to_dict("records")]
    heads = [head for head, _ in columns]
    return Table(
        "Every comparison",
        heads,
        rows,
        frozenset(range(heads.index("Verdict") + 1, len(heads))),
        name="effects",
        data=with_units(effects_in_files(effects, metric), _headings(metric)),
        tex=latex_effects(effects, metric),
        key="effects",
        filters=tuple(place for place, head in enumerate(heads) if head in ("Factor", "Verdict")),
    )


def effects_in_files(effects: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The effects as files have them: means as displayed, so a loss is above 0; differences above 0 are better."""
    means = ["reference_mean", "variant_mean"]
    sign = -1 if metric.direction == "minimize" else 1
    shown = effects.assign(**{name: sign * effects[name] for name in means}, direction=metric.direction)
    return shown.drop(columns=[OF_REFERENCE + name for name in COSTS], errors="ignore")  # the table of costs has them


def _headings(metric: Metric) -> dict[str, str]:
    """The unit of each column, and the direction of a difference where lower scores are better."""
    unit = file_unit(metric)
    units = dict.fromkeys(IN_FILE_UNIT, unit) | {"epoch_seconds": "s"}
    if metric.direction == "minimize":
        turned = ", ".join(part for part in (unit, "above 0 is better") if part)
        units |= dict.fromkeys(("mean", "low", "high", "low_adjusted", "high_adjusted"), turned)
    return units


def linked(text: str, row: Row, *, anchors: frozenset[str]) -> CellContent:
    """A cell that links to the comparison's runs, if they are on the page."""
    anchor = runs_anchor(str(row["variant"]), str(row["mode"]))
    return Link(text, anchor) if anchor in anchors else text


def _columns(
    effects: pd.DataFrame, metric: Metric, *, anchors: frozenset[str], level: float
) -> list[tuple[str, Callable[[Row], CellContent]]]:
    """(heading, row -> cell) of each column."""
    decimals = effect_decimals(effects, metric)
    better = sign_note(metric)

    def shown(name: str, *, is_signed: bool = False) -> Callable[[Row], CellContent]:
        return lambda row: number(row[name] * metric.scale, decimals, is_signed=is_signed)

    def ends(name: str) -> Callable[[Row], CellContent]:
        low, high = f"low{name}", f"high{name}"
        return lambda row: interval(row[low] * metric.scale, row[high] * metric.scale, decimals)

    rates: list[tuple[str, Callable[[Row], CellContent]]] = []
    max_t: list[tuple[str, Callable[[Row], CellContent]]] = []
    if not (effects["adjustment"] == "Holm").all():
        max_t.append(("p (max\N{NON-BREAKING HYPHEN}T)", lambda row: p_value(row["p_adjusted"])))
    if effects["learning_rate"].notna().any():
        rates.append(("Rate", lambda row: rate(row["learning_rate"])))
    return [
        ("Factor", lambda row: contrast_name(row["factor"], row["level"], against=row["against"])[0]),
        ("Level", lambda row: contrast_name(row["factor"], row["level"])[1]),
        ("Verdict", lambda row: verdict_text(str(row["verdict"]))),
        (f"Difference{in_unit(metric)}{better}", shown("mean", is_signed=True)),
        ("95 % interval", ends("")),
        (f"{percent(1 - level)}, simultaneous", ends("_adjusted")),
        *max_t,
        ("p (Holm)", lambda row: p_value(row["p_holm"])),
        ("d_z", lambda row: number(row["d_z"], 1, is_signed=True)),
        ("P(better)", lambda row: number(row["p_better"], 2)),
        (mean_label(metric), lambda row: shown_mean(row["variant_mean"], metric, decimals)),
        *rates,
        *cost_columns(effects),
        ("Runs", lambda row: linked(_n_runs(row), row, anchors=anchors)),
    ]


def _n_runs(row: Row) -> str:
    runs = f"{row['n_runs']} and {row['reference_runs']}, unpaired" if row["test"] == "unpaired" else count(row["n"])
    return runs + (f", {count(row['diverged'])} lost" if row["diverged"] else "")


def _what_to_see(primary: pd.DataFrame, inputs: Inputs) -> str:
    said = _counted(primary["verdict"])
    beyond = extremes(primary, inputs.scores, metric=inputs.metric)
    if beyond:
        said += f" Off the axis, marked by an arrow at its edge: {', '.join(beyond)}."
    lost = int(primary["diverged"].sum())
    return f"{said} {_lost_dots(lost, inputs)}" if lost else said


def _counted(verdicts: "pd.Series[str]") -> str:
    """How many comparisons have each verdict; "none is shown to help or hurt" only where that was tested."""
    counts = {word: int((verdicts == word).sum()) for word in COUNTED}
    there = {word: n for word, n in counts.items() if n}
    if len(there) == 1:
        ((word, n),) = there.items()
        several, one = COUNTED[word]
        every = "Both" if n == 2 else f"All {n}"
        return f"The only comparison {one}." if n == 1 else f"{every} comparisons {several}."
    parts = [f"{n} {COUNTED[word][n == 1]}" for word, n in there.items()]
    if not set(there) & set(DIFFERENT) and set(there) & set(TESTED):
        parts.insert(0, "none is shown to help or hurt")
    return f"Of {len(verdicts)} comparisons, {', '.join(parts)}."


def _lost_dots(lost: int, inputs: Inputs) -> str:
    runs, is_one = number_of(lost, "run"), lost == 1
    if not inputs.lost_count:
        return f"{runs} did not finish and {'has' if is_one else 'have'} neither a score nor a dot."
    dots = "is scored {}, so its dot" if is_one else "are scored {}, so their dots"
    return f"{runs} did not finish and {dots.format(inputs.lost_count)} can lie off the axis."


def _how_to_read(primary: pd.DataFrame, inputs: Inputs) -> str:
    metric, has_seeds = inputs.metric, inputs.has_seeds
    by_seed = inputs.is_imported or inputs.own_trial
    shared = "with the same seed" if by_seed else "with the same split, batch order and random draws"
    margin = f"±{_margin(metric)} {metric.unit}".rstrip()
    no_bars = NO_BARS.format(least=MIN_SEEDS) if has_seeds else UNSEEDED
    bars = BARS if primary["low"].notna().any() else no_bars
    is_unpaired = primary["test"] == "unpaired"
    sides = difference_words(metric)
    dots = DOTS.format(sides=sides, shared=shared) if has_seeds else DOTS_OF_MEANS.format(sides=sides)
    dots = "" if is_unpaired.all() else dots + (NO_DOTS if is_unpaired.any() else "")
    said = [dots, bars, BAND.format(margin=margin) if metric.margin else ""]
    return " ".join(part for part in said if part)


def _margin(metric: Metric) -> str:
    margin = metric.margin * metric.scale
    if metric.unit in DECIMALS:
        return number(margin, DECIMALS[metric.unit])
    return f"{margin:g}"  # unknown unit: as the user gave it


def _description(primary: pd.DataFrame, metric: Metric) -> str:
    decimals = 1 if metric.unit == "points" else effect_decimals(primary, metric)
    parts = [
        f"{row['variant']}: {number(row['mean'] * metric.scale, decimals, is_signed=True)}, {row['verdict']}"
        for row in primary.to_dict("records")
    ]
    unit = f" in {metric.unit}" if metric.unit else ""
    return f"Forest plot of differences from the reference{unit}. {'; '.join(parts)}."
