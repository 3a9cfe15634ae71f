"""The tables [baseline] and [space] into a configuration and a `Space`: which factors there are and what may vary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ablate.catalog import is_real, known_factors, required_factors
from ablate.errors import StudyError
from ablate.levels import RECIPE
from ablate.records import Factors, Level
from ablate.space import Choice, Condition, Dimension, Float, Int, RateSpan, Space
from ablate.study.layers import Key, Layered, shown
from ablate.study.level import LevelReader
from ablate.study.names import is_plain_name
from ablate.study.rules import read_table, validated
from ablate.study.sections import AroundTable, LevelsTable, RangeTable

# Columns of the results table, and of the tables made of it: a factor of such a name would overwrite them.
RESERVED = (
    "trial", "phase", "design", "variant", "factor", "level", "against", "mode", "seed", "state", "score",
    "val_accuracy", "val_loss", "test_accuracy", "test_loss", "predictive_sd", "best_epoch", "epochs",
    "learning_rate_setting", "parameters", "seconds", "attempt", "data", "lr_test", "run_id", "same_as", "reason",
    "value", "number", "optimism",
)  # fmt: skip
T = TypeVar("T")


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
    resting = {name: factors[name] for name in conditions}
    return factors, reader.built(("space",), lambda: Space(dimensions, conditions, resting))


@dataclass(frozen=True, slots=True)
class _Reader:
    layered: Layered
    levels: LevelReader

    def check_names(self, baseline: Mapping[str, object], ranges: Mapping[str, object]) -> None:
        known = known_factors(self.levels.model) if self.levels.is_built_in else ()
        for table, names in (("baseline", baseline), ("space", ranges)):
            for name in names:
                if self.levels.is_built_in and name not in known:
                    raise self.layered.unknown((table, name), name, known=known, kind="factor")
                if name == RECIPE:
                    raise self.layered.error((table, name), "is what recipes go by in the tables: rename the factor")
                if name in RESERVED:
                    raise self.layered.error((table, name), "names a column of the results table: rename the factor")
                if not is_plain_name(name) or "." in name:
                    raise self.layered.error((table, name), 'a factor\'s name has letters, digits, "_" and "-" only')
        for name in (*required_factors(self.levels.model), *ranges):
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
            if factor != "learning_rate":
                raise self.layered.error((*key, "around"), "only the learning rate has a found value to go around")
            return self.built(key, lambda: RateSpan(around.span, around.ablate))
        return self.range(key, factor, value)

    def range(self, key: Key, factor: str, table: Mapping[str, object]) -> Dimension:
        span = validated(RangeTable, table, self.layered, key)
        for name in ("low", "high", "ablate"):  # as they were written: a record's fields are all real numbers
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
            hint = f"leave it out where {factor} always counts"
            raise self.layered.error(key, "must name the factor that it depends on", hint=hint)
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
                rule = f"{other} is always {shown(baseline[other])}, so that {factor} would never count"
                raise self.layered.error(
                    (*key, other), rule, hint=f"add {other} to [space], or leave out the condition"
                )
        return condition

    def needed(self, key: Key, factor: str, listed: object, *, dimension: Dimension | None) -> tuple[Level, ...]:
        values = listed if isinstance(listed, list) else [listed]
        levels = tuple(
            self.levels.inside(key, factor, value, dimension=dimension, whose="a level of a condition")
            for value in values
        )
        return self.built(key, lambda: Choice(levels)).options  # as any list of levels: not empty, none twice

    def built(self, key: Key, build: Callable[[], T]) -> T:
        try:
            return build()
        except StudyError as err:
            raise self.layered.error(key, str(err)) from err
