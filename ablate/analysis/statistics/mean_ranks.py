"""Rank configurations on each data set and compare their mean ranks: Friedman's test, Nemenyi's critical difference.

Ranks need no common scale of the scores. Source: Demšar, Statistical comparisons of classifiers over multiple data
sets, JMLR 7, 2006.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ablate.analysis.statistics.paired import ROUNDING, Floats, to_floats

LEAST_RANKED = 3  # configurations: two are compared by their difference


@dataclass(frozen=True, slots=True)
class MeanRanks:
    """The mean rank of each configuration over the data sets, 1 being the best."""

    ranks: Floats  # (m,)
    n: int  # data sets
    chi2: float  # Friedman's statistic, without a correction for ties, which makes it no larger
    f: float  # of Iman and Davenport
    p: float
    critical_difference: float  # mean ranks that are further apart differ (Nemenyi)


def mean_ranks(scores: ArrayLike, *, alpha: float = 0.05) -> MeanRanks:
    """Rank the m configurations by their scores, (n data sets, m), higher is better; equal scores share their ranks.

    Raises `ValueError` for fewer than three configurations or two data sets.
    """
    table = to_floats(scores)
    n, m = table.shape
    if m < LEAST_RANKED or n < 2:
        raise ValueError(f"mean ranks: need {LEAST_RANKED} configurations and 2 data sets, got {m} and {n}")
    ranks = np.array([stats.rankdata(-_rounded(row)) for row in table]).mean(axis=0)
    chi2 = 12 * n / (m * (m + 1)) * (float(np.sum(ranks**2)) - m * (m + 1) ** 2 / 4)
    left = n * (m - 1) - chi2
    f = (n - 1) * chi2 / left if left > ROUNDING * n else math.inf
    p = float(stats.f.sf(f, m - 1, (m - 1) * (n - 1)))
    q = float(stats.studentized_range.ppf(1 - alpha, m, np.inf)) / math.sqrt(2)
    return MeanRanks(ranks, n, chi2, f, p, q * math.sqrt(m * (m + 1) / (6 * n)))


def indistinct(ranks: Floats, critical_difference: float) -> list[tuple[int, int]]:
    """The longest runs (first, last) of the sorted `ranks` within the critical difference, of two or more."""
    groups: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + critical_difference, side="right")) - 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return groups


def _rounded(row: Floats) -> Floats:
    """Scores that are equal but for rounding as equal ones."""
    step = ROUNDING * float(np.abs(row).max())
    return np.round(row / step) if step > 0 else row
