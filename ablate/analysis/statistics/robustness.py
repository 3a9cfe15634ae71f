"""Look at paired differences in other ways: by ranks, by resampling, by wins, and by a posterior of the mean."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ablate.analysis.statistics.paired import ROUNDING, Floats, paired_interval, probability_better, to_floats
from ablate.analysis.statistics.planning import MIN_SEEDS

LEAST_RESAMPLED = 10  # differences; bootstrap intervals of fewer are too narrow
RESAMPLES = 5000


@dataclass(frozen=True, slots=True)
class Robustness:
    """Numbers beside a verdict, which does not rest on them; NaN below six differences."""

    wilcoxon_p: float  # signed ranks, two-sided
    bootstrap_low: float  # 95 %, bias-corrected and accelerated; NaN below `LEAST_RESAMPLED` differences
    bootstrap_high: float
    better_low: float  # 95 %, Wilson's, of P(variant > reference), ties half
    better_high: float
    p_worse: float  # posterior probability that the true mean is below −margin
    p_within: float
    p_above: float


def robustness(differences: ArrayLike, *, margin: float, seed: int, overlap: float = 0.0) -> Robustness:
    """The numbers for `differences`, shape (n_seeds,); `seed` draws the resamples, `overlap` is of folds.

    The posterior is Student's t about the mean, from the prior 1/SD, with the variance of `paired_interval`; with
    `overlap` it is the Bayesian correlated t test (Benavoli et al. 2017). The margin is the region of practical
    equivalence.
    """
    d = to_floats(differences)
    if d.size < MIN_SEEDS:
        return Robustness(*[math.nan] * 8)
    return Robustness(
        _wilcoxon(d), *_bootstrap(d, seed=seed), *_wilson(probability_better(d), n=d.size),
        *_posterior(d, margin=margin, overlap=overlap),
    )  # fmt: skip


def _wilcoxon(d: Floats) -> float:
    """Zeros are dropped; exact without ties, else by normal approximation."""
    moved = d[d != 0]
    if not moved.size:
        return 1.0
    has_ties = np.unique(np.abs(moved)).size < moved.size
    found = stats.wilcoxon(moved, method="approx" if has_ties or moved.size > 50 else "exact", correction=has_ties)
    return float(found.pvalue)


def _bootstrap(d: Floats, *, seed: int) -> tuple[float, float]:
    if d.size < LEAST_RESAMPLED:
        return math.nan, math.nan
    if np.ptp(d) <= ROUNDING * np.abs(d).max():
        return float(d.mean()), float(d.mean())
    ends = stats.bootstrap(
        (d,), np.mean, n_resamples=RESAMPLES, method="BCa", rng=np.random.default_rng(seed)
    ).confidence_interval  # fmt: skip
    return float(ends.low), float(ends.high)


def _wilson(share: float, *, n: int) -> tuple[float, float]:
    z = float(stats.norm.ppf(0.975))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - half, middle + half


def _posterior(d: Floats, *, margin: float, overlap: float) -> tuple[float, float, float]:
    found = paired_interval(d)
    if found.sd == 0:
        return float(found.mean < -margin), float(abs(found.mean) <= margin), float(found.mean > margin)
    scale = found.sd * math.sqrt(1 / found.n + overlap)
    worse = float(stats.t.cdf((-margin - found.mean) / scale, found.n - 1))
    above = float(stats.t.sf((margin - found.mean) / scale, found.n - 1))
    return worse, max(1 - worse - above, 0.0), above
