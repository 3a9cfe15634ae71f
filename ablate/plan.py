"""The seams between deciding, executing and recording, and the wrappers that sit on them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ablate.clock import Clock
from ablate.levels import parse_rate
from ablate.records import Epoch, Outcome, RateTest, TrialSpec
from ablate.study import Monitor
from ablate.trial.tally import counted, stopped


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


@dataclass(frozen=True, slots=True)
class Found:
    """A trial of another study that decides the same numbers, as it ended there: finished or diverged."""

    origin: str  # "STUDY/TRIAL"
    outcome: Outcome
    epochs: tuple[Epoch, ...]
    monitor: Monitor

    def as_trial(self, trial: str) -> "Found":
        """The same under the name of another trial, which cost nothing."""
        outcome = replace(self.outcome, trial=trial, same_as=self.origin, seconds=0.0, timings={})
        return replace(self, outcome=outcome, epochs=tuple(replace(epoch, trial=trial) for epoch in self.epochs))

    def stopped_after(self, n: int) -> Outcome:
        """How the trial would have ended, had a plan stopped it after epoch `n`, from 1."""
        fresh = replace(self.outcome, state="finished", score=None, best_epoch=None, reason="")
        so_far = replace(
            fresh, val_accuracy=None, val_loss=None, test_accuracy=None, test_loss=None, predictive_sd=None
        )
        for epoch in self.epochs[:n]:
            so_far = counted(so_far, epoch, monitor=self.monitor)
        return stopped(so_far)


class Cache(Protocol):
    """Trials that outlive their study."""

    def find(self, spec: TrialSpec) -> Found | None:
        """A trial with the numbers that `spec` would have."""
        ...

    def keep(self, spec: TrialSpec, outcome: Outcome, epochs: Sequence[Epoch]) -> None:
        """Take a trial in, if its outcome is one to be found."""
        ...


class Remembered:
    """A plan in which no configuration is trained twice with the same seed: a repeat takes the first one's result.

    A trial with test scores also serves a repeat that wants none, and shows it none. The other way round, even while
    the first one runs, the repeat is trained: nobody can score the test set for it afterwards. What was pruned serves
    its own phase alone, since other phases prune nothing.

    With a `cache`, a spec whose numbers another study has is settled as if it had been trained in no time: it begins
    (`on_start`), its epochs are reported, the plan may stop it at any of them, and it says whose result it is.
    """

    def __init__(
        self, plan: Plan, *, cache: Cache | None = None, on_start: Callable[[TrialSpec], None] = lambda _: None
    ) -> None:
        self._plan, self._cache, self._on_start = plan, cache, on_start
        self._done: dict[str, list[tuple[TrialSpec, Outcome]]] = {}  # by content, the first that was trained first
        self._trained: set[str] = set()  # the trials in it
        self._running: dict[str, TrialSpec] = {}  # by trial
        self._running_same: dict[str, list[TrialSpec]] = {}  # by content
        self._repeats: dict[str, list[TrialSpec]] = {}  # by the running trial that they wait for
        self._epochs: dict[str, list[Epoch]] = {}  # of running trials, for the cache
        self._tests: dict[str, RateTest] = {}  # by key: each outcome comes with a copy, of 11 kB

    def remember(self, spec: TrialSpec, outcome: Outcome) -> None:
        """Count a trial of an earlier run as trained."""
        self._trained.add(spec.trial)
        self._done.setdefault(content_key(spec), []).append((spec, outcome))

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Specs that were never trained; repeats are settled on the way."""
        while specs := self._plan.ask(n):
            if fresh := [spec for spec in specs if self._is_fresh(spec)]:
                return fresh
        return []

    def report(self, epoch: Epoch) -> bool:
        """Pass on; for the cache, keep the epoch. An attempt that starts over replaces the one before."""
        if self._cache is not None:
            epochs = self._epochs.setdefault(epoch.trial, [])
            epochs[epoch.epoch - 1 :] = [epoch]
        return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on, and settle the repeats that waited for this trial."""
        outcome = self._sharing(outcome)
        self._plan.tell(outcome)
        spec, epochs = self._running.pop(outcome.trial), self._epochs.pop(outcome.trial, [])
        self._running_same[content_key(spec)].remove(spec)
        if outcome.state != "killed":
            self.remember(spec, outcome)
        if self._cache is not None:
            self._cache.keep(spec, outcome, epochs)
        for repeat in self._repeats.pop(outcome.trial, []):
            self._plan.tell(self._as_repeat(outcome, repeat))

    def _is_fresh(self, spec: TrialSpec) -> bool:
        key = content_key(spec)
        for first, outcome in self._done.get(key, ()):
            if _serves(first, spec) and (outcome.state != "pruned" or first.phase == spec.phase):
                self._plan.tell(self._as_repeat(outcome, spec))
                return False
        for first in self._running_same.get(key, ()):
            if _serves(first, spec):
                self._repeats.setdefault(first.trial, []).append(spec)
                return False
        if self._cache is not None and (found := self._cache.find(spec)):
            self._reuse(spec, found.as_trial(spec.trial))
            return False
        self._running[spec.trial] = spec
        self._running_same.setdefault(key, []).append(spec)
        return True

    def _as_repeat(self, outcome: Outcome, spec: TrialSpec) -> Outcome:
        # Its curve lies with the first of them in this study, also where that one came from another study.
        first = outcome.same_as if outcome.same_as in self._trained else outcome.trial
        outcome = replace(outcome, trial=spec.trial, same_as=first, seconds=0.0, timings={})
        return outcome if spec.test else untested(outcome)

    def _reuse(self, spec: TrialSpec, found: Found) -> None:
        self._on_start(spec)
        outcome = self._sharing(found.outcome)
        for n, epoch in enumerate(found.epochs, 1):
            if not self._plan.report(epoch):
                outcome = self._sharing(found.stopped_after(n))
                break
        self._plan.tell(outcome)
        self.remember(spec, outcome)

    def _sharing(self, outcome: Outcome) -> Outcome:
        test = outcome.rate_test
        return outcome if test is None else replace(outcome, rate_test=self._tests.setdefault(test.key, test))


def content_key(spec: TrialSpec) -> str:
    """What decides a trial's numbers within a study, as text: names, phases and whether it is tested do not."""
    found_for = None
    if parse_rate(spec.factors["learning_rate"]).value is None:
        rate_factors = spec.rate_factors if spec.rate_factors is not None else spec.factors
        found_for = sorted((name, level) for name, level in rate_factors.items() if name != "learning_rate")
    return json.dumps([sorted(spec.factors.items()), found_for, spec.seed])


def untested(outcome: Outcome) -> Outcome:
    """The outcome as a trial has it that reads no test set."""
    return replace(outcome, test_accuracy=None, test_loss=None)


def _serves(first: TrialSpec, repeat: TrialSpec) -> bool:
    return first.test or not repeat.test
