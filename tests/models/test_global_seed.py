"""The global seed of Keras, with Keras' own function and without the TensorFlow that it imports."""

import os
import subprocess
import sys

import pytest

SAME = """
import random, sys
import keras
import numpy as np
from ablate.models import global_seed

def drawn():
    layer = keras.layers.Dense(2)
    layer.build((1, 2))
    own = [keras.random.uniform((3,)), layer.kernel]
    own = [float(x) for one in own for x in np.ravel(keras.ops.convert_to_numpy(one))]
    return [random.random(), np.random.rand(), *own]

assert global_seed.set_global_attribute is not None, "Keras has moved what is private: its own function is called"
global_seed.seed_globally(5)
here = drawn()
print("tensorflow" in sys.modules)
keras.utils.set_random_seed(5)
print(here == drawn())
global_seed.seed_globally(6)
print(here == drawn())
"""


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "imports_tensorflow"), [("jax", False), ("tensorflow", True)])
def test_every_generator_is_seeded_as_keras_does_it_and_jax_alone_stays_alone(backend, imports_tensorflow):
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run([sys.executable, "-c", SAME], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(imports_tensorflow), "True", "False"]
