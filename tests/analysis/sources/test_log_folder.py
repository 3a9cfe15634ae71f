import shutil
from pathlib import Path

import pytest

from ablate.analysis.sources import read_file_runs
from ablate.errors import DataError

LOGS = Path(__file__).parent / "logs"


@pytest.mark.parametrize(
    ("name", "n_runs"), [("keras_tuner", 16), ("tensorboard_torch", 16), ("tensorboard_keras", 12)]
)
def test_a_folder_is_read_by_what_is_in_it(name, n_runs):
    assert len(read_file_runs(LOGS / name).table) == n_runs


def test_the_only_project_of_a_folder_is_read(tmp_path):
    shutil.copytree(LOGS / "keras_tuner", tmp_path / "all" / "mine")
    (tmp_path / "all" / "notes.txt").write_text("a file beside it")
    assert read_file_runs(tmp_path / "all").name == "mine"


def test_several_studies_in_a_folder_are_named_and_none_is_chosen(tmp_path):
    for name in ("keras_tuner", "keras_tuner_repeats"):
        shutil.copytree(LOGS / name, tmp_path / name)
    with pytest.raises(
        DataError, match="holds several studies: KerasTuner's projects keras_tuner/, keras_tuner_repeats/\n"
    ):
        read_file_runs(tmp_path)
    shutil.rmtree(tmp_path / "keras_tuner_repeats")
    shutil.copytree(LOGS / "tensorboard_torch", tmp_path / "logs")
    with pytest.raises(DataError, match="projects keras_tuner/, and TensorBoard's logs beside\n  analyze one folder"):
        read_file_runs(tmp_path)


def test_logs_in_a_tuner_s_project_are_its_own(tmp_path):
    project = shutil.copytree(LOGS / "keras_tuner", tmp_path / "mine")
    shutil.copytree(LOGS / "tensorboard_torch", Path(project) / "trial_00" / "logs")
    for folder in (project, tmp_path):
        assert read_file_runs(Path(folder)).name == "mine"


@pytest.mark.parametrize("content", [(), ("notes.txt",), ("sub/notes.txt",)])
def test_an_empty_folder_and_one_of_something_else_are_refused(tmp_path, content):
    for name in content:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    with pytest.raises(DataError, match="is a folder, not a table\n  tables in it: none"):
        read_file_runs(tmp_path)
