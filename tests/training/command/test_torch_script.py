"""A PyTorch script as the program of a study. Runs where PyTorch is, or with the Python that TORCH_PYTHON names."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import Told, marked

from ablate.data import save_arrays
from ablate.experiment.options import open_data
from ablate.study.load import load_study
from ablate.study.trial import Label, TrialSpec
from ablate.training.command.trainer import CommandTrials
from ablate.training.trainers import TrainerTask

PYTHON = os.environ.get("TORCH_PYTHON", sys.executable)
STUDY = """
name = "spirals"
title = "A PyTorch script"
[model]
command = '''{python} torch_spirals.py --lr {learning_rate} --width {width} --epochs {epochs} --seed {seed}'''
[training]
epochs = 12
[metric]
name = "accuracy"
[baseline]
learning_rate = 0.01
width = 32
[space]
width = [4, 32]
"""


@pytest.fixture(scope="module")
def _torch():
    if subprocess.run([PYTHON, "-c", "import torch"], capture_output=True).returncode != 0:
        pytest.skip("PyTorch is not installed")


def train(folder: Path, goes_on=lambda _: True, *, width: int = 32) -> Told:
    shutil.copy(Path(__file__).parent / "scripts" / "torch_spirals.py", folder)
    (folder / "spirals.toml").write_text(STUDY.replace("{python}", shlex.quote(PYTHON)))
    study = load_study(folder / "spirals.toml", overrides=[], quick=False)
    arrays = save_arrays(open_data(study, None, announce=print), folder / "arrays")
    trials = CommandTrials(TrainerTask(study, arrays, 1, folder / "trials"))
    trials.check()
    told = Told(goes_on)
    trials.train([TrialSpec("t", Label("search"), 1, {"learning_rate": 0.01, "width": width})], told)
    return told


@pytest.mark.slow
@pytest.mark.usefixtures("_torch")
def test_a_script_trains_to_its_end_and_its_printed_epochs_are_steps(tmp_path):
    told = train(tmp_path)
    [outcome] = told.outcomes
    assert outcome.state == "finished", outcome.reason
    assert [epoch.epoch for epoch in told.epochs] == list(range(1, 13))
    assert set(told.epochs[0].metrics) == {"train_loss", "val_accuracy"}
    assert outcome.score > 0.9
    narrow = train(tmp_path, width=4).outcomes[0]
    assert narrow.score < outcome.score
    assert train(tmp_path).outcomes[0].score == outcome.score


@pytest.mark.slow
@pytest.mark.usefixtures("_torch")
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_a_pruned_script_ends_with_the_workers_of_its_loader(tmp_path, monkeypatch):
    monkeypatch.setenv("ABLATE_TORCH_TEST", str(tmp_path))
    seen = []

    def second(epoch):
        seen.append(len(marked("ABLATE_TORCH_TEST", tmp_path)))
        return epoch.epoch < 2

    [outcome] = train(tmp_path, second).outcomes
    assert (outcome.state, outcome.epochs) == ("pruned", 2)
    assert seen[-1] >= 4  # supervisor, script, two workers
    assert marked("ABLATE_TORCH_TEST", tmp_path) == []
