import json

import pytest
from study_texts_of_two import two
from tested_cells import REFERENCE

from ablate.experiment.combining import combine
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry, Journal
from ablate.storage.preregistration import Declaration, freeze
from ablate.storage.provenance import DataFacts, EarlierFacts, PreregistrationFacts, Provenance, read_provenance
from ablate.storage.results import epochs_table, read_epochs, write_table
from ablate.study.trial import Outcome

RESULTS = """\
trial,phase,mode,seed,score,same_as,{extra}
search-0000,search,,0,0.50,,x
ablation-a-s1,ablation,find,1,0.7,{same},y
"""


@pytest.fixture
def folders(tmp_path):
    """The folders of a study on easy and hard, and the folder of the whole."""
    found = {}
    for name, extra, same in (("easy", "units", "search-0000"), ("hard", "depth", "other/ablation-b-s1")):
        folder = StudyFolder(tmp_path / f"two.{name}")
        folder.path.mkdir()
        folder.results.write_text(RESULTS.format(extra=extra, same=same))
        folder.epochs.write_text("trial,epoch,val_loss\nablation-a-s1,1,0.30\n")
        folder.lr_tests.write_text(json.dumps([{"label": "reference", "key": name}]))
        frozen = PreregistrationFacts(
            "d", "t", contrasts=3, cells=4, level=0.05 if name == "easy" else 0.0125, scores=5
        )
        facts = Provenance(
            study=f"two.{name}", data=DataFacts(name="file.npz", n_test=10), complete=True, part_of="two",
            notes=["said of both", f"said of {name}"], time={"total": 2.0, name: 1.0}, frozen=frozen,
        )  # fmt: skip
        folder.provenance.write_text(facts.to_text())
        found[name] = folder
    whole = StudyFolder(tmp_path / "two")
    whole.path.mkdir()
    return found, whole


def combined(folders, tmp_path) -> Provenance:
    found, whole = folders
    combine(two(tmp_path), found, whole)
    return read_provenance(whole.provenance)


def test_the_rows_of_all_data_sets_keep_their_cells_as_they_are_written(folders, tmp_path):
    combined(folders, tmp_path)
    lines = folders[1].results.read_text().splitlines()
    assert lines == [
        "trial,phase,mode,data_set,seed,score,same_as,units,depth",
        "easy/search-0000,search,,easy,0,0.50,,x,",
        "easy/ablation-a-s1,ablation,find,easy,1,0.7,easy/search-0000,y,",
        "hard/search-0000,search,,hard,0,0.50,,,x",
        "hard/ablation-a-s1,ablation,find,hard,1,0.7,other/ablation-b-s1,,y",
    ]
    assert folders[1].epochs.read_text().splitlines()[1] == "easy/ablation-a-s1,1,0.30"
    assert [test["label"] for test in json.loads(folders[1].lr_tests.read_text())] == [
        "reference on easy", "reference on hard",
    ]  # fmt: skip


def test_curves_of_trials_that_report_none_are_a_table_without_rows(folders, tmp_path):
    found, whole = folders
    for folder in found.values():
        write_table(epochs_table([]), folder.epochs)
    combined(folders, tmp_path)
    assert whole.epochs.read_text() == found["easy"].epochs.read_text()
    assert read_epochs(whole.epochs).empty


def test_curves_of_some_data_sets_stand_beside_those_that_have_none(folders, tmp_path):
    found, whole = folders
    found["easy"].epochs.write_text("trial,epoch\n")
    combined(folders, tmp_path)
    assert whole.epochs.read_text().splitlines() == ["trial,epoch,val_loss", "hard/ablation-a-s1,1,0.30"]


def test_the_facts_are_those_of_all_data_sets(folders, tmp_path):
    facts = combined(folders, tmp_path)
    assert [data.name for data in facts.data_sets] == ["easy", "hard"]
    assert (facts.study, facts.parts, facts.part_of) == ("two", ["two.easy", "two.hard"], None)
    assert facts.notes == ["said of both", "easy: said of easy", "hard: said of hard"]
    assert facts.time == {"total": 4.0, "easy": 1.0, "hard": 1.0}
    assert facts.complete


def test_a_study_that_has_not_reached_its_last_data_set_is_incomplete(folders, tmp_path):
    found, whole = folders
    del found["hard"]
    assert combined((found, whole), tmp_path).complete is False


def test_the_comparisons_are_judged_at_the_strictest_level_of_their_preregistrations(folders, tmp_path):
    assert combined(folders, tmp_path).frozen is None  # the whole was not preregistered
    frozen = freeze(folders[1].path, Declaration((), {"alpha": 0.05, "data_sets": {"easy": "1", "hard": "2"}}))
    facts = combined(folders, tmp_path).frozen
    assert (facts.digest, facts.contrasts, facts.cells, facts.scores) == (frozen.digest, 6, 8, 10)
    assert facts.level == 0.0125


def test_scores_that_were_read_before_on_one_data_set_are_said(folders, tmp_path):
    easy = folders[0]["easy"]
    text = json.loads(easy.provenance.read_text())
    text["frozen"]["read_before"] = [{"study": "former", "at": "2026-01-01", "scores": 4}]
    easy.provenance.write_text(json.dumps(text))
    freeze(folders[1].path, Declaration((), {"alpha": 0.05}))
    assert list(combined(folders, tmp_path).frozen.read_before) == [EarlierFacts("former", "2026-01-01", 4)]


def read_at(folder, at, *, part_at) -> None:
    """A part of which one score was read at `at`, preregistered at `part_at`."""
    frozen = freeze(folder.path, Declaration((), {"alpha": 0.05, "data": folder.path.name}), at=part_at)
    outcome = Outcome("r", "finished", metrics={"test_accuracy": 0.9}, read_at=at, read_under=frozen.digest)
    Journal(folder.journal).append(Entry(REFERENCE, outcome, (), ""))


NINE, TEN, ELEVEN = (f"2026-11-30T{hour}:00:00+00:00" for hour in ("09", "10", "11"))


@pytest.mark.parametrize(
    ("part", "read", "n", "level"),
    [(NINE, NINE, 1, 0.0125), (NINE, ELEVEN, 0, 0.05), (TEN, TEN, 0, 0.05), (ELEVEN, ELEVEN, 0, 0.05)],
)
def test_scores_of_an_equal_study_were_read_before_the_whole_was_preregistered(folders, tmp_path, part, read, n, level):
    del folders[0]["hard"]
    read_at(folders[0]["easy"], read, part_at=part)
    freeze(folders[1].path, Declaration((), {"alpha": 0.05}), at=TEN)
    frozen = combined(folders, tmp_path).frozen
    assert sum(one.scores for one in frozen.read_before) == n
    assert frozen.level == level


def test_the_level_that_earlier_studies_on_several_data_sets_left_is_that_of_the_whole(folders, tmp_path):
    declared = Declaration((), {"alpha": 0.05}).at_level(0.05 / 16, [("five", NINE), ("six", TEN)])
    freeze(folders[1].path, declared)
    frozen = combined(folders, tmp_path).frozen
    assert frozen.level == 0.05 / 16
    assert [one.study for one in frozen.earlier] == ["five", "six"]
