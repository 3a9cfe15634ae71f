"""A learning-rate curve into a suggested rate: the pure half of the range test (Smith 2017, arXiv 1506.01186).

Rates rise exponentially, so the index of a point stands for the logarithm of its rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Values: TypeAlias = Sequence[float] | NDArray[np.floating[Any]]  # Any: single or double precision

STOP_FACTOR = 4.0  # a loss above this many times the smallest so far is divergence
_STOP_WINDOW = 5  # batches of the running median that the stop rule looks at
# Windows of the smoother. Simulated on a sigmoid descent with noise of 0.03 to 0.2: half a decade keeps the minimum
# where it is; slopes need two, or noise at the ends of the ramp wins (in 5 % of curves, by three decades).
_LOSS_DECADES, _SLOPE_DECADES = 0.5, 2.0
_LEAST_POINTS = 7
_LEAST_DROP = 0.02  # of the loss at the start; less is no descent
_DROP_ERRORS = 5.0  # and in standard errors of the smoothed curve: the largest drop of pure noise is below in 98 %
_AGREEMENT_DECADES = 1.5
# A lowest pick this near to an end of the ramp (points), or this far below the next one, is not believed.
_EDGE, _GAP_DECADES = 3, 3.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a curve says. `rules` maps a rule's name to the rate it picks, None where it finds nothing."""

    rules: Mapping[str, float | None]
    suggestion: float  # a cautious rate, or the fallback, where the verdict is "undetermined"
    verdict: Literal["determined", "undetermined"]
    reason: str  # why it is undetermined; "" otherwise


def ramp(low: float, high: float, *, steps_per_decade: int) -> Array:
    """Rates from `low` to `high`, both included, evenly spaced in their logarithm."""
    n_steps = round(np.log10(high / low) * steps_per_decade) + 1
    return np.geomspace(low, high, n_steps)


def stop_index(losses: Values) -> int:
    """Index of the first loss that is not finite or above 4 times the running minimum; their number if there is none.

    Judged on a running median of 5 batches: it ignores a lone bad batch and, unlike an exponential average, has no lag:
    where the loss only rises or only falls, it is the loss itself.
    """
    values = np.asarray(losses, float)
    n_finite = _first(~np.isfinite(values))
    median = _running_median(values[:n_finite])
    return _first(median > STOP_FACTOR * np.minimum.accumulate(median)) if n_finite else 0


def average_curves(curves: Sequence[Values]) -> Array:
    """Mean loss over the curves of replicate seeds, up to where the first of them diverges."""
    n_points = min(stop_index(curve) for curve in curves)
    mean: Array = np.mean([np.asarray(curve, float)[:n_points] for curve in curves], axis=0)
    return mean


def read_curve(rates: Values, losses: Values, *, fallback: float) -> Reading:
    """The rate that a curve suggests: the median, in log rate, of steepest descent, minimum / 10 and valley.

    `losses` may be shorter than `rates`: the test then stopped at the first rate without a loss. Undetermined where the
    loss does not descend, or the rules disagree by more than 1.5 decades. The suggestion is then the lowest pick: with
    batch normalization the loss stays low far beyond the rates that train, and only the steepest descent is near those
    (DECISIONS.md has the figures). It is `fallback` where there is no pick, or where the lowest is but noise: at an end
    of the ramp, or more than three decades below the next.
    """
    n_points = stop_index(losses)
    # Where training blows up is a bound, not a suggestion: it is reported, and stays out of the median.
    rules: dict[str, float | None] = {"steepest": None, "minimum / 10": None, "valley": None, "divergence": None}
    if n_points < len(rates):
        rules["divergence"] = float(rates[n_points])
    if n_points < _LEAST_POINTS:
        return Reading(rules, fallback, "undetermined", f"the loss diverges after {n_points} batches")
    tried = np.asarray(rates, float)[:n_points]
    smooth, slope, error = _smoothed(np.log10(tried), np.asarray(losses, float)[:n_points])
    drop = float(smooth[:_LEAST_POINTS].mean() - smooth.min())
    if drop < max(_LEAST_DROP * abs(smooth[0]), _DROP_ERRORS * error):
        return Reading(rules, fallback, "undetermined", "the loss does not descend at any rate")
    # A plateau drifts; only what shows above the noise, or a hundredth of the drop, is descent to the valley rule.
    unit = max(error, drop / 100)
    rules["steepest"] = float(tried[np.argmin(slope)])
    rules["minimum / 10"] = minimum_tenth(tried, smooth)
    rules["valley"] = valley(tried, np.round(smooth / unit))
    return _suggested(rules, cautious=_cautious(_picks(rules), within=(tried[_EDGE], tried[-_EDGE - 1])) or fallback)


