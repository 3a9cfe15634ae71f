"""Suggest a learning rate from the loss curve of a range test (Smith 2017, arXiv 1506.01186); pure functions.

Rates rise exponentially, so the index of a point is proportional to the logarithm of its rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ablate.data.array import Floats64
from ablate.study.trial import RateTest, RateVerdict

CurveValues: TypeAlias = Sequence[float] | NDArray[np.floating[Any]]  # Any: single or double precision
PICKS = ("knee / 2", "steepest", "valley", "minimum", "minimum / 10")
STOP_FACTOR = 4.0  # a loss above this many times the smallest so far is divergence
_STOP_WINDOW = 5  # batches of the running median that the stop rule looks at
# Windows of the smoother. Simulated on a sigmoid descent with noise of 0.03 to 0.2: half a decade keeps the minimum
# in place; slopes need two, or noise at the ends of the ramp wins (in 5 % of curves, by three decades).
_LOSS_DECADES, _SLOPE_DECADES = 0.5, 2.0
_LEAST_WINDOW = 9  # points: in a parabola through five, noise looks like signal
_LEAST_POINTS = 7
_LEAST_DROP = 0.02  # as a fraction of the loss at the start; less is no descent
_ROUNDING = 1e-6  # single precision: a smaller drop, relative to the loss, is none
_DROP_ERRORS = 5.0  # and in standard errors of the smoothed curve: the largest drop of pure noise is below this in 98 %
# The first basin ends where the loss, after the first share of its total fall, has risen again by the second share of
# the fall until then, and by this many standard errors.
_BASIN_FALL, _BASIN_RISE, _BASIN_ERRORS = 0.3, 0.3, 5.0
# From the knee on, the loss is as low as at the bottom, within this share of its fall or these standard errors.
_KNEE_DROP, _KNEE_ERRORS = 0.02, 3.0
_AGREEMENT_DECADES = 1.5
# A steepest descent this close to an end of the ramp (points), or this far from half the knee, is not trusted.
_EDGE, _GAP_DECADES = 3, 3.0
_MOST_OVER = 10.0  # maximum ratio of a schedule's peak to the suggestion


@dataclass(frozen=True, slots=True)
class CurveReading:
    """The reading of a curve. `rules` maps a rule's name to the rate it picks, None if it finds nothing."""

    rules: Mapping[str, float | None]
    suggestion: float  # a rate between the rules' picks, or the fallback, if the verdict is "undetermined"
    verdict: RateVerdict
    reason: str  # why it is undetermined; "" otherwise


def ramp(low: float, high: float, *, steps_per_decade: int) -> Floats64:
    """Rates from `low` to `high`, both included, evenly spaced in their logarithm."""
    n_steps = round(np.log10(high / low) * steps_per_decade) + 1
    return np.geomspace(low, high, n_steps)


def stop_index(losses: CurveValues) -> int:
    """Index of the first loss that is not finite or above 4 times the running minimum; the length if there is none.

    Judged on a running median of 5 batches: it ignores a lone bad batch and, unlike an exponential average, has no lag:
    if the loss only rises or only falls, it equals the loss.

    A multiple is a distance from zero, the least value of a loss that is never negative. Where a loss falls below zero,
    a constant may be added to it, and distances are measured in its own fall: it diverges where it is 3 times as far
    above the running minimum as the highest of the first 7 losses is.
    """
    values = np.asarray(losses, float)
    n_finite = _first(~np.isfinite(values))
    if n_finite == 0:
        return 0
    median = _running_median(values[:n_finite])
    lowest = np.minimum.accumulate(median)
    if not _is_signed(values[:n_finite]):
        return _first(median > STOP_FACTOR * lowest)
    return _first(median - lowest > (STOP_FACTOR - 1) * (median[:_LEAST_POINTS].max() - lowest))


