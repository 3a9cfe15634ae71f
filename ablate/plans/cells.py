"""Define the cells of an ablation: name a configuration, set its learning rate, and train it with every seed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ablate.errors import StudyError
from ablate.study.rate import RATE, rate_of, with_rate
from ablate.study.settings import StudySettings
from ablate.study.trial import BEST, REFERENCE, Design, Factors, Label, Level, Mode, TrialSpec

FIRST_SEED = 1  # replicate 0 belongs to the search, so that no tuning seed is a confirmatory seed
_PREFIX: Mapping[Design, str] = {"one-factor": "ablation", "factorial": "factorial", "path": "path"}
Tuned: TypeAlias = Mapping[str, Level]  # `configuration_key` before tuning -> learning rate after tuning


@dataclass(frozen=True, slots=True)
class Cell:
    """One configuration in one learning-rate mode: a spec without its seed."""

    variant: str
    factor: str  # in which it differs from its reference; "" for a reference and for a factorial's cell
    level: str
    mode: Mode | Literal[""]  # "" for a reference that trains at a rate of its own
    design: Design
    against: str  # REFERENCE or BEST; "" if it is not compared with a single cell
    factors: Factors
    rate_factors: Factors | None = None

    def to_spec(self, seed: int) -> TrialSpec:
        """The confirmatory trial of replicate `seed`."""
        parts = (_PREFIX[self.design], self.variant, self.mode, f"s{seed}")
        name = "-".join(part for part in parts if part)
        label = Label("ablation", self.variant, self.factor, self.level, self.mode, self.design, self.against)
        return TrialSpec(name, label, seed, self.factors, self.rate_factors, test=True)


def to_specs(cells: Iterable[Cell], seeds: Iterable[int]) -> list[TrialSpec]:
    """Every cell with every seed, seed by seed: a study that stops early has compared all cells, with fewer seeds."""
    cells = list(cells)
    return [cell.to_spec(seed) for seed in seeds for cell in cells]


def replicates(n: int, *, after: int = 0) -> range:
    """The confirmatory seeds of `n` replicates, without the first `after` of them."""
    return range(FIRST_SEED + after, FIRST_SEED + n)


def needs_best(study: StudySettings) -> bool:
    """Whether the ablation depends on the result of the search."""
    return study.ablation.reference != "baseline" or "path" in study.ablation.design


def references(study: StudySettings, baseline: Factors, best: Factors | None) -> Mapping[str, Factors]:
    """The configurations that variants are compared with, by name: one, or two for comparisons in both directions."""
    kind = study.ablation.reference
    if kind == "baseline":
        return {REFERENCE: baseline}
    if best is None:
        raise StudyError(f'ablation.reference: "{kind}" needs a finished search trial, but there is none')
    if kind == "best":
        return {REFERENCE: best}
    same = configuration_key(best) == configuration_key(baseline)
    return {REFERENCE: baseline} if same else {REFERENCE: baseline, BEST: best}


def counterpart(study: StudySettings, references: Mapping[str, Factors], name: str) -> Factors | None:
    """The other end of the search: the best configuration for the baseline, and vice versa."""
    if name == BEST:
        return references[REFERENCE]
    return study.baseline if study.ablation.reference == "best" else references.get(BEST)


def configuration_key(factors: Factors) -> str:
    """A configuration as text, equal for equal ones: 1 and 1.0 are the same level, 1 and true are different."""
    return json.dumps(sorted((name, _plain(level)) for name, level in factors.items()))


def differing(one: Factors, other: Factors, *, among: Iterable[str]) -> list[str]:
    """The factors, of those in `among`, in which two configurations differ."""
    return [name for name in among if configuration_key({name: one[name]}) != configuration_key({name: other[name]})]


def modes_of(study: StudySettings) -> tuple[Mode | Literal[""], ...]:
    """How the learning rates of the comparisons are chosen; one mode without a name where there are none."""
    return study.ablation.learning_rate if RATE in study.baseline else ("",)


def rated(
    factors: Factors, *, reference: Factors, mode: Mode | Literal[""], tuned: Tuned, rate_varies: bool = False
) -> tuple[Factors, Factors | None]:
    """The configuration with its rate in `mode`, and the configuration whose range test is used; None: its own.

    With `rate_varies`, the learning rate is among the compared factors. A multiple then stays the same multiple of the
    mode's own rate; a number is that number in every mode.
    """
    match mode:
        case "":
            return factors, None
        case "carry":
            alone = {**factors, RATE: reference[RATE]} == {**reference}
            return factors, None if alone else reference
        case "find":
            return factors if rate_varies else with_rate(factors, rate_of(reference).found()), None
        case "tune":
            start = {**factors, RATE: reference[RATE]}
            best = {**start, RATE: tuned.get(configuration_key(start), start[RATE])}
            return _varied(best, factors, reference) if rate_varies else best, None


def _varied(tuned: Factors, factors: Factors, reference: Factors) -> Factors:
    """`tuned` with its rate scaled by the ratio of the multipliers in `factors` and `reference`; fixed rates stay."""
    asked, own = rate_of(factors), rate_of(reference)
    if asked.is_found and own.is_found:
        return with_rate(tuned, rate_of(tuned).times(asked.multiplier / own.multiplier))
    return tuned if asked == own else factors


def _plain(level: Level) -> Level:
    return float(level) if isinstance(level, int) and not isinstance(level, bool) else level
