from contextlib import closing
from dataclasses import replace

import pytest

from ablate.errors import AblateError
from ablate.events import TrialBegan, TrialEnded
from ablate.freeze import declare, freeze
from ablate.journal import Entry, Journal
from ablate.plan import Found
from ablate.recording import Record
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.tracking import BackgroundTracker

SPEC = TrialSpec("b", "search", "", "", "", "", 0, {"learning_rate": 0.1})


class Runs:
    """A tracker that opens runs called by a number."""

    def __init__(self, run_ids):
        self.run_ids, self.parent, self.calls = dict(run_ids), None, []
        self.seconds, self.lost, self.failure = 0.0, 0, ""

    def open_study(self, _study, *, parent_run_id):
        self.parent = parent_run_id
        return "parent-2"

    def log_freeze(self, freeze):
        self.calls.append(("frozen", freeze.digest))

    def open_trial(self, spec, *, at):
        del at
        self.calls.append(("began", spec.trial))
        self.run_ids[spec.trial] = f"run-{spec.trial}"

    def log_epoch(self, epoch, *, at):
        del at
        self.calls.append(("epoch", epoch.trial))

    def close_trial(self, outcome, *, at):
        del at
        self.calls.append(("ended", outcome.trial))


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

    def make(*, runs=None, cache=None, **run_ids) -> tuple[Record, Journal, list]:
        journal, tracker, shown = Journal(tmp_path / "trials.jsonl"), BackgroundTracker(runs or Runs(run_ids)), []
        made.append(tracker)
        record = Record(journal, tracker, shown.append, cache=cache)
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


EPOCHS = (Epoch("x", 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0), Epoch("x", 2, 1.0, 0.5, 1.0, 0.6, 0.1, 1.0))


class OneFound:
    """A cache in which every spec is."""

    def find(self, _spec):
        return Found("other/x", Outcome("x", "finished", 0.6, 2, 2, 0.6, 1.0, seconds=2.0), EPOCHS, "val_accuracy")

    def keep(self, _spec, _outcome, _epochs):
        raise AssertionError("nothing was trained")


def test_a_trial_of_another_study_is_shown_tracked_and_journaled_with_its_curve(recorded):
    runs = Runs({})
    record, journal, shown = recorded(runs=runs, cache=OneFound())
    assert record.around(OneSpec(SPEC)).ask(1) == []
    assert [type(event) for event in shown] == [TrialBegan, Epoch, Epoch, TrialEnded]
    (entry,) = record.settle()
    assert entry.epochs == tuple(replace(epoch, trial="b") for epoch in EPOCHS)
    assert (entry.outcome.same_as, entry.outcome.seconds, entry.run_id) == ("other/x", 0.0, "run-b")
    assert list(dict.fromkeys(runs.calls)) == [("began", "b"), ("epoch", "b"), ("ended", "b")]
    assert list(journal.known()) == ["b"]


def test_the_test_set_opens_with_the_freeze_which_is_tracked_before_any_trial(recorded, tiny_study, tmp_path):
    runs = Runs({})
    record, _, _ = recorded(runs=runs)
    tested = replace(SPEC, phase="ablation", variant="reference", test=True, design="one-factor")
    with pytest.raises(AblateError, match="frozen"):
        record.around(OneSpec(tested)).ask(1)
    frozen = freeze(tmp_path, declare([tested], tiny_study, data="f00"))
    record.freeze(frozen)
    plan = record.around(OneSpec(tested))
    (spec,) = plan.ask(1)
    assert spec.may_test()
    record.begin(spec)
    plan.tell(Outcome("b", "finished", test_accuracy=0.5))
    record.settle()
    assert runs.calls == [("frozen", frozen.digest), ("began", "b"), ("ended", "b")]


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
