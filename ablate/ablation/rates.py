"""A configuration and a mode into the learning rate that it trains with: carried over, found, or tuned.

A reference is treated as its variants are: where a mode gives it another rate than its own, it trains in that mode too.
"""

import json
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from ablate.levels import FIND, Rate, format_rate, parse_rate
from ablate.records import Factors, Level, Mode

RATE = "learning_rate"
Tuned: TypeAlias = Mapping[str, Level]  # by `configuration_key` of a configuration before tuning: its level after


def configuration_key(factors: Factors) -> str:
    """A configuration as text, equal for equal ones: 1 and 1.0 are one level, 1 and true are two."""
    return json.dumps(sorted((name, _plain(level)) for name, level in factors.items()))


def differing(one: Factors, other: Factors, *, among: Iterable[str]) -> list[str]:
    """The factors `among` those named in which two configurations differ."""
    return [name for name in among if configuration_key({name: one[name]}) != configuration_key({name: other[name]})]


def rated(
    factors: Factors, *, reference: Factors, mode: Mode, tuned: Tuned, rate_varies: bool = False
) -> tuple[Factors, Factors | None]:
    """The configuration with its rate in `mode`, and the one whose range test is used, None for its own.

    Where `rate_varies`, the learning rate is among what is compared. A multiple then stays the same multiple of the
    mode's own rate; a number is that number in every mode.
    """
    match mode:
        case "carry":
            alone = {**factors, RATE: reference[RATE]} == {**reference}
            return factors, None if alone else reference
        case "find":
            return factors if rate_varies else {**factors, RATE: found(reference[RATE])}, None
        case "tune":
            start = {**factors, RATE: reference[RATE]}
            level = tuned.get(configuration_key(start), start[RATE])
            return {**factors, RATE: _varied(level, factors[RATE], reference[RATE]) if rate_varies else level}, None


def found(level: Level) -> Level:
    """A learning rate with a range test of its own: the same multiple of what is found."""
    rate = parse_rate(level)
    return format_rate(Rate(None, rate.multiplier)) if rate.value is None else FIND


def times(level: Level, factor: float) -> Level:
    """The learning rate `factor` times as large, to four digits."""
    rate = parse_rate(level)
    if rate.value is None:
        return format_rate(Rate(None, rate.multiplier * factor))
    return float(f"{rate.value * factor:.4g}")


def _varied(tuned: Level, level: Level, own: Level) -> Level:
    """`tuned` times what `level` is of the reference's `own` rate; a number stays what it is."""
    asked, start = parse_rate(level), parse_rate(own)
    if asked.value is not None or start.value is not None:
        return tuned if level == own else level
    return times(tuned, asked.multiplier / start.multiplier)


def _plain(level: Level) -> Level:
    return float(level) if isinstance(level, int) and not isinstance(level, bool) else level
