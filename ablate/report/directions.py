"""The section that compares add-one-in, leave-one-out and Shapley value, and marks where their signs differ."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis import designs
from ablate.analysis.designs import SAME_SCORES, Factorial
from ablate.analysis.effects import Metric, mode_rank
from ablate.analysis.statistics import MIN_SEEDS
from ablate.report.exploratory import MARKED, describe, outside, target_in_words, without_chosen
from ablate.report.inputs import Inputs
from ablate.report.interactions import found_factorials, mean_cells, stated_target
from ablate.report.numbers import NONE, count, decimals_for, effect_decimals, in_unit, p_value
from ablate.report.page import Block, CellContent, Folded, Paragraph, Section, Table, to_figure
from ablate.report.plots.designs import DISAGREEMENTS, MEASURE_LOOKS, draw_directions
from ablate.report.runs import OF_FACTORIAL, leading, runs_anchor
from ablate.storage.results import Row

HOW_TO_READ = (
    "The gain of the second level over the first: add-one-in keeps all other factors at the reference, leave-one-out "
    "keeps them at the target, and the Shapley value, shown if all its cells were run, averages over all orders. "
    "Without interactions the three are equal. “Signs differ” means that leave-one-out minus add-one-in is significant "
    "over the factors of this figure (max-T), and that both intervals exclude 0 on different sides."
)
BY_SOURCE = {"one-factor": "between the two references", "factorial": "within the factorial"}
PAIRS = (
    "Exploratory: the Shapley interaction index, the gain of two changes together beyond the sum of their separate "
    "gains, averaged over the states of all other factors"
)


def directions_section(
    inputs: Inputs, found: Sequence[Factorial] | None = None, *, anchors: frozenset[str] = frozenset()
) -> Section | None:
    """Each factor's effect from both ends: between two references, and within a factorial."""
    found = found_factorials(inputs) if found is None else found
    metric = inputs.metric
    tables = (
        designs.both_directions(inputs.results, metric, found),
        designs.crossed_directions(found, margin=metric.margin, target=stated_target(inputs)),
    )
    blocks: list[Block] = []
    for table in tables:
        for _, rows in table.groupby(table["mode"].map(mode_rank), sort=True):
            reading = "" if blocks else HOW_TO_READ  # only once on the page
            rows = _described(inputs, rows)
            blocks += _directions(rows, metric, reading, has_modes=table["mode"].nunique() > 1, anchors=anchors)
    if not blocks:
        return None
    shapley = designs.shapley_effects(found, margin=metric.margin, target=stated_target(inputs))
    blocks = [Paragraph(outside(inputs)), *blocks, *_pairs(describe(inputs, shapley, ("",)), metric)]
    return Section("directions", "The same factor from both ends", blocks)


def _pairs(shapley: pd.DataFrame, metric: Metric) -> list[Block]:
    shapley = without_chosen(shapley, ("",))
    pairs = shapley[shapley["kind"] == "pair"].sort_values("mean", key=abs, ascending=False, kind="stable")
    if pairs.empty:
        return []
    decimals = effect_decimals(pairs, metric)
    rows = [
        [f"{row['factor']} → {row['level']}", f"{row['factor_2']} → {row['level_2']}",
         *mean_cells(row, metric, decimals), count(row["n"])]
        for row in pairs.to_dict("records")
    ]  # fmt: skip
    head = ("First", "Second", f"Shapley interaction{in_unit(metric)}", "95 % interval", "Seeds")
    caption = f"Shapley interactions of pairs {MARKED}"
    table = Table(caption, head, rows, frozenset(range(2, len(head))), name="shapley", data=shapley)
    target = target_in_words(pairs)
    return [Folded("shapley-pairs", f"{PAIRS}; {target}." if target else f"{PAIRS}.", table)]


def _directions(
    rows: pd.DataFrame, metric: Metric, reading: str, *, has_modes: bool, anchors: frozenset[str]
) -> list[Block]:
    if len(rows) < 2:  # with a single factor there are no others to depend on
        return []
    figure = draw_directions(rows, metric=metric, label=f"gain in {metric.label}{in_unit(metric)}; right is better")
    if figure is None:
        return []
    source, mode = str(rows["source"].iloc[0]), str(rows["mode"].iloc[0])
    name = f"directions-{source}" + (f"-{mode}" if has_modes else "")
    title = f"Gain of each factor {BY_SOURCE[source]}" + (f", learning rate: {mode}" if has_modes else "")
    sentence = disagreements_in_words(rows)
    table = _table(rows, metric, name=name, anchors=anchors)
    return [to_figure(figure, name, f"{title} {MARKED}", sentence, table, reading)]


