"""A value of a study file into a level of its factor: what may be written where."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ablate.errors import StudyError
from ablate.levels import KNOWN, MODEL_FACTORS, OPTIMIZER_SETTINGS, format_rate, parse_rate
from ablate.records import Level
from ablate.space import Choice, Dimension, Float, Int, RateSpan
from ablate.study.layers import Key, Layered, shown

_LONGEST_LEVEL = 100  # characters: levels stand in figures, run names and table cells


@dataclass(frozen=True, slots=True)
class LevelReader:
    """Reads levels for the factors of a model; every method raises `StudyError` that names the place `key`."""

    layered: Layered
    model: str

    @property
    def is_built_in(self) -> bool:
        """Whether the model's factors are known by name."""
        return self.model in MODEL_FACTORS

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
        if factor == "optimizer" or (self.is_built_in and factor in KNOWN):
            return self._known(key, factor, value)
        if factor in OPTIMIZER_SETTINGS:
            return self._real(key, value, below=OPTIMIZER_SETTINGS[factor])
        if factor == "dropout" and self.is_built_in:
            return self._real(key, value, below=1.0)
        return value

    def _real(self, key: Key, value: Level, *, below: float) -> float:
        if isinstance(value, bool | str) or not 0 <= value < below:
            end = f" to below {below:g}" if math.isfinite(below) else " up"
            raise self.layered.error(key, f"must be a number from 0{end}, got {shown(value)}")
        return float(value)

    def _known(self, key: Key, factor: str, value: Level) -> Level:
        known = KNOWN[factor]
        if value in known:
            return value
        if isinstance(value, str):
            raise self.layered.unknown(key, value, known=known, kind="level")
        raise self.layered.error(key, f"a level is a name, got {shown(value)}", hint=f"known: {', '.join(known)}")


def _described(dimension: Dimension | None) -> str:
    match dimension:
        case Choice():
            return f"one of {', '.join(map(shown, dimension.options[:40]))}"
        case RateSpan():
            return f'"find", or "find*m" with m from {dimension.span[0]:.4g} to {dimension.span[1]:.4g}'
        case Float() | Int():
            return f"from {dimension.low:.6g} to {dimension.high:.6g}"
    return "anything"
