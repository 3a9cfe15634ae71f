from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial

import pytest
from full_disk import at_most
from records import epoch_of_classes

from ablate.clock import Clock
from ablate.errors import AblateError, StorageError
from ablate.experiment.events import TrialBegan, TrialEnded, TrialLost
from ablate.experiment.listeners import Journaled
from ablate.experiment.recording import Record, Recorder
from ablate.storage.journal import Entry, Journal
from ablate.storage.preregistration import declare, freeze
from ablate.storage.trial_cache import CachedTrial
from ablate.study.trial import ACCURACY, Epoch, Label, Outcome, RateTest, TrialSpec
from ablate.tracking import FOLDER, BackgroundTracker, StudyRun

SPEC = TrialSpec("b", Label("search"), 0, {"learning_rate": 0.1})


STUDY = StudyRun("study", "A study", {}, {}, {}, "", {})


class Runs:
    """A tracker that opens runs called by trial and attempt, and notes what passes it finds that it had not seen."""

    def __init__(self, run_ids, *, failure=""):
        self.run_ids, self.parent, self.study, self.calls, self.compared = dict(run_ids), None, None, [], []
        self.seconds, self.progress, self.failure, self.pause = 0.0, 0, failure, 60.0
        self.is_down = self.is_ended = False

    def open_study(self, study, *, parent_run_id):
        self.study, self.parent = study, parent_run_id
        return "parent-2"

    def reconcile(self, attempts, *, again):
        del again
        self.compared.append([attempt.key for attempt in attempts])
        for attempt in attempts:
            trial, number = attempt.key
            passed = attempt.epochs if attempt.outcome else [epoch for _, epoch in attempt.passed]
            for call in (("began", trial), *(("epoch", trial, e.epoch) for e in passed), ("ended", trial)):
                if (*call, number) not in self.calls and (attempt.outcome or call[0] != "ended"):
                    self.calls.append((*call, number))
            self.run_ids.setdefault(attempt.key, f"run-{trial}-{number}")

    def missing(self, attempts):
        return len(set(attempts) - set(self.run_ids))

    def log_preregistration(self, freeze):
        self.calls.append(("frozen", freeze.digest))


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

    def make(*, runs=None, cache=None) -> tuple[Record, Journal, list]:
        journal, tracker, shown = Journal(tmp_path / "trials.jsonl"), BackgroundTracker(runs or Runs({})), []
        made.append(tracker)
        record = Record(journal, tracker, shown.append, cache=cache)
        record.open(STUDY, parent_run=tmp_path / "parent_run.txt")
        return record, journal, shown

    yield make
    for tracker in made:
        tracker.close()


def test_a_trial_is_shown_tracked_and_journaled(recorded):
    record, journal, shown = recorded()
    plan = record.around(OneSpec(SPEC))
    for spec in plan.ask(1):
        record.begin(spec)
        passed = epoch_of_classes(spec.trial, 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)
        assert plan.report(passed)
        plan.tell(Outcome(spec.trial, "finished", score=0.5))
    assert [type(event) for event in shown] == [TrialBegan, Epoch, TrialEnded]
    assert [entry.spec for entry in record.known_of("search")] == [SPEC]
    assert record.known_of("ablation") == []
    assert [(e.epochs, e.run_id) for e in record.settle()] == [((passed,), "run-b-1")]
    assert journal.entries["b"].run_id == "run-b-1"
    assert record.missing() == 0


def test_a_configuration_of_an_earlier_run_is_not_trained_again_and_gets_a_run_of_its_own(recorded):
    record, journal, shown = recorded(runs=Runs({("a", 1): "run-of-a"}))
    journal.append(Entry(TrialSpec("a", Label("search"), 0, SPEC.factors), Outcome("a", "finished"), (), "run-of-a"))
    assert record.around(OneSpec(SPEC)).ask(1) == []
    assert [type(event) for event in shown] == [TrialEnded]
    assert {e.spec.trial: (e.outcome.same_as, e.run_id) for e in record.settle()} == {
        "a": ("", "run-of-a"), "b": ("a", "run-b-1"),
    }  # fmt: skip


EPOCHS = (
    epoch_of_classes("x", 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0),
    epoch_of_classes("x", 2, 1.0, 0.5, 1.0, 0.6, 0.1, 1.0),
)


class OneFound:
    """A cache in which every spec is."""

    def find(self, _spec):
        return CachedTrial(
            "other/x", Outcome("x", "finished", 0.6, 2, 2, {"val_accuracy": 0.6}, seconds=2.0), EPOCHS, ACCURACY
        )

    def keep(self, _spec, _outcome, _epochs):
        raise AssertionError("nothing was trained")


