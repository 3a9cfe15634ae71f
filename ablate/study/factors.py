"""The tables [baseline] and [space] into a configuration and a `Space`: what a factor and a level may be."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ablate.errors import StudyError
from ablate.levels import (
    KNOWN,
    MODEL_FACTORS,
    OPTIMIZER_SETTINGS,
    REAL_FACTORS,
    TRAINING_FACTORS,
    format_rate,
    parse_rate,
)
from ablate.records import Factors, Level
from ablate.space import Choice, Dimension, Float, Int, RateSpan, Space
from ablate.study.layers import Key, Layered, shown
from ablate.study.names import is_safe_name
from ablate.study.rules import read_table, validated
from ablate.study.sections import AroundTable, LevelsTable, RangeTable

# Columns of the results table: a factor of such a name would overwrite them.
RESERVED = (
    "trial", "phase", "design", "variant", "factor", "level", "against", "mode", "seed", "state", "score",
    "val_accuracy", "val_loss", "test_accuracy", "test_loss", "best_epoch", "epochs", "learning_rate_setting",
    "parameters", "seconds", "data", "lr_test", "run_id", "same_as", "reason",
)  # fmt: skip
_LONGEST_LEVEL = 100  # characters: levels stand in figures, run names and table cells


def read_factors(layered: Layered, model: str) -> tuple[Factors, Space]:
    """The baseline and the space of a study whose model is named `model`. Raises `StudyError`."""
    baseline, ranges = read_table(layered, ("baseline",)), read_table(layered, ("space",))
    reader = _Reader(layered, model)
    reader.check_names(baseline, ranges)
    space = Space({name: reader.dimension(name, value) for name, value in ranges.items()})
    return {name: reader.point(name, value, space) for name, value in baseline.items()}, space


@dataclass(frozen=True, slots=True)
class _Reader:
    layered: Layered
    model: str

    @property
    def is_built_in(self) -> bool:
        return self.model in MODEL_FACTORS

    def check_names(self, baseline: Mapping[str, object], ranges: Mapping[str, object]) -> None:
        known = (*MODEL_FACTORS.get(self.model, ()), *TRAINING_FACTORS)
        for table, names in (("baseline", baseline), ("space", ranges)):
            for name in names:
                if self.is_built_in and name not in (*known, *OPTIMIZER_SETTINGS):
                    every = (*known, *OPTIMIZER_SETTINGS)
                    raise self.layered.unknown((table, name), name, known=every, kind="factor")
                if name in RESERVED:
                    raise self.layered.error((table, name), "names a column of the results table: rename the factor")
                if not is_safe_name(name) or "." in name:
                    raise self.layered.error((table, name), 'a factor\'s name has letters, digits, "_" and "-" only')
        for name in (*known, *ranges):
            if name not in baseline:
                hint = f"every factor needs a level: write {name} = ... in [baseline]"
                raise self.layered.error(("baseline", name), "is missing", hint=hint)
        if not ranges:
            raise self.layered.error(
                ("space",), "at least one factor must vary", hint='e.g. optimizer = ["adam", "nadam"] in [space]'
            )

    def dimension(self, factor: str, value: object) -> Dimension:
        key = ("space", factor)
        if isinstance(value, list):
            options = self.levels(key, factor, value)
            return self._built(key, lambda: Choice(options))
        if not isinstance(value, dict):
            rule = f"must be a list of levels or a table with low and high, got {shown(value)}"
            raise self.layered.error(key, rule)
        if "levels" in value:
            choice = validated(LevelsTable, value, self.layered, key)
            listed, ablate = (self.levels(key, factor, some) for some in (choice.levels, choice.ablate))
            return self._built(key, lambda: Choice(listed, ablate))
        if "around" in value:
            around = validated(AroundTable, value, self.layered, key)
            if factor != "learning_rate":
                raise self.layered.error((*key, "around"), "only the learning rate has a found value to go around")
            return self._built(key, lambda: RateSpan(around.span, around.ablate))
        return self.range(key, factor, value)

    def range(self, key: Key, factor: str, table: Mapping[str, object]) -> Dimension:
        span = validated(RangeTable, table, self.layered, key)
        for name, values in (("low", [span.low]), ("high", [span.high]), ("ablate", span.ablate)):
            self.levels((*key, name), factor, values)
        if factor in REAL_FACTORS or not all(isinstance(table[bound], int) for bound in ("low", "high")):
            return self._built(key, lambda: Float(span.low, span.high, span.log, span.ablate))
        if any(level != int(level) for level in span.ablate):
            raise self.layered.error((*key, "ablate"), "every level must be a whole number, as low and high are")
        ablate = tuple(int(level) for level in span.ablate)
        return self._built(key, lambda: Int(int(span.low), int(span.high), span.log, ablate))

    def point(self, factor: str, value: object, space: Space) -> Level:
        key = ("baseline", factor)
        level = self.level(key, factor, value)
        dimension = space.dimensions.get(factor)
        member = level if dimension is None else dimension.member(level)
        if member is None:
            rule = f"the baseline must lie in the space, got {shown(value)}"
            raise self.layered.error(key, rule, hint=f"space.{factor}: {_described(dimension)}")
        return member

    def levels(self, key: Key, factor: str, values: Sequence[object]) -> tuple[Level, ...]:
        return tuple(self.level(key, factor, value) for value in values)

    def level(self, key: Key, factor: str, value: object) -> Level:
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

    def _built(self, key: Key, build: Callable[[], Dimension]) -> Dimension:
        try:
            return build()
        except StudyError as err:
            raise self.layered.error(key, str(err)) from err


def _described(dimension: Dimension | None) -> str:
    match dimension:
        case Choice():
            return f"one of {', '.join(map(shown, dimension.options[:40]))}"
        case RateSpan():
            return f'"find", or "find*m" with m from {dimension.span[0]:.4g} to {dimension.span[1]:.4g}'
        case Float() | Int():
            return f"from {dimension.low:.6g} to {dimension.high:.6g}"
    return "anything"
