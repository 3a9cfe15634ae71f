"""A value of a study file into a level of its factor: what may be written where."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ablate.catalog import MODELS, Factor, Names, Numbers, Widths, known_factor
from ablate.errors import StudyError
from ablate.levels import format_rate, parse_rate
from ablate.records import Level
from ablate.space import Choice, Dimension, Float, Int, RateSpan
from ablate.study.layers import Key, Layered, shown

_WIDTHS = re.compile(r"[1-9][0-9]{0,4}(-[1-9][0-9]{0,4}){0,999}")
_LONGEST_LEVEL = 100  # characters: levels stand in figures, run names and table cells


@dataclass(frozen=True, slots=True)
class LevelReader:
    """Reads levels for the factors of a model; every method raises `StudyError` that names the place `key`."""

    layered: Layered
    model: str

    @property
    def is_built_in(self) -> bool:
        """Whether the model's factors are known by name."""
        return self.model in MODELS

    def inside(self, key: Key, factor: str, value: object, *, dimension: Dimension | None, whose: str) -> Level:
        """The level as the factor's dimension writes it; `whose` level it is stands in the message. None: any level."""
        level = self.level(key, factor, value)
        member = level if dimension is None else dimension.member(level)
        if member is None:
            rule = f"{whose} must lie in the space, got {shown(value)}"
            raise self.layered.error(key, rule, hint=f"space.{factor}: {_described(dimension)}")
        return member

    def levels(self, key: Key, factor: str, values: Sequence[object]) -> tuple[Level, ...]:
        """Every value as a level."""
        return tuple(self.level(key, factor, value) for value in values)

    def level(self, key: Key, factor: str, value: object) -> Level:
        """One value as a level, whatever the space."""
        if not isinstance(value, str | int | float):  # a bool is an int
            raise self.layered.error(key, f"a level is text, a number, true or false, got {shown(value)}")
        if isinstance(value, str) and (value != value.strip() or not 0 < len(value) <= _LONGEST_LEVEL):
            rule = f"a level has 1 to {_LONGEST_LEVEL} characters and no spaces around it, got {shown(value)}"
            raise self.layered.error(key, rule)
        if factor == "learning_rate":
            try:
                return format_rate(parse_rate(value))
            except StudyError as err:
                raise self.layered.error(key, str(err)) from err
        known = known_factor(factor, model=self.model)
        return value if known is None else self.ruled(key, known, value)

    def ruled(self, key: Key, known: Factor, value: Level) -> Level:
        """A value as a level of a factor, or an option, that is known by name."""
        match known.rule:
            case Names():
                return self._named(key, known.rule, value)
            case Numbers():
                return self._number(key, known.rule, value)
            case Widths():
                return self._widths(key, value)

    def _number(self, key: Key, rule: Numbers, value: Level) -> Level:
        if isinstance(value, bool | str) or not rule.has(value) or (rule.whole and not isinstance(value, int)):
            raise self.layered.error(key, f"must be {rule.said()}, got {shown(value)}")
        return value if rule.whole else float(value)

    def _named(self, key: Key, rule: Names, value: Level) -> Level:
        if not isinstance(value, str):
            hint = f"known: {', '.join(rule.known)}"
            raise self.layered.error(key, f"a level is a name, got {shown(value)}", hint=hint)
        name, times, number = (part.strip() for part in value.partition("*"))
        if value in rule.known or (rule.scaled and name in rule.known and times and _multiplier(number)):
            return f"{name}*{_multiplier(number):.6g}" if times else value
        raise self.layered.unknown(key, value, known=rule.known, kind="level")

    def _widths(self, key: Key, value: Level) -> Level:
        if isinstance(value, str) and (value == "" or _WIDTHS.fullmatch(value)):
            return value
        rule = "must be whole numbers from 1 to 99999 with - between them, or nothing"
        raise self.layered.error(key, f"{rule}, got {shown(value)}", hint='e.g. "300-100": one hidden layer each')


def _described(dimension: Dimension | None) -> str:
    match dimension:
        case Choice():
            return f"one of {', '.join(map(shown, dimension.options[:40]))}"
        case RateSpan():
            return f'"find", or "find*m" with m from {dimension.span[0]:.4g} to {dimension.span[1]:.4g}'
        case Float() | Int():
            return f"from {dimension.low:.6g} to {dimension.high:.6g}"
    return "anything"


def _multiplier(number: str) -> float:
    """A positive number from its text; 0 where it says none."""
    try:
        found = float(number)
    except ValueError:
        return 0.0
    return found if 0 < found < math.inf else 0.0
