"""Servers and files that fail while a study is tracked: training never waits, and MLflow has it all in the end."""

import os
import signal
import time
import uuid
from contextlib import closing

import pytest
from mlflow_store import fresh_store
from records import epoch_of_classes
from survival.servers import Server, free_port, hold

from ablate.errors import AblateError
from ablate.experiment.recording import Record
from ablate.storage.journal import Journal
from ablate.study.trial import Label, Outcome, TrialSpec
from ablate.tracking import BackgroundTracker, StudyRun, Tracker, background, tracker
from ablate.tracking.store import connect

MOST_SECONDS = 2.0  # that training may wait for anything; a store that fails takes longer, a disk less


@pytest.fixture
def study():
    return StudyRun(f"study-{uuid.uuid4().hex[:8]}", "A study", {}, {}, {}, "", {})


class Given:
    """A plan of the trials with these numbers."""

    def __init__(self, numbers):
        self.specs = [
            TrialSpec(f"search-{number:04}", Label("search"), number, {"learning_rate": 0.1}) for number in numbers
        ]

    def ask(self, n):
        given, self.specs = self.specs[:n], self.specs[n:]
        return given

    def report(self, _epoch):
        return True

    def tell(self, _outcome):
        pass


class Process:
    """One run of a study in `folder`, until it is closed; `waited` is the longest that a call has taken."""

    def __init__(self, folder, uri, study):
        self.journal = Journal(folder / "trials.jsonl")
        self.tracker = BackgroundTracker(Tracker(uri))
        self.record = Record(self.journal, self.tracker, lambda _: None)
        self.record.open(study, parent_run=folder / "parent_run.txt")
        self.parent = folder / "parent_run.txt"
        self.waited = 0.0

    def train(self, *numbers):
        """Trials of two epochs each, as a scheduler passes them."""
        self.tracker.drain()  # opening a store is waited for, and not what is looked at here
        plan = self.record.around(Given(numbers))
        for spec in plan.ask(len(numbers)):
            began = time.perf_counter()
            self.record.begin(spec)
            for k in (1, 2):
                plan.report(epoch_of_classes(spec.trial, k, 1.0, 0.5, 1.0, 0.1 * k, 0.1, 0.1))
            plan.tell(Outcome(spec.trial, "finished", score=0.5, epochs=2))
            self.waited = max(self.waited, time.perf_counter() - began)

    def close(self):
        """End the study; the seconds that it took, and the runs that are missing."""
        began = time.perf_counter()
        self.record.settle()
        self.tracker.close_study("FINISHED", note="done", metrics={}, artifacts=None)
        self.record.settle()
        self.tracker.close()
        return time.perf_counter() - began, self.record.missing()


def check(uri, process, n):
    """The store has the study and `n` trials, each ended, with every epoch, once."""
    client = connect(uri)
    parent = client.get_run(process.parent.read_text().strip())
    assert parent.info.status == "FINISHED"
    runs = client.search_runs([parent.info.experiment_id], "tags.phase = 'search'")
    told = sorted((run.data.tags["trial"], run.data.tags["attempt"], run.info.status) for run in runs)
    assert told == [(f"search-{number:04}", "1", "FINISHED") for number in range(n)]
    for run in runs:
        assert [point.step for point in client.get_metric_history(run.info.run_id, "val_accuracy")] == [1, 2]
        assert run.data.metrics["score"] == 0.5
        assert run.info.run_id == process.journal.entries[run.data.tags["trial"]].run_id


