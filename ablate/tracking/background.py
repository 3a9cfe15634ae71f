"""A tracker's calls onto a thread of its own, in order: training goes on while the store takes its time."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import final

from ablate.clock import Clock, now_ms
from ablate.storage.journal import AttemptKey, Entry
from ablate.storage.preregistration import Freeze
from ablate.study.trial import Epoch, Outcome, TrialSpec
from ablate.tracking.names import RunStatus
from ablate.tracking.store import reason
from ablate.tracking.study_run import StudyRun
from ablate.tracking.tracker import Tracker

# All that a run of a study ever waits for a store that takes nothing. Clusters kill half a minute after SIGTERM, and
# a call to a server that hangs, or to a locked SQLite file, takes MLflow 20–33 s.
GIVE_UP_SECONDS = 25.0
_LOOK_SECONDS = 0.5


@final
class BackgroundTracker:
    """The only caller of its tracker, from one daemon thread, which a second Ctrl-C does not wait for.

    Opening a study still fails loudly: once the store is known to be of no use, every call here raises the tracker's
    `AblateError`. A call that fails as the tracker did not expect counts as one missing run.

    Calls that wait are kept in memory without a bound, as the tracker keeps what a failing store did not take: 1 kB an
    epoch, some more a trial, so 100 MB where a store hangs through 1,000 trials of 100 epochs.
    """

    def __init__(self, tracker: Tracker) -> None:
        """Nothing is contacted yet."""
        self._tracker = tracker
        self._calls: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._opening: Future[None] = Future()
        self._clock = Clock()
        self._broken = 0
        self._failure = ""
        self._fruitless = 0.0  # seconds waited since the store last took something
        self._progress = 0
        self._gave_up = False

    @property
    def seconds(self) -> float:
        """Time that the thread has spent so far, beside the training."""
        return self._tracker.seconds

    @property
    def waited(self) -> float:
        """Time that the callers here have spent waiting for the thread."""
        return self._clock.seconds.get("wait", 0.0)

    @property
    def run_ids(self) -> Mapping[AttemptKey, str]:
        """Attempt -> run id, as far as the thread has come; all that there will be after `drain`."""
        return self._tracker.run_ids

    @property
    def failure(self) -> str:
        """Why runs are missing, or were for a while; "" where nothing ever failed."""
        return self._failure or self._tracker.failure

    def missing(self, attempts: Iterable[AttemptKey]) -> int:
        """How many runs the store does not have as a whole: of these attempts, and that of the study itself."""
        return self._tracker.missing(attempts) + self._broken

    def open_study(self, study: StudyRun, *, parent_run_id: str | None, on_open: Callable[[str], None]) -> None:
        """Begin to open the study's run. `on_open` gets its id, on the thread."""
        threading.Thread(target=self._work, name="tracking", daemon=True).start()
        self._calls.put(partial(self._open, study, parent_run_id, on_open))

    def reconcile(self, attempts: Sequence[Entry]) -> None:
        """Write what the store lacks of attempts that ended, those of other processes included."""
        self._calls.put(partial(self._tracker.reconcile, attempts))

    def check(self) -> None:
        """Raise what opening the study failed with, if that is known by now."""
        if self._opening.done():
            self._opening.result()

    def wait_until_open(self) -> None:
        """Wait until the store is open, or raise what opening it failed with."""
        with self._clock.on("wait"):
            self._opening.result()

    def log_freeze(self, freeze: Freeze) -> None:
        """The comparisons are frozen: written before whatever is told later."""
        self._tell(partial(self._tracker.log_freeze, freeze))

    def open_trial(self, spec: TrialSpec, *, attempt: int) -> None:
        """An attempt at a trial starts."""
        self._tell(partial(self._tracker.open_trial, spec, attempt=attempt, at=now_ms()))

    def log_epoch(self, epoch: Epoch) -> None:
        """An epoch has passed."""
        self._tell(partial(self._tracker.log_epoch, epoch, at=now_ms()))

    def close_trial(self, outcome: Outcome) -> None:
        """An attempt has ended. Waits until the store is open: no result counts before."""
        self.wait_until_open()
        self._tell(partial(self._tracker.close_trial, outcome, at=now_ms()))

    def drain(self) -> None:
        """Wait until all calls so far are done, or give the store up."""
        self.wait_until_open()
        done = threading.Event()
        self._calls.put(done.set)
        with self._clock.on("wait"):
            while not self._gave_up and not done.wait(_LOOK_SECONDS):
                self._look()

    def close_study(
        self, status: RunStatus, *, note: str, metrics: Mapping[str, float], artifacts: Path | None
    ) -> None:
        """End the study's run, and wait until the store has it."""
        self._tell(partial(self._tracker.close_study, status, note=note, metrics=metrics, artifacts=artifacts))
        self.drain()

    def close(self) -> None:
        """Let the thread end once the calls that wait are done."""
        self._calls.put(None)

    def _tell(self, call: Callable[[], object]) -> None:
        self.check()
        self._calls.put(call)

    def _look(self) -> None:
        """Give up once waiting has been of no use for too long, summed over all waits."""
        before, self._progress = self._progress, self._tracker.progress
        self._fruitless = 0.0 if self._progress != before else self._fruitless + _LOOK_SECONDS
        if self._fruitless >= GIVE_UP_SECONDS:
            self._gave_up = True
            self._failure = self.failure or f"the store took nothing for {GIVE_UP_SECONDS:.0f} s"

    def _open(self, study: StudyRun, parent_run_id: str | None, on_open: Callable[[str], None]) -> None:
        try:
            on_open(self._tracker.open_study(study, parent_run_id=parent_run_id))
        except BaseException as err:  # the caller's to raise, whatever it is
            self._opening.set_exception(err)
        else:
            self._opening.set_result(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call()
            except BaseException as err:  # nobody may wait for ever for a thread that is gone
                self._broken += 1
                self._failure = reason(err)
