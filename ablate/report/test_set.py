"""How far the comparisons depend on the examples of the test set: the scope of the results, and a table."""

import numpy as np
import pandas as pd

from ablate.analysis.effects.examples import example_effects
from ablate.analysis.statistics import DIFFERENT
from ablate.errors import DataError
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import count, effect_decimals, file_unit, in_unit, interval, number, p_value
from ablate.report.page import MOST_ROWS, Block, Folded, Paragraph, Table
from ablate.report.plots import contrast_name
from ablate.report.wording.phrases import MOST_NAMED, Effect, as_rows, effect_name
from ablate.storage.predictions import read_predictions
from ablate.text import listed, number_of

DETECTED = (*DIFFERENT, "detectable but below margin", "detectable, size undecided")
IN_FILE_UNIT = ("mean", "low", "high", "low_examples", "high_examples", "low_90", "high_90", "example_error")
EXPLAINED = (
    "The interval over seeds is for these test examples. The interval over seeds and examples treats the test examples "
    "as a sample, too, and holds for each comparison alone; it enters no verdict. Discordant examples are those that "
    "only one network of a pair classifies correctly, averaged over the seeds. McNemar’s exact test asks whether the "
    "two trained networks of one seed differ on examples of this kind, not whether the variant helps: the last column "
    "counts the seeds with p ≤ .05, in favour of the variant and of its reference."
)
OF_PAIRS = "One row per pair of networks with the same seed; p of McNemar’s exact test of these two networks."
OWN_ACCURACY = (
    "the recorded accuracies are not those of the kept predictions, as with a model that is compiled with an accuracy "
    "of its own."
)
UNKNOWN = "How far other test examples would move the differences is unknown, because "


def example_blocks(inputs: Inputs) -> list[Block]:
    """The scope of results on a test set, and the comparisons over seeds and examples; [] for imported tables."""
    primary = inputs.primary_effects()
    if inputs.is_imported or primary.empty or not inputs.metric.name.startswith("test_"):
        return []
    if inputs.metric.name != "test_accuracy":
        is_of_classes = inputs.task.kind in ("classes", "one-hot")
        which = "for accuracies only" if is_of_classes else "only where each prediction is right or wrong"
        return [Paragraph(f"{_scope(inputs)} {UNKNOWN}it is computed {which}.")]
    predictions = read_predictions(inputs.folder / "test_predictions.npz")
    if predictions is None:
        return [Paragraph(f"{_scope(inputs)} {UNKNOWN}the predictions of this study were not kept.")]
    try:
        found, pairs = example_effects(primary, inputs.scores, predictions)
    except DataError:
        if not inputs.model_ref.is_users:
            raise
        return [Paragraph(f"{_scope(inputs)} {UNKNOWN}{OWN_ACCURACY}")]
    if found.empty:
        return [Paragraph(f"{_scope(inputs)} {UNKNOWN}no comparison has the predictions of all its runs.")]
    said = [
        f"{_scope(inputs)} {_moved(found, inputs)}",
        _covered(found),
        *_doubts(found, inputs),
        _left_out(primary, found),
    ]
    paragraph = Paragraph(" ".join(text for text in said if text))
    return [paragraph, _table(found, inputs), Paragraph(EXPLAINED), Folded("discordant", OF_PAIRS, _details(pairs))]


def _scope(inputs: Inputs) -> str:
    examples = f" of {count(inputs.data.n_test)} examples" if inputs.data.n_test else ""
    return f"The results hold for this data set, this test set{examples} and these settings."


def _moved(found: pd.DataFrame, inputs: Inputs) -> str:
    """By how much another test set would move the differences."""
    errors = found["example_error"].dropna() * inputs.metric.scale
    if errors.empty:
        return ""
    ends = [number(float(end), _decimals(found, inputs)) for end in (errors.min(), errors.max())]
    size = f"±{ends[0]}" if ends[0] == ends[1] else f"±{ends[0]} to ±{ends[1]}"
    unit = f"{inputs.metric.unit} " if inputs.metric.unit else ""
    which = "the difference" if len(found) == 1 else "a difference"
    return f"Another test set of this size and kind would move {which} by about {size} {unit}(standard error)."


