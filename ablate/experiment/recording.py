"""The recorder of a study: around each of its plans, before listeners who watch trials pass and decide nothing."""

import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeAlias, final

from ablate.clock import now_ms
from ablate.experiment.events import TrialBegan, TrialEnded, TrialLost, Watcher
from ablate.plans.filters import Deduplicated, GuardedTestSet
from ablate.plans.protocol import Plan
from ablate.storage.files.atomic import saving, write_aside
from ablate.storage.journal import Entry, Journal
from ablate.storage.preregistration import Preregistration
from ablate.storage.trial_cache import TrialCache
from ablate.study.trial import Epoch, Outcome, Phase, TrialSpec
from ablate.tracking import FOLDER, BackgroundTracker, StudyRun

Timing: TypeAlias = Callable[[], AbstractContextManager[None]]


class Listener(Protocol):
    """Watches trials pass between a plan and a scheduler. What it raises ends the study."""

    def on_start(self, spec: TrialSpec) -> None:
        """An attempt at a trial begins: a worker took it, or the result of another study takes its place."""
        ...

    def on_epoch(self, epoch: Epoch) -> None:
        """A trial has had an epoch."""
        ...

    def on_end(self, entry: Entry) -> None:
        """An attempt has ended. The entry has its spec, too: a repeat of a trial of this study never began."""
        ...


class Record:
    """All that one run of a study writes down while it trains.

    Its listeners are called in one order: the journal, since what it does not take has not happened, and a full disk
    must end the study before anybody else says so; the display, which shows what is written; the cache for other
    studies, which may be done without. The tracker reads the journal every few seconds, on a thread of its own, and
    writes what its store lacks, whatever died meanwhile.

    `cache` holds the trials of other studies, which are trained no second time; None: there are none.
    """

    def __init__(
        self, journal: Journal, tracker: BackgroundTracker, watch: Watcher, *, cache: TrialCache | None = None
    ) -> None:
        self._journal, self._tracker, self._watch, self._cache = journal, tracker, watch, cache
        self._journaled = Journaled(journal)  # knows attempts; for the others a trial whose worker died goes on
        others = (Watched(watch), Cached(cache)) if cache is not None else (Watched(watch),)
        self._listeners: tuple[Listener, ...] = (self._journaled, *others)
        self._freeze: Preregistration | None = None
        self._recorder: Recorder | None = None  # of the part that runs

    def open(self, study: StudyRun, *, parent_run: Path) -> None:
        """Begin the study's run, or go on in the one whose id is in the file `parent_run`; its id is kept there."""
        folder = f"{platform.node()}:{parent_run.parent.resolve()}"
        self._tracker.open_study(
            replace(study, tags={**study.tags, FOLDER: folder}),
            parent_run_id=parent_run.read_text(errors="replace").strip() if parent_run.exists() else None,
            on_open=lambda run_id: _keep(run_id, parent_run),
            attempts=self._journal.so_far,
        )

    def freeze(self, freeze: Preregistration) -> None:
        """Note what will be compared: the trials of these cells, in plans put `around` from now on, are tested."""
        self._freeze = freeze
        self._tracker.log_preregistration(freeze)

    def around(self, plan: Plan, *, thinking: Timing = nullcontext) -> Plan:
        """The plan, kept from the test set as far as nothing is frozen, and around it all that writes down what passes.

        A result of another study passes like any other; it is shown and tracked as a trial that took no time.
        `thinking` times what the plan itself does.
        """
        guarded, journal, tracker = GuardedTestSet(plan, self._freeze), self._journal, self._tracker
        self._recorder = Recorder(guarded, self._listeners, journal=journal, tracker=tracker, thinking=thinking)
        remembered = Deduplicated(self._recorder, cache=self._cache, on_start=self.begin)
        for name, outcome in self._journal.known().items():
            remembered.remember(self._journal.entries[name].spec, outcome)
        return remembered

    def begin(self, spec: TrialSpec) -> None:
        """A worker has taken a trial: another attempt at it begins. Raises `StorageError` where that is not written."""
        self._tracker.check()
        for listener in self._listeners:
            listener.on_start(spec)

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """An attempt ended without a result, and the trial will begin anew."""
        assert self._recorder is not None  # of whose trials one was running
        self._recorder.lose(spec, reason, (self._journaled,))
        self._watch(TrialLost(spec, reason))

    def known_of(self, phase: Phase) -> list[Entry]:
        """The trials of a phase that need no more training."""
        known = self._journal.known()
        return [e for name, e in self._journal.entries.items() if name in known and e.spec.label.phase == phase]

    def settle(self) -> list[Entry]:
        """All trials as they ended, once the tracker has caught up, with the ids of their runs."""
        self._tracker.drain()
        self._journal.add_run_ids(self._tracker.run_ids)
        return list(self._journal.entries.values())

    def missing(self) -> int:
        """How many runs, of attempts and the study's own, the tracker's store does not have as a whole."""
        return self._tracker.missing(entry.key for entry in self._journal.attempts())


