"""A largest number of seeds into looks, and a level into what each look may spend of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ablate.analysis.statistics.paired import Floats
from ablate.analysis.statistics.planning import MIN_SEEDS


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
