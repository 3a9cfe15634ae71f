"""Run the tracker on a thread of its own, so that training never waits for MLflow."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import final

from ablate.clock import Clock
from ablate.storage.journal import Attempt, AttemptKey
from ablate.storage.preregistration import Preregistration
from ablate.tracking.model_files import ModelFile
from ablate.tracking.run_fields import RunStatus
from ablate.tracking.store import reason
from ablate.tracking.study_run import StudyRun
from ablate.tracking.tracker import Tracker

# The longest that a run of a study waits for a store that accepts nothing. Clusters kill half a minute after SIGTERM,
# and a call to a server that hangs, or to a locked SQLite file, takes MLflow 20–33 s.
GIVE_UP_SECONDS = 25.0
_LOOK_SECONDS = 0.5
_REST = 4.0  # times the last pass, at least: so the store costs a fifth of a core at most
_TRIES = 3  # passes at a failing store while a caller waits, one second apart


@final
class BackgroundTracker:
    """The only caller of its tracker, from one daemon thread, which a second Ctrl-C does not wait for.

    Opening a study raises errors: once the store is known to be unusable, every call here raises the tracker's
    `AblateError`. A pass that fails with an unexpected error counts as one missing run until a later pass succeeds.
    """

    def __init__(self, tracker: Tracker) -> None:
        """Makes no connection yet."""
        self._tracker = tracker
        self._opening: Future[None] = Future()
        self._clock = Clock()
        self._wake = threading.Event()
        self._passed = threading.Condition()
        self._asked = self._done = 0  # passes that callers wait for, and those done of them
        self._freeze: Preregistration | None = None
        self._told_freeze: Preregistration | None = None
        self._end: Callable[[Sequence[Attempt]], None] | None = None
        self._is_closed = self._is_broken = self._has_news = False
        self._failure = ""
        self._fruitless = 0.0  # seconds waited since the store last accepted something
        self._progress = 0
        self._gave_up = False

    @property
    def seconds(self) -> float:
        """Time that the thread has spent so far, in parallel with the training."""
        return self._tracker.seconds

    @property
    def waited(self) -> float:
        """Time that callers have spent waiting for the thread."""
        return self._clock.seconds.get("wait", 0.0)

    @property
    def run_ids(self) -> Mapping[AttemptKey, str]:
        """Attempt -> run id, as far as written; complete after `drain`."""
        return self._tracker.run_ids

    @property
    def failure(self) -> str:
        """Why runs are missing, or were for a while; "" if nothing ever failed."""
        return self._failure or self._tracker.failure

    def missing(self, attempts: Iterable[AttemptKey]) -> int:
        """Number of incomplete runs in the store, of these attempts and the study's own."""
        return self._tracker.missing(attempts) + self._is_broken

    def open_study(
        self,
        study: StudyRun,
        *,
        parent_run_id: str | None,
        on_open: Callable[[str], None],
        attempts: Callable[[], Sequence[Attempt]],
    ) -> None:
        """On the thread, open the study's run, call `on_open` with its id, then write its `attempts` as they come."""
        open_study = partial(self._tracker.open_study, study, parent_run_id=parent_run_id)
        work = partial(self._work, lambda: on_open(open_study()), attempts)
        threading.Thread(target=work, name="tracking", daemon=True).start()

    def check(self) -> None:
        """Raise the error of opening the study, if it is known by now."""
        if self._opening.done():
            self._opening.result()

    def wait_until_open(self) -> None:
        """Wait until the store is open: no result counts before. Raises the error of opening the study."""
        with self._clock.on("wait"):
            self._opening.result()

    def log_preregistration(self, freeze: Preregistration) -> None:
        """Queue the preregistration; it is written before any trial that begins later."""
        self.check()
        self._freeze = freeze

    def note_end(self) -> None:
        """A trial has ended: let its run be written soon, so that little is left to wait for at the end."""
        self._has_news = True

    def drain(self) -> None:
        """Wait until the store has everything so far, or give it up."""
        self.wait_until_open()
        with self._clock.on("wait"), self._passed:
            self._asked += 1
            asked = self._asked
            self._wake.set()
            while not self._gave_up and self._done < asked:
                if not self._passed.wait(_LOOK_SECONDS):
                    self._look()

    def close_study(
        self,
        status: RunStatus,
        *,
        note: str,
        metrics: Mapping[str, float],
        artifacts: Path | None,
        models: Sequence[ModelFile] = (),
    ) -> None:
        """End the study's run, and wait until the store has it."""
        close = self._tracker.close_study
        self._end = lambda attempts: close(
            attempts, status, note=note, metrics=metrics, artifacts=artifacts, models=models
        )
        self.drain()

    def close(self) -> None:
        """Let the thread end, after the passes that callers wait for."""
        self._is_closed = True
        self._wake.set()

    def _look(self) -> None:
        """Give up after `GIVE_UP_SECONDS` of waiting without progress, summed over all waits."""
        before, self._progress = self._progress, self._tracker.progress
        self._fruitless = 0.0 if self._progress != before else self._fruitless + _LOOK_SECONDS
        if self._fruitless >= GIVE_UP_SECONDS:
            self._gave_up = True
            self._failure = self.failure or f"the store accepted nothing for {GIVE_UP_SECONDS:.0f} s"

    def _work(self, opening: Callable[[], None], attempts: Callable[[], Sequence[Attempt]]) -> None:
        try:
            opening()
        except BaseException as err:  # raised again in the caller, whatever it is
            self._opening.set_exception(err)
            return
        self._opening.set_result(None)
        while not self._is_closed or self._done < self._asked:
            asked, began = self._asked, time.monotonic()
            self._has_news = False
            for i in range(_TRIES if asked > self._done else 1):
                time.sleep(min(i, 1))
                self._pass(attempts, again=asked > self._done)
                if not self._tracker.is_down:
                    break
            with self._passed:
                self._done = asked
                self._passed.notify_all()
            self._rest(least=max(_LOOK_SECONDS, _REST * (time.monotonic() - began)))

    def _rest(self, *, least: float) -> None:
        """Wait for the next pass; after `least` seconds a trial that ended is reason enough, if the store answers."""
        began, pause = time.monotonic(), self._tracker.pause
        while (left := began + pause - time.monotonic()) > 0:
            if self._wake.wait(min(left, _LOOK_SECONDS)):
                break
            if self._has_news and not self._tracker.is_down and time.monotonic() - began >= least:
                break
        self._wake.clear()

    def _pass(self, attempts: Callable[[], Sequence[Attempt]], *, again: bool) -> None:
        try:
            so_far, end = attempts(), self._end
            if self._freeze is not self._told_freeze and self._freeze is not None:
                self._tracker.log_preregistration(self._freeze)
                self._told_freeze = self._freeze
            if end is not None and not self._tracker.is_ended:
                end(so_far)
            else:
                self._tracker.reconcile(so_far, again=again)
            self._is_broken = False
        except BaseException as err:  # callers must not wait for a thread that has ended
            self._is_broken, self._failure = True, reason(err)
