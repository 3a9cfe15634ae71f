"""TensorFlow's devices in a process of its own: threads are set before its first operation."""

import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

CODE = """
from ablate.training.engine.devices import tensorflow as devices
devices.prepare(3)
print(devices.threads_set(), devices.device_name(), devices.gpu_names())
devices.prepare(3)
import tensorflow as tf
print(tf.config.threading.get_inter_op_parallelism_threads(), float(tf.reduce_sum(tf.ones(4))))
"""


@pytest.mark.slow
def test_threads_are_those_asked_for_and_are_said():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["3 CPU 3 threads []", "1 4.0"]
