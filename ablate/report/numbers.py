"""Format numbers with the digits that their interval supports."""

import math
from collections.abc import Iterable

import pandas as pd

from ablate.analysis.effects import Metric
from ablate.report.plots import rate_text
from ablate.report.wording.phrases import DECIMALS, MOST_DECIMALS, MOST_OF_OTHERS, capital

DIGITS = 3  # for the largest difference, if there is no spread to choose the digits by
NOISE = 1e-9  # relative to the largest difference: anything smaller is rounding error
NONE = "–"


def decimals_for(half_widths: Iterable[float], metric: Metric, *, values: Iterable[float] = ()) -> int:
    """Decimals of a column, chosen so that its median interval is visible; `half_widths` are in the file's unit.

    For an unknown unit, `values` without an interval of positive width count too: the largest is shown with `DIGITS`
    digits, the smallest with one.
    """
    half_widths, values = list(half_widths), list(values)
    widths = sorted(width * metric.scale for width in half_widths if _has_size(width) and width > 0)
    supported = [math.ceil(-math.log10(widths[len(widths) // 2] / 2))] if widths else []
    if metric.unit in DECIMALS:
        return min(max([DECIMALS[metric.unit], *supported]), MOST_DECIMALS)
    alone = [value for value, width in zip(values, half_widths, strict=False) if not (_has_size(width) and width > 0)]
    return min(max([0, *supported, *_telling(alone, metric)]), MOST_OF_OTHERS)


def effect_decimals(effects: pd.DataFrame, metric: Metric) -> int:
    """Decimals that the intervals of these effects support; without any spread, enough to distinguish the effects."""
    half_widths, differences = (effects["high"] - effects["low"]) / 2, effects["mean"]
    if not (differences.abs() > 0).any() and "variant_mean" in effects:
        differences = effects["variant_mean"]  # all differences are 0: choose by the means
    decimals = decimals_for(half_widths.tolist(), metric, values=differences.tolist())
    return decimals + _hides_an_end(effects, metric, decimals)


def _hides_an_end(effects: pd.DataFrame, metric: Metric, decimals: int) -> bool:
    """Whether an end of an interval of positive width would read like its mean, and another decimal is allowed."""
    rows = effects.loc[effects["high"] > effects["low"], ["mean", "low", "high"]] * metric.scale
    most = MOST_DECIMALS if metric.unit in DECIMALS else MOST_OF_OTHERS
    shown = ([number(value, decimals) for value in row] for row in rows.to_numpy(dtype=float))
    return decimals < most and any(mean in ends for mean, *ends in shown)


def score_decimals(scores: Iterable[float], metric: Metric, *, points: int, others: int) -> int:
    """`points` for an accuracy, else `others`; more if the scores of an unknown unit are very small."""
    if metric.unit in DECIMALS:
        return points if metric.unit == "points" else others
    sizes = [abs(score * metric.scale) for score in scores if _has_size(score)]
    digits = [DIGITS - 1 - math.floor(math.log10(max(sizes)))] if sizes else []
    return min(max([others, *digits]), MOST_OF_OTHERS)


def decimals_of_size(size: float) -> int:
    """Decimals that show `DIGITS` digits of a number of this size."""
    return min(max(0, DIGITS - 1 - math.floor(math.log10(size))), MOST_OF_OTHERS) if _has_size(size) else 2


def _has_size(value: float) -> bool:
    return math.isfinite(value) and value != 0


def _telling(values: Iterable[float], metric: Metric) -> list[int]:
    """Decimals that show the largest and the smallest of the values, ignoring rounding errors."""
    sizes = [abs(value * metric.scale) for value in values if _has_size(value)]
    sizes = [size for size in sizes if size > NOISE * max(sizes)]
    return [DIGITS - 1 - math.floor(math.log10(max(sizes))), -math.floor(math.log10(min(sizes)))] if sizes else []


def number(value: float | None, decimals: int, *, is_signed: bool = False) -> str:
    """With a true minus sign: "3.9", "−0.4"; with a plus if `is_signed`; a dash if missing."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        return text.lstrip("-")
    if text.startswith("-"):
        return text.replace("-", "−")
    return f"+{text}" if is_signed else text


def interval(low: float, high: float, decimals: int) -> str:
    """ "[3.1, 4.7]"; a dash if missing."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return NONE
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def p_value(p: float) -> str:
    """Two decimals, three below .0995: ".72", ".047", "< .001"."""
    if not math.isfinite(p):
        return NONE
    if p < 0.001:
        return "< .001"
    return (f"{p:.3f}" if p < 0.0995 else f"{p:.2f}").removeprefix("0")


def rate(value: float | None) -> str:
    """A learning rate in two digits: "8.3e-4"."""
    if value is None or not math.isfinite(value) or value <= 0:
        return NONE
    return rate_text(value)


def significant(value: float | None) -> str:
    """A number of any size in two or three digits: "0.98", "−0.012", "130", "4.2e-12"; a dash if missing."""
    if value is None or not math.isfinite(value):
        return NONE
    if value and not 1e-3 <= abs(value) < 1e4:
        return rate_text(value).replace("-", "−", 1) if value < 0 else rate_text(value)
    return number(value, max(0, 2 - math.floor(math.log10(abs(value)))) if abs(value) < 100 and value else 0)


def duration(seconds: float) -> str:
    """ "17 min 52 s", "2 h 5 min", "8.2 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(value: float | int | None) -> str:
    """A whole number with thousands separators."""
    return NONE if value is None or not math.isfinite(value) else f"{round(value):,}"


def as_float(value: object) -> float:
    """A table cell as a number, NaN if it is none."""
    return float(value) if isinstance(value, int | float) else math.nan


def as_text(value: object) -> str:
    """A table cell as text, a dash if it is empty."""
    text = "" if value is None or value != value else str(value)
    return text or NONE


def shown_mean(value: float, metric: Metric, decimals: int) -> str:
    """A mean of the metric as usually shown: in percent, or a loss above 0."""
    return number(metric.shown(value), decimals)


def in_unit(metric: Metric) -> str:
    """ ", points" after the name of a difference; empty if the unit is unknown."""
    return f", {metric.unit}" if metric.unit else ""


def sign_note(metric: Metric) -> str:
    """What the sign of a difference means, where lower scores are better."""
    return " (+ is better)" if metric.direction == "minimize" else ""


def difference_words(metric: Metric) -> str:
    """Which side is subtracted from which, so that above 0 is better."""
    return "reference minus variant" if metric.direction == "minimize" else "variant minus reference"


def mean_label(metric: Metric) -> str:
    """The heading of a column of means: "Test accuracy, %"."""
    return f"{capital(metric.label)}{', %' if metric.unit == 'points' else in_unit(metric)}"


def file_unit(metric: Metric) -> str:
    """The unit of the metric in the files, where accuracies are fractions."""
    return "fraction" if metric.unit == "points" else metric.unit