@final
class Recorder:
    """A plan, and the listeners that hear what passes between it and a scheduler, in their order.

    Of an epoch they hear before the plan judges it. Of an end they hear after the plan, which keeps what it needs to go
    on after a crash before the journal has the trial; and only once the tracker's store is open: no result counts
    before.
    """

    def __init__(
        self,
        plan: Plan,
        listeners: Sequence[Listener],
        *,
        journal: Journal,
        tracker: BackgroundTracker,
        thinking: Timing = nullcontext,
    ) -> None:
        self._plan, self._listeners, self._thinking = plan, listeners, thinking
        self._journal, self._tracker = journal, tracker
        self._specs: dict[str, TrialSpec] = {}  # asked for and not told, by trial
        self._epochs: dict[str, list[Epoch]] = {}  # of the attempts that run, by trial

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """The plan's specs. A scheduler may hold them a while: they begin when it starts them, not here.

        Raises `AblateError` where the tracker's store is of no use: a scheduler asks while its workers still start.
        """
        self._tracker.check()
        with self._thinking():
            specs = self._plan.ask(n)
        self._specs.update({spec.trial: spec for spec in specs})
        return specs

    def report(self, epoch: Epoch) -> bool:
        """The plan's answer. An attempt that starts over replaces the epochs of the one before."""
        self._tracker.check()
        epochs = self._epochs.setdefault(epoch.trial, [])
        epochs[epoch.epoch - 1 :] = [epoch]
        for listener in self._listeners:
            listener.on_epoch(epoch)
        with self._thinking():
            return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on, with the attempt that it ends."""
        self._tracker.wait_until_open()
        outcome = replace(outcome, attempt=self._journal.attempt(outcome.trial))
        with self._thinking():
            self._plan.tell(outcome)
        self._end(self._specs.pop(outcome.trial), outcome, self._listeners)

    def lose(self, spec: TrialSpec, reason: str, listeners: Sequence[Listener]) -> None:
        """An attempt ended without a result: these listeners hear of it. The plan waits for the next one."""
        epochs, attempt = len(self._epochs.get(spec.trial, [])), self._journal.attempt(spec.trial)
        self._end(spec, Outcome(spec.trial, "killed", epochs=epochs, reason=reason, attempt=attempt), listeners)

    def _end(self, spec: TrialSpec, outcome: Outcome, listeners: Sequence[Listener]) -> None:
        epochs, ended = tuple(self._epochs.pop(spec.trial, [])), now_ms()
        began = self._journal.began(spec.trial) or ended
        run_id = self._tracker.run_ids.get((spec.trial, outcome.attempt), "")  # may follow: see `Journal.add_run_ids`
        entry = Entry(spec, outcome, epochs, run_id, began=began, ended=ended)
        for listener in listeners:
            listener.on_end(entry)


@final
class Journaled:
    """Writes attempts into the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def on_start(self, spec: TrialSpec) -> None:
        """Write that it begins."""
        self._journal.begin(spec, at=now_ms())

    def on_epoch(self, epoch: Epoch) -> None:
        """Write it, for the tracker."""
        self._journal.note(epoch, at=now_ms())

    def on_end(self, entry: Entry) -> None:
        """Write it; it is on disk when this returns."""
        self._journal.append(entry)


@final
class Watched:
    """Shows trials to a watcher."""

    def __init__(self, watch: Watcher) -> None:
        self._watch = watch

    def on_start(self, spec: TrialSpec) -> None:
        """Show that it begins."""
        self._watch(TrialBegan(spec))

    def on_epoch(self, epoch: Epoch) -> None:
        """Show it."""
        self._watch(epoch)

    def on_end(self, entry: Entry) -> None:
        """Show how it ended."""
        self._watch(TrialEnded(entry.spec, entry.outcome))


@final
class Cached:
    """Offers what was trained here to the cache of trials."""

    def __init__(self, cache: TrialCache) -> None:
        self._cache = cache

    def on_start(self, _: TrialSpec) -> None:
        """Nothing."""

    def on_epoch(self, _: Epoch) -> None:
        """Nothing: epochs come with the end."""

    def on_end(self, entry: Entry) -> None:
        """Offer it, but where it took another trial's result."""
        if not entry.outcome.same_as:
            self._cache.keep(entry.spec, entry.outcome, entry.epochs)


def _keep(run_id: str, path: Path) -> None:
    with saving(path, "the id of the study's MLflow run"):
        write_aside(path, run_id + "\n")
