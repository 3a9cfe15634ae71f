from pathlib import Path

import pytest

from ablate.cli.commands.export import part_and_trial
from ablate.cli.commands.verify import find_recorded
from ablate.errors import AblateError
from ablate.experiment.verify import read_recorded
from ablate.storage.provenance import DataFacts, Provenance

STUDY = """
name = "five.digits"
[data]
name = "digits"
[model]
name = "m.py:build"
[baseline]
units = 4
learning_rate = 0.01
[space]
units = [4, 8]
"""


@pytest.fixture
def five(tmp_path, monkeypatch) -> Path:
    """The folder of a study on two data sets, and its parts'."""
    monkeypatch.chdir(tmp_path)
    labels = ["five.digits", "five.wine"]
    data = [DataFacts(name=name, n_test=10) for name in ("digits", "wine")]
    facts = {"five": Provenance(study="five", data_sets=data, parts=labels, complete=True)}
    facts |= {label: Provenance(study=label, part_of="five", complete=True) for label in labels}
    for name, one in facts.items():
        folder = tmp_path / "reports" / name
        folder.mkdir(parents=True)
        (folder / "provenance.json").write_text(one.to_text())
        if one.part_of:
            (folder / "trials.jsonl").touch()
            (folder / "study.toml").write_text(STUDY)
    return tmp_path / "reports" / "five"


def test_a_trial_of_a_data_set_is_one_of_its_part(five):
    folder, beside = find_recorded("five", Path("reports"))
    assert beside is None
    part, trial = part_and_trial(folder.absolute(), "wine/ablation-units=8-s1")
    assert (part, trial) == (five.parent / "five.wine", "ablation-units=8-s1")


def test_a_part_is_a_study_of_its_own(five):
    part = five.parent / "five.wine"
    assert part_and_trial(part, "") == (part, "")
    assert part_and_trial(part, "search-0001") == (part, "search-0001")


def test_the_whole_has_no_model_of_its_own_and_says_which_parts_have(five):
    with pytest.raises(
        AblateError, match=r"five: was run on 2 data sets.*\n.*five\.digits and five\.wine.*\n.*digits/"
    ):
        part_and_trial(five, "")


@pytest.mark.parametrize("trial", ["search-0001", "mnist/search-0001", "wine/", "wine"])
def test_a_trial_without_a_data_set_of_the_study_is_refused(five, trial):
    with pytest.raises(AblateError, match=f"--trial {trial}: names no data set of five\n"):
        part_and_trial(five, trial)


def test_the_code_of_a_part_is_beside_the_study_file_of_the_whole(five, tmp_path):
    part = five.parent / "five.digits"
    with pytest.raises(AblateError, match=r"m\.py:build is next to the study file, but ./studies has no study five\n"):
        read_recorded(part, beside=None)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "five.toml").touch()
    assert read_recorded(part, beside=None).study.base == tmp_path / "studies"
