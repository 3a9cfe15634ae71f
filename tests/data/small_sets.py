"""Data sets of a few lines for tests of what data show."""

import numpy as np

from ablate.data import Dataset, Source, to_dataset


def dataset(x_train, x_test, y_train=None, y_test=None, name="small") -> Dataset:
    """Of two classes in turn where no labels are given."""
    y_train = np.arange(len(x_train)) % 2 if y_train is None else y_train
    y_test = np.arange(len(x_test)) % 2 if y_test is None else y_test
    arrays = map(np.asarray, (x_train, y_train, x_test, y_test))
    return to_dataset(name, Source(*arrays, origin=name))


def images(n, seed=0, side=8):
    """Noise, uint8."""
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 1)).astype(np.uint8)


def normal(n, d, seed=0):
    """Independent features, float64."""
    return np.random.default_rng(seed).normal(size=(n, d))
