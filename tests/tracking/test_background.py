"""The tracker's thread, with trackers whose calls end when a test says so."""

import threading
import time

import pytest
from records import epoch_of_classes

from ablate.errors import AblateError
from ablate.experiment.recording import Recorder
from ablate.storage.journal import Journal
from ablate.study.trial import Label, Outcome, TrialSpec
from ablate.tracking import BackgroundTracker, background

SPEC = TrialSpec("a", Label("search"), 0, {"learning_rate": 0.1})
EPOCH = epoch_of_classes("a", 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)
DONE = Outcome("a", "finished", score=0.5)


class Gated:
    """A tracker that notes its calls and threads, and whose calls wait for a gate."""

    def __init__(self, *, opens: bool = True, goes: bool = True, error: BaseException | None = None):
        self.calls, self.threads, self.run_ids = [], set(), {}
        self.seconds, self.progress, self.failure, self.lacking, self.pause = 0.0, 0, "", 0, 60.0
        self.is_down = self.is_ended = False
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

    def log_preregistration(self, freeze):
        self._note("log_freeze", freeze)

    def reconcile(self, attempts, *, again):
        self._note("reconcile", attempts, again)
        self.run_ids |= {key: f"run-{key[0]}" for key in attempts}

    def missing(self, attempts):
        return len(list(attempts)) + self.lacking

    def close_study(self, attempts, status, *, note, metrics, artifacts, models):
        assert not models
        self._note("close_study", attempts, status, note, metrics, artifacts)
        self.is_ended = True

    def _note(self, name, *arguments):
        if name != "open_study":
            self.may_go.wait(5)
        self.threads.add(threading.current_thread().name)
        self.calls.append((name, *arguments))

    @property
    def names(self):
        return [call[0] for call in self.calls]


@pytest.fixture
def opened():
    """Makes a background tracker on a fake one, opened; its thread ends with the test."""
    made = []

    def make(tracker, on_open=lambda _: None, attempts=()) -> BackgroundTracker:
        made.append(BackgroundTracker(tracker))
        made[-1].open_study("study", parent_run_id="former", on_open=on_open, attempts=lambda: list(attempts))
        return made[-1]

    yield make
    for tracker in made:
        tracker.close()


def close(tracker: BackgroundTracker) -> None:
    tracker.close_study("FINISHED", note="n", metrics={}, artifacts=None)


def test_every_call_arrives_in_order_on_one_other_thread(opened):
    tracker, ids, attempts = Gated(), [], [("former", 1)]
    beside = opened(tracker, ids.append, attempts)
    beside.drain()
    attempts.append(("a", 1))
    beside.log_preregistration("frozen")
    beside.drain()
    close(beside)
    beside.drain()
    assert [name for name, again in zip(tracker.names, [*tracker.names[1:], ""], strict=True) if name != again] == [
        "open_study", "reconcile", "log_freeze", "reconcile", "close_study", "reconcile",
    ]  # fmt: skip
    assert tracker.calls[0] == ("open_study", "study", "former")
    assert tracker.calls[-1] == ("reconcile", [("former", 1), ("a", 1)], True)
    assert tracker.threads == {"tracking"}
    assert ids == ["parent"]
    assert (beside.missing([]), beside.failure) == (0, "")


def test_a_slow_store_holds_up_neither_trials_nor_verdicts(opened, tmp_path):
    tracker, attempts = Gated(goes=False), []
    beside = opened(tracker, attempts=attempts)
    tracked = recorder(OneSpec(), beside, tmp_path)
    tracked.ask(1)
    began = time.perf_counter()
    for number in range(1000):
        attempts.append(("a", number))
        tracked.report(EPOCH)
    tracked.tell(DONE)
    assert time.perf_counter() - began < 1.0
    assert beside.run_ids == {}
    tracker.may_go.set()
    beside.drain()
    assert len(beside.run_ids) == 1000
    assert beside.waited < 1.0


def test_the_journal_is_followed_although_nobody_asks_as_often_as_the_tracker_says(opened):
    tracker, attempts = Gated(), []
    tracker.pause = 0.01
    beside = opened(tracker, attempts=attempts)
    attempts.append(("a", 1))
    give_up = time.monotonic() + 5
    while not beside.run_ids and time.monotonic() < give_up:
        time.sleep(0.01)
    assert beside.run_ids == {("a", 1): "run-a"}
    assert beside.waited == 0.0


def test_a_trial_that_ended_is_written_before_the_next_pass_is_due(opened, monkeypatch):
    monkeypatch.setattr(background, "_LOOK_SECONDS", 0.01)
    tracker, attempts = Gated(), []
    tracker.pause = 60.0
    beside = opened(tracker, attempts=attempts)
    give_up = time.monotonic() + 5
    while "reconcile" not in tracker.names and time.monotonic() < give_up:
        time.sleep(0.01)
    attempts.append(("a", 1))
    beside.note_end()
    while not beside.run_ids and time.monotonic() < give_up:
        time.sleep(0.01)
    assert beside.run_ids == {("a", 1): "run-a"}


