"""A journal held against real stores that lack some of it: all is there afterwards, once, and with its true times."""

import uuid
from dataclasses import replace

import pytest
from mlflow_store import Followed, fresh_store
from records import epoch_of_classes

from ablate.storage.journal import Entry, Journal
from ablate.study.trial import Label, Outcome, RateTest, TrialSpec
from ablate.tracking import FOLDER, StudyRun, Tracker
from ablate.tracking.run_fields import spec_tags
from ablate.tracking.store import connect

SPEC = TrialSpec("search-0000", Label("search", number=0), 0, {"normalization": "none", "learning_rate": "find"})
TEST = RateTest("abc123", (1e-4, 1e-3), (2.3, 2.1), {"valley": None}, 1e-3, "determined", "", 0.5)
BEGAN = 1_700_000_000_000
WRITES = ("create_run", "log_batch", "set_terminated", "log_artifact", "log_artifacts", "delete_run", "update_run")


class Counted:
    """A client whose calls are counted, which may fail after some of them, and lose the answer to one."""

    def __init__(self, client):
        self.client, self.calls, self.left, self.loses = client, [], None, ""

    def __getattr__(self, name):
        if name in WRITES and self.left is not None:
            if self.left == 0:
                raise ConnectionError("the server went away")
            self.left -= 1
        self.calls.append(name)
        return self._lost if name == self.loses else getattr(self.client, name)

    def _lost(self, *arguments, **named):
        getattr(self.client, self.loses)(*arguments, **named)
        self.loses = ""
        raise ConnectionError("no answer in time")

    def written(self):
        """How often what was written since the last time."""
        written, self.calls = [name for name in self.calls if name in WRITES], []
        return written


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return fresh_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def client(uri):
    return connect(uri)


@pytest.fixture
def study():
    return StudyRun(f"study-{uuid.uuid4().hex[:8]}", "A study", {"a": "1"}, {}, {}, "", {})


@pytest.fixture
def first(uri, client, study, tmp_path):
    """The tracker of a process that is going to die."""
    return opened(uri, study, tmp_path, connect=lambda _: client)


def opened(uri, study, tmp_path, *, parent=None, connect=connect):
    tracker = Followed(Tracker(uri, connect=connect), tmp_path)
    tracker.open_study(study, parent_run_id=parent)
    return tracker


@pytest.fixture
def again(uri, client, study, tmp_path):
    """Makes the tracker of the next process on the same study, and the client that it uses."""

    def make(former):
        counted = Counted(client)
        tracker = opened(uri, study, tmp_path, parent=former.parent, connect=lambda _: counted)
        tracker._own.files = {}  # study.toml is written anew with each start
        counted.written()
        return tracker, counted

    return make


def spec_of(number):
    return replace(SPEC, trial=f"search-{number:04}", seed=number)


def entry(number, state="finished", *, n=2, attempt=1, **changes):
    """An attempt of ten seconds with `n` epochs of two seconds each."""
    spec = spec_of(number)
    began = BEGAN + 60_000 * number
    outcome = Outcome(spec.trial, state, score=0.1 * n, epochs=n, seconds=10.0, attempt=attempt, **changes)
    return Entry(spec, outcome, tuple(epoch(number, k) for k in range(1, n + 1)), "", began, began + 10_000)


def epoch(number, k):
    return epoch_of_classes(spec_of(number).trial, k, 2.0, 0.1 * k, 2.0, 0.1 * k, 0.001, 2.0)


def unended(number, *, attempt=1):
    """An attempt that a dead process left behind, as a journal gives it."""
    outcome = Outcome(spec_of(number).trial, "killed", reason="its process ended early", attempt=attempt)
    return Entry(spec_of(number), outcome, (), "", began=BEGAN + 60_000 * number)


def runs_below(client, tracker):
    """Of each attempt that has a run which nobody deleted: status, state, reason."""
    experiment = client.get_run(tracker.parent).info.experiment_id
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{tracker.parent}'")
    told = [
        ((run.data.tags["trial"], int(run.data.tags.get("attempt", 1))), run.info.status, run.data.tags["state"],
         run.data.tags.get("reason", ""))
        for run in found
    ]  # fmt: skip
    return sorted(told)


