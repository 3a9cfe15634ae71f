"""What passes between a plan and a scheduler into the journal, the tracker, and before the eyes of whoever watches."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ablate.clock import Clock, now_ms
from ablate.experiment.events import (
    TrialBegan,
    TrialEnded,
    TrialLost,
    Watcher,
)
from ablate.plans.filters import Cache, Guarded, Remembered
from ablate.plans.protocol import Plan
from ablate.storage.files.atomic import saving, write_aside
from ablate.storage.journal import Entry, Journal, Key
from ablate.storage.preregistration import Freeze
from ablate.study.trial import Epoch, Outcome, Phase, TrialSpec
from ablate.tracking import FOLDER, BackgroundTracker, StudyRun, Tracked


class Record:
    """All that one run of a study writes down while it trains.

    The journal comes first and has everything: what the tracker's store lacks of it, because a process or the store
    died, is written when the study is opened, and once more when it is settled.

    `cache` holds the trials of other studies, which are trained no second time; None: there are none.
    """

    def __init__(
        self, journal: Journal, tracker: BackgroundTracker, watch: Watcher, *, cache: Cache | None = None
    ) -> None:
        self._journal, self._tracker, self._watch, self._cache = journal, tracker, watch, cache
        self._freeze: Freeze | None = None
        self._journaled: Journaled | None = None  # the plan of the part that runs
        self._has_caught_up = False

    def open(self, study: StudyRun, *, parent_run: Path) -> None:
        """Begin the study's run, or go on in the one whose id is in the file `parent_run`; its id is kept there."""
        folder = f"{platform.node()}:{parent_run.parent.resolve()}"
        self._tracker.open_study(
            replace(study, tags={**study.tags, FOLDER: folder}),
            parent_run_id=parent_run.read_text(errors="replace").strip() if parent_run.exists() else None,
            on_open=lambda run_id: _keep(run_id, parent_run),
        )
        self._tracker.reconcile(self._journal.attempts())

    def freeze(self, freeze: Freeze) -> None:
        """Note what will be compared: the trials of these cells, in plans put `around` from now on, are tested."""
        self._freeze = freeze
        self._tracker.log_freeze(freeze)

    def around(self, plan: Plan) -> Plan:
        """The plan, kept from the test set as far as nothing is frozen, and around it all that writes down what passes.

        A result of another study passes like any other; it is shown and tracked as a trial that took no time.
        """
        tracked = Tracked(Watched(Guarded(plan, self._freeze), self._watch), self._tracker)
        run_ids = self._tracker.run_ids
        self._journaled = Journaled(tracked, self._journal, run_id=lambda key: run_ids.get(key, ""))
        remembered = Remembered(self._journaled, cache=self._cache, on_start=self.begin)
        for name, outcome in self._journal.known().items():
            remembered.remember(self._journal.entries[name].spec, outcome)
        return remembered

    def begin(self, spec: TrialSpec) -> None:
        """A worker has taken a trial: another attempt at it begins. Raises `StorageError` where that is not written."""
        attempt = self._journal.begin(spec, at=now_ms())
        self._tracker.open_trial(spec, attempt=attempt)
        self._watch(TrialBegan(spec))

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """An attempt ended without a result, and the trial will begin anew."""
        assert self._journaled is not None  # of whose trials one was running
        self._tracker.close_trial(self._journaled.lose(spec.trial, reason=reason))
        self._watch(TrialLost(spec, reason))

    def known_of(self, phase: Phase) -> list[Entry]:
        """The trials of a phase that need no more training."""
        known = self._journal.known()
        return [e for name, e in self._journal.entries.items() if name in known and e.spec.phase == phase]

    def settle(self) -> list[Entry]:
        """All trials as they ended, once the tracker has caught up, with the ids of their runs."""
        self._tracker.drain()
        if self._tracker.failure and not self._has_caught_up:
            self._has_caught_up = True
            self._tracker.reconcile(self._journal.attempts())
            self._tracker.drain()
        self._journal.add_run_ids(self._tracker.run_ids)
        return list(self._journal.entries.values())

    def missing(self) -> int:
        """How many runs, of attempts and the study's own, the tracker's store does not have as a whole."""
        return self._tracker.missing(entry.key for entry in self._journal.attempts())


def _keep(run_id: str, path: Path) -> None:
    with saving(path, "the id of the study's MLflow run"):
        write_aside(path, run_id + "\n")


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


class Watched:
    """A plan whose epochs and outcomes are shown to a watcher."""

    def __init__(self, plan: Plan, watch: Watcher) -> None:
        self._plan, self._watch = plan, watch
        self._specs: dict[str, TrialSpec] = {}

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Pass on."""
        specs = self._plan.ask(n)
        self._specs.update({spec.trial: spec for spec in specs})
        return specs

    def report(self, epoch: Epoch) -> bool:
        """Show, and pass on."""
        self._watch(epoch)
        return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on, and show."""
        self._plan.tell(outcome)
        self._watch(TrialEnded(self._specs.pop(outcome.trial), outcome))


class Journaled:
    """A plan whose outcomes are written to a journal."""

    def __init__(self, plan: Plan, journal: Journal, *, run_id: Callable[[Key], str]) -> None:
        self._plan, self._journal, self._run_id = plan, journal, run_id
        self._specs: dict[str, TrialSpec] = {}
        self._epochs: dict[str, list[Epoch]] = {}

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Pass on, and remember what was asked for."""
        specs = self._plan.ask(n)
        self._specs.update({spec.trial: spec for spec in specs})
        return specs

    def report(self, epoch: Epoch) -> bool:
        """Pass on, and keep the epoch; an attempt that starts over replaces the one before."""
        epochs = self._epochs.setdefault(epoch.trial, [])
        del epochs[epoch.epoch - 1 :]
        epochs.append(epoch)
        return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on, with the attempt that it ends, then write; the run's id may follow, see `Journal.add_run_ids`."""
        outcome = replace(outcome, attempt=self._journal.attempt(outcome.trial))
        self._plan.tell(outcome)
        self._append(self._specs.pop(outcome.trial), outcome)

    def lose(self, trial: str, *, reason: str) -> Outcome:
        """Write an attempt that ended without a result; the plan waits for the next one and is not told."""
        epochs, attempt = self._epochs.get(trial, []), self._journal.attempt(trial)
        outcome = Outcome(trial, "killed", epochs=len(epochs), reason=reason, attempt=attempt)
        self._append(self._specs[trial], outcome)
        return outcome

    def _append(self, spec: TrialSpec, outcome: Outcome) -> None:
        epochs, ended = tuple(self._epochs.pop(outcome.trial, [])), now_ms()
        began = self._journal.began(outcome.trial) or ended
        run_id = self._run_id((outcome.trial, outcome.attempt))
        self._journal.append(Entry(spec, outcome, epochs, run_id, began=began, ended=ended))
