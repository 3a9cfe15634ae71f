"""Trials that pass into calls of the tracker."""

from collections.abc import Callable
from typing import final

from ablate.storage.journal import Entry
from ablate.study.trial import Epoch, TrialSpec
from ablate.tracking.background import BackgroundTracker


@final
class Tracked:
    """A listener that has trials, epochs and outcomes written down; `attempt` says which one at a trial runs."""

    def __init__(self, tracker: BackgroundTracker, *, attempt: Callable[[str], int]) -> None:
        self._tracker, self._attempt = tracker, attempt

    def on_start(self, spec: TrialSpec) -> None:
        """The attempt's run opens."""
        self._tracker.open_trial(spec, attempt=self._attempt(spec.trial))

    def on_epoch(self, epoch: Epoch) -> None:
        """The epoch is written down."""
        self._tracker.log_epoch(epoch)

    def on_end(self, entry: Entry) -> None:
        """The attempt's run ends. A repeat of another trial was never started and gets a run all the same."""
        if entry.outcome.same_as:
            self._tracker.open_trial(entry.spec, attempt=entry.outcome.attempt)
        self._tracker.close_trial(entry.outcome)
