import json
from dataclasses import replace

import pytest
from tested_cells import CROSSED, REFERENCE, VARIANT

from ablate import system
from ablate.errors import StorageError
from ablate.storage import conditions
from ablate.storage.facts import Facts
from ablate.storage.preregistration import Preregistration, declare
from ablate.storage.reads import ReadCounts, ScoreReads, count_reads, is_read_under
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Outcome

SPEC = replace(REFERENCE, frozen="f1")
TESTED = Outcome("r", "finished", metrics={"test_accuracy": 0.9, "test_loss": 0.3})


@pytest.fixture
def facts(tiny_study, digits) -> Facts:
    return Facts(tiny_study, digits, "tiny", "ablate study tiny", 2, 1, "sqlite:///mlflow.db", "2026-11-21")


@pytest.fixture
def reads(facts, tmp_path) -> ScoreReads:
    return ScoreReads(tmp_path, facts)


def records(folder):
    return sorted(folder.glob("test_reads/*/*.json"))


def test_the_first_reading_stays_whoever_reads_later_and_however_often(reads, facts, tmp_path):
    first = reads.stamp(SPEC, TESTED)
    assert first.read_under == "f1"
    (path,) = records(tmp_path)
    assert json.loads(path.read_text()) == {"at": first.read_at, "under": "f1", "study": "tiny", "trial": "r"}
    other = ScoreReads(tmp_path, replace(facts, label="other"))
    later = replace(SPEC, trial="again", frozen="f2")
    trained_again, taken = TESTED, replace(TESTED, same_as="tiny/r")  # with --no-cache, and from the cache
    assert other.stamp(later, trained_again).read_under == other.stamp(later, taken).read_under == "f1"
    assert records(tmp_path) == [path]
    assert is_read_under(tmp_path, "f1")
    assert not is_read_under(tmp_path, "f2")


def test_a_trial_without_a_test_score_has_not_been_read(reads, tmp_path):
    lost = Outcome("r", "diverged")
    assert reads.stamp(SPEC, lost) == lost
    assert records(tmp_path) == []


def test_a_cached_score_keeps_its_reading_and_one_without_a_record_was_read_at_an_unknown_time(reads, tmp_path):
    kept = replace(TESTED, same_as="x/r", read_at="2026-11-20T10:30:00+00:00", read_under="f0")
    assert reads.stamp(SPEC, kept) == kept
    unknown = replace(TESTED, same_as="x/r")
    assert reads.stamp(SPEC, unknown) == unknown
    assert records(tmp_path) == []  # now would be a false time


def test_a_damaged_record_leaves_the_time_unknown(reads, tmp_path):
    reads.stamp(SPEC, TESTED)
    (path,) = records(tmp_path)
    path.write_text("{")
    assert reads.stamp(SPEC, TESTED).read_at == ""


def test_a_disk_that_takes_no_record_ends_the_study(reads, tmp_path):
    (tmp_path / "test_reads").write_text("in the way")
    with pytest.raises(StorageError, match=r"that the test score of r was read is not saved\n  free some space"):
        reads.stamp(SPEC, TESTED)


def changed(study, section, **changes):
    return study.model_copy(update={section: getattr(study, section).model_copy(update=changes)})


def test_machine_and_versions_make_no_score_new_but_seed_model_data_and_training_do(facts, tmp_path, monkeypatch):
    def is_new(spec=SPEC, **changes) -> bool:
        before = len(records(tmp_path))
        ScoreReads(tmp_path, replace(facts, **changes)).stamp(spec, TESTED)
        return len(records(tmp_path)) > before

    study = facts.study
    assert is_new()
    assert not is_new(threads=2, workers=1, stack=4)
    assert not is_new(study=changed(study, "inspect", layers=True))
    assert not is_new(study=changed(study, "ablation", seeds=9))
    monkeypatch.setattr(conditions, "package_digest", lambda: "changed")
    monkeypatch.setattr(system, "versions", lambda: {"keras": "0"})
    assert not is_new()
    assert is_new(replace(SPEC, seed=2))
    assert is_new(replace(SPEC, factors={**SPEC.factors, "dropout": 0.3}))
    assert is_new(study=changed(study, "training", epochs=4))
    assert is_new(study=changed(study, "lr_test", seeds=2))
    assert is_new(study=study.model_copy(update={"seed": 1}))
    assert is_new(data=replace(facts.data, digest="0" * 64))
    (tmp_path / "mine.py").write_text("def build(): ...")
    mine = study.model_copy(update={"model": ModelRef.of("mine.py:build"), "base": tmp_path})
    assert is_new(study=mine)
    (tmp_path / "mine.py").write_text("def build(): return 1")
    assert is_new(study=mine)


FROZEN_AT = "2026-11-30T10:30:00+00:00"


@pytest.fixture
def frozen(tiny_study) -> Preregistration:
    return Preregistration("f2", FROZEN_AT, declare([REFERENCE, VARIANT], tiny_study, data="f00"))


def of(seed, at="", under="", spec=REFERENCE, **changes):
    outcome = replace(TESTED, read_at=at, read_under=under, **changes)
    return replace(spec, trial=f"{spec.trial}-{seed}", seed=seed), outcome


def test_scores_are_counted_by_where_they_were_first_read(frozen):
    earlier, later = "2026-11-30T11:29:59+01:00", "2026-11-30T09:30:01-01:00"
    trials = [
        of(1, earlier, "f1"),
        of(2, earlier, "f1"),
        of(3, earlier, "f0"),
        of(4, later, "f1"),  # by another study, after this one was preregistered
        of(5, earlier, "f2"),  # a clock that was set back: it was this preregistration
        of(6),
        of(7, same_as="x/r"),  # from a cache without a record
        of(8, same_as="r-6"),
        of(9, metrics={}),
    ]
    assert count_reads(trials, frozen) == ReadCounts(8, {"f1": 2, "f0": 1, "": 1}, 2)


def test_one_score_in_two_rows_counts_once(frozen):
    assert count_reads([of(1, spec=VARIANT), of(1, spec=CROSSED)], frozen).scores == 1
