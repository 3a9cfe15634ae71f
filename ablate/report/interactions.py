"""The factorial section: variance shares, main effects, and the flagged or the largest interactions."""

import math
from collections.abc import Sequence

import pandas as pd

from ablate.analysis import designs
from ablate.analysis.designs import Factorial
from ablate.analysis.effects import EXPLORATORY, Metric, mode_rank
from ablate.analysis.statistics import MIN_SEEDS
from ablate.report.effects import verdict_text
from ablate.report.exploratory import MARKED, caveats, describe, has_primary_factorial, outside
from ablate.report.inputs import Inputs, reference_levels
from ablate.report.numbers import count, decimals_of_size, effect_decimals, in_unit, interval, number, p_value
from ablate.report.page import Block, CellContent, Folded, Link, Paragraph, Section, Table, to_figure
from ablate.report.plots.designs import MOST_PANELS, draw_interactions
from ablate.report.runs import OF_FACTORIAL, factorial_runs
from ablate.report.variance_shares import variance_blocks
from ablate.storage.results import Row
from ablate.text import number_of

MOST_NAMED = 10  # seeds in a sentence
MOST_OPEN = 20  # rows of a table that is not folded
MOST_EXPLORED = 4  # interactions drawn where none is tested
HOW_TO_READ = (
    "Parallel lines would mean no interaction. Points are differences from the pair of reference levels, averaged over "
    "the other factors{intervals}."
)
WITH_INTERVALS = ", with 95 % intervals over the seeds"
PRIMARY = (
    "The primary family of this report is the {n} main effects and two-way interactions of the factorial{mode}: "
    "verdicts, adjusted p values and simultaneous intervals hold for all of them at once. Everything else, the shares "
    "of the variance too, is exploratory."
)
UNJUDGED = (
    "This section is exploratory: it would be the primary family of this report, but its numbers cannot be judged, so "
    "the report has no verdicts."
)


def found_factorials(inputs: Inputs) -> list[Factorial]:
    """The factorials of a study, from their complete seeds: one per learning-rate mode, the primary one first."""
    factors = inputs.facts.factorial or None
    found = designs.factorials(inputs.results, inputs.metric, factors=factors, reference=reference_levels(inputs))
    return sorted(found, key=lambda one: mode_rank(one.mode))


def stated_target(inputs: Inputs) -> dict[str, object]:
    """The levels of the configuration that the user asked to explain; scores choose the others."""
    return dict(inputs.facts.target_stated or {})


def interactions_section(inputs: Inputs, found: Sequence[Factorial] | None = None) -> Section | None:
    """Effects of each factor and pair in the factorial, with the runs behind them; None without factorial rows."""
    results = inputs.results
    if "design" not in results or not (results["design"] == "factorial").any():
        return None
    found = found_factorials(inputs) if found is None else found
    behind = [folded for folded in (factorial_runs(inputs, found),) if folded is not None]
    if not found:
        said = (
            "No seed of the factorial has every combination of levels: the study was stopped, or a condition excludes "
            "some combinations. So averages over all combinations cannot be computed."
        )
        return Section("interactions", "Interactions", [Paragraph(said), *behind])
    is_primary = has_primary_factorial(inputs) and not caveats(inputs, designs=("factorial",))
    margin, level = inputs.metric.margin, inputs.level
    effects = designs.factorial_effects(found, margin=margin, alpha=level, is_primary=is_primary)
    effects = describe(inputs, effects, ("",))
    blocks = [
        Paragraph(_head(inputs, effects, is_primary=is_primary)),
        *_incomplete(found),
        *variance_blocks(found[0]),
        *_interactions(found[0], effects, inputs, is_primary=is_primary),
        _effects_block(effects, inputs.metric, is_primary=is_primary),
        *behind,
    ]
    return Section("interactions", "Interactions", blocks)


def mean_cells(row: Row, metric: Metric, decimals: int, *, name: str = "mean", prefix: str = "") -> list[str]:
    """A mean and its 95 % interval as text, from the columns `name`, `prefix` + "low" and `prefix` + "high"."""
    return [
        number(row[name] * metric.scale, decimals, is_signed=True),
        interval(row[f"{prefix}low"] * metric.scale, row[f"{prefix}high"] * metric.scale, decimals),
    ]


