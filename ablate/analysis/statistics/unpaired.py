"""Compare two samples that share no seeds: Welch's interval, and an exact permutation test of Welch's t.

Student's t and a permutation of plain means mislead if the noisier sample is the smaller one; permuting the studentized
difference does not, up to terms that vanish with the sample sizes (Janssen 1997).
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ablate.analysis.statistics.families import FLIPS_DRAWN
from ablate.analysis.statistics.paired import ROUNDING, Floats, Interval, to_floats
from ablate.analysis.statistics.planning import MIN_SEEDS
from ablate.analysis.statistics.skewness import OF_FAMILY, skewness, widened


def welch_interval(variant: ArrayLike, reference: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Welch's interval of mean(variant) − mean(reference).

    `n` is the size of the smaller sample, and `sd` its √n times the standard error: that of the paired differences if
    seeds were shared and of no help. NaN ends below two runs on a side.
    """
    x, y = to_floats(variant), to_floats(reference)
    n = min(x.size, y.size)
    mean = float(x.mean() - y.mean()) if n else math.nan
    if n < 2:
        return Interval(mean, math.nan, math.nan, math.nan, n)
    error = _error(x, y)
    half = error * _reach(x, y, (1 + confidence) / 2)
    return Interval(mean, error * math.sqrt(n), mean - half, mean + half, n)


def independent_difference(variant: Interval, reference: Interval, *, confidence: float = 0.95) -> Interval:
    """Welch's interval of the difference of two means that no run shares, from their SDs and numbers of values.

    `sd` and `n` are as those of `welch_interval`. NaN ends below two values on a side.
    """
    n, mean = min(variant.n, reference.n), variant.mean - reference.mean
    if n < 2:
        return Interval(mean, math.nan, math.nan, math.nan, n)
    parts = [one.sd**2 / one.n for one in (variant, reference)]
    error = math.sqrt(sum(parts))
    spent = sum(part**2 / (one.n - 1) for part, one in zip(parts, (variant, reference), strict=True))
    freedom = sum(parts) ** 2 / spent if spent > 0 else 1.0
    half = error * float(stats.t.ppf((1 + confidence) / 2, freedom))
    return Interval(mean, error * math.sqrt(n), mean - half, mean + half, n)


def skewed_welch_interval(variant: ArrayLike, reference: ArrayLike, *, confidence: float) -> Interval:
    """Welch's interval, widened for the skewness of the samples, see `ablate.analysis.statistics.skewness`."""
    x, y = to_floats(variant), to_floats(reference)
    plain = welch_interval(x, y, confidence=confidence)
    error = plain.sd / math.sqrt(plain.n) if plain.n else math.nan
    if plain.n < MIN_SEEDS or error == 0:
        return plain
    thirds = [skewness(sample) * float(sample.std(ddof=1)) ** 3 / sample.size**2 for sample in (x, y)]
    skew = OF_FAMILY * (thirds[0] - thirds[1]) / error**3
    reach = _reach(x, y, (1 + confidence) / 2)
    return Interval(plain.mean, plain.sd, *widened((plain.low, plain.high), error, reach=reach, skews=(skew,)), plain.n)


def permutation_p(variant: ArrayLike, reference: ArrayLike, *, seed: int) -> float:
    """Two-sided p of |Welch's t| over the ways to divide the runs into two samples of these sizes.

    All of them if they are at most `FLIPS_DRAWN`, so up to nine runs a side; as many random ones by `seed` above. NaN
    below six runs on a side.
    """
    x, y = to_floats(variant), to_floats(reference)
    if min(x.size, y.size) < MIN_SEEDS:
        return math.nan
    found = stats.permutation_test(
        (x, y), _statistic, permutation_type="independent", vectorized=True, n_resamples=FLIPS_DRAWN, batch=10_000,
        alternative="greater", rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.pvalue)


def welch_tost_p(variant: ArrayLike, reference: ArrayLike, *, margin: float) -> float:
    """P of two one-sided Welch tests that the difference of the means lies within ±`margin`. NaN below two runs."""
    x, y = to_floats(variant), to_floats(reference)
    if min(x.size, y.size) < 2:
        return math.nan
    room = margin - abs(float(x.mean() - y.mean()))
    error = _error(x, y)
    return float(stats.t.sf(room / error, _freedom(x, y))) if error > 0 else float(room <= 0)


def superiority(variant: ArrayLike, reference: ArrayLike) -> float:
    """P(variant > reference): the share of pairs of runs in which the variant is ahead, ties half. NaN if none."""
    x, y = to_floats(variant), to_floats(reference)
    gaps = x[:, None] - y[None, :]
    return float(np.mean(gaps > 0) + np.mean(gaps == 0) / 2) if gaps.size else math.nan


def _statistic(x: Floats, y: Floats, axis: int) -> Floats:
    """|Welch's t|; the gap itself, enlarged, where neither sample varies."""
    gap = np.abs(x.mean(axis=axis) - y.mean(axis=axis))
    error = np.sqrt(x.var(axis=axis, ddof=1) / x.shape[axis] + y.var(axis=axis, ddof=1) / y.shape[axis])
    return to_floats(gap / np.maximum(error, ROUNDING * (gap + np.finfo(float).tiny)))


def _error(x: Floats, y: Floats) -> float:
    variances = [0.0 if np.ptp(one) <= ROUNDING * np.abs(one).max() else float(one.var(ddof=1)) for one in (x, y)]
    return math.sqrt(variances[0] / x.size + variances[1] / y.size)


def _freedom(x: Floats, y: Floats) -> float:
    """Degrees of freedom by Welch and Satterthwaite."""
    parts = [float(one.var(ddof=1)) / one.size for one in (x, y)]
    return sum(parts) ** 2 / (parts[0] ** 2 / (x.size - 1) + parts[1] ** 2 / (y.size - 1)) if sum(parts) > 0 else 1.0


def _reach(x: Floats, y: Floats, level: float) -> float:
    return float(stats.t.ppf(level, _freedom(x, y)))
