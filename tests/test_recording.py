from contextlib import closing

import pytest

from ablate.events import TrialBegan, TrialEnded
from ablate.journal import Entry, Journal
from ablate.recording import Record
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.tracking import BackgroundTracker

SPEC = TrialSpec("b", "search", "", "", "", "", 0, {"learning_rate": 0.1})


class Runs:
    """A tracker that opens runs called by a number."""

    def __init__(self, run_ids):
        self.run_ids, self.parent = dict(run_ids), None
        self.seconds, self.lost, self.failure = 0.0, 0, ""

    def open_study(self, _study, *, parent_run_id):
        self.parent = parent_run_id
        return "parent-2"

    def open_trial(self, spec, *, at):
        del at
        self.run_ids[spec.trial] = f"run-{spec.trial}"

    def log_epoch(self, _epoch, *, at):
        pass

    def close_trial(self, _outcome, *, at):
        pass


class OneSpec:
    def __init__(self, spec):
        self.specs = [spec]

    def ask(self, _n):
        return [self.specs.pop()] if self.specs else []

    def report(self, _epoch):
        return True

    def tell(self, _outcome):
        pass


@pytest.fixture
def recorded(tmp_path):
    """Makes a record on a tracker that knows some runs already; what was shown and the journal beside it."""
    made = []

    def make(**run_ids) -> tuple[Record, Journal, list]:
        journal, tracker, shown = Journal(tmp_path / "trials.jsonl"), BackgroundTracker(Runs(run_ids)), []
        made.append(tracker)
        record = Record(journal, tracker, shown.append)
        record.open("study", parent_run=tmp_path / "parent_run.txt")
        return record, journal, shown

    yield make
    for tracker in made:
        tracker.close()


def test_a_trial_is_shown_tracked_and_journaled(recorded):
    record, journal, shown = recorded()
    plan = record.around(OneSpec(SPEC))
    for spec in plan.ask(1):
        record.begin(spec)
        passed = Epoch(spec.trial, 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)
        assert plan.report(passed)
        plan.tell(Outcome(spec.trial, "finished", score=0.5))
    assert [type(event) for event in shown] == [TrialBegan, Epoch, TrialEnded]
    assert [entry.spec for entry in record.known_of("search")] == [SPEC]
    assert record.known_of("ablation") == []
    assert [(e.epochs, e.run_id) for e in record.settle()] == [((passed,), "run-b")]
    assert journal.entries["b"].run_id == "run-b"


def test_a_configuration_of_an_earlier_run_is_not_trained_again_and_gets_a_run_of_its_own(recorded):
    record, journal, shown = recorded(a="run-of-a")
    journal.append(
        Entry(TrialSpec("a", "search", "", "", "", "", 0, SPEC.factors), Outcome("a", "finished"), (), "run-of-a")
    )
    assert record.around(OneSpec(SPEC)).ask(1) == []
    assert [type(event) for event in shown] == [TrialEnded]
    assert {e.spec.trial: (e.outcome.same_as, e.run_id) for e in record.settle()} == {
        "a": ("", "run-of-a"), "b": ("a", "run-b"),
    }  # fmt: skip


def test_a_trial_that_was_killed_leaves_its_former_run_behind(recorded):
    record, journal, _ = recorded(b="run-of-the-killed")
    plan = record.around(OneSpec(SPEC))
    for spec in plan.ask(1):
        record.begin(spec)
        plan.tell(Outcome(spec.trial, "finished"))
    record.settle()
    assert journal.entries["b"].run_id == "run-b"


def test_the_studys_run_is_kept_and_gone_on_with(tmp_path):
    path = tmp_path / "parent_run.txt"
    path.write_text("parent-1\n")
    runs = Runs({})
    with closing(BackgroundTracker(runs)) as tracker:
        record = Record(Journal(tmp_path / "trials.jsonl"), tracker, lambda _: None)
        record.open("study", parent_run=path)
        assert record.settle() == []
    assert (runs.parent, path.read_text()) == ("parent-1", "parent-2\n")
