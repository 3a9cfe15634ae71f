import json
import os
from dataclasses import replace

import pytest
from full_disk import at_most
from records import epoch_of_classes

from ablate.errors import AblateError, StorageError
from ablate.storage.journal import Entry, Journal
from ablate.study.trial import Label, Outcome, RateTest, TrialSpec

SPEC = TrialSpec("a", Label("ablation", "dropout=0.1", "dropout", "0.1", "find"), 3, {"dropout": 0.1}, test=True)
TEST = RateTest("k", (1e-3, 1e-2), (2.0, 1.0), {"steepest": 1e-3, "valley": None}, 1e-3, "determined", "", 0.5)
OUTCOME = Outcome("a", "finished", score=0.5, timings={"train": 1.0}, notes=("n",), rate_test=TEST)
EPOCH = epoch_of_classes("a", 1, 1.0, 0.5, 1.1, 0.4, 1e-3, 2.0)


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
    assert (list(journal.entries), journal.unreadable) == (["a"], 1)
    journal.append(Entry(SPEC, Outcome("a", "pruned"), (), ""))
    again = Journal(path)
    assert (again.entries["a"].outcome.state, again.unreadable) == ("pruned", 0)


def test_an_interrupted_trial_is_not_known(tmp_path):
    journal = Journal(tmp_path / "trials.jsonl")
    journal.append(Entry(SPEC, Outcome("a", "killed"), (), ""))
    assert journal.known() == {}
    journal.append(Entry(SPEC, OUTCOME, (), ""))
    assert journal.known() == {"a": OUTCOME}


def test_runs_that_opened_late_are_written_anew(tmp_path):
    path = tmp_path / "trials.jsonl"
    journal = Journal(path)
    for name, run_id in (("a", ""), ("b", "run-b"), ("c", "killed-run"), ("d", "")):
        journal.append(Entry(replace(SPEC, trial=name), Outcome(name, "finished"), (EPOCH,), run_id))
    journal.add_run_ids({("a", 1): "run-a", ("b", 1): "run-b", ("c", 1): "run-c", ("c", 2): "x", ("other", 1): "y"})
    for entries in (journal.entries, Journal(path).entries):
        assert [(name, e.run_id, e.epochs) for name, e in entries.items()] == [
            ("a", "run-a", (EPOCH,)), ("b", "run-b", (EPOCH,)), ("c", "run-c", (EPOCH,)), ("d", "", (EPOCH,)),
        ]  # fmt: skip
    assert len(path.read_text().splitlines()) == 6  # only what changed


def begun(journal, *trials):
    return [journal.begin(replace(SPEC, trial=trial), at=1_000) for trial in trials]


def test_a_trial_that_a_death_left_half_done_is_known_and_its_next_try_is_the_second(tmp_path):
    path = tmp_path / "trials.jsonl"
    assert begun(Journal(path), "a", "b") == [1, 1]
    journal = Journal(path)
    assert (journal.known(), journal.entries, journal.unreadable) == ({}, {}, 0)
    assert [(e.key, e.outcome.state, e.outcome.reason, e.began, e.ended) for e in journal.attempts()] == [
        (("a", 1), "killed", "its process ended early", 1_000, 0),
        (("b", 1), "killed", "its process ended early", 1_000, 0),
    ]
    assert begun(journal, "a") == [2]
    assert [e.key for e in journal.attempts()] == [("a", 1), ("b", 1)]  # the one that runs is not among them
    assert begun(Journal(path), "a", "b", "c") == [3, 2, 1]


def test_a_second_beginning_ends_the_first_one(tmp_path):
    journal = Journal(tmp_path / "trials.jsonl")
    assert begun(journal, "a", "a") == [1, 2]
    assert [e.key for e in journal.attempts()] == [("a", 1)]


def test_epochs_are_on_disk_as_they_pass_so_that_a_death_leaves_them(tmp_path):
    path = tmp_path / "trials.jsonl"
    journal = Journal(path)
    begun(journal, "a")
    second = replace(EPOCH, epoch=2)
    for at, epoch in ((1_100, EPOCH), (1_200, second), (1_300, EPOCH), (1_400, second)):  # it starts over
        journal.note(epoch, at=at)
    journal.note(replace(EPOCH, trial="b"), at=1_500)  # which never began
    (running,) = journal.so_far()
    assert (running.key, running.outcome, running.passed) == (("a", 1), None, [(1_300, EPOCH), (1_400, second)])
    (dead,) = Journal(path).attempts()
    assert (dead.epochs, dead.passed, dead.ended) == ((EPOCH, second), (1_300, 1_400), 1_400)
    assert (dead.outcome.state, dead.outcome.epochs, Journal(path).unreadable) == ("killed", 2, 0)


def test_an_entry_knows_when_its_epochs_passed_and_the_next_attempt_begins_without_them(tmp_path):
    path = tmp_path / "trials.jsonl"
    journal = Journal(path)
    begun(journal, "a")
    journal.note(EPOCH, at=1_100)
    journal.append(Entry(SPEC, OUTCOME, (EPOCH,), ""))
    assert begun(journal, "a") == [2]
    entry, running = journal.so_far()
    assert (entry.passed, running.passed) == ((1_100,), [])
    assert Journal(path).entries == {"a": entry}