def test_a_trial_of_another_study_is_shown_tracked_and_journaled_with_its_curve(recorded):
    runs = Runs({})
    record, journal, shown = recorded(runs=runs, cache=OneFound())
    assert record.around(OneSpec(SPEC)).ask(1) == []
    assert [type(event) for event in shown] == [TrialBegan, Epoch, Epoch, TrialEnded]
    (entry,) = record.settle()
    assert entry.epochs == tuple(replace(epoch, trial="b") for epoch in EPOCHS)
    assert (entry.outcome.same_as, entry.outcome.seconds, entry.run_id) == ("other/x", 0.0, "run-b-1")
    assert runs.calls == [("began", "b", 1), ("epoch", "b", 1, 1), ("epoch", "b", 2, 1), ("ended", "b", 1)]
    assert list(journal.known()) == ["b"]


def test_the_test_set_opens_with_the_freeze_which_is_tracked_before_any_trial(recorded, tiny_study, tmp_path):
    runs = Runs({})
    record, _, _ = recorded(runs=runs)
    tested = replace(SPEC, label=Label("ablation", "reference", design="one-factor"), test=True)
    with pytest.raises(AblateError, match="before the comparisons are preregistered"):
        record.around(OneSpec(tested)).ask(1)
    frozen = freeze(tmp_path, declare([tested], tiny_study, data="f00"))
    record.freeze(frozen)
    plan = record.around(OneSpec(tested))
    (spec,) = plan.ask(1)
    assert spec.may_test()
    record.begin(spec)
    plan.tell(Outcome("b", "finished", metrics={"test_accuracy": 0.5}))
    record.settle()
    assert runs.calls == [("frozen", frozen.digest), ("began", "b", 1), ("ended", "b", 1)]


def journal_of(tmp_path, *outcomes):
    """What an earlier process left: trials with their outcomes, None where it died over them."""
    journal = Journal(tmp_path / "trials.jsonl")
    for name, outcome in outcomes:
        spec = replace(SPEC, trial=name, seed=ord(name))
        journal.begin(spec, at=1_000)
        if outcome is not None:
            journal.append(Entry(spec, outcome, (), ""))


def test_a_trial_that_a_death_left_half_done_is_another_attempt_with_a_run_of_its_own(recorded, tmp_path):
    journal_of(tmp_path, ("b", None))
    runs = Runs({("b", 1): "run-of-the-killed"})
    record, journal, _ = recorded(runs=runs)
    plan = record.around(OneSpec(SPEC))
    for spec in plan.ask(1):
        record.begin(spec)
        plan.tell(Outcome(spec.trial, "finished"))
    (entry,) = record.settle()
    assert (entry.key, entry.run_id) == (("b", 2), "run-b-2")
    assert [e.key for e in journal.attempts()] == [("b", 2), ("b", 1)]
    assert ("b", 1) in runs.compared[0]
    assert runs.compared[-1] == [("b", 2), ("b", 1)]


def test_an_attempt_that_was_lost_is_shown_tracked_and_journaled_and_the_trial_goes_on(recorded):
    runs = Runs({})
    record, journal, shown = recorded(runs=runs)
    plan = record.around(OneSpec(SPEC))
    (spec,) = plan.ask(1)
    record.begin(spec)
    passed = epoch_of_classes(spec.trial, 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)
    plan.report(passed)
    record.lost(spec, "its process ended with signal 9")
    record.begin(spec)
    plan.report(passed)
    plan.tell(Outcome(spec.trial, "finished", score=0.5))
    assert [type(event) for event in shown] == [TrialBegan, Epoch, TrialLost, TrialBegan, Epoch, TrialEnded]
    assert shown[2] == TrialLost(spec, "its process ended with signal 9")
    (entry,) = record.settle()
    assert (entry.outcome.attempt, entry.outcome.state, entry.epochs) == (2, "finished", (passed,))
    assert [(e.key, e.outcome.state, e.outcome.reason, e.epochs) for e in journal.attempts()] == [
        (("b", 1), "killed", "its process ended with signal 9", (passed,)), (("b", 2), "finished", "", (passed,)),
    ]  # fmt: skip
    assert [call[0] for call in runs.calls] == ["began", "epoch", "ended", "began", "epoch", "ended"]
    assert [call[-1] for call in runs.calls] == [1, 1, 1, 2, 2, 2]


def test_a_store_is_held_against_the_whole_journal_at_the_end(recorded, tmp_path):
    journal_of(tmp_path, ("a", Outcome("a", "finished")), ("b", None))
    runs = Runs({("a", 1): "run-of-a"})
    record, _, _ = recorded(runs=runs)
    assert [entry.run_id for entry in record.settle()] == ["run-of-a"]
    assert runs.compared[-1] == [("a", 1), ("b", 1)]
    assert record.missing() == 0
    del runs.run_ids["b", 1]  # as a store that does not take it
    assert record.missing() == 1


