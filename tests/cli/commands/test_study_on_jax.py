"""A study on JAX from its command line to the report, MLflow and verification, with TensorFlow installed and unused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ablate.tracking.store import connect

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")]  # of MLflow

WATCH = """
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("tensorflow", "keras", "jaxlib"):
            with open(os.environ["WATCHED"], "a") as file:
                file.write(f"{os.getpid()} {name}\\n")

sys.meta_path.insert(0, Watch())
"""
STUDY = """
title = "A tiny MLP on digits"
[data]
name = "digits"
validation = 200
train = 320
[model]
name = "mlp"
depth = 1
width = 8
[training]
backend = "jax"
epochs = 1
[baseline]
normalization = "none"
activation = "relu"
initializer = "he_normal"
dropout = 0.0
optimizer = "adam"
learning_rate = 0.01
[space]
dropout = [0.0, 0.2]
[search]
trials = 0
[ablation]
seeds = 2
learning_rate = "carry"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("on_jax")


def call(folder: Path, *arguments: str) -> tuple[str, set[tuple[bool, str]]]:
    """What `ablate` prints, and the libraries that it imports: in the process that is called (True) or in a worker."""
    (folder / "sitecustomize.py").write_text(WATCH)
    watched = folder / "watched.txt"
    watched.write_text("")
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    environment |= {"PYTHONPATH": str(folder), "WATCHED": str(watched)}
    command = [sys.executable, "-m", "ablate.cli.main", *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        said, _ = process.communicate(timeout=500)
    assert process.returncode == 0, said
    pairs = {tuple(line.split()) for line in watched.read_text().splitlines()}
    return said, {(pid == str(process.pid), library) for pid, library in pairs}


def test_a_study_on_jax_says_so_everywhere_and_never_imports_tensorflow(folder):
    (folder / "tiny.toml").write_text(STUDY)
    said, imported = call(folder, "study", "tiny.toml", "--workers", "1", "--out", "reports")
    assert "4 ablation trials · 1 worker on JAX" in said
    assert imported == {(False, "jaxlib"), (False, "keras")}
    study = folder / "reports" / "tiny"
    facts = json.loads((study / "provenance.json").read_text())
    assert facts["backend"] == "jax"
    report = (study / "report.html").read_text()
    named = f"Keras {facts['versions']['keras']} on JAX {facts['versions']['jax']}"
    assert report.count(named) == 2  # methods and provenance
    assert "tensorflow" not in report.replace("TF_", "").lower().partition("the study file, resolved")[0]
    client = connect(f"sqlite:///{folder / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'tiny'")
    (parent,) = client.search_runs([experiment.experiment_id], filter_string="tags.phase = 'study'")
    assert parent.data.tags["backend"] == "jax"
    assert parent.data.params["training.backend"] == "jax"


def test_it_is_equal_to_the_bit_when_it_is_retrained(folder):
    said, imported = call(folder, "verify", "tiny", "--out", "reports", "--trials", "1")
    assert "equal to the bit" in said
    assert "note " not in said
    assert imported == {(False, "jaxlib"), (False, "keras")}
