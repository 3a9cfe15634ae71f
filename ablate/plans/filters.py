"""Filter a plan's trials: guard the test set, skip duplicates, and give up after repeated failures."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import final

from ablate.errors import AblateError
from ablate.plans.protocol import Plan
from ablate.storage.preregistration import Preregistration, canonical, to_cell
from ablate.storage.trial_cache import CachedTrial, TrialCache, trial_key, untested
from ablate.study.trial import Outcome, RateTest, TrialSpec

# Parts of a reason that differ between equal failures: addresses, then numbers.
_VARYING = re.compile(r"0x[0-9a-fA-F]+|[-+]?\d+(?:[.,_]\d+)*(?:[eE][-+]?\d+)?")
_LONGEST = 200  # characters of a reason in the message


@final
class GuardedTestSet:
    """A plan that scores trials on the test set only after preregistration, and only if it names their cells."""

    def __init__(self, plan: Plan, freeze: Preregistration | None) -> None:
        self._plan, self._freeze = plan, freeze
        self.report, self.tell = plan.report, plan.tell
        self._cells = frozenset(map(canonical, freeze.declared.cells)) if freeze else frozenset()

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """The plan's specs; those for the test set get the digest. Raises `AblateError` if a spec must not read it."""
        return [self._passed(spec) for spec in self._plan.ask(n)]

    def _passed(self, spec: TrialSpec) -> TrialSpec:
        if not spec.test:
            return replace(spec, frozen="")
        sealed = replace(spec, frozen=self._freeze.digest if self._freeze else "")
        if self._freeze is None:
            raise AblateError(f"{spec.trial}: no trial may read the test set before the comparisons are preregistered")
        if not sealed.may_test():
            raise AblateError(
                f"{spec.trial}: only a confirmatory trial may read the test set; search and tuning may not"
            )
        if canonical(to_cell(spec)) not in self._cells:
            raise AblateError(
                f"{spec.trial}: its comparison is not one of the {len(self._cells)} preregistered at {self._freeze.at}"
                "\n  --fresh starts again and keeps the old folder under another name"
            )
        return sealed


@final
class Deduplicated:
    """A plan in which no configuration is trained twice with the same seed: a repeat reuses the first trial's result.

    A trial with test scores also serves a repeat without, which then does not get them. A repeat that needs test scores
    is trained if the first trial has none, even while that is still running: they cannot be computed afterwards. A
    pruned trial serves only its own phase, since other phases prune nothing.

    With a `cache`, a spec whose result another study has is settled as if it had been trained in no time: it begins
    (`on_start`), its epochs are reported, the plan may stop it at any of them, and the outcome names the other trial.
    """

    def __init__(
        self, plan: Plan, *, cache: TrialCache | None = None, on_start: Callable[[TrialSpec], None] = lambda _: None
    ) -> None:
        self._plan, self._cache, self._on_start = plan, cache, on_start
        self.report = plan.report
        self._done: dict[str, list[tuple[TrialSpec, Outcome]]] = {}  # by content, in the order of training
        self._trained: set[str] = set()  # names of the trials in `_done`
        self._running: dict[str, TrialSpec] = {}  # by trial
        self._running_same: dict[str, list[TrialSpec]] = {}  # by content
        self._repeats: dict[str, list[TrialSpec]] = {}  # by the running trial that they wait for
        self._tests: dict[str, RateTest] = {}  # by key; shared, since each outcome comes with a copy of 11 kB

    def remember(self, spec: TrialSpec, outcome: Outcome) -> None:
        """Count a trial of an earlier run as trained."""
        self._trained.add(spec.trial)
        self._done.setdefault(trial_key(spec), []).append((spec, outcome))

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Specs that were never trained; repeats are settled on the way."""
        while specs := self._plan.ask(n):
            if fresh := [spec for spec in specs if self._is_fresh(spec)]:
                return fresh
        return []

    def tell(self, outcome: Outcome) -> None:
        """Pass on the outcome, and settle the repeats that waited for this trial."""
        outcome = self._sharing(outcome)
        self._plan.tell(outcome)
        spec = self._running.pop(outcome.trial)
        self._running_same[trial_key(spec)].remove(spec)
        if outcome.state != "killed":
            self.remember(spec, outcome)
        for repeat in self._repeats.pop(outcome.trial, []):
            self._plan.tell(self._as_repeat(outcome, repeat))

    def _is_fresh(self, spec: TrialSpec) -> bool:
        key = trial_key(spec)
        for first, outcome in self._done.get(key, ()):
            if _serves(first, spec) and (outcome.state != "pruned" or first.label.phase == spec.label.phase):
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
        # Its curve is stored with the first of them in this study, even if that one reused a result of another study.
        first = outcome.same_as if outcome.same_as in self._trained else outcome.trial
        outcome = replace(outcome, trial=spec.trial, same_as=first, seconds=0.0, timings={})
        return outcome if spec.test else untested(outcome)

    def _reuse(self, spec: TrialSpec, found: CachedTrial) -> None:
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


@final
class StopAfterFailures:
    """A plan that ends after `most` consecutive trials failed or ran out of memory for the same reason; 0: never.

    `on_reason` is called once, with a line that says so. A problem with one configuration is no reason to end a study
    that has others, so the failed trials must have at least two configurations: different seeds and learning rates do
    not count. Trials that reused a result, and interrupted trials, are ignored.
    """

    def __init__(self, plan: Plan, *, most: int, on_reason: Callable[[str], None]) -> None:
        self._plan, self._most, self._on_reason = plan, most, on_reason
        self.report = plan.report
        self._configurations: dict[str, str] = {}  # of each trial asked for
        self._alike = ""  # the common reason of the consecutive failures
        self._row: set[str] = set()  # consecutive failed trials
        self._has_given_up = False

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Pass on the plan's specs; none after giving up."""
        if self._has_given_up:
            return []
        specs = self._plan.ask(n)
        self._configurations.update({spec.trial: _configuration(spec) for spec in specs})
        return specs

    def tell(self, outcome: Outcome) -> None:
        """Pass on the outcome, and count failures."""
        self._plan.tell(outcome)
        if outcome.same_as or outcome.state == "killed" or outcome.trial not in self._configurations:
            return
        alike = f"{outcome.state}: {common(outcome)}" if outcome.state in ("failed", "out_of_memory") else ""
        if alike != self._alike:
            self._alike, self._row = alike, set()
        if alike:
            self._row.add(outcome.trial)
        if self._is_enough() and not self._has_given_up:
            self._has_given_up = True
            self._on_reason(f"{len(self._row)} trials in a row failed for the same reason: {_short(outcome.reason)}")

    def _is_enough(self) -> bool:
        different = {self._configurations[trial] for trial in self._row}
        several = min(2, len(set(self._configurations.values())))
        return 0 < self._most <= len(self._row) and len(different) >= several


def common(outcome: Outcome) -> str:
    """The part of an outcome's reason that it shares with trials that failed in the same way."""
    own = rf"(?<!\w){re.escape(outcome.trial)}(?!\w)"
    return _VARYING.sub("#", re.sub(own, "#", outcome.reason))


def _serves(first: TrialSpec, repeat: TrialSpec) -> bool:
    return first.test or not repeat.test


def _configuration(spec: TrialSpec) -> str:
    return json.dumps(sorted((name, level) for name, level in spec.factors.items() if name != "learning_rate"))


def _short(reason: str) -> str:
    line = reason.strip().partition("\n")[0]
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"
