"""The exit code of `ablate study`, and what it says last."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ablate.cli.commands import DONE, INTERRUPTED, UNFINISHED, study
from ablate.cli.commands.study import StudyArguments, nothing_finished
from ablate.experiment.options import Options

ALL_DIVERGE = """
title = "No rate for this"
[data]
name = "digits"
validation = 200
train = 320
[model]
name = "mlp"
depth = 3
width = 8
[training]
epochs = 1
batch_size = 32
[baseline]
normalization = "none"
activation = "elu"
initializer = "he_normal"
dropout = 0.0
optimizer = "sgd"
learning_rate = 1e38
[space]
activation = ["elu", "selu"]
[search]
trials = 0
[ablation]
seeds = 2
learning_rate = "carry"
"""


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"failed": 4}, "No trial finished: 4 failed."),
        ({"diverged": 3, "out_of_memory": 1}, "No trial finished: 3 diverged, 1 out of memory."),
        ({"failed": 3, "finished": 1}, ""),
        ({"finished": 1}, ""),
        ({}, ""),  # nothing was to be trained
    ],
)
def test_a_study_without_a_finished_trial_says_how_they_ended(states, said):
    assert nothing_finished(states) == said


@pytest.fixture
def ended(monkeypatch, tmp_path):
    """Runs a study that ended as given, without training; its exit code."""

    def run(states, *, as_json=False, **ending):
        seconds = {"total": 1.0}
        finished = SimpleNamespace(
            facts=SimpleNamespace(data=SimpleNamespace(stand_in=False), tracking_uri="sqlite:///mlflow.db", label="x"),
            ending=SimpleNamespace(**({"complete": True, "interrupted": False} | ending), seconds=seconds, gave_up=""),
            folder=SimpleNamespace(results=tmp_path / "results.csv"),
            report=SimpleNamespace(headline=["Nothing is compared."], html=tmp_path / "report.html"),
            states=states, notes=[], missing_runs=0, tracker_failure="", set_aside=None, model=None,
        )  # fmt: skip
        monkeypatch.setattr(study, "run_shown", lambda *_: finished)
        monkeypatch.chdir(tmp_path)
        options = Options(out=tmp_path, tracking_uri="sqlite:///mlflow.db", command="")
        return study.run(StudyArguments("digits_mlp", (), quick=True, as_json=as_json), options)

    return run


@pytest.mark.parametrize(
    ("states", "ending", "code"),
    [
        ({"finished": 2}, {}, DONE),
        ({"finished": 2, "failed": 1}, {}, DONE),
        ({"failed": 4}, {}, UNFINISHED),
        ({"diverged": 4}, {}, UNFINISHED),
        ({"finished": 2}, {"complete": False}, UNFINISHED),
        ({"killed": 4}, {"complete": False, "interrupted": True}, INTERRUPTED),
    ],
)
def test_the_exit_code_says_whether_there_is_a_result(ended, states, ending, code):
    assert ended(states, **ending) == code


def test_a_study_without_a_finished_trial_is_said_in_one_line_and_in_json(ended, capsys):
    ended({"failed": 4})
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("No trial")]
    assert line == "No trial finished: 4 failed. Their reasons are in results.csv."
    ended({"failed": 4}, as_json=True)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["failure"] == "No trial finished: 4 failed."
    ended({"finished": 4}, as_json=True)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["failure"] == ""


@pytest.mark.slow
def test_a_study_in_which_every_trial_diverges_ends_with_1(tmp_path):
    (tmp_path / "rates.toml").write_text(ALL_DIVERGE)
    command = [sys.executable, "-m", "ablate.cli.main", "study", "rates.toml", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == UNFINISHED, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["failure"] == "No trial finished: 4 diverged."