def steps_to_run(losses: CurveValues) -> int:
    """The steps for which further curves matter once one with these `losses` is known.

    Averages end at the first divergence. Two more batches complete the medians before it, so that the average is equal
    to that of whole curves.
    """
    return min(len(losses), stop_index(losses) + _STOP_WINDOW // 2)


def average_curves(curves: Sequence[CurveValues]) -> Floats64:
    """Mean loss over the curves of replicate seeds, up to where the first of them diverges."""
    n_points = min(stop_index(curve) for curve in curves)
    mean: Floats64 = np.mean([np.asarray(curve, float)[:n_points] for curve in curves], axis=0)
    return mean


def read_curve(rates: CurveValues, losses: CurveValues, *, fallback: float, lag: float = 1.0) -> CurveReading:
    """Read a curve up to the end of its first basin: half the rate of the knee is the suggestion.

    The knee is the lowest rate from which on the loss is as low as at the bottom of the basin. The curve after the
    basin is ignored: a network that died, or whose output was normalized, may reach chance level there, at rates that
    do not train. `losses` may be shorter than `rates`: the test then stopped at the first rate without a loss.

    `lag` multiplies the picks, for ramps on which the loss falls later than on those that the rules were chosen on.

    Undetermined if the loss does not descend, and `fallback` is used; or if the steepest descent lies more than
    1.5 decades from half the knee: then the geometric mean of both, or only half the knee if the steepest descent
    is noise, at an end of the ramp or more than three decades away. DECISIONS.md says how good these rates are.
    """
    n_points = stop_index(losses)
    # The rate at which training diverges is a bound, not a pick.
    rules: dict[str, float | None] = dict.fromkeys((*PICKS, "divergence"))
    if n_points < len(rates):
        rules["divergence"] = float(rates[n_points])
    if n_points < _LEAST_POINTS:
        return CurveReading(rules, fallback, "undetermined", f"the loss diverges after {n_points} batches")
    tried, values = np.asarray(rates, float)[:n_points] * lag, np.asarray(losses, float)[:n_points]
    smooth, slope, error = _smoothed(np.log10(tried), values)
    start = float(smooth[:_LEAST_POINTS].mean())
    fallen, whole = start - smooth, start - float(_running_median(values).min())
    signed = _is_signed(values)
    least = max((_ROUNDING if signed else _LEAST_DROP) * abs(float(smooth[0])), _DROP_ERRORS * error)
    end = _basin_end(fallen, error, least=max(least, _BASIN_FALL * whole))
    bottom = int(np.argmin(smooth[:end]))
    drop = float(fallen[bottom])
    if drop < least or (signed and bottom < _LEAST_POINTS):
        return CurveReading(rules, fallback, "undetermined", "the loss does not descend at any rate")
    # A plateau drifts; the valley rule counts only changes above the noise, or a hundredth of the drop, as descent.
    unit = max(error, drop / 100)
    low_enough = smooth[bottom] + max(_KNEE_DROP * drop, _KNEE_ERRORS * error)
    # Search backwards from the bottom: noise may dip as low much earlier.
    above = np.flatnonzero(smooth[:bottom] > low_enough)
    knee, minimum = float(tried[above[-1] + 1 if above.size else 0]), float(tried[bottom])
    picks = knee / 2, float(tried[np.argmin(slope[: bottom + 1])])
    basin = smooth[:end]
    others = valley(tried[:end], np.round(basin / unit)), minimum, minimum_tenth(tried[:end], basin)
    rules |= dict(zip(PICKS, (*picks, *others), strict=True))
    return _suggested(rules, *picks, within=(tried[_EDGE], tried[-_EDGE - 1]))


def rate_for(test: RateTest, schedule: str) -> float:
    """The highest rate that a trial with this schedule should use.

    1cycle spends few of its steps near its peak, so it tolerates, and needs, a higher rate than a constant schedule:
    that at the bottom of the basin; but at most ten times the suggestion, since the minimum of a flat bottom may lie
    anywhere.
    """
    bottom = test.rules.get("minimum")
    if schedule != "1cycle" or bottom is None:
        return test.suggestion
    return min(bottom, _MOST_OVER * test.suggestion)


def minimum_tenth(rates: Floats64, losses: Floats64) -> float:
    """A tenth of the rate with the smallest loss."""
    return float(rates[np.argmin(losses)]) / 10


def valley(rates: Floats64, losses: Floats64) -> float:
    """The middle of the longest decreasing subsequence of the losses, as fastai's rule of this name picks it."""
    lengths = np.ones(len(losses), int)
    for i in range(1, len(losses)):
        lengths[i] += np.max(lengths[:i], where=losses[:i] > losses[i], initial=0)
    end = int(np.argmax(lengths))
    length = int(lengths[end])
    third = length / 3
    return float(rates[max(0, end - length + int(third) + int(third / 2))])


def _is_signed(losses: Floats64) -> bool:
    """Whether a loss falls below zero, so that zero is not its least value."""
    return bool((losses < 0).any())


def _smoothed(positions: Floats64, losses: Floats64) -> tuple[Floats64, Floats64, float]:
    # Savitzky-Golay parabolas: no lag. The smoothed losses, their slopes, and the standard error of a smoothed loss.
    from scipy.signal import savgol_coeffs, savgol_filter

    per_decade = (len(positions) - 1) / (positions[-1] - positions[0])
    longest = (len(losses) - 1) // 2 * 2 + 1
    window, slope_window = (
        min(longest, max(_LEAST_WINDOW, round(decades * per_decade / 2) * 2 + 1))
        for decades in (_LOSS_DECADES, _SLOPE_DECADES)
    )
    smooth = savgol_filter(losses, window, polyorder=2)
    noise = 1.4826 * np.median(np.abs(losses - smooth))  # robust, since the rise at the end is no noise
    error = noise * np.sqrt(np.sum(savgol_coeffs(window, polyorder=2) ** 2))
    return smooth, savgol_filter(losses, slope_window, polyorder=2, deriv=1), float(error)


def _basin_end(fallen: Floats64, error: float, *, least: float) -> int:
    """Index of the first loss that has clearly risen again after a descent by `least`; the length if there is none.

    `fallen` is how far each loss is below the loss at the start. A fall that is only a small part of the total fall is
    noise, underestimated because of quiet losses after it.
    """
    most = np.maximum.accumulate(fallen)
    risen = most - fallen > np.maximum(_BASIN_RISE * most, _BASIN_ERRORS * error)
    return _first(risen & (most > least))


def _suggested(
    rules: Mapping[str, float | None], half_knee: float, steepest: float, *, within: tuple[float, float]
) -> CurveReading:
    apart = abs(float(np.log10(half_knee / steepest)))
    if apart <= _AGREEMENT_DECADES:
        return CurveReading(rules, half_knee, "determined", "")
    is_noise = not within[0] <= steepest <= within[1] or apart > _GAP_DECADES
    between = half_knee if is_noise else float(np.sqrt(half_knee * steepest))
    return CurveReading(rules, between, "undetermined", f"the rules disagree by {apart:.1f} decades")


def _first(flags: NDArray[np.bool_]) -> int:
    return int(np.argmax(flags)) if flags.any() else len(flags)


def _running_median(values: Floats64) -> Floats64:
    # At the ends the window shrinks, so that it stays centred.
    half = [min(_STOP_WINDOW // 2, i, len(values) - 1 - i) for i in range(len(values))]
    return np.array([np.median(values[i - h : i + h + 1]) for i, h in enumerate(half)])
