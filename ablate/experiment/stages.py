"""Order the stages of a comparison: tuning, preregistration, ablation, greedy paths.

First, learning rates are tuned if the study asks for it. Then the comparisons are preregistered, trained, and scored on
the test set. Last, the greedy paths between the two ends are trained, on the validation set.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import final

from ablate.errors import StudyError
from ablate.plans import (
    Cell,
    Paths,
    Sequential,
    SteppedPlan,
    Tuning,
    ablation_cells,
    looks_of,
    references,
    replicates,
    to_specs,
)
from ablate.plans.counting import Part
from ablate.plans.protocol import Plan
from ablate.plans.sequence import Outcomes, Rule, Undecided
from ablate.plans.tuning import GRID
from ablate.storage.provenance import TuningFacts
from ablate.study.settings import StudySettings
from ablate.study.trial import Factors, TrialSpec


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the comparison that can run once the parts before it have ended."""

    part: Part
    plan: Plan
    trials: int  # wanted, as far as known at its start
    done: int  # of these


@final
class ComparisonStages:
    """Everything that a study compares.

    `best` is the best configuration of its search, `chance` the score of guessing.
    """

    def __init__(self, study: StudySettings, *, best: Factors | None, chance: float, undecided: Undecided) -> None:
        # A look is judged by its own seeds alone, so its answer stays the same when the rule is rebuilt.
        self._study, self._undecided, self.looks = study, cache(undecided), looks_of(study)
        self.references: Mapping[str, Factors] = references(study, study.baseline, best) if self.looks else {}
        start = ablation_cells(study, self.references, {}) if self.looks else []
        self.tuning = Tuning(start, self.references, chance=chance)
        self._paths: Paths | None = None
        if self.looks and "path" in study.ablation.design:
            if best is None:
                raise StudyError('ablation.design: "path" needs a finished search trial, but there is none')
            seeds = replicates(self.looks[0])
            self._paths = Paths(study, study.baseline, best, seeds=seeds, chance=chance)

    def stages(self, known: Callable[[], Outcomes], freeze: Callable[[Sequence[TrialSpec]], None]) -> Iterator[Stage]:
        """Yield each stage once the stages before it have run; stops after an interrupted stage.

        `known` returns the settled outcomes at that moment. `freeze` is called once, with a trial of every cell that
        will be scored on the test set, before the first of these trials is handed out.
        """
        if len(self.tuning):
            yield _stage("tune", self.tuning.wanted, known())
            if _left(self.tuning.wanted, known()):
                return
        if specs := self.confirmed(known()):
            freeze(specs)
            yield _stage("ablation", self._confirmed_rule(known()), known())
        if self._paths is not None:
            yield _stage("path", self._paths.wanted, known())

    def confirmed(self, outcomes: Outcomes) -> list[TrialSpec]:
        """The trials for the test set at the first look, at the rates that tuning has found so far."""
        if not self.looks:
            return []
        return to_specs(self._cells(outcomes), replicates(self.looks[0]))

    def wanted(self, outcomes: Outcomes) -> list[TrialSpec]:
        """All trials of the comparison, given the outcomes; cells not yet tuned have the rate where tuning starts."""
        specs = [*self.tuning.wanted(outcomes), *self._confirmed_rule(outcomes)(outcomes)]
        return [*specs, *self._paths.wanted(outcomes)] if self._paths is not None else specs

    def is_complete(self, outcomes: Outcomes) -> bool:
        """Whether nothing is left to train."""
        return not _left(self.wanted, outcomes)

    def tuning_facts(self, outcomes: Outcomes) -> TuningFacts | None:
        """Results of tuning; None if nothing is tuned. Cells appear as "variant" of the mode "tune"."""
        if not len(self.tuning):
            return None
        rates = self.tuning.rates(outcomes)
        return TuningFacts(
            points=len(GRID),
            rates=[rate.to_json() for rate in rates],
            extended=[rate.cell.variant for rate in rates if rate.extensions],
            at_edge=[rate.cell.variant for rate in rates if rate.at_edge],
        )

    def _cells(self, outcomes: Outcomes) -> list[Cell]:
        return ablation_cells(self._study, self.references, self.tuning.tuned(outcomes))

    def _confirmed_rule(self, outcomes: Outcomes) -> Rule:
        if len(self.looks) < 2:
            return lambda _: self.confirmed(outcomes)
        return Sequential(self._cells(outcomes), looks=self.looks, undecided=self._undecided).wanted


def _stage(part: Part, rule: Rule, known: Outcomes) -> Stage:
    specs = list(rule(known))
    return Stage(part, SteppedPlan(rule, known=known), len(specs), sum(spec.trial in known for spec in specs))


def _left(rule: Rule, known: Outcomes) -> bool:
    return any(spec.trial not in known for spec in rule(known))
