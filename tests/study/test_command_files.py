"""The files behind a command line, and what follows from their digest."""

import pytest

from ablate.study import command_files as module
from ablate.study.command_files import command_files, command_modules, first_bytes
from ablate.study.load import load_study
from ablate.study.model_ref import ModelRef
from ablate.study.user_code import (
    code_digest,
    may_compile,
    named_code,
    named_functions,
    study_digest,
    study_stands_alone,
)

STUDY = """
name = "tiny"
title = "A program"
[model]
command = "{command}"
[metric]
name = "mae"
[baseline]
depth = 2
[space]
depth = [2, 3]
"""


def read(folder, command):
    (folder / "tiny.toml").write_text(STUDY.replace("{command}", command))
    return load_study(folder / "tiny.toml", overrides=[], quick=False)


@pytest.fixture
def base(tmp_path):
    base = tmp_path / "studies"
    (base / "conf").mkdir(parents=True)
    for name in ("train.py", "run.sh", "conf/small.json", "net.py", "{seed}", "../outside.py"):
        (base / name).write_text("x = 1\n")
    return base


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("python train.py --config=conf/small.json --lr {depth}", ["train.py", "conf/small.json"]),
        ("sh ./run.sh train.py train.py", ["./run.sh", "train.py"]),
        ("python 'train.py' {seed} --x={seed} --y=", ["train.py"]),
        ("python ../outside.py conf missing.py", []),
        ("python train.py " + "x" * 5000, ["train.py"]),
        ("python conf/../train.py", ["conf/../train.py"]),
    ],
)
def test_the_files_of_the_studys_folder_are_found_among_the_words(base, command, files):
    assert command_files(command, base=base) == files


def test_a_file_by_its_whole_path_is_one_of_the_folder(base):
    assert command_files(f"python {base}/train.py", base=base) == [f"{base}/train.py"]


def test_modules_that_python_runs_are_named():
    assert command_modules("python -m net.train -m") == ["net"]
    assert command_modules("sh -m {depth} a") == []


def test_of_a_large_file_the_start_and_the_size_count(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_BYTES", 4)
    (tmp_path / "x").write_bytes(b"abcdef")
    assert first_bytes(tmp_path / "x") == b"abcd6"


@pytest.mark.parametrize(
    ("command", "changed", "is_noticed"),
    [
        ("python train.py", "train.py", True),
        ("python train.py", "net.py", True),  # which it imports
        ("python train.py --config=conf/small.json", "conf/small.json", True),
        ("sh run.sh", "run.sh", True),
        ("sh run.sh", "train.py", False),
        ("python -m net", "net.py", True),
        ("python -m net", "train.py", False),
    ],
)
def test_a_changed_file_changes_the_digest(base, command, changed, is_noticed):
    (base / "train.py").write_text("import net\n")
    study = read(base, command)
    before = study_digest(study)
    (base / changed).write_text("x = 2\n")
    assert (study_digest(study) != before) == is_noticed


def test_a_comment_in_python_changes_nothing_and_one_in_a_script_does(base):
    study = read(base, "sh run.sh train.py")
    before = study_digest(study)
    (base / "train.py").write_text("x = 1  # one\n")
    assert study_digest(study) == before
    (base / "run.sh").write_text("x = 1  # one\n")
    assert study_digest(study) != before


def test_no_digest_covers_a_program(base):
    study = read(base, "python train.py")
    assert not study_stands_alone(study)
    assert code_digest(read(base, "true").model, base=base) == study_digest(read(base, "true")) == ""


def test_a_command_line_that_looks_like_a_function_is_none(base):
    study = read(base, "python train.py:main")
    assert named_functions(study) == []
    assert named_code(study) == ["$ python train.py:main"]
    assert named_code(read(base, "python train.py")) == ["train.py"]
    assert ModelRef.of(study.model.name) == study.model
    assert may_compile(read(base, "python train.py").model, base=base)
