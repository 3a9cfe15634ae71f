"""Read the tables [baseline] and [space] of a study file as a baseline configuration and a search space."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ablate.errors import StudyError
from ablate.study.catalog import (
    MODELS,
    OWN_TRIAL,
    Factor,
    LayerSizes,
    Names,
    Numbers,
    is_real,
    known_factor,
    known_factors,
    required_factors,
)
from ablate.study.names import is_plain_name
from ablate.study.rate import RECIPE, format_rate, parse_rate
from ablate.study.settings import AroundTable, LevelsTable, RangeTable
from ablate.study.space import Choice, Condition, Dimension, Float, Int, RateSpan, Space
from ablate.study.tree import Key, Layered, shown
from ablate.study.trial import ADDED, COLUMNS, RATE_SETTING, Factors, Level, is_metric
from ablate.study.validation import read_table, validated

# Columns of the results table, and of tables derived from it: a factor with such a name would overwrite them. The
# factor `learning_rate` is called RATE_SETTING there.
RESERVED = frozenset((*COLUMNS, *ADDED, RATE_SETTING)) - {"learning_rate"}
T = TypeVar("T")
_WIDTHS = re.compile(r"[1-9][0-9]{0,4}(-[1-9][0-9]{0,4}){0,999}")
_LONGEST_LEVEL = 100  # characters: levels are shown in figures, run names and table cells


@dataclass(frozen=True, slots=True)
class LevelReader:
    """Reads levels of a model's factors; every method raises `StudyError` naming the place `key`."""

    layered: Layered
    model: str
    has_data_factors: bool = False  # whether the function of the data lists `factors`, so that any may be its own

    @property
    def is_built_in(self) -> bool:
        """Whether the factors of the model are known by name."""
        return self.model in MODELS

    def inside(self, key: Key, factor: str, value: object, *, dimension: Dimension | None, whose: str) -> Level:
        """The level as the factor's dimension writes it; messages name `whose` level it is. None: any level."""
        level = self.level(key, factor, value)
        member = level if dimension is None else dimension.member(level)
        if member is None:
            rule = f"{whose} must lie in the space, got {shown(value)}"
            raise self.layered.error(key, rule, hint=f"space.{factor}: {_described(dimension)}")
        return member

    def levels(self, key: Key, factor: str, values: Sequence[object]) -> tuple[Level, ...]:
        """Every entry of a list as a level."""
        return tuple(self.level(key, factor, value) for value in values)

    def level(self, key: Key, factor: str, value: object) -> Level:
        """A value as a level, regardless of the space."""
        if not isinstance(value, str | int | float):  # a bool is an int
            raise self.layered.error(key, f"a level must be text, a number, true or false, got {shown(value)}")
        if isinstance(value, str) and (value != value.strip() or not 0 < len(value) <= _LONGEST_LEVEL):
            rule = f"a level must have 1 to {_LONGEST_LEVEL} characters, without spaces at its ends, got {shown(value)}"
            raise self.layered.error(key, rule)
        if factor == "learning_rate":
            try:
                rate = parse_rate(value)
            except StudyError as err:
                raise self.layered.error(key, str(err)) from err
            if rate.is_found and self.model == OWN_TRIAL:
                hint = 'write a number; ablation.learning_rate = "tune" tries five rates around it for each variant'
                rule = f"{shown(value)} needs a range test, which only networks trained by ablate have"
                raise self.layered.error(key, rule, hint=hint)
            return format_rate(rate)
        known = known_factor(factor, model=self.model)
        return value if known is None else self.ruled(key, known, value)

    def ruled(self, key: Key, known: Factor, value: Level) -> Level:
        """A value as a level of a known factor or option."""
        match known.rule:
            case Names():
                return self._named(key, known.rule, value)
            case Numbers():
                return self._number(key, known.rule, value)
            case LayerSizes():
                return self._widths(key, known.rule, value)

    def _number(self, key: Key, rule: Numbers, value: Level) -> Level:
        if isinstance(value, bool | str) or not rule.has(value) or (rule.whole and not isinstance(value, int)):
            raise self.layered.error(key, f"must be {rule.said()}, got {shown(value)}")
        return value if rule.whole else float(value)

    def _named(self, key: Key, rule: Names, value: Level) -> Level:
        if not isinstance(value, str):
            hint = f"known: {', '.join(rule.known)}"
            raise self.layered.error(key, f"must be a name, got {shown(value)}", hint=hint)
        name, times, number = (part.strip() for part in value.partition("*"))
        if value in rule.known or (rule.scaled and name in rule.known and times and _multiplier(number)):
            return f"{name}*{_multiplier(number):.6g}" if times else value
        raise self.layered.unknown(key, value, known=rule.known, kind="level")

    def _widths(self, key: Key, rule: LayerSizes, value: Level) -> Level:
        if isinstance(value, str) and ((value == "" and not rule.needed) or _WIDTHS.fullmatch(value)):
            return value
        said = f"must be {'' if rule.needed else 'empty, or '}whole numbers from 1 to 99999 joined by -"
        raise self.layered.error(key, f"{said}, got {shown(value)}", hint='e.g. "300-100" for two hidden layers')


