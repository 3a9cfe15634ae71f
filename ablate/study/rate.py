"""The learning rate as a level: a number, the rate that a range test finds, or a multiple of that rate."""

import math
import re
from dataclasses import dataclass

from ablate.errors import StudyError
from ablate.study.trial import Factors, Level

RATE = "learning_rate"  # the factor
RECIPE = "recipe"  # shown as the factor of levels that are set together
FIND = "find"
_MULTIPLE = re.compile(r"find\s*\*\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)")


@dataclass(frozen=True, slots=True)
class Rate:
    """A learning rate: `value`, or, if that is None, `multiplier` times the rate that a range test finds."""

    value: float | None
    multiplier: float = 1.0

    def __post_init__(self) -> None:
        for number in (self.multiplier, 1.0 if self.value is None else self.value):
            if not (math.isfinite(number) and number > 0):
                raise StudyError(f"a learning rate must be positive and finite, got {number:.4g}")

    @property
    def is_found(self) -> bool:
        """Whether the rate needs a range test."""
        return self.value is None

    def found(self) -> "Rate":
        """The same multiple of a found rate; for a number, the found rate itself."""
        return Rate(None, self.multiplier)

    def times(self, factor: float) -> "Rate":
        """The rate `factor` times as large, to four digits."""
        if self.value is None:
            return Rate(None, float(f"{self.multiplier * factor:.4g}"))
        return Rate(float(f"{self.value * factor:.4g}"))


def rate_of(factors: Factors) -> Rate:
    """The learning rate of a configuration."""
    return parse_rate(factors[RATE])


def is_found(factors: Factors) -> bool:
    """Whether a configuration's rate needs a range test; not where it has none."""
    return RATE in factors and rate_of(factors).is_found


def with_rate(factors: Factors, rate: Rate) -> Factors:
    """The configuration with another learning rate."""
    return {**factors, RATE: format_rate(rate)}


def parse_rate(level: Level) -> Rate:
    """Read a learning rate from a level: a number, "find", or "find*0.3". Raises `StudyError` on anything else."""
    if level == FIND:
        return Rate(None)
    if isinstance(level, str):
        found = _MULTIPLE.fullmatch(level.strip())
        if not found:
            raise StudyError(f'a learning rate must be a number, "find", or "find*0.3", got "{level}"')
        return Rate(None, _to_float(found[1]))
    if isinstance(level, bool):
        raise StudyError(f'a learning rate must be a number, "find", or "find*0.3", got {str(level).lower()}')
    return Rate(_to_float(level))


def format_rate(rate: Rate) -> Level:
    """The level of `rate`: a number, "find", or "find*0.3" with the multiplier to four digits."""
    if rate.value is not None:
        return rate.value
    multiplier = f"{rate.multiplier:.4g}"
    return FIND if multiplier == "1" else f"{FIND}*{multiplier}"


def _to_float(number: str | float) -> float:
    try:
        return float(number)
    except (ValueError, OverflowError) as err:  # "1.2.3", 10**400
        raise StudyError(f"a learning rate must be positive and finite, got {str(number)[:20]}") from err
