"""The tracker's thread, with trackers whose calls end when a test says so."""

import threading
import time

import pytest

from ablate.errors import AblateError
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.tracking import BackgroundTracker, Tracked, background

SPEC = TrialSpec("a", "search", "", "", "", "", 0, {"learning_rate": 0.1})
EPOCH = Epoch("a", 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)
DONE = Outcome("a", "finished", score=0.5)


class Gated:
    """A tracker that notes its calls and threads, and whose calls wait for a gate."""

    def __init__(self, *, opens: bool = True, goes: bool = True, error: BaseException | None = None):
        self.calls, self.threads, self.run_ids, self.times = [], set(), {}, []
        self.seconds, self.lost, self.failure = 0.0, 0, ""
        self.may_open, self.may_go, self.error = threading.Event(), threading.Event(), error
        if opens:
            self.may_open.set()
        if goes:
            self.may_go.set()

    def open_study(self, study, *, parent_run_id):
        self._note("open_study", study, parent_run_id)
        self.may_open.wait(5)
        if self.error is not None:
            raise self.error
        return "parent"

    def log_freeze(self, freeze):
        self._note("log_freeze", freeze)

    def open_trial(self, spec, *, at):
        self._note("open_trial", spec, at=at)
        self.run_ids[spec.trial] = f"run-{spec.trial}"

    def log_epoch(self, epoch, *, at):
        self._note("log_epoch", epoch, at=at)

    def close_trial(self, outcome, *, at):
        self._note("close_trial", outcome, at=at)

    def close_study(self, status, *, note, metrics, artifacts):
        self._note("close_study", status, note, metrics, artifacts)

    def _note(self, name, *arguments, at=None):
        if name != "open_study":
            self.may_go.wait(5)
        self.threads.add(threading.current_thread().name)
        self.calls.append((name, *arguments))
        self.times.append(at)


@pytest.fixture
def opened():
    """Makes a background tracker on a fake one, opened; its thread ends with the test."""
    made = []

    def make(tracker, on_open=lambda _: None) -> BackgroundTracker:
        made.append(BackgroundTracker(tracker))
        made[-1].open_study("study", parent_run_id="former", on_open=on_open)
        return made[-1]

    yield make
    for tracker in made:
        tracker.close()


def close(tracker: BackgroundTracker) -> None:
    tracker.close_study("FINISHED", note="n", metrics={}, artifacts=None)


def test_every_call_arrives_in_order_on_one_other_thread(opened):
    tracker, ids = Gated(), []
    beside = opened(tracker, ids.append)
    beside.log_freeze("frozen")
    beside.open_trial(SPEC)
    beside.log_epoch(EPOCH)
    beside.close_trial(DONE)
    close(beside)
    assert [call[0] for call in tracker.calls] == [
        "open_study",
        "log_freeze",
        "open_trial",
        "log_epoch",
        "close_trial",
        "close_study",
    ]
    assert tracker.calls[0] == ("open_study", "study", "former")
    assert tracker.threads == {"tracking"}
    assert ids == ["parent"]
    assert (beside.lost, beside.failure) == (0, "")


def test_a_slow_store_holds_up_neither_trials_nor_verdicts(opened):
    tracker = Gated(goes=False)
    beside = opened(tracker)
    began = time.perf_counter()
    beside.open_trial(SPEC)
    for _ in range(1000):
        beside.log_epoch(EPOCH)
    beside.close_trial(DONE)
    assert time.perf_counter() - began < 1.0
    assert beside.run_ids == {}
    tracker.may_go.set()
    beside.drain()
    assert beside.run_ids == {"a": "run-a"}
    assert len(tracker.calls) == 1003
    assert beside.waited < 1.0


def test_what_happened_keeps_its_time_however_late_it_is_written(opened):
    tracker = Gated(goes=False)
    beside = opened(tracker)
    beside.log_epoch(EPOCH)
    told = time.time() * 1000
    time.sleep(0.05)
    tracker.may_go.set()
    beside.drain()
    assert tracker.times[-1] <= told


def test_trials_may_begin_before_the_store_answers_but_no_result_is_told(opened):
    tracker = Gated(opens=False)
    tracked = Tracked(OneSpec(), opened(tracker))
    tracked.ask(1)
    assert tracked.report(EPOCH)
    told = threading.Thread(target=tracked.tell, args=(DONE,), daemon=True)
    told.start()
    told.join(0.05)
    assert told.is_alive()
    tracker.may_open.set()
    told.join(5)
    assert not told.is_alive()


def test_a_store_of_no_use_fails_the_next_call_and_no_result_is_told(opened):
    tracker, plan = Gated(opens=False, error=AblateError("mlflow.db: cannot be used")), OneSpec()
    beside = opened(tracker)
    tracked = Tracked(plan, beside)
    assert tracked.ask(1) == [SPEC]
    beside.open_trial(SPEC)
    tracker.may_open.set()
    with pytest.raises(AblateError, match="cannot be used"):
        tracked.tell(DONE)
    assert plan.told == []
    for call in (
        lambda: tracked.ask(1),
        lambda: tracked.report(EPOCH),
        lambda: beside.open_trial(SPEC),
        beside.drain,
        lambda: close(beside),
    ):
        with pytest.raises(AblateError, match="cannot be used"):
            call()


def test_an_id_that_cannot_be_kept_is_an_error_of_opening(opened):
    def full(_):
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        opened(Gated(), full).drain()


def test_an_error_that_nobody_expected_is_counted_and_the_rest_goes_on(opened):
    class Broken(Gated):
        def log_epoch(self, epoch, *, at):
            del epoch, at
            raise SystemExit("a bug in a library")

    tracker = Broken()
    beside = opened(tracker)
    beside.log_epoch(EPOCH)
    beside.open_trial(SPEC)
    close(beside)
    assert (beside.lost, beside.failure) == (1, "a bug in a library")
    assert [call[0] for call in tracker.calls] == ["open_study", "open_trial", "close_study"]


def test_what_the_tracker_itself_lost_is_told_too(opened):
    tracker = Gated()
    tracker.lost, tracker.failure, tracker.seconds = 3, "the server went away", 1.5
    beside = opened(tracker)
    assert (beside.lost, beside.failure, beside.seconds) == (3, "the server went away", 1.5)


def test_a_store_that_hangs_is_given_up_at_the_end(opened, monkeypatch):
    monkeypatch.setattr(background, "CLOSE_SECONDS", 0.05)
    tracker = Gated(goes=False)
    beside = opened(tracker)
    beside.open_trial(SPEC)
    beside.log_epoch(EPOCH)
    close(beside)
    assert beside.lost == 3  # the trial, its epoch, the end of the study
    assert "did not answer" in beside.failure
    assert 0.05 <= beside.waited < 1.0
    tracker.may_go.set()


def test_the_thread_ends_with_its_tracker_and_never_keeps_the_process():
    before, beside = set(threading.enumerate()), BackgroundTracker(Gated())
    beside.open_study("study", parent_run_id=None, on_open=lambda _: None)
    beside.drain()
    (thread,) = set(threading.enumerate()) - before
    assert thread.daemon
    beside.close()
    thread.join(5)
    assert not thread.is_alive()


class OneSpec:
    def __init__(self):
        self.told = []

    def ask(self, _n):
        return [SPEC]

    def report(self, _epoch):
        return True

    def tell(self, outcome):
        self.told.append(outcome)