def _described(inputs: Inputs, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows without the intervals and tests that few seeds, folds, or a target of the same scores would give."""
    for measure in MEASURE_LOOKS:
        rows = describe(inputs, rows, (f"{measure}_",), n=f"{measure}_n")
    rows = describe(inputs, rows.assign(both=_both(rows)), ("change_",), n="both").drop(columns="both")
    rows = without_chosen(rows, (*(f"{measure}_" for measure in MEASURE_LOOKS), "change_"))
    is_tested = rows["change_low"].notna()
    disagreement = rows["disagreement"].where(is_tested, "")
    return rows.assign(change_p=rows["change_p"].astype(float).where(is_tested), disagreement=disagreement)


def _both(rows: pd.DataFrame) -> "pd.Series[float]":
    """At most this many seeds have both ends."""
    return rows[["add_one_in_n", "leave_one_out_n"]].astype(float).min(axis=1)


def disagreements_in_words(rows: pd.DataFrame) -> str:
    """The factors whose effect changes its sign with the others, in a sentence or two."""
    target = target_in_words(rows)
    opening = f"Exploratory ({target})" if target else "Exploratory"
    if (rows["target"] == SAME_SCORES).all():
        return f"{opening}: the gains include the luck of that choice, so no interval is shown and nothing is tested."
    if not rows["change_p"].notna().any():
        few = _both(rows).max() < MIN_SEEDS
        why = f"with fewer than {MIN_SEEDS} seeds nothing is tested" if few else "nothing is tested"
        return f"{opening}: {why}; the marks are means."
    signs = ", ".join(rows.loc[rows["disagreement"] == "sign", "factor"].astype(str))
    if signs:
        return f"{opening}: whether these factors help seems to depend on the others: {signs}; test it on new seeds."
    return f"{opening}: no factor is shown to change its sign, but that does not prove that none does."


def _anchor(row: Row, measure: str) -> str:
    """Anchor of the runs behind a measure: per comparison, or one for the whole factorial."""
    if row["source"] == "factorial":
        return OF_FACTORIAL
    named = {
        "add_one_in": f"{row['factor']}={row['level']}",
        "leave_one_out": f"best: {row['factor']}={row['reference_level']}",
    }
    return runs_anchor(named.get(measure, ""), str(row["mode"]))


def _table(rows: pd.DataFrame, metric: Metric, *, name: str, anchors: frozenset[str]) -> Table:
    widths = pd.concat([(rows[f"{measure}_high"] - rows[f"{measure}_low"]) / 2 for measure in MEASURE_LOOKS])
    means = pd.concat([rows[measure] for measure in MEASURE_LOOKS])
    decimals = decimals_for(widths.tolist(), metric, values=means.tolist())
    head = ["Factor", "From", "To", "Disagreement"]
    for words in (*(words for words, _, _ in MEASURE_LOOKS.values()), "leave-one-out minus add-one-in"):
        head += [f"{words[0].upper()}{words[1:]}{in_unit(metric)}", "95 % interval"]
    text = []
    for row in rows.to_dict("records"):
        cells: list[CellContent] = [str(row[column]) for column in ("factor", "reference_level", "level")]
        cells.append(DISAGREEMENTS.get(row["disagreement"], NONE))
        for measure in (*MEASURE_LOOKS, "change"):
            mean, ends = mean_cells(row, metric, decimals, name=measure, prefix=f"{measure}_")
            cells += [leading(mean, _anchor(row, measure), anchors=anchors), ends]
        text.append([*cells, p_value(row["change_p"]), count(max(row[f"{measure}_n"] for measure in MEASURE_LOOKS))])
    head += ["p (max-T), exploratory", "Seeds"]
    source = BY_SOURCE[str(rows["source"].iloc[0])]
    caption = f"Add-one-in, Shapley value and leave-one-out {source} {MARKED}"
    return Table(caption, head, text, frozenset(range(4, len(head))), name=name, data=rows, filters=(3,))