def _head(inputs: Inputs, effects: pd.DataFrame, *, is_primary: bool) -> str:
    if not is_primary and has_primary_factorial(inputs):
        return " ".join([UNJUDGED, *caveats(inputs, designs=("factorial",))])
    if not is_primary:
        return outside(inputs)
    mode = effects["mode"].iloc[0]
    n = int((effects["mode"] == mode).sum())
    return PRIMARY.format(n=n, mode=f" (learning rate: {mode})" if mode else "")


def _incomplete(found: Sequence[Factorial]) -> list[Block]:
    lost = sorted({seed for one in found for seed in one.left_out})
    if not lost:
        return []
    named = ", ".join(map(str, lost[:MOST_NAMED])) + (" and others" if len(lost) > MOST_NAMED else "")
    said, left = ("Seed", "this seed is") if len(lost) == 1 else ("Seeds", "these seeds are")
    lacks = "lacks" if len(lost) == 1 else "lack"
    return [Paragraph(f"{said} {named} {lacks} some cells; {left} left out of this section.")]


def _interactions(one: Factorial, effects: pd.DataFrame, inputs: Inputs, *, is_primary: bool) -> list[Block]:
    """Plots of flagged interactions; where nothing is tested, of the largest few."""
    metric = inputs.metric
    pairs = effects[(effects["kind"] == "interaction") & (effects["mode"] == one.mode)]
    shown = pairs[pairs["flagged"].astype(bool)] if is_primary else pairs
    if shown.empty:
        return [Paragraph(_none_flagged(pairs, has_seeds=inputs.has_seeds))] if len(pairs) else []
    shown = shown.sort_values("mean", key=lambda mean: mean.abs(), ascending=False, kind="stable")
    chosen = shown[["factor", "factor_2"]].drop_duplicates().to_numpy().tolist()
    chosen = chosen if is_primary else chosen[:MOST_EXPLORED]
    cells = pd.concat([designs.interaction_cells(one, *pair) for pair in chosen], ignore_index=True)
    cells = describe(inputs, cells, ("",))
    figure = draw_interactions(cells, metric=metric, label=f"difference in {metric.label}{in_unit(metric)}")
    if figure is None:
        return []
    title = "Flagged interactions" if is_primary else f"The largest interactions {MARKED}"
    sentence = (
        _flagged_in_words(shown, len(pairs), len(chosen), metric) if is_primary
        else _largest_in_words(shown, len(chosen), metric, has_seeds=inputs.has_seeds)
    )  # fmt: skip
    reading = HOW_TO_READ.format(intervals=WITH_INTERVALS if cells["low"].notna().any() else "")
    table = _cells_table(cells, metric, is_primary=is_primary)
    return [to_figure(figure, "interactions", title, sentence, table, reading)]


def _flagged_in_words(flagged: pd.DataFrame, n_tested: int, n_pairs: int, metric: Metric) -> str:
    said = (
        f"{len(flagged)} of {n_tested} interactions are significant and beyond the margin. The largest is "
        f"{_size_in_words(flagged, metric)}."
    )
    return said + (f" The figure shows the first {MOST_PANELS} of {n_pairs} pairs." if n_pairs > MOST_PANELS else "")


def _largest_in_words(pairs: pd.DataFrame, n_drawn: int, metric: Metric, *, has_seeds: bool) -> str:
    n = int(pairs["n"].max())
    drawn = "the largest observed interaction is drawn, whatever its size"
    if n_drawn > 1:
        drawn = f"the {n_drawn} pairs of factors with the largest observed interactions are drawn, whatever their size"
    seeds = f"with {number_of(n, 'seed')}" if has_seeds else "without seeds"
    few = f"; {seeds} only means are shown" if n < MIN_SEEDS else ""
    return (
        f"Exploratory: {drawn}, and in pure noise any two lines seem to cross; the largest is "
        f"{_size_in_words(pairs, metric)}{few}."
    )


def _size_in_words(ordered: pd.DataFrame, metric: Metric) -> str:
    first = ordered.iloc[0]
    value = first["mean"] * metric.scale
    decimals = {"points": 1, "nats": 3}.get(metric.unit, decimals_of_size(abs(value)))
    size = number(value, decimals, is_signed=True)
    return f"{first['term']}: {size} {metric.unit}".rstrip() + " beyond the sum of the separate effects"


