"""What may vary: bounds and levels of each factor, membership of a configuration, its one-at-a-time neighbours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from ablate.errors import StudyError
from ablate.levels import Rate, format_rate, parse_rate
from ablate.records import Factors, Level

_ROUNDING = 1e-3  # a level says its multiplier to four digits, which may lie that much (relative) beyond the span


@dataclass(frozen=True, slots=True)
class Float:
    """Any real number in [low, high]; drawn evenly on a log scale where `log`. Ablated at the levels `ablate`."""

    low: float
    high: float
    log: bool = False
    ablate: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, smallest=0.0 if self.log else None)
        _check_ablated(self, self.ablate)

    def member(self, level: Level) -> Level | None:
        """The level as this dimension writes it; None where it is outside."""
        return float(level) if _is_number(level) and self.low <= level <= self.high else None

    def levels(self) -> tuple[Level, ...]:
        """The levels that an ablation tries."""
        return self.ablate


@dataclass(frozen=True, slots=True)
class Int:
    """Any whole number in [low, high]; drawn evenly on a log scale where `log`. Ablated at the levels `ablate`."""

    low: int
    high: int
    log: bool = False
    ablate: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, smallest=0 if self.log else None)
        _check_ablated(self, self.ablate)

    def member(self, level: Level) -> Level | None:
        """The level as this dimension writes it; None where it is outside."""
        inside = isinstance(level, int) and not isinstance(level, bool) and self.low <= level <= self.high
        return level if inside else None

    def levels(self) -> tuple[Level, ...]:
        """The levels that an ablation tries."""
        return self.ablate


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `options`. Ablated at all of them, or at the levels `ablate` where that is given."""

    options: tuple[Level, ...]
    ablate: tuple[Level, ...] = ()

    def __post_init__(self) -> None:
        if not self.options:
            raise StudyError("a list of levels must not be empty")
        _check_distinct(self.options)
        _check_ablated(self, self.ablate)

    def member(self, level: Level) -> Level | None:
        """The level as this dimension writes it; None where it is outside."""
        return next((option for option in self.options if _same(option, level)), None)

    def levels(self) -> tuple[Level, ...]:
        """The levels that an ablation tries."""
        return self.ablate or self.options


@dataclass(frozen=True, slots=True)
class RateSpan:
    """The learning rate found for that very configuration times a multiplier, drawn evenly on a log scale in `span`.

    Its levels are "find" and "find*0.3"; `ablate` lists multipliers.
    """

    span: tuple[float, float] = (0.1, 3.0)
    ablate: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _check_bounds(*self.span, smallest=0.0)
        _check_distinct(self.levels())
        for multiplier in self.ablate:
            if not self.span[0] <= multiplier <= self.span[1]:
                raise StudyError(f"every level of ablate must lie in the span, got {multiplier:.4g}")

    def member(self, level: Level) -> Level | None:
        """The level as this dimension writes it; None where it is outside, a fixed rate always."""
        try:
            rate = parse_rate(level)
        except StudyError:
            return None
        low, high = self.span
        inside = rate.value is None and low * (1 - _ROUNDING) <= rate.multiplier <= high * (1 + _ROUNDING)
        return format_rate(rate) if inside else None

    def levels(self) -> tuple[Level, ...]:
        """The levels that an ablation tries."""
        return tuple(format_rate(Rate(None, multiplier)) for multiplier in self.ablate)


Dimension: TypeAlias = Float | Int | Choice | RateSpan


@dataclass(frozen=True, slots=True)
class Space:
    """The factors that may vary, in the order of the study file."""

    dimensions: Mapping[str, Dimension]

    def contains(self, factors: Factors) -> bool:
        """Whether each factor of the space has a level inside its dimension; further factors are not looked at."""
        return all(
            name in factors and dimension.member(factors[name]) is not None
            for name, dimension in self.dimensions.items()
        )

    def neighbours(self, factors: Factors) -> list[tuple[str, Level, Factors]]:
        """Every other level of each factor, one at a time, as (factor, level, the whole configuration)."""
        return [
            (name, level, {**factors, name: level})
            for name, dimension in self.dimensions.items()
            for level in dimension.levels()
            if not _same(level, factors[name])
        ]


def _check_bounds(low: float, high: float, *, smallest: float | None) -> None:
    if not (_is_number(low) and _is_number(high)):
        raise StudyError(f"low and high must be finite numbers, got low={low} high={high}")
    if not low < high:
        raise StudyError(f"low must be below high, got low={low} high={high}")
    if smallest is not None and low <= smallest:
        raise StudyError(f"low must be above 0 on a log scale, got low={low}")


def _check_ablated(dimension: Float | Int | Choice, ablate: Sequence[Level]) -> None:
    _check_distinct(ablate)
    for level in ablate:
        if dimension.member(level) is None:
            raise StudyError(f"every level of ablate must lie in the space, got {level!r}")


def _check_distinct(levels: Sequence[Level]) -> None:
    seen: set[str] = set()
    for level in levels:
        text = _as_read_back(level)
        if text in seen:
            raise StudyError(f"every level may be listed once, {level!r} is there twice")
        seen.add(text)


def _as_read_back(level: Level) -> str:
    # A table cannot tell 1 from "1", nor 1 from 1.0, once it was written and read.
    try:
        return str(float(str(level)))
    except ValueError:
        return str(level)


def _same(one: Level, other: Level) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _is_number(level: Level) -> TypeGuard[int | float]:
    return isinstance(level, int | float) and not isinstance(level, bool) and abs(level) < math.inf
