"""The listeners to the trials of a running study: the journal, the display and the trial cache."""

from typing import Protocol, final

from ablate.clock import now_ms
from ablate.experiment.events import TrialBegan, TrialEnded, Watcher
from ablate.storage.journal import Entry, Journal
from ablate.storage.trial_cache import TrialCache
from ablate.study.trial import Epoch, TrialSpec


class Listener(Protocol):
    """Observes trials on their way between a plan and a scheduler. An exception from a listener ends the study."""

    def on_start(self, spec: TrialSpec) -> None:
        """An attempt at a trial begins: a worker started it, or a result of another study replaces it."""
        ...

    def on_epoch(self, epoch: Epoch) -> None:
        """A trial has finished an epoch."""
        ...

    def on_end(self, entry: Entry) -> None:
        """An attempt has ended. `entry` includes the spec, since a repeat of a trial of this study never began."""
        ...


@final
class Journaled:
    """Writes attempts into the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def on_start(self, spec: TrialSpec) -> None:
        """Write the attempt's start."""
        self._journal.begin(spec, at=now_ms())

    def on_epoch(self, epoch: Epoch) -> None:
        """Write the epoch, for the tracker."""
        self._journal.note(epoch, at=now_ms())

    def on_end(self, entry: Entry) -> None:
        """Write the end; it is on disk when this returns."""
        self._journal.append(entry)


@final
class Watched:
    """Sends trials to a watcher."""

    def __init__(self, watch: Watcher) -> None:
        self._watch = watch

    def on_start(self, spec: TrialSpec) -> None:
        """Show the start."""
        self._watch(TrialBegan(spec))

    def on_epoch(self, epoch: Epoch) -> None:
        """Show the epoch."""
        self._watch(epoch)

    def on_end(self, entry: Entry) -> None:
        """Show how the trial ended."""
        self._watch(TrialEnded(entry.spec, entry.outcome))


@final
class Cached:
    """Stores finished trials in the trial cache for other studies."""

    def __init__(self, cache: TrialCache) -> None:
        self._cache = cache

    def on_start(self, _: TrialSpec) -> None:
        """Do nothing."""

    def on_epoch(self, _: Epoch) -> None:
        """Do nothing: epochs are stored at the end."""

    def on_end(self, entry: Entry) -> None:
        """Store the trial, unless it reused another trial's result."""
        if not entry.outcome.same_as:
            self._cache.keep(entry.spec, entry.outcome, entry.epochs)