@pytest.mark.slow
def test_a_server_that_goes_and_comes_back_has_all_and_one_that_stays_away_gets_it_later(tmp_path, study, monkeypatch):
    monkeypatch.setattr(tracker, "RETRY_SECONDS", 1.0)
    with Server(tmp_path / "server", free_port()) as server:
        process = Process(tmp_path, server.uri, study)
        process.train(0, 1)
        server.stop()
        process.train(2, 3)
        server.start()
        process.train(4, 5)
        _, missing = process.close()
        assert (missing, process.waited < MOST_SECONDS) == (0, True)
        check(server.uri, process, 6)

        process = Process(tmp_path, server.uri, study)
        process.train(6)
        process.tracker.drain()
        server.stop()
        process.train(7, 8)
        seconds, missing = process.close()
        assert seconds < 30
        assert (missing, process.waited < MOST_SECONDS) == (3, True)  # two trials and the study
        assert process.tracker.failure

        process = Process(tmp_path, server.uri, study)  # it is still away
        process.train(9)
        process.tracker.drain()
        server.start()
        _, missing = process.close()
        assert missing == 0
        check(server.uri, process, 10)

        process = Process(tmp_path, server.uri, study)
        process.train(10)
        process.tracker.drain()
        monkeypatch.setattr(background, "GIVE_UP_SECONDS", 5.0)
        os.killpg(server._process.pid, signal.SIGSTOP)  # it takes calls, and answers none
        process.train(11, 12)
        seconds, missing = process.close()
        assert seconds < 10
        assert (missing, process.waited < MOST_SECONDS) == (3, True)


@pytest.mark.slow
def test_a_store_that_another_process_locks_for_a_while_gets_all(tmp_path, study):
    uri = fresh_store(tmp_path)
    process = Process(tmp_path, uri, study)
    process.train(0)
    process.tracker.drain()
    with hold(tmp_path / "mlflow.db", 20.0):
        process.train(1, 2)
        held = time.perf_counter()
    assert time.perf_counter() - held > 15  # all of it was trained while the store was locked
    process.train(3)
    _, missing = process.close()
    assert (missing, process.waited < MOST_SECONDS) == (0, True)
    check(uri, process, 4)


def truncate(path):
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size // 2)


def spoil(path):
    with path.open("r+b") as file:
        file.write(b"\xffgarbage" * 512)


@pytest.mark.parametrize("damage", [truncate, spoil])
def test_a_store_damaged_midway_costs_no_training_and_is_told_at_the_next_opening(tmp_path, study, damage, monkeypatch):
    monkeypatch.setattr(background.time, "sleep", lambda _: None)
    uri = fresh_store(tmp_path)
    process = Process(tmp_path, uri, study)
    process.train(0)
    process.tracker.drain()
    damage(tmp_path / "mlflow.db")
    process.train(1, 2)
    _, missing = process.close()
    assert missing >= 3
    assert process.tracker.failure
    assert list(Journal(tmp_path / "trials.jsonl").known()) == ["search-0000", "search-0001", "search-0002"]

    with closing(BackgroundTracker(Tracker(uri))) as again:
        record = Record(process.journal, again, lambda _: None)
        record.open(study, parent_run=tmp_path / "parent_run.txt")
        with pytest.raises(
            AblateError, match=r"mlflow\.db: (cannot|is not) .*\n.* results\.csv .* write all runs again\n"
        ) as told:
            record.settle()
    assert len(str(told.value).splitlines()) == 3

    (tmp_path / "new").mkdir()
    uri = fresh_store(tmp_path / "new")
    process = Process(tmp_path, uri, study)
    assert process.close()[1] == 0
    check(uri, process, 3)


def test_what_died_between_the_journal_and_mlflow_is_written_at_the_next_start(tmp_path, study):
    uri = fresh_store(tmp_path)
    dead = Process(tmp_path, uri, study)
    dead.train(0)
    dead.tracker.drain()
    dead.tracker._tracker = Deaf(dead.tracker._tracker)  # from here on nothing arrives any more
    dead.train(1)
    (half,) = Given([2]).specs
    dead.record.begin(half)
    dead.tracker.drain()

    process = Process(tmp_path, uri, study)
    process.tracker.drain()
    client = connect(uri)
    runs = client.search_runs([client.get_experiment_by_name(study.study).experiment_id], "tags.phase = 'search'")
    assert sorted((run.data.tags["trial"], run.info.status) for run in runs) == [
        ("search-0000", "FINISHED"), ("search-0001", "FINISHED"), ("search-0002", "KILLED"),
    ]  # fmt: skip
    assert process.journal.begin(half, at=1) == 2
    assert process.record.missing() == 1
    for one in (dead, process):
        one.tracker.close()


class Deaf:
    """A tracker whose process dies before it writes anything more."""

    def __init__(self, tracker):
        self.run_ids, self.progress, self.failure, self.pause = tracker.run_ids, 0, "", 60.0
        self.is_down = self.is_ended = False

    def reconcile(self, *_, **__):
        pass
