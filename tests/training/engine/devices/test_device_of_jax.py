"""JAX's devices in a process of its own: threads are set before its first operation, and the environment stays."""

import json
import os
import subprocess
import sys

import pytest

from ablate.training.engine.devices import jax as devices

pytest.importorskip("jax")

CODE = """
import json, os, sys
names = ("NPROC", "XLA_PYTHON_CLIENT_PREALLOCATE")
before = [os.environ.get(name) for name in names]
from ablate.training.engine.devices import jax as devices
import warnings
import numpy as np
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("default")
    devices.prepare(json.loads(sys.argv[1]))
    from jax import numpy as jnp
    jnp.asarray(np.ones(2), "float64")
pools = [thread for thread in os.listdir("/proc/self/task")
         if open(f"/proc/self/task/{thread}/comm").read().startswith("tf_XLAEigen")]
print(json.dumps([devices.threads_set(), devices.device_name(), devices.gpu_names(), len(pools),
                  before == [os.environ.get(name) for name in names], [str(one.message) for one in said]]))
"""


def prepared(threads, **environ):
    """Threads, device, GPUs, threads of XLA's pool, whether the environment is as before, warnings of 64 bits."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(threads)],
        capture_output=True, text=True, check=True, env=os.environ | environ,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the threads of a process from /proc")
def test_threads_are_those_asked_for_and_are_said():
    assert prepared(3) == [3, "CPU 3 threads", [], 3, True, []]
    threads, device, _, _, is_same, _ = prepared(None)
    assert (threads, device, is_same) == (0, "CPU 0 threads", True)


@pytest.mark.slow
def test_threads_of_a_study_go_before_those_of_the_environment():
    assert prepared(2, NPROC="5")[-2:] == [True, []]
    assert prepared(2, NPROC="5")[3] == 2


def test_the_environment_is_restored(monkeypatch):
    monkeypatch.setenv("NPROC", "7")
    monkeypatch.delenv("ABLATE_TEST", raising=False)
    with devices._environment({"NPROC": "2", "ABLATE_TEST": "1"}):
        assert (os.environ["NPROC"], os.environ["ABLATE_TEST"]) == ("2", "1")
    assert os.environ["NPROC"] == "7"
    assert "ABLATE_TEST" not in os.environ
