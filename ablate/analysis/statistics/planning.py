"""Numbers of seeds into the smallest effect that they can show, and effects into the seeds that they need."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from ablate.analysis.statistics.paired import Floats, Interval

MIN_SEEDS = 6  # with five the exact two-sided p cannot go below 2/2^5 = .0625
MOST_SEEDS = 1000  # where a sample size is cut off: "more than anybody will run"
POWER = 0.8  # chance of a decision that a sample size asks for


def least_seeds(*, alpha: float = 0.05) -> int:
    """The fewest seeds with which the smallest adjusted exact p can reach `alpha`.

    With max-T 1 + ⌈log2(1/alpha)⌉ for any number of contrasts: the smallest p is that of one contrast, 2^(1−n).
    That p *can* get there does not make it likely: what a family can show is told by `minimum_detectable_effect`.
    """
    return max(MIN_SEEDS, math.ceil(math.log2(2 / alpha)))


@lru_cache(maxsize=1024)
def minimum_detectable_effect(n: int, *, contrasts: int = 1, alpha: float = 0.05) -> float:
    """The smallest true mean, in SDs of the paired differences, that n seeds tell from 0 with a power of `POWER`.

    Exact for the two-sided t test at alpha / contrasts, which is what the simultaneous intervals ask (noncentral t);
    so 1.43 for 6 seeds and one contrast, 2.86 for twenty. NaN below two seeds.
    """
    if n < 2:
        return math.nan
    high = 1.0
    while _power(n, high, contrasts=contrasts, alpha=alpha) < POWER:
        high *= 2
    return float(optimize.brentq(lambda effect: _power(n, effect, contrasts=contrasts, alpha=alpha) - POWER, 0.0, high))


def seeds_for(effect: float, *, contrasts: int = 1, alpha: float = 0.05) -> int:
    """The fewest seeds that tell an `effect`, in SDs of the paired differences, from 0; from 6 to `MOST_SEEDS`.

    The inverse of `minimum_detectable_effect`, with the least that the exact test needs.
    """
    low, high = least_seeds(alpha=alpha), MOST_SEEDS
    while low < high:
        n = (low + high) // 2
        if _power(n, abs(effect), contrasts=contrasts, alpha=alpha) >= POWER:
            high = n
        else:
            low = n + 1
    return low


def seeds_needed(interval: Interval, *, contrasts: int, margin: float, alpha: float = 0.05) -> int:
    """About how many seeds would decide a contrast, if its observed mean and SD are the true ones; at most 1000.

    The smaller of two counts, both with power 80 %: to tell it from 0, as `seeds_for` has it; to call it equivalent,
    where |mean| < margin, (t[1 − alpha] + t[.9])·SD/√n ≤ margin − |mean|. `MIN_SEEDS` where n < 2, as the SD is not
    known.
    """
    if interval.n < 2:
        return MIN_SEEDS
    size = abs(interval.mean)
    effect = size / interval.sd if interval.sd > 0 else math.inf * size if size > 0 else 0.0
    tell = seeds_for(effect, contrasts=contrasts, alpha=alpha)
    same = _equivalence_count(interval.sd, margin - size, alpha=alpha)
    return min(tell, max(same, MIN_SEEDS), MOST_SEEDS)


def _power(n: int, effect: float, *, contrasts: int, alpha: float) -> float:
    """Chance that a two-sided t test of n differences at alpha / contrasts rejects, the mean being `effect` SDs."""
    if math.isinf(effect):
        return 1.0
    reach, shift = float(stats.t.isf(alpha / (2 * max(contrasts, 1)), n - 1)), effect * math.sqrt(n)
    wrong_side = float(stats.nct.cdf(-reach, n - 1, shift))  # NaN far out, where it is below 1e-8
    return float(stats.nct.sf(reach, n - 1, shift)) + (0.0 if math.isnan(wrong_side) else wrong_side)


def _equivalence_count(sd: float, room: float, *, alpha: float) -> int:
    """The smallest n from 2 to `MOST_SEEDS` at which two one-sided tests, times SD/√n, fit into `room`."""
    if room <= 0:
        return MOST_SEEDS
    n = np.arange(2, MOST_SEEDS + 1)
    width = (stats.t.isf(alpha, n - 1) + stats.t.isf((1 - POWER) / 2, n - 1)) * sd / np.sqrt(n)
    enough = np.flatnonzero(width <= room)
    return int(n[enough[0]]) if enough.size else MOST_SEEDS


@dataclass(frozen=True, slots=True)
class Looks:
    """When an undecided contrast is looked at, and the level spent there. The levels of a whole plan sum to alpha."""

    seeds: tuple[int, ...]  # of each contrast at each look, increasing
    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip((0, *self.seeds), self.seeds, strict=False))
        if not self.seeds or len(self.seeds) != len(self.levels) or not rising:
            raise ValueError(f"looks: need increasing numbers of seeds and a level for each, got {self}")

    def up_to(self, look: int) -> "Looks":
        """The first `look` of them, as they were planned: what is known when the later ones have not come."""
        return Looks(self.seeds[:look], self.levels[:look])


def looks(first: int, most: int, count: int, *, alpha: float = 0.05) -> tuple[int, ...]:
    """Seeds at each of at most `count` looks, evenly spaced from `first` to `most`.

    `first` is raised until an exact p, never below 2^(1−n), can reach what the first look may spend: before, looking
    costs level and can decide nothing. So looks(6, 20, 3) is (7, 14, 20). A single look at `most` where that is below.
    """
    start = max(first, MIN_SEEDS)
    while start < most and 2.0 ** (1 - start) > alpha * _share_spent(start / most):
        start += 1
    if start >= most or count < 2:
        return (most,)
    steps = range(count)
    return tuple(sorted({math.ceil(start + (most - start) * step / (count - 1)) for step in steps}))


def spend(seeds: Sequence[int], *, alpha: float = 0.05) -> Looks:
    """Looks at these numbers of seeds; each may spend what the Pocock-type function of Lan & DeMets (1983) adds.

    alpha·ln(1 + (e − 1)·t) of the share t of the seeds. The O'Brien–Fleming type would leave a look at 7 of 20 seeds
    .0009, where the exact p with 7 seeds is never below .0156: the early looks, for which seeds are added one look at
    a time, could decide nothing. This one leaves it .024, and the last of the looks at
    7, 14 and 20 seeds .011.
    """
    spent = [alpha * _share_spent(n / seeds[-1]) for n in seeds]
    return Looks(tuple(seeds), tuple(b - a for a, b in zip((0.0, *spent), spent, strict=False)))


def first_seeds(differences: Floats, n: int | NDArray[np.int_]) -> Floats:
    """The first `n` values, of all columns or of each, that a column has, (n_seeds, m); NaN in place of the others."""
    is_early = np.cumsum(~np.isnan(differences), axis=0) <= n
    return np.where(is_early, differences, math.nan)


def _share_spent(share: float) -> float:
    """Of the level, by the time that this share of the seeds is there."""
    return math.log(1 + (math.e - 1) * share)
