"""What several test modules share: small studies and the digits, so that TensorFlow starts once a session."""

import os
import signal
from pathlib import Path

import pytest

# Before TensorFlow is imported anywhere: its messages would count as output of the tests.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # of this process and of the workers that it starts
os.environ.setdefault("ABLATE_PROGRAM_CACHE", "off")  # nothing that an earlier run has compiled
if os.environ["KERAS_BACKEND"] == "jax":  # before the first array
    from ablate.training.engine.device import prepare_backend

    prepare_backend("jax", 1)
os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"  # as a worker has: equal to the bit

TINY = """
title = "A tiny MLP on digits"
[data]
name = "digits"
validation = 200
train = 640
[model]
name = "mlp"
depth = 2
width = 16
[training]
epochs = 3
batch_size = 32
patience = 0
[lr_test]
seeds = 1
share = 9.0
[baseline]
normalization = "none"
activation = "relu"
initializer = "he_normal"
dropout = 0.0
optimizer = "adam"
learning_rate = "find"
[space]
normalization = ["none", "batch"]
optimizer = ["sgd", "adam"]
learning_rate = { around = "find", span = [0.1, 3.0], ablate = [0.3] }
[search]
trials = 4
trials_per_round = 2
[ablation]
seeds = 2
"""


def pytest_configure():
    """Where the tests run in the background, Ctrl-C and a closed terminal are ignored, and so in all they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    """A study file that trains in seconds."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory):
    from ablate.study.load import load_study

    path = tmp_path_factory.mktemp("study") / "tiny.toml"
    path.write_text(TINY)
    return load_study(path, overrides=[], quick=False)


@pytest.fixture(scope="session")
def digits():
    from ablate.data import load_dataset

    return load_dataset("digits", data_dir=None, explicit=False, base=Path())


@pytest.fixture(scope="session")
def context(tiny_study, digits):
    """One workbench for all tests of the training half: its programs are compiled once."""
    from ablate.training.engine.context import TrainingContext

    return TrainingContext(tiny_study, digits)