def test_a_study_says_where_its_results_lie_so_that_its_dead_runs_can_be_told_from_others(recorded, tmp_path):
    runs = Runs({})
    record, _, _ = recorded(runs=runs)
    record.settle()
    assert runs.study.tags[FOLDER].endswith(str(tmp_path.resolve()))


def test_a_begin_that_no_disk_takes_stops_the_study(recorded, tmp_path):
    record, _, shown = recorded()
    record.settle()
    with at_most(10), pytest.raises(StorageError, match=r"the start of b is not saved"):
        record.begin(SPEC)
    assert shown == []
    assert (tmp_path / "trials.jsonl").read_bytes() == b""


def test_the_studys_run_is_kept_and_gone_on_with(tmp_path):
    path = tmp_path / "parent_run.txt"
    path.write_text("parent-1\n")
    runs = Runs({})
    with closing(BackgroundTracker(runs)) as tracker:
        record = Record(Journal(tmp_path / "trials.jsonl"), tracker, lambda _: None)
        record.open(STUDY, parent_run=path)
        assert record.settle() == []
    assert (runs.parent, path.read_text()) == ("parent-1", "parent-2\n")


ENDED = TrialSpec("a", Label("ablation", "dropout=0.1", "dropout", "0.1", "find"), 3, {"dropout": 0.1}, test=True)
TEST = RateTest("k", (1e-3, 1e-2), (2.0, 1.0), {"steepest": 1e-3, "valley": None}, 1e-3, "determined", "", 0.5)
OUTCOME = Outcome("a", "finished", score=0.5, timings={"train": 1.0}, notes=("n",), rate_test=TEST)
EPOCH = epoch_of_classes("a", 1, 1.0, 0.5, 1.1, 0.4, 1e-3, 2.0)


class OneTrial:
    """A plan of one trial that stops it after the second epoch."""

    def __init__(self):
        self.told = []

    def ask(self, _n):
        return [ENDED]

    def report(self, epoch):
        return epoch.epoch < 2

    def tell(self, outcome):
        self.told.append(outcome)


class Store:
    """A tracker whose store is open and that knows the runs of two attempts."""

    run_ids = {("a", 1): "run-a-1", ("a", 2): "run-a-2"}  # noqa: RUF012

    def check(self):
        pass

    wait_until_open = note_end = check


def journaled(plan, journal, thinking=nullcontext) -> tuple[Recorder, list]:
    """A recorder with the journal as its only listener."""
    listeners = [Journaled(journal)]
    return Recorder(plan, listeners, journal=journal, tracker=Store(), thinking=thinking), listeners


def test_a_second_attempt_replaces_the_epochs_of_the_first(tmp_path):
    inner, journal = OneTrial(), Journal(tmp_path / "trials.jsonl")
    plan, _ = journaled(inner, journal)
    plan.ask(1)
    second = epoch_of_classes("a", 2, 1.0, 0.5, 1.1, 0.4, 1e-3, 2.0)
    assert [plan.report(e) for e in (EPOCH, second, EPOCH)] == [True, False, True]
    plan.tell(OUTCOME)
    entry = journal.entries["a"]
    assert entry == Entry(ENDED, OUTCOME, (EPOCH,), "run-a-1", began=entry.ended, ended=entry.ended)
    assert inner.told == [OUTCOME]


def test_an_attempt_that_ended_is_kept_beside_the_next_one(tmp_path):
    path = tmp_path / "trials.jsonl"
    inner, journal = OneTrial(), Journal(path)
    plan, listeners = journaled(inner, journal)
    plan.ask(1)
    assert journal.begin(ENDED, at=1_000) == 1
    plan.report(EPOCH)
    plan.lose(ENDED, "signal 9", listeners)
    lost = journal.entries["a"].outcome
    assert (lost.state, lost.reason, lost.attempt, lost.epochs) == ("killed", "signal 9", 1, 1)
    assert (inner.told, journal.known()) == ([], {})
    assert journal.begin(ENDED, at=2_000) == 2
    plan.report(EPOCH)
    plan.tell(OUTCOME)
    assert [outcome.attempt for outcome in inner.told] == [2]
    for read in (journal, Journal(path)):
        assert [(e.key, e.outcome.state, e.began, e.run_id) for e in read.attempts()] == [
            (("a", 1), "killed", 1_000, "run-a-1"), (("a", 2), "finished", 2_000, "run-a-2"),
        ]  # fmt: skip
        assert [e.epochs for e in read.attempts()] == [(EPOCH,), (EPOCH,)]
        assert all(e.ended > e.began for e in read.attempts())
        assert read.known() == {"a": replace(OUTCOME, attempt=2)}


