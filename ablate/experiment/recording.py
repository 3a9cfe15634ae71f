"""Record a running study: wrap its plan so that journal, display, tracker and cache hear of every trial."""

import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, final

from ablate.clock import now_ms
from ablate.experiment.events import TrialLost, Watcher
from ablate.experiment.listeners import Cached, Journaled, Listener, Watched
from ablate.plans.filters import Deduplicated, GuardedTestSet
from ablate.plans.protocol import Plan
from ablate.storage.files.atomic import saving, write_aside
from ablate.storage.journal import Entry, Journal
from ablate.storage.preregistration import Preregistration
from ablate.storage.reads import ScoreReads
from ablate.storage.trial_cache import TrialCache
from ablate.study.trial import Epoch, Outcome, Phase, TrialSpec
from ablate.tracking import FOLDER, BackgroundTracker, StudyRun

Timing: TypeAlias = Callable[[], AbstractContextManager[None]]


class Record:
    """Everything that one run of a study records while it trains.

    Listeners are called in a fixed order. The journal is first: an event that it could not write does not count, and a
    full disk must end the study before anything is displayed. Then come the display, which shows what is written, and
    the cache for other studies, which is optional. The tracker reads the journal every few seconds, on a thread of its
    own, and writes what its store lacks, so it recovers from any crash.

    `cache` holds the trials of other studies, which are not trained again; None disables it. `reads` keeps when test
    scores were first read; None, for studies without a test set, keeps nothing. `models` removes models that are not to
    be kept; None keeps all.
    """

    def __init__(
        self,
        journal: Journal,
        tracker: BackgroundTracker,
        watch: Watcher,
        *,
        cache: TrialCache | None = None,
        reads: ScoreReads | None = None,
        models: Listener | None = None,
    ) -> None:
        self._journal, self._tracker, self._watch, self._cache = journal, tracker, watch, cache
        self._reads = reads
        self._journaled = Journaled(journal)  # counts attempts; the other listeners see one continuous trial
        others: list[Listener] = [Watched(watch)]
        others += [Cached(cache)] if cache is not None else []
        self._listeners: tuple[Listener, ...] = (self._journaled, *others, *([models] if models else []))
        self._freeze: Preregistration | None = None
        self._recorder: Recorder | None = None  # of the current part

    def open(self, study: StudyRun, *, parent_run: Path) -> None:
        """Start the study's run, or resume the run whose id is in the file `parent_run`; stores the id there."""
        folder = f"{platform.node()}:{parent_run.parent.resolve()}"
        self._tracker.open_study(
            replace(study, tags={**study.tags, FOLDER: folder}),
            parent_run_id=parent_run.read_text(errors="replace").strip() if parent_run.exists() else None,
            on_open=lambda run_id: _keep(run_id, parent_run),
            attempts=self._journal.so_far,
        )

    def freeze(self, freeze: Preregistration) -> None:
        """Store the preregistration: in plans wrapped from now on, trials of these cells are scored on the test set."""
        self._freeze = freeze
        self._tracker.log_preregistration(freeze)

    def around(self, plan: Plan, *, thinking: Timing = nullcontext) -> Plan:
        """Wrap the plan: guard the test set before preregistration, reuse cached results, and record everything.

        A cached result of another study is recorded like any other, as a trial that took no time. `thinking` measures
        the plan's own time.
        """
        self._recorder = Recorder(
            GuardedTestSet(plan, self._freeze),
            self._listeners,
            journal=self._journal,
            tracker=self._tracker,
            reads=self._reads,
            thinking=thinking,
        )
        remembered = Deduplicated(self._recorder, cache=self._cache, on_start=self.begin)
        for name, outcome in self._journal.known().items():
            remembered.remember(self._journal.entries[name].spec, outcome)
        return remembered

    def begin(self, spec: TrialSpec) -> None:
        """A worker has started a trial: record a new attempt.

        Raises `StorageError` if the journal cannot be written.
        """
        self._tracker.check()
        for listener in self._listeners:
            listener.on_start(spec)

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """An attempt ended without a result; the trial will begin again."""
        assert self._recorder is not None  # lost trials belong to a running plan
        self._recorder.lose(spec, reason, (self._journaled,))
        self._watch(TrialLost(spec, reason))

    def known_of(self, phase: Phase) -> list[Entry]:
        """The trials of a phase that need no more training."""
        known = self._journal.known()
        return [e for name, e in self._journal.entries.items() if name in known and e.spec.label.phase == phase]

    def settle(self) -> list[Entry]:
        """All trials as they ended, with the ids of their runs, after the tracker has caught up."""
        self._tracker.drain()
        self._journal.add_run_ids(self._tracker.run_ids)
        return list(self._journal.entries.values())

    def missing(self) -> int:
        """Number of runs (attempts and the study's own) that are incomplete in the tracker's store."""
        return self._tracker.missing(entry.key for entry in self._journal.attempts())


