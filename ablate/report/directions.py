"""The section that compares add-one-in, leave-one-out and Shapley value, and flags where they disagree."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis import designs
from ablate.analysis.designs import Factorial
from ablate.analysis.effects import Metric, mode_rank
from ablate.report.inputs import Inputs
from ablate.report.interactions import found_factorials, mean_cells, stated_target
from ablate.report.numbers import NONE, count, decimals_for, effect_decimals, in_unit, p_value
from ablate.report.page import Block, CellContent, Folded, Section, Table, to_figure
from ablate.report.plots.designs import DISAGREEMENTS, MEASURE_LOOKS, draw_directions
from ablate.report.runs import OF_FACTORIAL, leading, runs_anchor
from ablate.storage.results import Row

HOW_TO_READ = (
    "The gain of the second level over the first: add-one-in keeps all other factors at the reference, leave-one-out "
    "keeps them at the target, and the Shapley value, shown if all its cells were run, averages over all orders. "
    "Without interactions the three are equal. “Signs differ” means that two intervals lie on different sides of 0; "
    "“sizes differ” means that leave-one-out minus add-one-in is significant and beyond the margin."
)
BY_SOURCE = {"one-factor": "between the two references", "factorial": "within the factorial"}


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
            blocks += _directions(rows, metric, reading, has_modes=table["mode"].nunique() > 1, anchors=anchors)
    if not blocks:
        return None
    shapley = designs.shapley_effects(found, margin=metric.margin, target=stated_target(inputs))
    return Section("directions", "The same factor from both ends", [*blocks, *_pairs(shapley, metric)])


def _pairs(shapley: pd.DataFrame, metric: Metric) -> list[Block]:
    pairs = shapley[shapley["kind"] == "pair"].sort_values("mean", key=abs, ascending=False, kind="stable")
    if pairs.empty:
        return []
    decimals = effect_decimals(pairs, metric)
    rows = [
        [f"{row['factor']} → {row['level']}", f"{row['factor_2']} → {row['level_2']}",
         *mean_cells(row, metric, decimals), p_value(row["p_adjusted"]), count(row["n"])]
        for row in pairs.to_dict("records")
    ]  # fmt: skip
    head = ("First", "Second", f"Shapley interaction{in_unit(metric)}", "95 % interval", "p (max-T)", "Seeds")
    table = Table("Pairs that interact", head, rows, frozenset(range(2, len(head))), name="shapley", data=shapley)
    said = (
        "The Shapley interaction index: the gain of two changes together beyond the sum of their separate gains, "
        "averaged over the states of all other factors."
    )
    return [Folded("shapley-pairs", said, table)]


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
    return [to_figure(figure, name, title, sentence, _table(rows, metric, name=name, anchors=anchors), reading)]


def disagreements_in_words(rows: pd.DataFrame) -> str:
    """The factors whose effect depends on the others, in a sentence or two."""
    signs, sizes = (
        ", ".join(rows.loc[rows["disagreement"] == kind, "factor"].astype(str)) for kind in ("sign", "size")
    )
    said = []
    if signs:
        said.append(
            f"Whether these factors help depends on the other factors: {signs}. No single number gives their effect."
        )
    if sizes:
        said.append(f"How much these factors help depends on the other factors: {sizes}.")
    return " ".join(said) or "No disagreement exceeds its uncertainty, but that does not prove that there is none."


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
    head += ["p (max-T)", "Seeds"]
    source = BY_SOURCE[str(rows["source"].iloc[0])]
    caption = f"Add-one-in, Shapley value and leave-one-out {source}"
    return Table(caption, head, text, frozenset(range(4, len(head))), name=name, data=rows, filters=(3,))