def _none_flagged(pairs: pd.DataFrame, *, has_seeds: bool) -> str:
    n = int(pairs["n"].max())
    if n < MIN_SEEDS:
        seeds = "Without seeds" if not has_seeds else "With one seed" if n == 1 else f"With {n} seeds"
        return (
            f"{seeds} there is no p value (it needs {MIN_SEEDS} seeds), so no interaction is flagged or drawn. "
            "The table describes the interactions."
        )
    tested = "The one interaction is not" if len(pairs) == 1 else f"None of the {len(pairs)} interactions is"
    return f"{tested} both significant and beyond the margin, so none is drawn. This does not prove that there is none."


def _cells_table(cells: pd.DataFrame, metric: Metric, *, is_primary: bool) -> Table:
    decimals = effect_decimals(cells, metric)
    rows = [
        [
            f"{row['factor']} = {row['level']}",
            f"{row['factor_2']} = {row['level_2']}",
            *mean_cells(row, metric, decimals),
        ]
        for row in cells.to_dict("records")
    ]
    head = ("First", "Second", f"Difference{in_unit(metric)}", "95 % interval")
    caption = "Cells of the flagged interactions" if is_primary else f"Cells of the largest interactions {MARKED}"
    return Table(caption, head, rows, frozenset((2, 3)), name="interaction-cells", data=cells)


def _effects_block(effects: pd.DataFrame, metric: Metric, *, is_primary: bool) -> Block:
    """Main effects in the order of the factors, then interactions, the largest first; a long table is folded."""
    size = effects["mean"].abs().where(effects["kind"] == "interaction", math.inf)
    ordered = effects.assign(size=size).sort_values("size", ascending=False, kind="stable").drop(columns="size")
    table = _effects_table(ordered, metric) if is_primary else _explored_table(ordered, metric)
    if len(effects) <= MOST_OPEN:
        return table
    n_main = int((effects["kind"] == "main").sum())
    said = f"{n_main} main effects and {len(effects) - n_main} interactions, the largest first"
    return Folded("factorial-effects", said if is_primary else f"{said} {MARKED}", table)


def _effects_table(effects: pd.DataFrame, metric: Metric) -> Table:
    """The primary family; of exploratory rows beside it neither p nor simultaneous interval is shown."""
    decimals = effect_decimals(effects, metric)
    is_other = effects["verdict"] == EXPLORATORY
    shown = effects.assign(
        **{name: effects[name].astype(float).mask(is_other) for name in ("low_adjusted", "high_adjusted", "p_adjusted")}
    )
    rows: list[list[CellContent]] = [
        [str(row["term"]), str(row["kind"]), verdict_text(str(row["verdict"])), *mean_cells(row, metric, decimals),
         interval(row["low_adjusted"] * metric.scale, row["high_adjusted"] * metric.scale, decimals),
         p_value(row["p_adjusted"]), str(row["mode"]), Link(count(row["n"]), OF_FACTORIAL)]
        for row in shown.to_dict("records")
    ]  # fmt: skip
    head = (
        "Term", "Kind", "Verdict", f"Difference{in_unit(metric)}", "95 % interval", "95 %, simultaneous", "p (max-T)",
        "Mode", "Seeds",
    )  # fmt: skip
    caption = "Main effects and interactions of the factorial"
    return Table(caption, head, rows, frozenset((3, 4, 5, 6, 8)), name="factorial", data=effects, filters=(1, 2))


def _explored_table(effects: pd.DataFrame, metric: Metric) -> Table:
    decimals = effect_decimals(effects, metric)
    rows: list[list[CellContent]] = [
        [str(row["term"]), str(row["kind"]), *mean_cells(row, metric, decimals), str(row["mode"]),
         Link(count(row["n"]), OF_FACTORIAL)]
        for row in effects.to_dict("records")
    ]  # fmt: skip
    head = ("Term", "Kind", f"Difference{in_unit(metric)}", "95 % interval", "Mode", "Seeds")
    caption = f"Main effects and interactions of the factorial {MARKED}"
    return Table(caption, head, rows, frozenset((2, 3, 5)), name="factorial", data=effects, filters=(1,))
