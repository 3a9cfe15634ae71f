"""The program of a command line."""

import sys

import pytest

from ablate.errors import StudyError
from ablate.training.command.find_program import check_script, find_program, other_python


def make(path, *, mode=0o755):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_python_is_the_one_that_runs_ablate_and_other_words_are_looked_up(tmp_path, monkeypatch):
    tool = make(tmp_path / "bin" / "train-it")
    monkeypatch.setenv("PATH", str(tool.parent))
    assert find_program("python", folder=tmp_path) == find_program("python3", folder=tmp_path) == sys.executable
    assert find_program("train-it", folder=tmp_path) == str(tool)
    assert find_program("bin/train-it", folder=tmp_path) == str(tool)
    assert find_program(str(tool), folder=tmp_path / "elsewhere") == str(tool)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("pyton", 'there is no program "pyton"\n  install it, correct its name, or write its path'),
        ("train.sh", 'there is no program "train.sh"\n  it is a file beside the study file: write "./train.sh"'),
        ("./other.sh", r"there is no program .*/other.sh\n  write its path from the study file's folder"),
        ("./data.csv", r"data.csv may not be executed\n  make it executable, or write the program that runs it first"),
    ],
)
def test_what_cannot_start_is_refused_with_the_way_out(tmp_path, monkeypatch, word, said):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    make(tmp_path / "train.sh")
    make(tmp_path / "data.csv", mode=0o644)
    with pytest.raises(StudyError, match=f"(?s)model.command: .*{said}"):
        find_program(word, folder=tmp_path)


@pytest.mark.parametrize(
    "words",
    ["python train.py --lr 1", "python -u train.py", "Rscript train.R", "/usr/bin/python3.12 train.py", "bash run.sh"],
)
def test_a_script_that_is_not_there_is_refused(tmp_path, words):
    with pytest.raises(StudyError, match=r'there is no file "\w+\.\w+" in .*\n  write its path from there'):
        check_script(words.split(), folder=tmp_path)
    for word in words.split():
        if "." in word and not word.startswith("/"):
            make(tmp_path / word)
    check_script(words.split(), folder=tmp_path)


@pytest.mark.parametrize(
    "words",
    ["python -m train --to x.py", "docker run me train.py", "sh -c x.sh", "python --version", "./train.py a.py"],
)
def test_nothing_is_said_of_words_that_may_mean_something_else(tmp_path, words):
    check_script(words.split(), folder=tmp_path)


def test_another_python_on_the_path_is_named(tmp_path, monkeypatch):
    other = make(tmp_path / "python")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert other_python("python").endswith(f"a shell would start {other}: to use that, write its path")
    assert other_python("train-it") == other_python("python3") == ""
    (tmp_path / "python3").symlink_to(sys.executable)
    assert "a shell would start" in other_python("python3")  # another environment may link to the same file
    monkeypatch.setenv("PATH", str(sys.executable).rpartition("/")[0])
    assert other_python("python") == ""
