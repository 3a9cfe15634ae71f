"""Draws on Keras' JAX backend, in a process of its own, against those of this process."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from backends import tensorflow_only
from draws import draws

pytestmark = [pytest.mark.slow, tensorflow_only]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory) -> dict[str, np.ndarray]:
    pytest.importorskip("jax")
    file = tmp_path_factory.mktemp("draws") / "draws.npz"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(HERE / "draws.py"), str(file)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(file) as saved:
        return dict(saved)


def test_every_draw_of_the_built_in_models_is_the_same_on_jax(on_jax):
    assert keras.backend.backend() == "tensorflow"
    here = draws()
    assert on_jax.keys() == here.keys()
    bits = [name for name in here if name.startswith("bits")]
    assert [name for name in bits if not np.array_equal(here[name], on_jax[name])] == []
    assert len(bits) > 50
    for name in here:
        np.testing.assert_allclose(on_jax[name], here[name], rtol=1e-5, atol=1e-5, err_msg=name)
