"""The seams between deciding, executing and recording, and the wrappers that sit on them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ablate.clock import Clock
from ablate.records import Epoch, Outcome, RateTest, TrialSpec


class Plan(Protocol):
    """Decides what to train next."""

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` specs; none means nothing to do until a running trial is told, or ever."""
        ...

    def report(self, epoch: Epoch) -> bool:
        """Take note of an epoch; False stops that trial."""
        ...

    def tell(self, outcome: Outcome) -> None:
        """Take note of how a trial ended."""
        ...


class Scheduler(Protocol):
    """Runs a plan's specs somewhere."""

    def run(self, plan: Plan) -> None:
        """Return when the plan has nothing left, or when a stop was asked for."""
        ...


class Timed:
    """A plan whose own thinking is counted on a clock as `part`."""

    def __init__(self, plan: Plan, clock: Clock, part: str) -> None:
        self._plan, self._clock, self._part = plan, clock, part

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Pass on."""
        with self._clock.on(self._part):
            return self._plan.ask(n)

    def report(self, epoch: Epoch) -> bool:
        """Pass on."""
        with self._clock.on(self._part):
            return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on."""
        with self._clock.on(self._part):
            self._plan.tell(outcome)


class Remembered:
    """A plan in which no configuration is trained twice with the same seed: a repeat takes the first one's result."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._done: dict[str, Outcome] = {}
        self._first: dict[str, TrialSpec] = {}  # by what decides the numbers
        self._keys: dict[str, str] = {}  # by trial
        self._repeats: dict[str, list[TrialSpec]] = {}  # waiting for the first of them
        self._tests: dict[str, RateTest] = {}  # by key: a worker sends each outcome a copy, of 11 kB

    def remember(self, spec: TrialSpec, outcome: Outcome) -> None:
        """Count a trial of an earlier run as trained."""
        self._first.setdefault(content_key(spec), spec)
        self._done.setdefault(content_key(spec), outcome)

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Specs that were never trained; repeats are settled on the way."""
        while specs := self._plan.ask(n):
            if fresh := [spec for spec in specs if self._is_fresh(spec)]:
                return fresh
        return []

    def report(self, epoch: Epoch) -> bool:
        """Pass on."""
        return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on, and settle the repeats that waited for this trial."""
        if outcome.rate_test is not None:
            outcome = replace(outcome, rate_test=self._tests.setdefault(outcome.rate_test.key, outcome.rate_test))
        self._plan.tell(outcome)
        key = self._keys.pop(outcome.trial, "")
        if outcome.state != "killed":
            self._done[key] = outcome
        for repeat in self._repeats.pop(key, []):
            self._plan.tell(_as_repeat(outcome, repeat))

    def _is_fresh(self, spec: TrialSpec) -> bool:
        key = content_key(spec)
        if key in self._done:
            self._plan.tell(_as_repeat(self._done[key], spec))
            return False
        if key in self._keys.values():
            self._repeats.setdefault(key, []).append(spec)
            return False
        self._keys[spec.trial] = key
        return True


def content_key(spec: TrialSpec) -> str:
    """What decides a trial's numbers within a study, as text: names and phases do not."""
    rate_factors = spec.rate_factors if spec.rate_factors is not None else spec.factors
    found_for = {name: level for name, level in rate_factors.items() if name != "learning_rate"}
    return json.dumps([sorted(spec.factors.items()), sorted(found_for.items()), spec.seed, spec.test])


def _as_repeat(outcome: Outcome, spec: TrialSpec) -> Outcome:
    first = outcome.same_as or outcome.trial
    return replace(outcome, trial=spec.trial, same_as=first, seconds=0.0, timings={})