def _covered(found: pd.DataFrame) -> str:
    """Which intervals the examples leave as they are, since seeds alone explain all that varies."""
    same = int((~found["examples_add"].astype(bool)).sum())
    if not same:
        return ""
    where = "the comparison" if len(found) == 1 else f"{same:,} of {number_of(len(found), 'comparison')}"
    return (
        f"For {where} the seeds explain all that varies: the variance of the examples is estimated at 0, so the "
        "interval over seeds and examples is that over seeds."
    )


def _doubts(found: pd.DataFrame, inputs: Inputs) -> list[str]:
    """The verdicts that need not hold with other test examples."""
    spans_0 = (found["low_examples"] <= 0) & (found["high_examples"] >= 0)
    leaves = (found[["low_90", "high_90"]].abs() > inputs.metric.margin).any(axis=1)
    detected = found[found["verdict"].isin(DETECTED) & spans_0]
    equivalent = found[(found["verdict"] == "equivalent") & leaves]
    why = "the interval over seeds and examples"
    ends = (detected, f"{why} includes 0"), (equivalent, f"{why} leaves the margin (90 %, as in the equivalence test)")
    return [
        f"{_named(rows)} on this test set; with other test examples that might not hold: {end}."
        for rows, end in ends
        if len(rows)
    ]


def _named(rows: pd.DataFrame) -> str:
    """ "Dropout 0.1 helps, optimizer sgd hurts"."""
    said = [f"{effect_name(row)} {_verb(row)}" for row in as_rows(rows.head(MOST_NAMED))]
    more = len(rows) - len(said)
    text = listed([*said, f"{more:,} more"] if more else said)
    return text[:1].upper() + text[1:]


def _verb(row: Effect) -> str:
    return str(row["verdict"]) if row["verdict"] in DIFFERENT else f"is {row['verdict']}"


def _left_out(primary: pd.DataFrame, found: pd.DataFrame) -> str:
    missing = len(primary) - len(found)
    if not missing:
        return ""
    are, their = ("is", "its") if missing == 1 else ("are", "their")
    why = f"{their} runs are identical or lost, or lack predictions"
    return f"{number_of(missing, 'comparison')} {are} not in the table: {why}."


def _table(found: pd.DataFrame, inputs: Inputs) -> Table:
    metric, decimals = inputs.metric, _decimals(found, inputs)

    def ends(row: Effect, name: str = "") -> str:
        return interval(row[f"low{name}"] * metric.scale, row[f"high{name}"] * metric.scale, decimals)

    head = (
        "Factor", "Level", "Verdict", f"Difference{in_unit(metric)}", "95 %, over seeds",
        "95 %, over seeds and examples", "Only the variant right", "Only its reference right",
        "McNemar, seeds for / against",
    )  # fmt: skip
    rows = [
        [*contrast_name(row["factor"], row["level"], against=row["against"]), row["verdict"],
         number(row["mean"] * metric.scale, decimals, is_signed=True), ends(row), ends(row, "_examples"),
         number(row["only_variant"], 1), number(row["only_reference"], 1),
         f"{row['better_pairs']} / {row['worse_pairs']} of {row['n']}"]
        for row in as_rows(found.head(MOST_ROWS))
    ]  # fmt: skip
    units = dict.fromkeys(IN_FILE_UNIT, file_unit(metric))
    return Table(
        "The comparisons with other test examples", head, rows, frozenset(range(3, len(head))), name="test_examples",
        data=with_units(found, units),
    )  # fmt: skip


def _details(pairs: pd.DataFrame) -> Table:
    head = ("Factor", "Level", "Seed", "Only the variant right", "Only its reference right", "p (McNemar)")
    rows = [
        [*contrast_name(row["factor"], row["level"], against=row["against"]), str(row["seed"]),
         count(row["only_variant"]), count(row["only_reference"]), p_value(row["p"])]
        for row in as_rows(pairs.head(MOST_ROWS))
    ]  # fmt: skip
    numeric = frozenset(range(2, len(head)))
    return Table("Discordant examples of each pair of networks", head, rows, numeric, name="discordant", data=pairs)


def _decimals(found: pd.DataFrame, inputs: Inputs) -> int:
    """Decimals that the intervals over seeds support, and one more than a small standard error needs."""
    errors = found["example_error"].replace(0, np.nan).dropna() * inputs.metric.scale
    needed = 2 if len(errors) and errors.min() < 0.05 else 1
    return max(needed, effect_decimals(found, inputs.metric))