def steepest(rates: Array, losses: Array) -> float:
    """The rate at which the loss falls fastest per decade, by differences of neighbours."""
    return float(rates[np.argmin(np.diff(losses) / np.diff(np.log10(rates)))])


def minimum_tenth(rates: Array, losses: Array) -> float:
    """A tenth of the rate with the smallest loss."""
    return float(rates[np.argmin(losses)]) / 10


def valley(rates: Array, losses: Array) -> float:
    """The middle of the longest decreasing subsequence of the losses, as fastai's rule of this name picks it."""
    lengths = np.ones(len(losses), int)
    for i in range(1, len(losses)):
        lengths[i] += np.max(lengths[:i], where=losses[:i] > losses[i], initial=0)
    end = int(np.argmax(lengths))
    length = int(lengths[end])
    third = length / 3
    return float(rates[max(0, end - length + int(third) + int(third / 2))])


def slide(rates: Array, losses: Array, *, width: int = 15, threshold: float = 0.005) -> float:
    """The rate that fastai's interval slide rule picks.

    An interval of `width` points slides down from the end while the slopes of the loss at its two ends differ by more
    than `threshold` (per point); its last left end is the pick. Sensitive to the noise of single points, so only for
    comparison. Needs more than `width` points.
    """
    slopes = np.gradient(losses)
    lefts = np.arange(len(losses) - 1 - width, -1, -1)
    differs = np.abs(slopes[lefts + width] - slopes[lefts]) > threshold
    return float(rates[lefts[max(0, _first(~differs) - 1)]])


def _smoothed(positions: Array, losses: Array) -> tuple[Array, Array, float]:
    # Savitzky-Golay parabolas: no lag. The smoothed losses, their slopes, and the standard error of a smoothed loss.
    from scipy.signal import savgol_coeffs, savgol_filter

    per_decade = (len(positions) - 1) / (positions[-1] - positions[0])
    longest = (len(losses) - 1) // 2 * 2 + 1
    window, slope_window = (
        min(longest, max(5, round(decades * per_decade / 2) * 2 + 1)) for decades in (_LOSS_DECADES, _SLOPE_DECADES)
    )
    smooth = savgol_filter(losses, window, polyorder=2)
    noise = 1.4826 * np.median(np.abs(losses - smooth))  # robust: the rise at the end is no noise
    error = noise * np.sqrt(np.sum(savgol_coeffs(window, polyorder=2) ** 2))
    return smooth, savgol_filter(losses, slope_window, polyorder=2, deriv=1), float(error)


def _suggested(rules: Mapping[str, float | None], *, cautious: float) -> Reading:
    picks = np.log10(_picks(rules))
    spread = float(np.ptp(picks))
    if spread > _AGREEMENT_DECADES:
        return Reading(rules, cautious, "undetermined", f"the rules disagree by {spread:.1f} decades")
    return Reading(rules, float(10 ** np.median(picks)), "determined", "")


def _cautious(picks: Sequence[float], *, within: tuple[float, float]) -> float | None:
    """The lowest pick; None where it is noise."""
    lowest, following, *_ = sorted(picks)
    is_noise = not within[0] <= lowest <= within[1] or following / lowest > 10**_GAP_DECADES
    return None if is_noise else lowest


def _picks(rules: Mapping[str, float | None]) -> list[float]:
    return [rate for name, rate in rules.items() if rate is not None and name != "divergence"]


def _first(flags: NDArray[np.bool_]) -> int:
    return int(np.argmax(flags)) if flags.any() else len(flags)


def _running_median(values: Array) -> Array:
    # At the ends the window shrinks, so that it stays centred.
    half = [min(_STOP_WINDOW // 2, i, len(values) - 1 - i) for i in range(len(values))]
    return np.array([np.median(values[i - h : i + h + 1]) for i, h in enumerate(half)])