def test_an_epoch_that_a_full_disk_does_not_take_is_said_and_not_known(tmp_path):
    journal = Journal(tmp_path / "trials.jsonl")
    begun(journal, "a")
    size = (tmp_path / "trials.jsonl").stat().st_size
    with at_most(size + 5), pytest.raises(StorageError, match="epoch 1 of a is not saved"):
        journal.note(EPOCH, at=1_100)
    assert journal.so_far()[0].passed == []
    assert (tmp_path / "trials.jsonl").stat().st_size == size


def test_a_journal_of_an_older_version_is_read(tmp_path):
    path = tmp_path / "trials.jsonl"
    data = Entry(SPEC, replace(OUTCOME, rate_test=None), (EPOCH,), "run").to_json()
    for name in ("began", "ended", "passed"):
        del data[name]
    for name in ("attempt", "parts"):
        del data["outcome"][name]
    path.write_text(json.dumps(data) + "\n")
    journal = Journal(path)
    assert list(journal.entries.values()) == [Entry(SPEC, replace(OUTCOME, rate_test=None), (EPOCH,), "run")]
    assert begun(journal, "a") == [2]


GARBAGE = (
    b"\xff\xfe\x00garbage\n", b"\x00" * 4096 + b"\n", b"[" * 100_000 + b"\n", b"7\n", b"null\n", b'"spec"\n', b"[1]\n",
    b"{}\n", b'{"spec": 1, "outcome": 2}\n', b'{"rate_test": []}\n', b'{"spec": {"trial": "z"}, "attempt": 1}\n',
    '{"ü": '.encode("latin-1") + b"\n",
)  # fmt: skip


@pytest.mark.parametrize("place", [0, 1, 2])
def test_damaged_lines_anywhere_cost_themselves_and_are_counted(tmp_path, place):
    path = tmp_path / "trials.jsonl"
    journal = Journal(path)
    for name in ("a", "b"):
        outcome = Outcome(name, "finished", score=0.5)
        journal.append(Entry(replace(SPEC, trial=name), outcome, (EPOCH,), "run"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:place], *GARBAGE, b"\n", *lines[place:]]))
    journal = Journal(path)
    assert (list(journal.known()), journal.unreadable) == (["a", "b"], len(GARBAGE))
    assert begun(journal, "c") == [1]
    assert Journal(path).unreadable == len(GARBAGE)


def test_a_trial_whose_range_test_is_damaged_is_trained_again(tmp_path):
    path = tmp_path / "trials.jsonl"
    Journal(path).append(Entry(SPEC, OUTCOME, (EPOCH,), "run"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([b"#" + lines[0], *lines[1:]]))
    journal = Journal(path)
    assert (journal.known(), journal.unreadable) == ({}, 2)
    journal.append(Entry(SPEC, OUTCOME, (EPOCH,), "run"))
    assert list(Journal(path).known()) == ["a"]


def test_what_a_full_disk_does_not_take_is_said_and_not_known_and_goes_on_with_space(tmp_path):
    path = tmp_path / "trials.jsonl"
    journal = Journal(path)
    begun(journal, "a")
    before = path.read_bytes()
    entry = Entry(SPEC, OUTCOME, (EPOCH,), "run", began=1_000, ended=2_000)
    with at_most(len(before) + 300), pytest.raises(StorageError, match=r"trials\.jsonl: cannot be written.*; a is not"):
        journal.append(entry)
    assert (path.read_bytes(), journal.entries) == (before, {})
    with at_most(len(before) + 3), pytest.raises(StorageError, match=r"the start of b is not saved\n  free some space"):
        begun(journal, "b")
    assert begun(journal, "b") == [1]
    journal.append(entry)
    assert Journal(path).entries == {"a": entry}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_journal_that_cannot_be_read_is_told(tmp_path):
    path = tmp_path / "trials.jsonl"
    path.write_text("")
    path.chmod(0)
    with pytest.raises(AblateError, match=r"trials\.jsonl: cannot be read: Permission denied\n  .*--fresh"):
        Journal(path)


def test_a_folder_in_the_place_of_a_journal_is_told(tmp_path):
    (tmp_path / "trials.jsonl").mkdir()
    with pytest.raises(AblateError, match=r"cannot be read: Is a directory"):
        Journal(tmp_path / "trials.jsonl")


def test_a_trial_that_is_reopened_is_not_known_until_it_ends_anew(tmp_path):
    journal = Journal(tmp_path / "trials.jsonl")
    for name in ("a", "b"):
        journal.append(Entry(replace(SPEC, trial=name), Outcome(name, "failed"), (), ""))
    journal.reopen(["a"])
    assert list(journal.known()) == ["b"]
    assert begun(journal, "a") == [2]
    journal.append(Entry(SPEC, replace(OUTCOME, attempt=2), (), ""))
    assert list(journal.known()) == ["a", "b"]
    assert [e.key for e in journal.attempts()] == [("a", 1), ("a", 2), ("b", 1)]
