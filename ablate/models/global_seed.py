"""Seed the global generators of this process: Python's, NumPy's and Keras'."""

import random
import sys

import keras
import numpy as np

try:  # private, but replaceable: without it Keras' own function is called, which takes seconds longer
    from keras.src.backend.common.global_state import set_global_attribute
    from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
except ImportError:
    set_global_attribute = None


def seed_globally(seed: int) -> None:
    """What `keras.utils.set_random_seed` does, but it imports no TensorFlow where another backend runs.

    Keras' function would import it, where it is installed, to seed it: 5 to 10 s and 400 MB for nothing.
    """
    if set_global_attribute is None or keras.backend.backend() == "tensorflow" or "tensorflow" in sys.modules:
        keras.utils.set_random_seed(seed)
        return
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # the global generator is what user code draws from
    set_global_attribute("global_random_seed", seed)
    set_global_attribute(GLOBAL_SEED_GENERATOR, None)  # made anew from Python's generator at the next draw
