"""Compare how often the runs of each variant and of its reference failed: an outcome of its own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ablate.analysis import statistics
from ablate.analysis.effects.metric import COUNTED_AT_CHANCE

if TYPE_CHECKING:
    import pandas as pd

FAILURE_COLUMNS = (
    "n_runs", "n_lost", "reference_runs", "reference_lost", "failure_low", "failure_high", "p_failure",
    "p_failure_adjusted", "failures",
)  # fmt: skip
MORE, FEWER = "more", "fewer"  # words of the column `failures`; "" if the test does not tell the rates apart


@dataclass(frozen=True, slots=True)
class RunStates:
    """The states of a variant's runs and its reference's; of one seed at each place if they are paired."""

    variant: "pd.Series[str]"
    reference: "pd.Series[str]"
    is_paired: bool = True
    share: float = 1.0  # of alpha, for a comparison that is judged at several looks


def failure_rows(contrasts: Sequence[RunStates], *, alpha: float) -> list[dict[str, object]]:
    """The columns `FAILURE_COLUMNS` of each comparison of a family.

    `p_failure` is an exact test of equal failure rates, McNemar's over the seeds or Fisher's without shared seeds, NaN
    below six runs; Holm adjusts it over the family. `failure_low` and `failure_high` bound the variant's own rate.
    """
    lost = [(_is_lost(one.variant), _is_lost(one.reference)) for one in contrasts]
    p_values = [_p(one, *both) for one, both in zip(contrasts, lost, strict=True)]
    adjusted = statistics.holm(p_values)
    return [
        _row(mine, theirs, p=p, adjusted=float(of_family), alpha=alpha)
        for (mine, theirs), p, of_family in zip(lost, p_values, adjusted, strict=True)
    ]


def _is_lost(states: "pd.Series[str]") -> "pd.Series[bool]":
    return states.isin(COUNTED_AT_CHANCE).reset_index(drop=True)


def _p(contrast: RunStates, mine: "pd.Series[bool]", theirs: "pd.Series[bool]") -> float:
    if min(len(mine), len(theirs)) < statistics.MIN_SEEDS:
        return math.nan
    if contrast.is_paired:
        p = statistics.paired_failure_p(int((mine & ~theirs).sum()), int((theirs & ~mine).sum()))
    else:
        p = statistics.unpaired_failure_p(int(mine.sum()), len(mine), int(theirs.sum()), len(theirs))
    return min(p / contrast.share, 1.0)


def _row(
    mine: "pd.Series[bool]", theirs: "pd.Series[bool]", *, p: float, adjusted: float, alpha: float
) -> dict[str, object]:
    low, high = statistics.failure_interval(int(mine.sum()), len(mine))
    word = "" if not adjusted <= alpha else MORE if np.mean(mine) > np.mean(theirs) else FEWER
    found = (len(mine), int(mine.sum()), len(theirs), int(theirs.sum()), low, high, p, adjusted, word)
    return dict(zip(FAILURE_COLUMNS, found, strict=True))