def read_factors(levels: LevelReader) -> tuple[Factors, Space]:
    """The baseline and the space of a study. Raises `StudyError`."""
    layered = levels.layered
    baseline, ranges = read_table(layered, ("baseline",)), read_table(layered, ("space",))
    reader = _Reader(layered, levels)
    reader.check_names(baseline, ranges)
    dimensions = {name: reader.dimension(name, value) for name, value in ranges.items()}
    factors = {
        name: levels.inside(("baseline", name), name, value, dimension=dimensions.get(name), whose="the baseline")
        for name, value in baseline.items()
    }
    conditions = {
        name: reader.condition(name, value["when"], dimensions=dimensions, baseline=factors)
        for name, value in ranges.items()
        if isinstance(value, dict) and "when" in value
    }
    inactive_levels = {name: factors[name] for name in conditions}
    return factors, reader.built(("space",), lambda: Space(dimensions, conditions, inactive_levels))


@dataclass(frozen=True, slots=True)
class _Reader:
    layered: Layered
    levels: LevelReader

    def check_names(self, baseline: Mapping[str, object], ranges: Mapping[str, object]) -> None:
        known = known_factors(self.levels.model) if self.levels.is_built_in else ()
        inapplicable = MODELS[self.levels.model].inapplicable if self.levels.is_built_in else {}
        for table, names in (("baseline", baseline), ("space", ranges)):
            for name in names:
                if name in inapplicable:
                    rule = f"does not apply to model {self.levels.model}: {inapplicable[name]}"
                    raise self.layered.error((table, name), rule, hint="remove it from [baseline] and [space]")
                if self.levels.is_built_in and name not in known and not self.levels.has_data_factors:
                    raise self.layered.unknown((table, name), name, known=known, kind="factor")
                if name == RECIPE:
                    raise self.layered.error(
                        (table, name), "is the results table's name for recipes: rename the factor"
                    )
                if name in RESERVED or is_metric(name):
                    raise self.layered.error((table, name), "is a column of the results table: rename the factor")
                if not is_plain_name(name) or "." in name:
                    raise self.layered.error(
                        (table, name), 'a factor\'s name may have only letters, digits, "_" and "-"'
                    )
        for name in (*required_factors(self.levels.model), *ranges):
            if name not in baseline:
                hint = _level_hint(name, is_built_in=self.levels.is_built_in)
                raise self.layered.error(("baseline", name), "is missing", hint=hint)
        if not ranges:
            raise self.layered.error(
                ("space",), "at least one factor must vary", hint='e.g. optimizer = ["adam", "nadam"] in [space]'
            )

    def dimension(self, factor: str, value: object) -> Dimension:
        key = ("space", factor)
        if isinstance(value, list):
            options = self.levels.levels(key, factor, value)
            return self.built(key, lambda: Choice(options))
        if not isinstance(value, dict):
            rule = f"must be a list of levels or a table with low and high, got {shown(value)}"
            raise self.layered.error(key, rule)
        if "levels" in value:
            choice = validated(LevelsTable, value, self.layered, key)
            listed, ablate = (self.levels.levels(key, factor, some) for some in (choice.levels, choice.ablate))
            return self.built(key, lambda: Choice(listed, ablate))
        if "around" in value:
            around = validated(AroundTable, value, self.layered, key)
            if self.levels.model == OWN_TRIAL:
                hint = "write { low = …, high = …, log = true }"
                rule = "needs a range test, which only networks trained by ablate have"
                raise self.layered.error((*key, "around"), rule, hint=hint)
            if factor != "learning_rate":
                raise self.layered.error((*key, "around"), "works for the learning rate only, around the rate found")
            return self.built(key, lambda: RateSpan(around.span, around.ablate))
        return self.range(key, factor, value)

    def range(self, key: Key, factor: str, table: Mapping[str, object]) -> Dimension:
        span = validated(RangeTable, table, self.layered, key)
        for name in ("low", "high", "ablate"):  # as written in the file: the record's fields are all real numbers
            written = table.get(name, [])
            self.levels.levels((*key, name), factor, written if isinstance(written, list) else [written])
        if is_real(factor, model=self.levels.model) or not all(
            isinstance(table[bound], int) for bound in ("low", "high")
        ):
            return self.built(key, lambda: Float(span.low, span.high, span.log, span.ablate))
        if any(level != int(level) for level in span.ablate):
            raise self.layered.error((*key, "ablate"), "every level must be a whole number, as low and high are")
        ablate = tuple(int(level) for level in span.ablate)
        return self.built(key, lambda: Int(int(span.low), int(span.high), span.log, ablate))

    def condition(
        self, factor: str, value: Mapping[str, object], *, dimensions: Mapping[str, Dimension], baseline: Factors
    ) -> Condition:
        key = ("space", factor, "when")
        if not value:
            hint = f"remove it if {factor} is always active"
            raise self.layered.error(key, f"must name the factor on which {factor} depends", hint=hint)
        for other in value:
            if other == factor:
                raise self.layered.error((*key, other), "a factor cannot depend on itself")
            if other not in baseline:
                raise self.layered.unknown((*key, other), other, known=baseline, kind="factor of [baseline]")
        condition = {
            other: self.needed((*key, other), other, listed, dimension=dimensions.get(other))
            for other, listed in value.items()
        }
        for other, levels in condition.items():
            if other not in dimensions and baseline[other] not in levels:
                rule = f"{other} is always {shown(baseline[other])}, so {factor} would never be active"
                raise self.layered.error((*key, other), rule, hint=f"add {other} to [space], or remove the condition")
        return condition

    def needed(self, key: Key, factor: str, listed: object, *, dimension: Dimension | None) -> tuple[Level, ...]:
        values = listed if isinstance(listed, list) else [listed]
        levels = tuple(
            self.levels.inside(key, factor, value, dimension=dimension, whose="a level of a condition")
            for value in values
        )
        return self.built(key, lambda: Choice(levels)).options  # like any list of levels: not empty, no duplicates

    def built(self, key: Key, build: Callable[[], T]) -> T:
        try:
            return build()
        except StudyError as err:
            raise self.layered.error(key, str(err)) from err


def _level_hint(name: str, *, is_built_in: bool) -> str:
    if name != "learning_rate" or is_built_in:
        return f"every factor needs a level: write {name} = ... in [baseline]"
    return (
        'write learning_rate = "find" in [baseline], or a number, such as the rate with which build compiles its '
        "optimizer"
    )


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
    """A positive number from its text; 0 if the text is none."""
    try:
        found = float(number)
    except ValueError:
        return 0.0
    return found if 0 < found < math.inf else 0.0
