"""The effects section: forest plot and table of every variant, with links to its runs.

Also writes the answer of a page without comparisons.
"""

from collections.abc import Callable, Sequence

import pandas as pd

from ablate.analysis.effects import IDENTICAL, UNFINISHED, Metric
from ablate.analysis.search_history import best_of_search, search_history
from ablate.analysis.statistics import DIFFERENT
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import (
    count,
    effect_decimals,
    file_unit,
    in_unit,
    interval,
    mean_label,
    number,
    p_value,
    rate,
    score_decimals,
    shown_mean,
)
from ablate.report.page import MOST_ROWS, Block, CellContent, Folded, Link, Section, Table, to_figure
from ablate.report.plots import MARKS, contrast_name, draw_effects, extremes
from ablate.report.runs import hover_text, runs_anchor
from ablate.report.wording import latex_effects
from ablate.report.wording.phrases import DECIMALS
from ablate.storage.results import Row
from ablate.study.trial import BEST, RATE_SETTING
from ablate.text import first_of, listed, number_of

IN_FILE_UNIT = (
    "mean", "sd", "low", "high", "low_adjusted", "high_adjusted", "margin", "mde", "reference_mean", "variant_mean",
)  # fmt: skip
HOW_TO_READ = (
    "Each light dot is one seed: variant minus reference, {shared}. "
    "The thick bar is the 95 % interval of the mean, the thin bar holds for all comparisons at once, and the "
    "shaded band is the margin within which a difference does not matter ({margin})."
)
ALWAYS = ("trust", "methods", "origin")  # sections on every page
OF_DESIGNS = ("interactions", "directions", "paths")
MOST_FACTORS = 8  # factors of the best run in a sentence


def effects_section(inputs: Inputs, *, behind: Folded | None = None) -> Section | None:
    """All comparisons in the headline's learning-rate mode, followed by the table `behind` of their runs."""
    primary = inputs.primary_effects()
    if primary.empty:
        return None
    metric = inputs.metric
    decimals = effect_decimals(primary, metric)
    scores = inputs.scores.assign(said=hover_text(inputs.scores, metric, decimals))
    figure = draw_effects(primary, scores, metric=metric, decimals=decimals, label=difference_label(primary, metric))
    blocks: list[Block] = []
    if figure is not None:
        title, sentence = "Effect of each variant", _what_to_see(primary, inputs)
        described, reading = _description(primary, inputs.metric), _how_to_read(inputs)
        blocks.append(to_figure(figure, "effects", title, sentence, reading=reading, described=described))
    blocks.append(effects_table_block(primary, metric, anchors=behind.anchors() if behind else frozenset()))
    return Section("effects", "Effects", [*blocks, behind] if behind else blocks)


def difference_label(effects: pd.DataFrame, metric: Metric) -> str:
    """The axis label of a difference."""
    other = "its comparison" if (effects["against"] == BEST).any() else "the reference"
    return f"difference from {other} in {metric.label}{in_unit(metric)}; right is better"


def verdict_text(verdict: str) -> str:
    """The verdict after its sign, so that it is readable without colour."""
    return f"{MARKS[verdict][0]}\N{NO-BREAK SPACE}{verdict}" if verdict in MARKS else verdict


def effects_table_block(effects: pd.DataFrame, metric: Metric, *, anchors: frozenset[str]) -> Table:
    """The effects as formatted text, in the table's order; rows link to their runs if these are among the `anchors`."""
    columns = _columns(effects, metric, anchors=anchors)
    rows = [[text(row) for _, text in columns] for row in effects.head(MOST_ROWS).to_dict("records")]
    heads = [head for head, _ in columns]
    return Table(
        "Every comparison",
        heads,
        rows,
        frozenset(range(heads.index("Verdict") + 1, len(heads))),
        name="effects",
        data=with_units(effects, dict.fromkeys(IN_FILE_UNIT, file_unit(metric))),
        tex=latex_effects(effects, metric),
        key="effects",
        filters=tuple(place for place, head in enumerate(heads) if head in ("Factor", "Verdict")),
    )


def linked(text: str, row: Row, *, anchors: frozenset[str]) -> CellContent:
    """A cell that links to the comparison's runs, if they are on the page."""
    anchor = runs_anchor(str(row["variant"]), str(row["mode"]))
    return Link(text, anchor) if anchor in anchors else text


def _columns(
    effects: pd.DataFrame, metric: Metric, *, anchors: frozenset[str]
) -> list[tuple[str, Callable[[Row], CellContent]]]:
    """(heading, row -> cell) of each column."""
    decimals = effect_decimals(effects, metric)

    def shown(name: str, *, is_signed: bool = False) -> Callable[[Row], CellContent]:
        return lambda row: number(row[name] * metric.scale, decimals, is_signed=is_signed)

    def ends(name: str) -> Callable[[Row], CellContent]:
        low, high = f"low{name}", f"high{name}"
        return lambda row: interval(row[low] * metric.scale, row[high] * metric.scale, decimals)

    rates: list[tuple[str, Callable[[Row], CellContent]]] = []
    if effects["learning_rate"].notna().any():
        rates.append(("Rate", lambda row: rate(row["learning_rate"])))
    return [
        ("Factor", lambda row: contrast_name(row["factor"], row["level"], against=row["against"])[0]),
        ("Level", lambda row: contrast_name(row["factor"], row["level"])[1]),
        ("Verdict", lambda row: verdict_text(str(row["verdict"]))),
        (f"Difference{in_unit(metric)}", shown("mean", is_signed=True)),
        ("95 % interval", ends("")),
        ("95 %, simultaneous", ends("_adjusted")),
        ("p (max\N{NON-BREAKING HYPHEN}T)", lambda row: p_value(row["p_adjusted"])),
        ("p (Holm)", lambda row: p_value(row["p_holm"])),
        ("d_z", lambda row: number(row["d_z"], 1, is_signed=True)),
        ("P(better)", lambda row: number(row["p_better"], 2)),
        (mean_label(metric), lambda row: shown_mean(row["variant_mean"], metric, decimals)),
        *rates,
        ("Runs", lambda row: linked(_n_runs(row), row, anchors=anchors)),
    ]


