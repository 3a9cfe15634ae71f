"""Arrays into intervals, exact tests, adjusted p-values, verdicts, sample sizes."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, stats

MIN_SEEDS = 6  # with five the exact two-sided p cannot go below 2/2^5 = .0625
MOST_SEEDS = 1000  # where a sample size is cut off: "more than anybody will run"
EXACT_SEEDS = 20  # up to here all 2^n sign flips are enumerated (2^19 sums, 4 MB); above, some are drawn
FLIPS_DRAWN = 100_000  # standard error of a p of .05: .0007
POWER = 0.8  # chance of a decision that a sample size asks for
ROUNDING = 1e-9  # relative; differences nearer than this are equal, scores are multiples of 1e-5 or coarser

Verdict: TypeAlias = Literal[
    "helps", "hurts", "equivalent", "detectable but below margin", "inconclusive", "too few seeds"
]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """Mean of n paired differences, their standard deviation, and Student's interval of the mean, in their unit.

    Where n = 0 all is NaN; where n = 1, `sd` and the ends; where the differences are all equal, the ends are the mean.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int


def paired_interval(differences: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Student's t interval of the mean of `differences`, shape (n_seeds,): variant − reference, one a seed."""
    d = _floats(differences)
    mean, sd = _moments(d)
    if d.size < 2:
        return Interval(mean, sd, math.nan, math.nan, d.size)
    half = float(stats.t.ppf((1 + confidence) / 2, d.size - 1)) * sd / math.sqrt(d.size)
    return Interval(mean, sd, mean - half, mean + half, d.size)


def sign_flip_p(differences: ArrayLike, *, seed: int) -> float:
    """Two-sided p of the mean of paired differences under random signs (Fisher 1935): never below 2 / 2^n.

    All 2^n flips for n ≤ 20; above, `FLIPS_DRAWN` of them by `seed`, with the observed one counted in
    (Phipson & Smyth 2010). NaN where n = 0.
    """
    d = _floats(differences)
    if d.size == 0:
        return math.nan
    reach = abs(float(d.sum())) - ROUNDING * float(np.abs(d).sum())
    if d.size > EXACT_SEEDS:
        rng = np.random.default_rng(seed)
        sums = np.zeros(FLIPS_DRAWN)
        for one in d:  # one seed at a time: memory stays at two arrays however many seeds there are
            sums += one * rng.choice((-1.0, 1.0), FLIPS_DRAWN)
        return float((np.count_nonzero(np.abs(sums) >= reach) + 1) / (FLIPS_DRAWN + 1))
    sums = d[:1]  # the first sign stays: each flip and its mirror image have the same |sum|
    for one in d[1:]:
        sums = np.concatenate((sums + one, sums - one))
    return float(np.mean(np.abs(sums) >= reach))


def holm(p_values: ArrayLike) -> Floats:
    """Holm's adjustment over a family, shape (m,). A NaN stays NaN and yet counts as one of the family."""
    p = _floats(p_values)
    order = np.argsort(np.where(np.isnan(p), 1.0, p), kind="stable")
    steps = np.where(np.isnan(p), 1.0, p)[order] * np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return np.where(np.isnan(p), np.nan, adjusted)


def tost_p(differences: ArrayLike, *, margin: float) -> float:
    """P of two one-sided t tests that the mean lies within ±`margin` (Schuirmann 1987). NaN where n < 2."""
    d = _floats(differences)
    if d.size < 2:
        return math.nan
    mean, sd = _moments(d)
    if sd == 0:
        return 0.0 if abs(mean) < margin else 1.0
    return float(stats.t.sf((margin - abs(mean)) / (sd / math.sqrt(d.size)), d.size - 1))


def standardized_effect(differences: ArrayLike) -> float:
    """d_z: mean / SD of the paired differences, times Hedges' exact J. NaN where n < 3 or all are equal."""
    d = _floats(differences)
    mean, sd = _moments(d)
    if d.size < 3 or sd == 0:
        return math.nan
    half = (d.size - 1) / 2
    j = math.exp(math.lgamma(half) - math.lgamma(half - 0.5)) / math.sqrt(half)
    return j * mean / sd


def probability_better(differences: ArrayLike) -> float:
    """P(variant > reference): the share of seeds in which the variant is ahead, ties half. NaN where n = 0."""
    d = _floats(differences)
    return float(np.mean(d > 0) + np.mean(d == 0) / 2) if d.size else math.nan


def binomial_error(accuracy: float, *, n: int) -> float:
    """Standard error of an accuracy (a fraction) that was counted on `n` examples."""
    return math.sqrt(accuracy * (1 - accuracy) / n)


def verdict(
    interval: Interval, *, simultaneous: Interval, p_adjusted: float, p_tost: float, margin: float, alpha: float = 0.05
) -> Verdict:
    """What may be said of a contrast.

    Too few seeds below `MIN_SEEDS`. Significant means that the interval simultaneous over the family excludes 0, and
    that the adjusted exact p is at most `alpha`; it helps or hurts if |mean| is above `margin` too. What is not
    significant is equivalent where TOST rejects at `alpha`, and inconclusive otherwise: never "no effect".
    """
    if interval.n < MIN_SEEDS:
        return "too few seeds"
    if (simultaneous.low > 0 or simultaneous.high < 0) and p_adjusted <= alpha:
        if abs(interval.mean) <= margin:
            return "detectable but below margin"
        return "helps" if interval.mean > 0 else "hurts"
    return "equivalent" if p_tost <= alpha else "inconclusive"


def least_seeds(contrasts: int, *, alpha: float = 0.05) -> int:
    """The fewest seeds with which the smallest exact p of a family can reach `alpha` after Holm: ⌈log2(2m/alpha)⌉."""
    return max(MIN_SEEDS, math.ceil(math.log2(2 * max(contrasts, 1) / alpha)))


def seeds_needed(interval: Interval, *, contrasts: int, margin: float, alpha: float = 0.05) -> int:
    """About how many seeds would decide a contrast, if its observed mean and SD are the true ones; at most 1000.

    The smaller of two counts (with power 80 %, t quantiles of n − 1 degrees of freedom):
    to tell it from 0, (t[1 − alpha/2m] + t[.8])·SD/√n ≤ |mean|, and at least `least_seeds`;
    to call it equivalent, where |mean| < margin, (t[1 − alpha] + t[.9])·SD/√n ≤ margin − |mean|.
    `least_seeds` where n < 2, as the SD is not known.
    """
    least = least_seeds(contrasts, alpha=alpha)
    if interval.n < 2:
        return least
    size = abs(interval.mean)
    tell = _first_count(interval.sd, size, tails=(alpha / (2 * max(contrasts, 1)), 1 - POWER))
    same = _first_count(interval.sd, margin - size, tails=(alpha, (1 - POWER) / 2))
    return min(max(tell, least), max(same, MIN_SEEDS), MOST_SEEDS)


def expected_normal_maximum(k: int, *, rank: int = 1) -> float:
    """Expected value of the `rank`-th largest of `k` standard normals: optimism of the best of k trials, in SDs."""
    log_count = math.lgamma(k + 1) - math.lgamma(rank) - math.lgamma(k - rank + 1)

    def integrand(x: float) -> float:
        log_density = stats.norm.logpdf(x) + (k - rank) * stats.norm.logcdf(x) + (rank - 1) * stats.norm.logsf(x)
        return x * math.exp(log_count + float(log_density))

    return float(integrate.quad(integrand, -9, 9, points=(-3, 0, 3))[0])


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _moments(d: Floats) -> tuple[float, float]:
    """Mean and SD; the SD is exactly 0 where the differences are equal but for rounding."""
    mean = float(d.mean()) if d.size else math.nan
    if d.size < 2:
        return mean, math.nan
    equal = np.ptp(d) <= ROUNDING * np.abs(d).max()
    return mean, 0.0 if equal else float(d.std(ddof=1))


def _first_count(sd: float, target: float, *, tails: tuple[float, float]) -> int:
    """The smallest n from 2 to `MOST_SEEDS` at which both quantiles, times SD/√n, fit into `target`."""
    if target <= 0:
        return MOST_SEEDS
    n = np.arange(2, MOST_SEEDS + 1)
    width = (stats.t.isf(tails[0], n - 1) + stats.t.isf(tails[1], n - 1)) * sd / np.sqrt(n)
    enough = np.flatnonzero(width <= target)
    return int(n[enough[0]]) if enough.size else MOST_SEEDS