def artifacts(client, run_id):
    return sorted(file.path for file in client.list_artifacts(run_id))


def test_what_a_store_lacks_is_written_with_its_times_and_files_and_only_once(client, first, again):
    entries = [entry(0, rate_test=TEST), entry(1, "failed", n=0, traceback="Traceback …", reason="no"), entry(2, n=3)]
    tracker, counted = again(first)
    assert tracker.missing(e.key for e in entries) == 4
    tracker.reconcile(entries)
    assert tracker.missing(e.key for e in entries) == 1  # the study's own run goes on
    assert runs_below(client, tracker) == [
        (("search-0000", 1), "FINISHED", "finished", ""), (("search-0001", 1), "FAILED", "failed", "no"),
        (("search-0002", 1), "FINISHED", "finished", ""),
    ]  # fmt: skip
    ids = [tracker.run_ids[e.key] for e in entries]
    run = client.get_run(ids[2])
    assert (run.info.start_time, run.info.end_time) == (BEGAN + 120_000, BEGAN + 130_000)
    assert run.data.params == {"normalization": "none", "learning_rate": "find"}
    curve = client.get_metric_history(ids[2], "val_accuracy")
    assert [(p.step, round(p.value, 6), p.timestamp - BEGAN) for p in curve] == [
        (1, 0.1, 126_000), (2, 0.2, 128_000), (3, 0.3, 130_000),
    ]  # fmt: skip
    assert run.data.metrics["score"] == pytest.approx(0.3)
    assert [artifacts(client, run_id) for run_id in ids] == [["lr_test.csv", "lr_test.json"], ["traceback.txt"], []]

    counted.written()
    tracker.reconcile(entries)
    assert counted.written() == []
    later, counted = again(first)
    later.reconcile(entries)
    assert counted.written() == []
    assert (later.missing(e.key for e in entries), later.run_ids) == (1, tracker.run_ids)


def test_where_nothing_is_missing_a_study_of_any_size_costs_two_searches(first, again):
    for number in range(5):
        first.open_trial(spec_of(number))
        first.close_trial(entry(number).outcome)
    tracker, counted = again(first)
    tracker.reconcile([entry(number) for number in range(5)])
    assert counted.calls == ["search_runs", "search_runs"]


def test_a_run_that_a_death_left_half_written_gets_the_rest_and_nothing_twice(client, first, again):
    run_id = first.open_trial(SPEC, at=BEGAN)
    first.log_epoch(epoch(0, 1), at=BEGAN + 5_500)
    first.follow()
    assert client.get_run(run_id).data.metrics["val_accuracy"] == 0.1
    tracker, _ = again(first)
    tracker.reconcile([entry(0, n=3)])
    assert runs_below(client, tracker) == [(("search-0000", 1), "FINISHED", "finished", "")]
    for name in ("val_accuracy", "train_loss", "learning_rate"):
        points = client.get_metric_history(run_id, name)
        assert [(p.step, p.timestamp - BEGAN) for p in points] == [(1, 5_500), (2, 8_000), (3, 10_000)]
    assert client.get_run(run_id).info.end_time == BEGAN + 10_000


def test_attempts_that_nothing_ended_are_closed_as_killed_when_they_were_last_heard_of(client, first, again):
    silent, heard = first.open_trial(spec_of(0), at=BEGAN), first.open_trial(spec_of(1), at=BEGAN)
    first.log_epoch(epoch(1, 1), at=BEGAN + 5_500)
    first.follow()
    tracker, _ = again(first)
    tracker.reconcile([unended(0), unended(1), unended(2, attempt=2)])
    reason = "its process ended early"
    assert runs_below(client, tracker) == [
        (("search-0000", 1), "KILLED", "killed", reason), (("search-0001", 1), "KILLED", "killed", reason),
        (("search-0002", 2), "KILLED", "killed", reason),
    ]  # fmt: skip
    assert [client.get_run(run_id).info.end_time - BEGAN for run_id in (silent, heard)] == [0, 5_500]
    tracker.reconcile([unended(0), unended(1), unended(2, attempt=2), entry(0, attempt=2)])
    assert [told[:2] for told in runs_below(client, tracker)][:2] == [
        (("search-0000", 1), "KILLED"), (("search-0000", 2), "FINISHED"),
    ]  # fmt: skip


