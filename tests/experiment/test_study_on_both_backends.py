"""Whole studies on TensorFlow and on JAX, side by side: the same trials, learning rates and decisions."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ablate.storage.results import read_results

pytestmark = pytest.mark.slow
STUDIES, BACKENDS = Path(__file__).parents[2] / "studies", ("tensorflow", "jax")
REAL = Path(os.environ.get("ABLATE_DATA_DIR") or "none") / "cifar10.npz"
# `digits_mlp --quick` with as many seeds as a verdict needs, and a variant that surely hurts.
DIGITS = ("--quick", "--set", "ablation.seeds=8", "--set", "space.dropout=[0.0, 0.8]")
CIFAR = """
title = "A small MLP on some of CIFAR-10"
[data]
name = "cifar10"
validation = 1000
train = 1000
[model]
name = "mlp"
depth = 4
width = 50
[training]
epochs = 2
batch_size = 32
[lr_test]
seeds = 1
[baseline]
normalization = "none"
activation = "elu"
initializer = "he_normal"
dropout = 0.0
optimizer = "nadam"
learning_rate = "find"
[space]
initializer = { levels = ["he_normal", "zeros"] }
normalization = ["none", "batch"]
[search]
trials = 0
[ablation]
seeds = 6
"""
OF_MEANS = 0.002  # of the accuracy
POINTS = 1 / 25  # of a decade, between two rates of a range test


@dataclass(frozen=True)
class Finished:
    """What a study has written."""

    trials: pd.DataFrame  # by trial
    effects: pd.DataFrame  # by variant and mode


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> list[Finished]:
    return on_both(tmp_path_factory.mktemp("digits"), (STUDIES / "digits_mlp.toml").read_text(), *DIGITS)


@pytest.fixture(scope="module")
def cifar(tmp_path_factory) -> list[Finished]:
    if not REAL.exists():
        pytest.skip("ABLATE_DATA_DIR with a cifar10.npz is not set")
    return on_both(tmp_path_factory.mktemp("cifar"), CIFAR)


@pytest.fixture(params=["digits", "cifar"])
def both(request) -> list[Finished]:
    return request.getfixturevalue(request.param)


def on_both(folder: Path, study: str, *options: str) -> list[Finished]:
    """The same study on both backends, at the same time."""
    pytest.importorskip("jax")
    (folder / "study.toml").write_text(study)
    running = {backend: started(folder, backend, *options) for backend in BACKENDS}
    for process in running.values():
        said, _ = process.communicate(timeout=500)
        assert process.returncode == 0, said[-3000:]
    folders = {backend: next((folder / backend).glob("study*")) for backend in running}
    for backend, written in folders.items():
        assert json.loads((written / "provenance.json").read_text())["backend"] == backend
    return [finished(written) for written in folders.values()]


def started(folder: Path, backend: str, *options: str) -> subprocess.Popen:
    where = ("--out", backend, "--tracking-uri", f"sqlite:///{folder / backend}.db", "--workers", "1")
    command = [sys.executable, "-m", "ablate.cli.main", "study", "study.toml", *where, *options]
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return subprocess.Popen(
        [*command, "--set", f'training.backend="{backend}"'],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(folder: Path) -> Finished:
    """What a study left in its folder."""
    table = read_results(folder / "results.csv").set_index("trial").sort_index()
    return Finished(table, pd.read_csv(folder / "effects.csv").set_index(["variant", "mode"]).sort_index())


def test_the_trials_are_the_same_ones(both):
    theirs, mine = (one.trials for one in both)
    assert mine.index.tolist() == theirs.index.tolist()
    for column in ("phase", "variant", "factor", "level", "seed", "state", "epochs", "parameters"):
        assert mine[column].tolist() == theirs[column].tolist(), column


def test_range_tests_find_the_same_rates_within_a_point_of_the_ramp(both):
    theirs, mine = (np.log10(one.trials["learning_rate"].to_numpy(float)) for one in both)
    assert abs(mine - theirs).max() < 1.01 * POINTS


def test_the_decisions_are_the_same(both):
    theirs, mine = (one.effects for one in both)
    assert "hurts" in set(theirs["verdict"])
    assert mine.index.tolist() == theirs.index.tolist()
    for column in ("n", "verdict", "diverged"):
        assert mine[column].tolist() == theirs[column].tolist(), column


def test_the_statistics_are_the_same_within_a_flipped_prediction_or_two(both):
    theirs, mine = (one.effects for one in both)
    for column, most in (("mean", OF_MEANS), ("low", OF_MEANS), ("high", OF_MEANS), ("p", 0.02)):
        assert abs(mine[column] - theirs[column]).max() <= most, column


def test_losses_are_the_same_within_rounding(both):
    """Accuracies jump where rounding flips a prediction; losses do not."""
    theirs, mine = (one.trials["val_loss"].to_numpy(float) for one in both)
    assert np.median(abs(mine / theirs - 1)) < 1e-5
    assert abs(mine / theirs - 1).max() < 1e-3
