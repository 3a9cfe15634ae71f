"""Greedy paths between two configurations: change one factor at a time, always by the best next step.

Fawcett & Hoos 2016 (doi:10.1007/s10732-014-9275-9), with every candidate trained. The path from the reference makes the
change that gains most, the path back from the best configuration the change that costs least. Steps are chosen by the
validation score, so no trial of a path is scored on the test set.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from statistics import fmean
from typing import Literal, TypeAlias, final

from ablate.plans.cells import configuration_key, differing, modes_of, rated
from ablate.plans.sequence import Outcomes, value_of
from ablate.study.rate import rate_of, with_rate
from ablate.study.settings import StudySettings
from ablate.study.trial import BEST, REFERENCE, Factors, Label, Mode, TrialSpec

WalkDirection: TypeAlias = Literal["forward", "backward"]


@dataclass(frozen=True, slots=True)
class _Step:
    direction: WalkDirection
    number: int  # from 1; 0 is the start of the path
    flip: str  # the factor in which it differs from the step before; "" at the start
    factors: Factors


@final
class Paths:
    """The rule of the design "path": which trials follow from the outcomes so far, in both directions.

    `start` and `goal` are the baseline and the best configuration, `seeds` the replicates of every candidate, `chance`
    the score of a trial that did not finish. Cells have rates of their own, found by a range test, unless the study
    only carries rates: the configurations on a path are not known beforehand, so their rates cannot be tuned.
    """

    def __init__(
        self, study: StudySettings, start: Factors, goal: Factors, *, seeds: Sequence[int], chance: float
    ) -> None:
        self._space, self._seeds, self._chance = study.space, tuple(seeds), chance
        self._mode = _mode(study)
        ends = (start, goal)
        if self._mode == "find":
            ends = (with_rate(start, rate_of(start).found()), with_rate(goal, rate_of(goal).found()))
        self._start, self._goal = map(self._space.settled, ends)

    @property
    def n_flips(self) -> int:
        """The number of factors in which the two ends differ."""
        return len(differing(self._start, self._goal, among=self._space.dimensions))

    def wanted(self, outcomes: Outcomes) -> list[TrialSpec]:
        """All trials up to the first step that is not settled in both directions.

        The two paths advance together: they meet in equal configurations, and the choice of which trial is trained must
        not depend on which path was faster.
        """
        forward = self._walk("forward", self._start, self._goal, outcomes)
        backward = self._walk("backward", self._goal, self._start, outcomes)
        specs: list[TrialSpec] = []
        for steps in zip_longest(forward, backward, fillvalue=()):
            specs += [spec for step in steps for spec in step]
            if any(spec.trial not in outcomes for spec in specs):
                break
        return specs

    def _walk(
        self, direction: WalkDirection, origin: Factors, goal: Factors, outcomes: Outcomes
    ) -> Iterator[Sequence[TrialSpec]]:
        """The trials of each step whose candidates are known; the start belongs to the first step."""
        remaining = differing(origin, goal, among=self._space.dimensions)
        flipped: list[str] = []
        first = self._specs(_Step(direction, 0, "", origin), origin) if remaining else []
        while candidates := self._candidates({**origin, **{name: goal[name] for name in flipped}}, goal, remaining):
            steps = [_Step(direction, len(flipped) + 1, name, factors) for name, factors in candidates]
            trials = {step.flip: self._specs(step, origin) for step in steps}
            yield [*first, *(spec for specs in trials.values() for spec in specs)]
            if any(spec.trial not in outcomes for specs in trials.values() for spec in specs):
                return
            first = []
            best = max(trials, key=lambda name: self._mean(trials[name], outcomes))  # the first in case of a tie
            flipped.append(best)
            remaining.remove(best)

    def _candidates(self, levels: Factors, goal: Factors, remaining: Sequence[str]) -> list[tuple[str, Factors]]:
        """(factor, configuration) for each flip that changes the configuration; none once it equals the goal.

        A factor that its condition makes inactive waits until another flip activates it. At least one differing factor
        never has to wait: the first in the order of the conditions.
        """
        now = configuration_key(self._space.settled(levels))
        flips = ((name, self._space.settled({**levels, name: goal[name]})) for name in remaining)
        return [(name, factors) for name, factors in flips if configuration_key(factors) != now]

    def _specs(self, step: _Step, origin: Factors) -> list[TrialSpec]:
        end = REFERENCE if step.direction == "forward" else BEST
        changed = differing(step.factors, origin, among=self._space.dimensions)
        variant = ", ".join(f"{name}={step.factors[name]}" for name in changed) or end
        factors, rate_factors = rated(step.factors, reference=self._start, mode=self._mode, tuned={}, rate_varies=True)
        level = str(step.factors[step.flip]) if step.flip else ""
        label = Label("ablation", variant, step.flip, level, self._mode, "path", end, step.number)
        name = f"path-{step.direction}-{step.number}-{variant}"
        return [TrialSpec(f"{name}-s{seed}", label, seed, factors, rate_factors) for seed in self._seeds]

    def _mean(self, specs: Sequence[TrialSpec], outcomes: Outcomes) -> float:
        return fmean(value_of(outcomes[spec.trial], chance=self._chance) for spec in specs)


def _mode(study: StudySettings) -> Mode | Literal[""]:
    modes = modes_of(study)
    if not modes[0]:
        return ""
    return "carry" if set(modes) == {"carry"} or study.model.trains_itself else "find"