def _n_runs(row: Row) -> str:
    return count(row["n"]) + (f", {count(row['diverged'])} lost" if row["diverged"] else "")


def _what_to_see(primary: pd.DataFrame, inputs: Inputs) -> str:
    decided, same = int(primary["verdict"].isin(DIFFERENT).sum()), int((primary["verdict"] == "equivalent").sum())
    identical, unfinished = (int((primary["verdict"] == verdict).sum()) for verdict in (IDENTICAL, UNFINISHED))
    open_ = len(primary) - decided - same - identical - unfinished
    counts = [
        (decided, "help or hurt", "helps or hurts"),
        (same, "are equivalent", "is equivalent"),
        (open_, "are undecided or below the margin", "is undecided or below the margin"),
    ]
    counts += [(identical, "have identical runs", "has identical runs")] * bool(identical)
    counts += [(unfinished, "have no finished run", "has no finished run")] * bool(unfinished)
    parts = [f"{n or 'none'} {several if n > 1 else one}" for n, several, one in counts]
    said = f"Of {len(primary)} comparisons, {', '.join(parts)}."
    if len(primary) == 1:
        said = f"The only comparison {next(one for n, _, one in counts if n)}."
    beyond = extremes(primary, inputs.scores, metric=inputs.metric)
    if beyond:
        said += f" Off the axis, marked by an arrow at its edge: {', '.join(beyond)}."
    lost = int(primary["diverged"].sum())
    if lost:
        runs = f"{number_of(lost, 'run')} did not finish and {'is' if lost == 1 else 'are'} scored {inputs.lost_count}"
        said += f" {runs}, so {'its dot' if lost == 1 else 'their dots'} can lie off the axis."
    return said


def _how_to_read(inputs: Inputs) -> str:
    metric = inputs.metric
    shared = "with the same seed" if inputs.is_imported else "with the same split, batch order and random draws"
    margin = f"±{_margin(metric)} {metric.unit}".rstrip()
    return HOW_TO_READ.format(margin=margin, shared=shared)


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
    return f"Forest plot of differences from the reference in {metric.unit}. {'; '.join(parts)}."


def no_comparisons(inputs: Inputs, sections: Sequence[Section]) -> list[str]:
    """The answer on a page with these sections, when there are no comparisons."""
    others = [section for section in sections if section.name not in ALWAYS]
    shows = f"The page shows {listed([f'“{section.title}”' for section in others])}." if others else ""
    return [line for line in (_why(inputs, others), _best(inputs), shows) if line]


def _why(inputs: Inputs, sections: Sequence[Section]) -> str:
    if any(section.name in OF_DESIGNS for section in sections):
        return "This study has no one-factor comparisons; the results of its other designs are below."
    if not inputs.is_imported:
        return f"{inputs.title}: no ablation results yet."
    if confounded := inputs.facts.confounded:
        return f"There is no comparison, because {confounded[0]}."
    if alone := inputs.facts.alone:
        factors = ",".join(name for name in inputs.facts.factors or [] if name not in alone)
        return (
            f"There is no comparison, because most configurations have their own value of {listed(alone)}. "
            f"If this is not a factor, leave it out: --factors {factors}."
        )
    together, asked = inputs.facts.together, inputs.facts.reference_asked
    if together and not asked:
        both = listed(together[0])
        only = "To compare both at once, name one of them in --factors and the other in --ignore."
        return f"There is no comparison, because {both} always change together. {only}"
    drawn = inputs.facts.drawn or []
    others = f" (not counting {listed(drawn)}, whose values hardly ever repeat)" if drawn else ""
    differ = f"no configuration differs from the reference, {asked}," if asked else "no two configurations differ"
    return f"There is no comparison, because {differ} in exactly one factor{others}."


def _best(inputs: Inputs) -> str:
    best = best_of_search(inputs.results, k=1)
    if best.empty:
        return ""
    row, metric = best.iloc[0], inputs.score_metric
    n = int((search_history(inputs.results)["state"] == "finished").sum())
    score = shown_mean(row["score"], metric, score_decimals([row["score"]], metric, points=1, others=3))
    unit = " %" if metric.unit == "points" else in_unit(metric).replace(",", "")
    levels = [f"{name} {_level(row[name])}" for name in best.columns[4:] if name != RATE_SETTING and row[name] != ""]
    named = first_of(levels, MOST_FACTORS)
    return (
        f"The best of {n:,} finished runs is {row['trial']}, {metric.label} {score}{unit}"
        + (f", with {named}" if named else "")
        + ". The best of many runs is partly lucky: expect a worse score if you run it again."
    )


def _level(level: object) -> str:
    """A level as in the table; numbers drawn by the search are rounded to four digits."""
    return f"{level:.4g}" if isinstance(level, float) else str(level)
