"""Work out what more or fewer seeds could detect, at the SD of a pilot and at its upper confidence limit."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ablate.analysis.statistics import MIN_SEEDS, minimum_detectable_effect
from ablate.analysis.statistics.pilot import PilotSd
from ablate.analysis.statistics.planning import detection_power

PLANNED = (6, 8, 10, 14, 20)  # numbers of seeds worth comparing


@dataclass(frozen=True, slots=True)
class SeedPower:
    """What a number of seeds could detect with a power of 80 %, all comparisons at once at 5 %."""

    n: int
    effect: float  # in SDs of the paired differences; NaN below `MIN_SEEDS`, where there is no test
    typical: float  # in the metric's unit in the file, at the pilot's SD; NaN without a pilot
    cautious: float  # the same at the SD's upper limit
    of_margin: tuple[float, float]  # power for a difference of the margin, at the SD's upper limit and at the SD


def seed_powers(n_seeds: Iterable[int], *, contrasts: int, pilot: PilotSd, margin: float) -> Sequence[SeedPower]:
    """One row for each number of seeds, of the study and of `PLANNED`, ascending."""
    return [_power(n, max(contrasts, 1), pilot, margin) for n in sorted({*n_seeds, *PLANNED})]


def _power(n: int, contrasts: int, pilot: PilotSd, margin: float) -> SeedPower:
    if n < MIN_SEEDS:
        return SeedPower(n, math.nan, math.nan, math.nan, (math.nan, math.nan))
    effect = minimum_detectable_effect(n, contrasts=contrasts)
    at_high, at_sd = (_of_margin(n, sd, contrasts, margin) for sd in (pilot.high, pilot.sd))
    return SeedPower(n, effect, effect * pilot.sd, effect * pilot.high, (at_high, at_sd))


def _of_margin(n: int, sd: float, contrasts: int, margin: float) -> float:
    return detection_power(n, margin / sd, contrasts=contrasts) if margin > 0 and sd > 0 else math.nan
