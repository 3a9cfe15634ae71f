"""The rules for results outside the primary family: how they are announced, and which intervals they may show."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis.statistics import MIN_SEEDS
from ablate.report.inputs import Inputs
from ablate.text import number_of

EXPLORATORY = "Exploratory"
MARKED = "(exploratory)"  # after the title of a figure or table
OUTSIDE = (
    "This section is exploratory: it lies outside the primary family of this report, {primary}. Nothing here is tested "
    "for the report as a whole, so it gives hints for another study, not findings. Intervals are descriptive 95 % "
    "intervals of single rows."
)


def outside(inputs: Inputs, more: str = "") -> str:
    """The opening of a section outside the primary family."""
    said = OUTSIDE.format(primary=primary_family(inputs))
    return f"{said} {more}".strip()


def primary_family(inputs: Inputs) -> str:
    """What the primary family holds: "the 9 comparisons with learning rate “find”"."""
    n = len(inputs.primary_effects())
    if not n:
        return "the main effects and two-way interactions of the factorial"
    mode = inputs.modes[0] if inputs.modes else ""
    return f"the {number_of(n, 'comparison')} of the headline" + (f" (learning rate: {mode})" if mode else "")


def without_few(table: pd.DataFrame, measures: Sequence[str], *, n: str = "n") -> pd.DataFrame:
    """The table without the intervals of fewer than six seeds: they would describe hardly more than the t table.

    The interval of a measure is in the columns `measure` + "low" and "high"; also in "low_adjusted", if there.
    """
    is_few = table[n].astype(float) < MIN_SEEDS
    ends = [f"{measure}{end}" for measure in measures for end in ("low", "high", "low_adjusted", "high_adjusted")]
    return table.assign(**{name: table[name].astype(float).mask(is_few) for name in ends if name in table})
