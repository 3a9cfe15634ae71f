"""Say how well a pilot's seeds know the SD of the paired differences, for plans of further seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
CORRELATION = 0.5  # of two differences from one reference, whose noise is in both, if all runs are equally noisy
MEDIAN_COST = math.pi / 2  # variance of a median, by that of a mean


@dataclass(frozen=True, slots=True)
class PilotSd:
    """The SD of a typical comparison's paired differences so far, with its confidence limits."""

    sd: float  # the median over the comparisons; NaN if none has two seeds
    low: float
    high: float
    contrasts: int  # comparisons that it rests on
    seeds: int  # of the typical comparison
    freedom: float  # degrees of freedom of the limits


def pilot_sd(sds: Sequence[float], seeds: Sequence[int], *, confidence: float = CONFIDENCE) -> PilotSd:
    """The median of the comparisons' SDs, each of so many seeds, with limits from chi-square.

    The limits take all comparisons together. They share their reference, so the squares of their SDs correlate by
    `CORRELATION`²: however many comparisons there are, n seeds give at most 4·(n − 1) degrees of freedom, and a median
    somewhat fewer than a mean. Exact for a single comparison; comparisons with an SD of 0 or none do not count.
    """
    known = [(sd, n) for sd, n in zip(sds, seeds, strict=True) if sd > 0 and n > 1]
    if not known:
        return PilotSd(math.nan, math.nan, math.nan, 0, 0, math.nan)
    m, n = len(known), int(np.median([n for _, n in known]))
    shared, cost = CORRELATION**2, MEDIAN_COST if m > 2 else 1.0
    freedom = (n - 1) / (shared + (1 - shared) * cost / m) if m > 1 else n - 1.0
    sd = float(np.median([sd for sd, _ in known]))
    # The median of squares lies below their mean, which the limits are for: by 13 % with 5 degrees of freedom.
    mean = sd / math.sqrt(stats.chi2.median(n - 1) / (n - 1)) if m > 2 else sd
    tails = (1 - confidence) / 2
    low, high = (mean * math.sqrt(freedom / stats.chi2.isf(tail, freedom)) for tail in (tails, 1 - tails))
    return PilotSd(sd, low, high, m, n, freedom)
