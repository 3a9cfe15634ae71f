from dataclasses import replace

from ablate.journal import Entry, Journal, Journaled
from ablate.records import Epoch, Outcome, RateTest, TrialSpec

SPEC = TrialSpec("a", "ablation", "dropout=0.1", "dropout", "0.1", "find", 3, {"dropout": 0.1}, test=True)
TEST = RateTest("k", (1e-3, 1e-2), (2.0, 1.0), {"steepest": 1e-3, "valley": None}, 1e-3, "determined", "", 0.5)
OUTCOME = Outcome("a", "finished", score=0.5, timings={"train": 1.0}, notes=("n",), rate_test=TEST)
EPOCH = Epoch("a", 1, 1.0, 0.5, 1.1, 0.4, 1e-3, 2.0)


def test_what_is_written_is_read_back(tmp_path):
    entry = Entry(SPEC, OUTCOME, (EPOCH,), "run")
    Journal(tmp_path / "trials.jsonl").append(entry)
    assert list(Journal(tmp_path / "trials.jsonl").entries.values()) == [entry]


def test_a_range_test_is_written_once_and_shared(tmp_path):
    path = tmp_path / "trials.jsonl"
    journal = Journal(path)
    for name in ("a", "b", "c"):
        test = replace(TEST, seconds=0.5)  # each comes from a worker as a copy of its own
        journal.append(Entry(replace(SPEC, trial=name), replace(OUTCOME, trial=name, rate_test=test), (), ""))
    assert path.read_text().count('"valley"') == 1
    for entries in (journal.entries, Journal(path).entries):
        assert len({id(entry.outcome.rate_test) for entry in entries.values()}) == 1
        assert entries["c"].outcome.rate_test == TEST


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path):
    path = tmp_path / "trials.jsonl"
    Journal(path).append(Entry(SPEC, OUTCOME, (EPOCH,), "run"))
    whole = path.read_text().splitlines(keepends=True)[-1]
    with path.open("a") as file:
        file.write(whole.replace('"trial": "a"', '"trial": "b"')[:200])
    journal = Journal(path)
    assert list(journal.entries) == ["a"]
    journal.append(Entry(SPEC, Outcome("a", "pruned"), (), ""))
    assert Journal(path).entries["a"].outcome.state == "pruned"


def test_an_interrupted_trial_is_not_known(tmp_path):
    journal = Journal(tmp_path / "trials.jsonl")
    journal.append(Entry(SPEC, Outcome("a", "killed"), (), ""))
    assert journal.known() == {}
    journal.append(Entry(SPEC, OUTCOME, (), ""))
    assert journal.known() == {"a": OUTCOME}


class OneSpec:
    def __init__(self):
        self.told = []

    def ask(self, _n):
        return [SPEC]

    def report(self, epoch):
        return epoch.epoch < 2

    def tell(self, outcome):
        self.told.append(outcome)


def test_a_second_attempt_replaces_the_epochs_of_the_first(tmp_path):
    inner, journal = OneSpec(), Journal(tmp_path / "trials.jsonl")
    plan = Journaled(inner, journal, run_id=lambda trial: f"run-{trial}")
    plan.ask(1)
    second = Epoch("a", 2, 1.0, 0.5, 1.1, 0.4, 1e-3, 2.0)
    assert [plan.report(e) for e in (EPOCH, second, EPOCH)] == [True, False, True]
    plan.tell(OUTCOME)
    assert journal.entries["a"] == Entry(SPEC, OUTCOME, (EPOCH,), "run-a")
    assert inner.told == [OUTCOME]


def test_runs_that_opened_late_are_written_anew(tmp_path):
    path = tmp_path / "trials.jsonl"
    journal = Journal(path)
    for name, run_id in (("a", ""), ("b", "run-b"), ("c", "killed-run"), ("d", "")):
        journal.append(Entry(replace(SPEC, trial=name), Outcome(name, "finished"), (EPOCH,), run_id))
    journal.add_run_ids({"a": "run-a", "b": "run-b", "c": "run-c", "other": "run-x"})
    for entries in (journal.entries, Journal(path).entries):
        assert [(name, e.run_id, e.epochs) for name, e in entries.items()] == [
            ("a", "run-a", (EPOCH,)), ("b", "run-b", (EPOCH,)), ("c", "run-c", (EPOCH,)), ("d", "", (EPOCH,)),
        ]  # fmt: skip
    assert len(path.read_text().splitlines()) == 6  # only what changed
