"""Work out what more or fewer seeds could detect, at the SD of a pilot and at its upper confidence limit."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ablate.analysis.statistics import least_seeds, minimum_detectable_effect
from ablate.analysis.statistics.pilot import PilotSd
from ablate.analysis.statistics.planning import detection_power

PLANNED = (6, 8, 10, 14, 20)  # numbers of seeds worth comparing


@dataclass(frozen=True, slots=True)
class SeedPower:
    """What a number of seeds could detect with a power of 80 %, all comparisons at once."""

    n: int
    effect: float  # in SDs of the paired differences; NaN below `least_seeds`, where there is no test
    typical: float  # in the metric's unit in the file, at the pilot's SD; NaN without a pilot
    cautious: float  # the same at the SD's upper limit
    of_margin: tuple[float, float]  # power for a difference of the margin, at the SD's upper limit and at the SD

    @property
    def is_tested(self) -> bool:
        """Whether that many seeds allow a test."""
        return math.isfinite(self.effect)


def seed_powers(
    n_seeds: Iterable[int], *, contrasts: int, pilot: PilotSd, margin: float, alpha: float = 0.05, overlap: float = 0.0
) -> Sequence[SeedPower]:
    """One row for each number of seeds, of the study and of `PLANNED`, ascending.

    `overlap` is that of folds, see `paired_interval`: the variance of a mean falls to SD² times it, never to 0.
    """
    return [_power(n, max(contrasts, 1), pilot, margin, alpha, overlap) for n in sorted({*n_seeds, *PLANNED})]


def _power(n: int, contrasts: int, pilot: PilotSd, margin: float, alpha: float, overlap: float) -> SeedPower:
    if n < least_seeds(alpha=alpha):
        return SeedPower(n, math.nan, math.nan, math.nan, (math.nan, math.nan))
    wider = math.sqrt(1 + n * overlap)
    effect = minimum_detectable_effect(n, contrasts=contrasts, alpha=alpha) * wider
    at_high, at_sd = (
        detection_power(n, margin / sd, contrasts=contrasts, alpha=alpha) if margin > 0 and sd > 0 else math.nan
        for sd in (pilot.high * wider, pilot.sd * wider)
    )
    return SeedPower(n, effect, effect * pilot.sd, effect * pilot.high, (at_high, at_sd))
