import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ablate.analysis.sources import read_file_runs
from ablate.errors import DataError

LOGS = Path(__file__).parent / "logs"


@pytest.mark.parametrize(
    ("name", "n_runs"), [("keras_tuner", 24), ("tensorboard_torch", 18), ("tensorboard_keras", 12), ("wandb", 18)]
)
def test_a_folder_is_read_by_what_is_in_it(name, n_runs):
    assert len(read_file_runs(LOGS / name).table) == n_runs


def test_the_only_project_of_a_folder_is_read(tmp_path):
    shutil.copytree(LOGS / "keras_tuner", tmp_path / "all" / "mine")
    (tmp_path / "all" / "notes.txt").write_text("a file beside it")
    assert read_file_runs(tmp_path / "all").name == "mine"


def test_several_studies_in_a_folder_are_named_and_none_is_chosen(tmp_path):
    for name in ("keras_tuner", "wandb"):
        shutil.copytree(LOGS / name, tmp_path / name)
    with pytest.raises(DataError, match="holds several studies: keras_tuner/, wandb/\n  analyze one of these folders"):
        read_file_runs(tmp_path)
    shutil.rmtree(tmp_path / "wandb")
    shutil.copytree(LOGS / "tensorboard_torch", tmp_path / "logs")
    with pytest.raises(DataError, match="several studies: keras_tuner/, TensorBoard's logs in logs/\n"):
        read_file_runs(tmp_path)


def test_event_files_among_the_files_of_a_run_of_another_tool_are_that_tool_s(tmp_path):
    shutil.copytree(LOGS / "wandb", tmp_path / "wandb")
    shutil.copytree(LOGS / "tensorboard_torch", tmp_path / "wandb" / "run-20261130_120000-run00" / "files" / "logs")
    assert len(read_file_runs(tmp_path).table) == 18


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


WITHOUT_THE_TOOLS = """
import sys
from pathlib import Path

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "google", "tensorboard", "keras_tuner", "wandb", "torch"):
            raise ImportError(f"{name} is not to be imported")

sys.meta_path.insert(0, Forbidden())
from ablate.analysis.sources import open_source

for folder in sys.argv[1:]:
    print(len(open_source(folder).table))
"""


def test_logs_are_read_without_the_tools_that_wrote_them_and_without_tensorflow():
    folders = [str(LOGS / name) for name in ("keras_tuner", "tensorboard_keras", "wandb")]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_TOOLS, *folders], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["24", "12", "18"], done.stderr


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that is there and cannot be read")
def test_a_file_that_cannot_be_read_is_named_as_such(tmp_path):
    (tmp_path / "events.out.tfevents.1.host").symlink_to("/proc/self/mem")
    with pytest.raises(DataError, match=r"cannot be read: .*\n  make it readable, or move it away"):
        read_file_runs(tmp_path)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "trial_0" / "trial.json").mkdir(parents=True)
    with pytest.raises(DataError, match=r"trial_0/trial\.json: cannot be read: Is a directory"):
        read_file_runs(tmp_path)
