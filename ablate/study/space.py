"""The search space: bounds and levels of each factor, the conditions under which it is active, and neighbours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias, TypeGuard

from ablate.errors import StudyError
from ablate.study.rate import Rate, format_rate, parse_rate
from ablate.study.trial import Factors, Level

_ROUNDING = 1e-3  # a level states its multiplier to four digits, so it may exceed the span by this relative error
_MOST_NAMED = 8  # factors of a cycle named in a message


@dataclass(frozen=True, slots=True)
class Float:
    """Any real number in [low, high]; sampled uniformly, on a log scale if `log`. Ablated at the levels `ablate`."""

    low: float
    high: float
    log: bool = False
    ablate: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, smallest=0.0 if self.log else None)
        _check_ablated(self, self.ablate)

    def member(self, level: Level) -> Level | None:
        """The level as this dimension writes it; None if it is outside."""
        return float(level) if _is_number(level) and self.low <= level <= self.high else None

    def levels(self) -> tuple[Level, ...]:
        """The levels that an ablation tries."""
        return self.ablate


@dataclass(frozen=True, slots=True)
class Int:
    """Any whole number in [low, high]; sampled uniformly, on a log scale if `log`. Ablated at the levels `ablate`."""

    low: int
    high: int
    log: bool = False
    ablate: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, smallest=0 if self.log else None)
        _check_ablated(self, self.ablate)

    def member(self, level: Level) -> Level | None:
        """The level as this dimension writes it; None if it is outside."""
        inside = isinstance(level, int) and not isinstance(level, bool) and self.low <= level <= self.high
        return level if inside else None

    def levels(self) -> tuple[Level, ...]:
        """The levels that an ablation tries."""
        return self.ablate


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `options`. Ablated at all of them, or at the levels `ablate` if given."""

    options: tuple[Level, ...]
    ablate: tuple[Level, ...] = ()

    def __post_init__(self) -> None:
        if not self.options:
            raise StudyError("a list of levels must not be empty")
        _check_distinct(self.options)
        _check_ablated(self, self.ablate)

    def member(self, level: Level) -> Level | None:
        """The level as this dimension writes it; None if it is outside."""
        return next((option for option in self.options if _same(option, level)), None)

    def levels(self) -> tuple[Level, ...]:
        """The levels that an ablation tries."""
        return self.ablate or self.options


@dataclass(frozen=True, slots=True)
class RateSpan:
    """The learning rate found for the same configuration times a multiplier, sampled log-uniformly in `span`.

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
        """The level as this dimension writes it; None if it is outside, and always for a fixed rate."""
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
Condition: TypeAlias = Mapping[str, tuple[Level, ...]]  # other factor -> the levels that it must have


@dataclass(frozen=True, slots=True)
class Space:
    """The factors that may vary, in the order of the study file, and the conditions under which some are active.

    A factor with a condition is active in a configuration only if each factor that the condition names is active and
    has one of the levels listed for it. Otherwise it keeps its level in `inactive_levels`, the baseline's, so that
    configurations of the same network are equal.
    """

    dimensions: Mapping[str, Dimension]
    conditions: Mapping[str, Condition] = field(default_factory=dict)  # factor -> condition
    inactive_levels: Factors = field(default_factory=dict)  # level of each factor with a condition while it is inactive

    def __post_init__(self) -> None:
        for name in self.conditions:
            if name not in self.dimensions or name not in self.inactive_levels:
                raise StudyError(f"{name} has a condition, but no dimension or no default level")
        try:
            TopologicalSorter(self.conditions).prepare()
        except CycleError as err:
            circle = err.args[1][::-1]
            said = " needs ".join([*circle[:_MOST_NAMED], *(["…"] if len(circle) > _MOST_NAMED else [])])
            raise StudyError(f"conditions must not be circular: {said}") from err

    def contains(self, factors: Factors) -> bool:
        """Whether each factor of the space has a level inside its dimension; further factors are ignored."""
        return all(
            name in factors and dimension.member(factors[name]) is not None
            for name, dimension in self.dimensions.items()
        )

    def is_active(self, factor: str, factors: Factors) -> bool:
        """Whether `factor` is active; true for every factor without a condition."""
        return all(
            any(_same(level, factors[other]) for level in levels)
            for name in (factor, *self.needs(factor))
            for other, levels in self.conditions.get(name, {}).items()
        )

    def settled(self, factors: Factors) -> Factors:
        """The configuration with every inactive factor at its inactive level."""
        inactive_levels = {
            name: level for name, level in self.inactive_levels.items() if not self.is_active(name, factors)
        }
        return {**factors, **inactive_levels}

    def needs(self, factor: str) -> list[str]:
        """The factors that decide whether `factor` is active, without duplicates, each after its own dependencies."""
        found: dict[str, None] = {}
        ways = [(factor, iter(self.conditions.get(factor, {})))]  # no recursion: a chain may be thousands long
        while ways:
            other = next((name for name in ways[-1][1] if name not in found), None)
            if other is None:
                found[ways.pop()[0]] = None
            else:
                ways.append((other, iter(self.conditions.get(other, {}))))
        return [name for name in found if name != factor]

    def in_order(self) -> list[str]:
        """The factors of the space, each after those that its condition names, otherwise as in the study file."""
        order: dict[str, None] = {}
        for name in self.dimensions:
            order.update(dict.fromkeys([*self.needs(name), name]))
        return [name for name in order if name in self.dimensions]

    def crossed(self, factor: str, factors: Factors) -> tuple[Level, ...]:
        """The level in `factors`, then every other level that an ablation tries."""
        own = factors[factor]
        return (own, *(level for level in self.dimensions[factor].levels() if not _same(level, own)))

    def neighbours(self, factors: Factors) -> list[tuple[str, Level, Factors]]:
        """Every other level of each active factor, one factor at a time, as (factor, level, whole configuration)."""
        return [
            (name, level, self.settled({**factors, name: level}))
            for name in self.dimensions
            if self.is_active(name, factors)
            for level in self.crossed(name, factors)[1:]
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
            raise StudyError(f"each level may appear only once, but {level!r} appears twice")
        seen.add(text)


def _as_read_back(level: Level) -> str:
    # A table that was written and read again cannot distinguish 1 from "1", nor 1 from 1.0.
    try:
        return str(float(str(level)))
    except ValueError:
        return str(level)


def _same(one: Level, other: Level) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _is_number(level: Level) -> TypeGuard[int | float]:
    return isinstance(level, int | float) and not isinstance(level, bool) and abs(level) < math.inf
