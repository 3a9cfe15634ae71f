"""Fifty steps of every kind of trial on TensorFlow and on JAX, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
HERE, MODELS = Path(__file__).parent, Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> list[dict[str, np.ndarray]]:
    """What both backends train to, TensorFlow first."""
    pytest.importorskip("jax")
    folder = tmp_path_factory.mktemp("both")
    running = {backend: started(folder, backend) for backend in ("tensorflow", "jax")}
    for process in running.values():
        said, _ = process.communicate(timeout=500)
        assert process.returncode == 0, said[-3000:]
    found = []
    for backend in running:
        with np.load(folder / f"{backend}.npz") as file:
            found.append(dict(file))
    return found


def started(folder: Path, backend: str) -> subprocess.Popen:
    command = [sys.executable, str(HERE / "both_backends.py"), str(folder / f"{backend}.npz")]
    return subprocess.Popen(
        command,
        env={**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(MODELS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