def test_who_waits_has_a_store_that_fails_tried_three_times(opened, monkeypatch):
    monkeypatch.setattr(background.time, "sleep", lambda _: None)

    class Failing(Gated):
        def reconcile(self, attempts, *, again):
            super().reconcile(attempts, again=again)
            self.is_down = len(self.calls) < 4

    tracker = Failing()
    tracker.is_down = True
    beside = opened(tracker)
    beside.drain()
    assert tracker.names.count("reconcile") >= 3
    assert not tracker.is_down


def recorder(plan, beside, folder) -> Recorder:
    """A plan whose results wait for the tracker's store."""
    return Recorder(plan, [], journal=Journal(folder / "trials.jsonl"), tracker=beside)


def test_trials_may_begin_before_the_store_answers_but_no_result_is_told(opened, tmp_path):
    tracker = Gated(opens=False)
    tracked = recorder(OneSpec(), opened(tracker), tmp_path)
    tracked.ask(1)
    assert tracked.report(EPOCH)
    told = threading.Thread(target=tracked.tell, args=(DONE,), daemon=True)
    told.start()
    told.join(0.05)
    assert told.is_alive()
    tracker.may_open.set()
    told.join(5)
    assert not told.is_alive()


def test_a_store_of_no_use_fails_the_next_call_and_no_result_is_told(opened, tmp_path):
    tracker, plan = Gated(opens=False, error=AblateError("mlflow.db: cannot be used")), OneSpec()
    beside = opened(tracker)
    tracked = recorder(plan, beside, tmp_path)
    assert tracked.ask(1) == [SPEC]
    tracker.may_open.set()
    with pytest.raises(AblateError, match="cannot be used"):
        tracked.tell(DONE)
    assert plan.told == []
    for call in (
        lambda: tracked.ask(1),
        lambda: tracked.report(EPOCH),
        beside.check,
        lambda: beside.log_preregistration("frozen"),
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


def test_an_error_that_nobody_expected_counts_as_a_run_until_a_pass_succeeds(opened):
    class Broken(Gated):
        def reconcile(self, attempts, *, again):
            if not self.lacking:
                raise SystemExit("a bug in a library")
            super().reconcile(attempts, again=again)

    tracker = Broken()
    beside = opened(tracker)
    beside.drain()
    assert (beside.missing([]), beside.failure) == (1, "a bug in a library")
    tracker.lacking = 2
    beside.drain()
    assert beside.missing([]) == 2


def test_what_the_tracker_itself_misses_is_told_too(opened):
    tracker = Gated()
    tracker.lacking, tracker.failure, tracker.seconds = 1, "the server went away", 1.5
    beside = opened(tracker)
    assert (beside.missing([("a", 1), ("b", 1)]), beside.failure, beside.seconds) == (3, "the server went away", 1.5)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(background, "GIVE_UP_SECONDS", 0.2)
    monkeypatch.setattr(background, "_LOOK_SECONDS", 0.02)


@pytest.mark.usefixtures("impatient")
def test_a_store_that_hangs_is_given_up_once_for_all_that_follows(opened):
    tracker = Gated(goes=False)
    beside = opened(tracker)
    beside.drain()
    assert "accepted nothing for" in beside.failure
    close(beside)
    beside.drain()
    assert 0.2 <= beside.waited < 1.0
    assert tracker.names == ["open_study"]
    tracker.may_go.set()


@pytest.mark.usefixtures("impatient")
def test_a_store_that_fails_call_after_call_is_waited_for_no_longer_than_one_that_hangs(opened):
    class Failing(Gated):
        def reconcile(self, attempts, *, again):
            super().reconcile(attempts, again=again)
            time.sleep(0.15)
            self.failure = "the server went away"

    beside = opened(Failing())
    for _ in range(20):
        beside.drain()
    assert 0.2 <= beside.waited < 1.0
    assert beside.failure == "the server went away"


@pytest.mark.usefixtures("impatient")
def test_a_store_that_takes_one_thing_after_another_is_waited_for(opened):
    class Slow(Gated):
        def reconcile(self, attempts, *, again):
            for _ in range(8):
                time.sleep(0.1)
                self.progress += 1
            super().reconcile(attempts, again=again)

    tracker = Slow()
    beside = opened(tracker)
    beside.drain()
    assert tracker.names[:2] == ["open_study", "reconcile"]
    assert beside.failure == ""


def test_the_thread_ends_with_its_tracker_and_never_keeps_the_process():
    before, beside = set(threading.enumerate()), BackgroundTracker(Gated())
    beside.open_study("study", parent_run_id=None, on_open=lambda _: None, attempts=list)
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