def test_a_repeat_never_begins_and_is_the_next_attempt_all_the_same(tmp_path):
    path = tmp_path / "trials.jsonl"
    Journal(path).begin(ENDED, at=1_000)
    for told, number in ((Outcome("a", "killed", same_as="x"), 2), (replace(OUTCOME, same_as="x"), 3)):
        journal = Journal(path)
        plan, _ = journaled(OneTrial(), journal)
        plan.ask(1)
        plan.tell(told)
        assert journal.entries["a"].key == ("a", number)
    assert len(Journal(path).attempts()) == 3


def test_a_recorder_passes_everything_on_and_counts_what_its_plan_thinks(tmp_path):
    inner, clock = OneTrial(), Clock()
    plan, _ = journaled(inner, Journal(tmp_path / "trials.jsonl"), partial(clock.on, "search"))
    assert [s.trial for s in plan.ask(2)] == ["a"]
    assert plan.report(EPOCH)
    plan.tell(Outcome("a", "finished"))
    assert [outcome.trial for outcome in inner.told] == ["a"]
    assert set(clock.seconds) == {"search"}
    assert clock.seconds["search"] > 0


class Noted:
    """Whoever takes part in a study, noting by name and in order what they hear; `full` is a disk that took that."""

    def __init__(self, full=""):
        self.heard, self.full, self.run_ids = [], full, {}

    def note(self, what):
        if what == self.full:
            raise StorageError("trials.jsonl: cannot be written: No space left on device")
        self.heard.append(what)

    def check(self):
        self.note("tracker is asked")

    def wait_until_open(self):
        self.note("tracker is waited for")

    def note_end(self):
        self.note("tracker hears of an end")

    def shown(self, event):
        self.note(f"display shows {type(event).__name__}")

    def ask(self, _n):
        self.note("plan is asked")
        return [SPEC]

    def report(self, _epoch):
        self.note("plan judges")
        return True

    def tell(self, _outcome):
        self.note("plan is told")

    def find(self, _spec):
        return None

    def keep(self, spec, outcome, epochs):
        self.note(f"cache takes {spec.trial} {outcome.state} {[epoch.epoch for epoch in epochs]}")


def of_one(noted, tmp_path, monkeypatch):
    """The record of a study in which all is noted, and a plan in its hands."""
    journal = Journal(tmp_path / "trials.jsonl")
    for name in ("begin", "note", "append"):
        whole = getattr(journal, name)

        def noting(*given, whole=whole, name=name, **named):
            noted.note(f"journal: {name}")
            return whole(*given, **named)

        monkeypatch.setattr(journal, name, noting)
    record = Record(journal, noted, noted.shown, cache=noted)
    return record, record.around(noted)


def an_epoch(number: int) -> Epoch:
    return epoch_of_classes("b", number, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)


def test_the_journal_hears_first_then_the_display_and_the_cache(tmp_path, monkeypatch):
    noted = Noted()
    record, plan = of_one(noted, tmp_path, monkeypatch)
    (spec,) = plan.ask(1)
    record.begin(spec)
    plan.report(an_epoch(1))
    record.lost(spec, "signal 9")
    record.begin(spec)
    for number in (1, 2, 1, 2):  # it began anew in smaller pieces
        plan.report(an_epoch(number))
    noted.heard[:], before = [], list(noted.heard)
    plan.tell(Outcome("b", "finished"))
    assert before[:14] == [
        "tracker is asked", "plan is asked",
        "tracker is asked", "journal: begin", "display shows TrialBegan",
        "tracker is asked", "journal: note", "display shows Epoch", "plan judges",
        "journal: append", "tracker hears of an end", "display shows TrialLost",
        "tracker is asked", "journal: begin",
    ]  # fmt: skip
    assert noted.heard == [
        "tracker is waited for", "plan is told", "journal: append", "display shows TrialEnded",
        "cache takes b finished [1, 2]", "tracker hears of an end",
    ]  # fmt: skip


def test_an_end_that_no_disk_takes_stops_the_study_before_anybody_else_says_so(tmp_path, monkeypatch):
    noted = Noted("journal: append")
    record, plan = of_one(noted, tmp_path, monkeypatch)
    (spec,) = plan.ask(1)
    record.begin(spec)
    with pytest.raises(StorageError, match="No space left"):
        plan.tell(Outcome("b", "finished"))
    assert noted.heard[-2:] == ["tracker is waited for", "plan is told"]