def test_the_epochs_that_a_journal_has_of_a_dead_attempt_are_in_its_run_when_they_passed(client, first, again):
    run_id = first.open_trial(SPEC, at=BEGAN)
    first.log_epoch(epoch(0, 1), at=BEGAN + 2_000)
    first.follow()
    first.log_epoch(epoch(0, 2), at=BEGAN + 4_500)  # and then it dies
    tracker, _ = again(first)
    tracker.reconcile(Journal(first.journal._path).so_far())
    points = client.get_metric_history(run_id, "val_accuracy")
    assert [(p.step, p.timestamp - BEGAN) for p in points] == [(1, 2_000), (2, 4_500)]
    run = client.get_run(run_id)
    assert (run.info.status, run.info.end_time) == ("KILLED", BEGAN + 4_500)


def test_a_trial_that_starts_over_within_its_attempt_gets_the_later_points_too(client, first):
    run_id = first.open_trial(SPEC, at=BEGAN)
    for at, number in ((1_000, 1), (2_000, 2), (3_000, 1)):
        first.log_epoch(epoch(0, number), at=BEGAN + at)
        first.follow()
    points = client.get_metric_history(run_id, "val_accuracy")
    assert [(p.step, p.timestamp - BEGAN) for p in points] == [(1, 1_000), (2, 2_000), (1, 3_000)]


def test_a_run_with_another_state_gets_the_one_of_the_journal(client, first, again):
    run_id = first.open_trial(SPEC, at=BEGAN)
    first.close_trial(Outcome(SPEC.trial, "killed", reason="the study ended first"))
    tracker, _ = again(first)
    tracker.reconcile([entry(0)])
    assert runs_below(client, tracker) == [(("search-0000", 1), "FINISHED", "finished", "")]
    assert client.get_run(run_id).data.metrics["score"] == pytest.approx(0.2)


def test_a_running_run_that_no_journal_knows_is_closed_and_one_that_ended_is_left(client, first, again):
    for number in (0, 1):
        first.open_trial(spec_of(number))
    first.close_trial(entry(1).outcome)
    tracker, counted = again(first)
    tracker.reconcile([])
    assert [told[1:3] for told in runs_below(client, tracker)] == [("KILLED", "killed"), ("FINISHED", "finished")]
    counted.written()
    tracker.reconcile([])
    assert counted.written() == []


def test_what_runs_in_this_process_is_left_alone(client, first):
    first.follow()
    first.open_trial(SPEC)
    first.tracker._is_looked_up = False  # as after a failure
    first.follow()
    assert [told[1] for told in runs_below(client, first)] == ["RUNNING"]


def test_a_run_that_is_there_twice_because_an_answer_was_lost_is_deleted(client, first, again):
    tracker, counted = again(first)
    tracker.reconcile([])
    counted.loses = "create_run"
    assert tracker.open_trial(SPEC) == ""
    client.create_run(tracker._experiment, tags={"mlflow.parentRunId": tracker.parent, **spec_tags(SPEC)})
    tracker.follow()
    assert [told[1] for told in runs_below(client, tracker)] == ["RUNNING"]
    tracker.close_trial(entry(0).outcome)
    assert [told[1] for told in runs_below(client, tracker)] == ["FINISHED"]
    assert tracker.missing([entry(0).key]) == 1


def test_a_run_that_a_person_deleted_stays_deleted_and_is_not_missed(client, first, again):
    run_id = first.open_trial(SPEC)
    first.close_trial(entry(0, rate_test=TEST).outcome)
    client.delete_run(run_id)
    tracker, counted = again(first)
    tracker.reconcile([entry(0, rate_test=TEST)])
    assert counted.written() == []
    assert tracker.missing([entry(0).key]) == 1  # the study itself
    tracker.reconcile([entry(0, rate_test=TEST), entry(1, rate_test=TEST)])
    assert artifacts(client, tracker.run_ids[entry(1).key]) == ["lr_test.csv", "lr_test.json"]


