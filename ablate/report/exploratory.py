"""The rules for results outside the primary family: how they are announced, and which intervals they may show."""

import math
from collections.abc import Sequence

import pandas as pd

from ablate.analysis.designs import OTHER_SEEDS, SAME_SCORES
from ablate.analysis.effects import COUNTED_AT_CHANCE
from ablate.analysis.statistics import MIN_SEEDS
from ablate.report.inputs import Inputs
from ablate.text import number_of

MARKED = "(exploratory)"  # after the title of a figure or table
OUTSIDE = (
    "This section is exploratory: it lies outside the primary family of this report, {primary}. Nothing here is tested "
    "for the report as a whole, so it gives hints for another study, not findings. Intervals are descriptive 95 % "
    "intervals of single rows."
)
SURVIVORS = (
    "Some runs of this section did not finish, and the score of guessing is unknown, so no value stands for them: the "
    "numbers describe only the seeds in which every run finished."
)
FOLDS = "The folds share training examples. Intervals and tests of this section would be too narrow, so it shows none."
ENDS = ("low", "high", "low_adjusted", "high_adjusted")  # columns of intervals, after the name of a measure


def has_primary_factorial(inputs: Inputs) -> bool:
    """Whether the factorial is the primary family: only in a report without one-factor comparisons."""
    return inputs.effects.empty


def outside(inputs: Inputs, *more: str, designs: Sequence[str] = ("factorial", "path")) -> str:
    """The opening of a section outside the primary family, with the caveats of its designs."""
    return " ".join([OUTSIDE.format(primary=primary_family(inputs)), *caveats(inputs, designs=designs), *more])


def caveats(inputs: Inputs, *, designs: Sequence[str]) -> list[str]:
    """What keeps the numbers of these designs from being judged at all, as sentences."""
    runs = inputs.results
    is_lost = runs["state"].isin(COUNTED_AT_CHANCE)
    is_lost &= runs["design"].isin(designs) if "design" in runs else False
    said = [SURVIVORS] if math.isnan(inputs.metric.chance) and is_lost.any() else []
    return said + [FOLDS] * bool(inputs.facts.overlap)


def primary_family(inputs: Inputs) -> str:
    """What the primary family holds: "the 9 comparisons of the headline (learning rate: find)"."""
    if has_primary_factorial(inputs):
        return "the main effects and two-way interactions of the factorial"
    mode = f" (learning rate: {inputs.modes[0]})" if inputs.modes[0] else ""
    return f"the {number_of(len(inputs.primary_effects()), 'comparison')} of the headline{mode}"


def target_in_words(rows: pd.DataFrame) -> str:
    """Who chose the target of these rows, which all have the same; "" if no score of this table did."""
    first = rows.iloc[0]
    if first["target"] == SAME_SCORES:
        return f"the target is the best of {first['target_cells']:.0f} cells by these same scores"
    if first["target"] == OTHER_SEEDS:
        return f"half of the seeds chose the target, the best of {first['target_cells']:.0f} cells; the others measure"
    return ""


def describe(inputs: Inputs, table: pd.DataFrame, measures: Sequence[str], *, n: str = "n") -> pd.DataFrame:
    """The table without the intervals of fewer than six seeds, and of folds that overlap: both would mislead.

    The ends of the interval of a measure are in the columns `measure` + "low" and `measure` + "high".
    """
    is_overlapping = pd.Series(bool(inputs.facts.overlap), index=table.index)
    return _blanked(table, measures, is_overlapping | (table[n].astype(float) < MIN_SEEDS))


def without_chosen(table: pd.DataFrame, measures: Sequence[str], *, by: str = "target") -> pd.DataFrame:
    """The table without the intervals of rows whose own scores chose what they measure: the luck is not in them."""
    return _blanked(table, measures, table[by] == SAME_SCORES)


def _blanked(table: pd.DataFrame, measures: Sequence[str], where: "pd.Series[bool]") -> pd.DataFrame:
    names = [f"{measure}{end}" for measure in measures for end in ENDS]
    return table.assign(**{name: table[name].astype(float).mask(where) for name in names if name in table})
