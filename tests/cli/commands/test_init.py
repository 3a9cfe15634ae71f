"""`ablate init` as a user meets it."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ablate.cli import main
from ablate.cli.commands import init
from ablate.study.load import load_study


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def ablate(monkeypatch, capsys):
    """Run in this process: the exit code, what it printed, what it said on the error stream."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ablate", "init", *arguments])
        code = 0
        try:
            main.main()
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def houses():
    rng = np.random.default_rng(0)
    pd.DataFrame({"rooms": rng.integers(1, 6, 200), "price": rng.normal(size=200)}).to_csv("houses.csv", index=False)


def test_without_a_source_it_writes_a_commented_example(ablate):
    code, out, _ = ablate("--name", "first")
    assert code == 0
    assert out.splitlines()[:2] == ["wrote studies/first.toml", "next      ablate study first"]
    assert load_study(Path("studies/first.toml"), overrides=[], quick=True).name == "first"
    assert (ablate()[0], Path("studies/mine.toml").is_file()) == (0, True)  # nobody can be asked here


def test_nothing_is_overwritten(ablate):
    Path("studies").mkdir()
    Path("studies/mine.toml").symlink_to("disk/mine.toml")
    code, _, err = ablate()
    assert code == 2
    assert "mine.toml already exists" in err
    assert Path("studies/mine.toml").is_symlink()
    assert ablate("digits", "--no-time")[0] == 0
    code, _, err = ablate("digits", "--no-time")
    assert (code, "choose another name: --name NAME" in err) == (2, True)


@pytest.mark.parametrize("name", ["../x", "a/b", "x" * 200])
def test_names_that_could_leave_the_folder_are_refused(ablate, name):
    code, _, err = ablate("digits", "--name", name)
    assert code == 2
    assert "is not a valid study name" in err


@pytest.mark.usefixtures("houses")
def test_a_table_becomes_a_study_that_loads(ablate):
    code, out, _ = ablate("houses.csv", "--target", "price", "--no-time")
    assert code == 0
    assert "predicts price: 1 amount" in out
    assert load_study(Path("studies/houses.toml"), overrides=[], quick=False).data.target == ("price",)


@pytest.mark.usefixtures("houses")
def test_on_a_terminal_it_asks_for_source_and_target(ablate, monkeypatch):
    monkeypatch.setattr(init, "can_ask", lambda: True)
    answers = iter(["houses.csv", "price"])
    monkeypatch.setattr(init.Prompt, "ask", lambda *_, **__: next(answers))
    code, out, _ = ablate("--no-time")
    assert code == 0
    assert "columns: rooms and price" in out
    assert Path("studies/houses.toml").is_file()


def test_a_script_with_a_target_is_refused(ablate):
    Path("net.py").write_text("m.fit(x, y, epochs=1)\n")
    code, _, err = ablate("net.py", "--target", "price")
    assert code == 2
    assert "a script has its targets itself" in err