def test_runs_whose_study_was_deleted_go_below_the_new_one(client, first, again):
    runs = [first.open_trial(spec_of(number)) for number in (0, 1)]
    for number in (0, 1):
        first.close_trial(entry(number).outcome)
    client.delete_run(runs[1])
    client.delete_run(first.parent)
    tracker, _ = again(first)
    assert tracker.parent != first.parent
    tracker.reconcile([entry(0), entry(1), entry(2)])
    assert [told[1] for told in runs_below(client, tracker)] == ["FINISHED"] * 3
    assert tracker.run_ids[entry(0).key] == runs[0]
    assert tracker.missing(entry(number).key for number in range(3)) == 1


def test_another_store_gets_everything(client, study, first, tmp_path):
    first.open_trial(SPEC)
    first.close_trial(entry(0).outcome)
    other = fresh_store(tmp_path)
    tracker = opened(other, study, tmp_path, parent=first.parent)
    tracker.reconcile([entry(0), entry(1, "pruned")])
    assert [told[1:3] for told in runs_below(connect(other), tracker)] == [
        ("FINISHED", "finished"), ("FINISHED", "pruned"),
    ]  # fmt: skip
    assert len(runs_below(client, first)) == 1


def test_dead_runs_of_the_study_from_this_folder_end_and_those_from_others_go_on(client, uri, study, tmp_path):
    here, there = (replace(study, tags={FOLDER: place}) for place in ("me:/here", "me:/there"))
    dead, other = opened(uri, here, tmp_path), opened(uri, there, tmp_path)
    child = dead.open_trial(SPEC)
    opened(uri, here, tmp_path).reconcile([])
    ended, running = client.get_run(dead.parent), client.get_run(other.parent)
    assert (ended.info.status, ended.data.tags["state"]) == ("KILLED", "killed")
    assert client.get_run(child).info.status == "KILLED"
    assert running.info.status == "RUNNING"


def test_files_that_a_death_kept_from_their_run_are_written_later(client, first, again):
    failed = {"traceback": "Traceback …", "rate_test": TEST}
    run_id = first.open_trial(SPEC)
    first.tracker._write_files = lambda: None  # it dies before
    first.close_trial(entry(0, "failed", **failed).outcome)
    assert artifacts(client, run_id) == []
    for _ in range(2):
        tracker, counted = again(first)
        tracker.reconcile([entry(0, "failed", **failed)])
        assert artifacts(client, run_id) == ["lr_test.csv", "lr_test.json", "traceback.txt"]
    assert counted.written() == []


@pytest.mark.parametrize("left", [0, 1, 4, 5])
def test_a_store_that_goes_away_on_the_way_gets_the_rest_later(client, first, again, left):
    entries = [entry(number, rate_test=TEST) for number in range(3)]
    tracker, counted = again(first)
    counted.left = left
    tracker.reconcile(entries)
    assert tracker.failure == "the server went away"
    assert tracker.missing(e.key for e in entries) > 1
    counted.left = None
    tracker.reconcile(entries)
    assert tracker.missing(e.key for e in entries) == 1
    assert [told[1] for told in runs_below(client, tracker)] == ["FINISHED"] * 3
    for key in (e.key for e in entries):
        assert [p.step for p in client.get_metric_history(tracker.run_ids[key], "val_loss")] == [1, 2]


class RefusedError(Exception):
    error_code = "BAD_REQUEST"


def test_a_store_that_does_not_say_what_it_has_gets_nothing_twice(client, first, again, monkeypatch):
    first.open_trial(SPEC)
    tracker, counted = again(first)

    def refuse(*_, **__):
        raise RefusedError("not so")

    monkeypatch.setattr(counted, "search_runs", refuse, raising=False)
    tracker.reconcile([entry(0)])
    assert (counted.written(), tracker.failure, tracker.missing([entry(0).key])) == ([], "not so", 2)
    monkeypatch.undo()
    tracker.reconcile([entry(0)])
    assert [told[1] for told in runs_below(client, tracker)] == ["FINISHED"]


def test_runs_of_an_older_version_are_told_by_their_trial(client, first, again):
    run_id = first.open_trial(SPEC)
    first.close_trial(entry(0).outcome)
    client.delete_tag(run_id, "attempt")
    tracker, counted = again(first)
    tracker.reconcile([replace(entry(0), began=0, ended=0, run_id=run_id)])
    assert counted.written() == []
    assert tracker.run_ids == {(SPEC.trial, 1): run_id}