@final
class Recorder:
    """A wrapper around a plan that notifies the listeners, in their order.

    Listeners see an epoch before the plan judges it. They see an end after the plan, which stores what it needs to
    resume before the journal has the trial, and only once the tracker's store is open: no result counts before.
    """

    def __init__(
        self,
        plan: Plan,
        listeners: Sequence[Listener],
        *,
        journal: Journal,
        tracker: BackgroundTracker,
        reads: ScoreReads | None = None,
        thinking: Timing = nullcontext,
    ) -> None:
        self._plan, self._listeners, self._thinking = plan, listeners, thinking
        self._journal, self._tracker, self._reads = journal, tracker, reads
        self._specs: dict[str, TrialSpec] = {}  # specs without an outcome yet, by trial
        self._epochs: dict[str, list[Epoch]] = {}  # of running attempts, by trial

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """The plan's specs. Trials begin when the scheduler starts them, which may be later.

        Raises `AblateError` if the tracker's store is unusable: the first call comes while the workers still start.
        """
        self._tracker.check()
        with self._thinking():
            specs = self._plan.ask(n)
        self._specs.update({spec.trial: spec for spec in specs})
        return specs

    def report(self, epoch: Epoch) -> bool:
        """The plan's verdict on an epoch. An attempt that starts over replaces the epochs of the one before."""
        self._tracker.check()
        epochs = self._epochs.setdefault(epoch.trial, [])
        epochs[epoch.epoch - 1 :] = [epoch]
        for listener in self._listeners:
            listener.on_epoch(epoch)
        with self._thinking():
            return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on the outcome, and end the attempt."""
        self._tracker.wait_until_open()
        spec, outcome = self._specs[outcome.trial], replace(outcome, attempt=self._journal.attempt(outcome.trial))
        if self._reads is not None:  # before anybody sees the test score
            outcome = self._reads.stamp(spec, outcome)
        with self._thinking():
            self._plan.tell(outcome)
        self._end(self._specs.pop(outcome.trial), outcome, self._listeners)

    def lose(self, spec: TrialSpec, reason: str, listeners: Sequence[Listener]) -> None:
        """Tell these listeners that an attempt ended without a result. The plan keeps waiting for the trial."""
        epochs, attempt = len(self._epochs.get(spec.trial, [])), self._journal.attempt(spec.trial)
        self._end(spec, Outcome(spec.trial, "killed", epochs=epochs, reason=reason, attempt=attempt), listeners)

    def _end(self, spec: TrialSpec, outcome: Outcome, listeners: Sequence[Listener]) -> None:
        epochs, ended = tuple(self._epochs.pop(spec.trial, [])), now_ms()
        began = self._journal.began(spec.trial) or ended
        run_id = self._tracker.run_ids.get((spec.trial, outcome.attempt), "")  # or later: see `Journal.add_run_ids`
        entry = Entry(spec, outcome, epochs, run_id, began=began, ended=ended)
        for listener in listeners:
            listener.on_end(entry)
        self._tracker.note_end()


def _keep(run_id: str, path: Path) -> None:
    with saving(path, "the id of the study's MLflow run"):
        write_aside(path, run_id + "\n")
