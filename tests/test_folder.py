import pytest

from ablate.errors import AblateError, StudyError
from ablate.folder import StudyFolder


def test_a_changed_study_is_refused_with_what_changed(tmp_path, tiny_study):
    folder = StudyFolder(tmp_path / "tiny")
    folder.claim(tiny_study)
    folder.journal.write_text("{}\n")
    folder.claim(tiny_study)
    changed = tiny_study.model_copy(update={"training": tiny_study.training.model_copy(update={"epochs": 9})})
    with pytest.raises(StudyError, match=r"training.epochs 3 → 9\n.*--fresh"):
        folder.claim(changed)


def test_another_title_or_no_results_yet_is_no_change(tmp_path, tiny_study):
    folder = StudyFolder(tmp_path / "tiny")
    folder.claim(tiny_study)
    folder.claim(tiny_study.model_copy(update={"seed": 5}))
    folder.journal.write_text("{}\n")
    folder.claim(tiny_study.model_copy(update={"seed": 5, "title": "Another"}))


def test_setting_aside_keeps_the_results(tmp_path):
    folder = StudyFolder(tmp_path / "tiny")
    assert folder.set_aside() is None
    folder.path.mkdir()
    folder.results.write_text("x")
    aside = folder.set_aside()
    assert (aside / "results.csv").read_text() == "x"
    assert not folder.path.exists()


def test_a_second_process_is_refused_with_the_firsts_pid(tmp_path):
    folder = StudyFolder(tmp_path / "tiny")
    with (
        folder.lock(),
        pytest.raises(AblateError, match=r"another process runs this study \(pid \d+ on"),
        folder.lock(),
    ):
        pass
    with folder.lock():
        pass
