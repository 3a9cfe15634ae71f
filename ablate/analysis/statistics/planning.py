"""Plan numbers of seeds: the smallest detectable effect, the seeds that an effect needs, and interim looks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from ablate.analysis.statistics.paired import Floats, Interval

MIN_SEEDS = 6  # with five seeds the exact two-sided p cannot go below 2/2^5 = .0625
MOST_SEEDS = 1000  # upper limit of a sample size: "more than anybody will run"
POWER = 0.8  # probability of a decision for which sample sizes are computed
# A verdict asks more than the t test: the exact p, coarse with few seeds, and an interval that allows for skewness. So
# an effect must be larger by this over n; within .08 of the simulated sizes at 6 to 14 seeds and 1 to 20 comparisons.
COST = 2.0


def least_seeds(*, alpha: float = 0.05) -> int:
    """The fewest seeds with which the smallest adjusted exact p can reach `alpha`.

    With max-T 1 + ⌈log2(1/alpha)⌉ for any number of comparisons: the smallest p is that of a single comparison,
    2^(1−n). That p *can* reach it does not make it likely: for what a family can detect, see
    `minimum_detectable_effect`.
    """
    return max(MIN_SEEDS, math.ceil(math.log2(2 / alpha)))


@lru_cache(maxsize=1024)
def minimum_detectable_effect(n: int, *, contrasts: int = 1, alpha: float = 0.05) -> float:
    """The smallest true mean, in SDs of the paired differences, that n seeds detect with a power of `POWER`.

    That of the two-sided t test at alpha / contrasts, the level of the simultaneous intervals (noncentral t), so 1.43
    for 6 seeds and one comparison and 2.86 for twenty, times 1 + `COST` / n for what a verdict asks beyond it: so
    1.91 and 3.82. NaN below two seeds.
    """
    if n < 2:
        return math.nan
    high = 1.0
    while _power(n, high, contrasts=contrasts, alpha=alpha) < POWER:
        high *= 2
    found = optimize.brentq(lambda effect: _power(n, effect, contrasts=contrasts, alpha=alpha) - POWER, 0.0, high)
    return float(found) * (1 + COST / n)


def seeds_for(effect: float, *, contrasts: int = 1, alpha: float = 0.05) -> int:
    """The fewest seeds that detect an `effect`, in SDs of the paired differences; from 6 to `MOST_SEEDS`.

    The inverse of `minimum_detectable_effect`, with the minimum of the exact test.
    """
    low, high = least_seeds(alpha=alpha), MOST_SEEDS
    while low < high:
        n = (low + high) // 2
        if _power(n, abs(effect) / (1 + COST / n), contrasts=contrasts, alpha=alpha) >= POWER:
            high = n
        else:
            low = n + 1
    return low


def seeds_needed(interval: Interval, *, contrasts: int, margin: float, alpha: float = 0.05) -> float:
    """About how many seeds would decide a comparison, if its observed mean and SD are the true ones; at most 1000.

    The smaller of two counts, both with power 80 %: to distinguish it from 0, by `seeds_for`; to put it within the
    margin, by `seeds_to_bound`. A whole number; NaN if n < 2, as the SD is not known.
    """
    if interval.n < 2:
        return math.nan
    size = abs(interval.mean)
    effect = size / interval.sd if interval.sd > 0 else math.inf * size if size > 0 else 0.0
    tell = seeds_for(effect, contrasts=contrasts, alpha=alpha)
    return min(tell, seeds_to_bound(interval, contrasts=contrasts, margin=margin, alpha=alpha))


def seeds_to_bound(interval: Interval, *, contrasts: int, margin: float, alpha: float = 0.05) -> float:
    """About how many seeds would put the simultaneous interval within ±`margin`, with power 80 %; at most 1000.

    If |mean| < margin, (t[1 − alpha / (2·contrasts)] + t[.9])·SD/√n ≤ margin − |mean|. A whole number; NaN if n < 2.
    """
    if interval.n < 2:
        return math.nan
    return max(_bounding_count(interval.sd, margin - abs(interval.mean), alpha=alpha / max(contrasts, 1)), MIN_SEEDS)


def _power(n: int, effect: float, *, contrasts: int, alpha: float) -> float:
    """Power of a two-sided t test of n differences at alpha / contrasts, the mean being `effect` SDs."""
    if math.isinf(effect):
        return 1.0
    reach, shift = float(stats.t.isf(alpha / (2 * max(contrasts, 1)), n - 1)), effect * math.sqrt(n)
    wrong_side = float(stats.nct.cdf(-reach, n - 1, shift))  # NaN in the far tail, below 1e-8
    return float(stats.nct.sf(reach, n - 1, shift)) + (0.0 if math.isnan(wrong_side) else wrong_side)


def _bounding_count(sd: float, room: float, *, alpha: float) -> int:
    """The smallest n from 2 to `MOST_SEEDS` at which half an interval at 1 − alpha usually fits into `room`."""
    if room <= 0:
        return MOST_SEEDS
    n = np.arange(2, MOST_SEEDS + 1)
    width = (stats.t.isf(alpha / 2, n - 1) + stats.t.isf((1 - POWER) / 2, n - 1)) * sd / np.sqrt(n)
    enough = np.flatnonzero(width <= room)
    return int(n[enough[0]]) if enough.size else MOST_SEEDS


@dataclass(frozen=True, slots=True)
class Looks:
    """When an undecided comparison is examined, and the level spent then. The levels of a whole plan sum to alpha."""

    seeds: tuple[int, ...]  # seeds of each comparison at each look, increasing
    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip((0, *self.seeds), self.seeds, strict=False))
        if not self.seeds or len(self.seeds) != len(self.levels) or not rising:
            raise ValueError(f"looks: need increasing numbers of seeds and a level for each, got {self}")

    def up_to(self, look: int) -> "Looks":
        """The first `look` looks as planned: the information available before the later looks."""
        return Looks(self.seeds[:look], self.levels[:look])


def level_of(earlier: int, *, share: float = 1.0, alpha: float = 0.05) -> float:
    """The level of a family of which some comparison was judged `earlier` times before, in earlier preregistrations.

    alpha / 4^earlier: all levels together stay below 4/3 alpha, even if each preregistration had scores of its own;
    those that share scores err together. `share`: of the comparisons judged so far, those that are judged again on
    scores that were read, since they may be the best ones. Measured for 5 comparisons of which the best is judged
    again at 12 and 14 seeds after 10: some false claim in 7.0 % of null studies without `share`, in 4.9 % with it, and
    in 24 % if each is judged at 5 %.
    """
    return alpha * share / 4.0**earlier


def looks(first: int, most: int, count: int, *, alpha: float = 0.05) -> tuple[int, ...]:
    """Seeds at each of at most `count` looks, evenly spaced from `first` to `most`.

    `first` is raised until an exact p, never below 2^(1−n), can reach the level of the first look: earlier looks
    cost level but decide nothing. So looks(6, 20, 3) is (7, 14, 20). A single look at `most` if that is below.
    """
    start = max(first, MIN_SEEDS)
    while start < most and 2.0 ** (1 - start) > alpha * _share_spent(start / most):
        start += 1
    if start >= most or count < 2:
        return (most,)
    steps = range(count)
    return tuple(sorted({math.ceil(start + (most - start) * step / (count - 1)) for step in steps}))


def spend(seeds: Sequence[int], *, alpha: float = 0.05) -> Looks:
    """Looks at these numbers of seeds; each may spend the increment of the Pocock-type function of Lan & DeMets (1983).

    alpha·ln(1 + (e − 1)·t) of the share t of the seeds. The O'Brien–Fleming type would leave a look at 7 of 20 seeds
    .0009, but the exact p with 7 seeds is never below .0156: the early looks, for which seeds are added look by
    look, could decide nothing. This function leaves it .024, and the last of the looks at 7, 14 and 20 seeds .011.
    """
    spent = [alpha * _share_spent(n / seeds[-1]) for n in seeds]
    return Looks(tuple(seeds), tuple(b - a for a, b in zip((0.0, *spent), spent, strict=False)))


def first_seeds(differences: Floats, n: int | NDArray[np.int_]) -> Floats:
    """The first `n` values of each column, or of all columns, (n_seeds, m); the others become NaN."""
    is_early = np.cumsum(~np.isnan(differences), axis=0) <= n
    return np.where(is_early, differences, math.nan)


def _share_spent(share: float) -> float:
    """Fraction of the level spent when this fraction of the seeds is available."""
    return math.log(1 + (math.e - 1) * share)


def detection_power(n: int, effect: float, *, contrasts: int = 1, alpha: float = 0.05) -> float:
    """The probability that n seeds detect a true mean of `effect` SDs of the paired differences.

    As `minimum_detectable_effect`: of the two-sided t test at alpha / contrasts, and of what a verdict asks beyond it.
    """
    return _power(n, abs(effect) / (1 + COST / n), contrasts=contrasts, alpha=alpha)
