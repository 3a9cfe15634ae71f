"""Compare learning curves in pairs of one seed: epochs to the reference's best score, and the mean score on the way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ablate.analysis.statistics import MIN_SEEDS, paired_interval
from ablate.analysis.statistics.paired import Floats

NEVER = math.inf  # epochs and seconds to a score that a run does not reach: later than any that is reached


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """The validation scores of a run by epoch, higher is better, and the seconds since its start; both (n_epochs,)."""

    scores: Floats
    seconds: Floats  # NaN if unknown
    is_lost: bool = False  # diverged, failed or out of memory

    @property
    def best(self) -> float:
        """The highest score; NaN if there is none."""
        finite = self.scores[np.isfinite(self.scores)]
        return float(finite.max()) if finite.size else math.nan

    def reaches(self, score: float) -> tuple[float, float]:
        """Epoch (from 1) and seconds at which the run first scores at least that; `NEVER` if it does not or is lost."""
        there = np.flatnonzero(self.scores >= score)
        if self.is_lost or not there.size:
            return NEVER, NEVER
        return float(there[0] + 1), float(self.seconds[there[0]])


@dataclass(frozen=True, slots=True)
class Centre:
    """The middle of paired differences, and its 95 % interval: NaN below `MIN_SEEDS` pairs."""

    middle: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CurveContrast:
    """A variant's curves beside its reference's, over n pairs of one seed. Medians count `NEVER` as the largest."""

    n: int  # pairs; without those whose reference was lost or has no score
    reached: int  # pairs in which the variant reaches the best score of its reference
    returned: int  # pairs in which the reference reaches the best score of the variant, or the variant has none
    epochs: float  # median epoch at which the variant reaches the best score of its reference
    reference_epochs: float  # median epoch of that best score
    later: Centre  # epochs that the variant takes longer to what both reach: the median
    seconds_later: Centre  # the same in seconds
    gain: Centre  # in mean score over the epochs that both ran: the mean
    n_gain: int  # pairs behind `gain`: both runs finished


def compare_curves(pairs: Sequence[tuple[LearningCurve, LearningCurve]]) -> CurveContrast:
    """Compare variants' curves with their references', given as pairs (reference, variant) of one seed.

    A best score is partly luck, so even an equal variant reaches its reference's best in only half of the seeds. The
    difference is therefore taken at a score that both reach, the lower of the two bests: it is 0 in the median for
    equal variants. A lost variant takes longer than any. The mean score counts both runs up to the last epoch of the
    shorter one, e.g. if early stopping ended it.
    """
    pairs = [(old, new) for old, new in pairs if not old.is_lost and math.isfinite(old.best)]
    there = np.array([new.reaches(old.best)[0] for old, new in pairs])
    returned = sum(math.isnan(new.best) or math.isfinite(old.reaches(new.best)[0]) for old, new in pairs)
    own = np.array([old.reaches(old.best)[0] for old, _ in pairs])
    later = np.array([_later(old, new) for old, new in pairs]).reshape(-1, 2)
    gains = [_gain(old, new) for old, new in pairs if not new.is_lost]
    finite = np.array([gain for gain in gains if math.isfinite(gain)])
    return CurveContrast(
        n=len(pairs),
        reached=int(np.isfinite(there).sum()),
        returned=returned,
        epochs=_median(there),
        reference_epochs=_median(own),
        later=median_centre(later[:, 0]),
        seconds_later=median_centre(later[:, 1]),
        gain=_mean_centre(finite),
        n_gain=len(finite),
    )


def median_centre(values: Floats) -> Centre:
    """The median, and its interval between two order statistics (at least 95 %, for any distribution)."""
    if values.size == 0 or np.isnan(values).any():
        return Centre(math.nan, math.nan, math.nan)
    middle, n = _median(values), values.size
    if n < MIN_SEEDS:
        return Centre(middle, math.nan, math.nan)
    at = int(stats.binom.ppf(0.025, n, 0.5)) - 1  # P(fewer than `at` + 1 values lie below the median) ≤ 2.5 %
    ordered = np.sort(values)
    return Centre(middle, float(ordered[at]), float(ordered[n - 1 - at]))


def _later(old: LearningCurve, new: LearningCurve) -> tuple[float, float]:
    """How much longer the variant takes to the lower of the two bests: epochs and seconds."""
    if new.is_lost or not math.isfinite(new.best):
        return NEVER, NEVER
    target = min(old.best, new.best)
    (epochs, seconds), (old_epochs, old_seconds) = new.reaches(target), old.reaches(target)
    return epochs - old_epochs, seconds - old_seconds


def _gain(old: LearningCurve, new: LearningCurve) -> float:
    n = min(len(old.scores), len(new.scores))
    differences = new.scores[:n] - old.scores[:n]
    finite = differences[np.isfinite(differences)]
    return float(finite.mean()) if finite.size else math.nan


def _mean_centre(values: Floats) -> Centre:
    found = paired_interval(values)
    if found.n < MIN_SEEDS:
        return Centre(found.mean, math.nan, math.nan)
    return Centre(found.mean, found.low, found.high)


def _median(values: Floats) -> float:
    return float(np.median(values)) if values.size else math.nan
