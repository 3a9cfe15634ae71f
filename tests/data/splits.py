"""Small data sets of all kinds of targets, and their splits."""

from dataclasses import replace

import numpy as np

from ablate.data import Dataset, Split, split_dataset, to_dataset, to_source
from ablate.study.settings import Data
from ablate.study.task import Target


def asked(**settings) -> Data:
    """The settings as they are, numbers out of their range too."""
    return Data(name="small.npz").model_copy(update=settings)


def of_classes(labels, **more) -> Dataset:
    """The row's number as its only feature."""
    y = np.asarray(labels)
    x = np.arange(len(y), dtype=np.float32)[:, None] + 0.5
    arrays = {"x_train": x, "y_train": y, "x_test": x[:10], "y_test": y[:10]}
    return replace(to_dataset("small", to_source(arrays, origin="small.npz")), **more)


def of_kind(target: Target, y, **more) -> Dataset:
    """Targets of another kind."""
    y = np.asarray(y)
    made = of_classes(np.arange(len(y)) % 2)
    n_classes = target.n_classes
    return replace(made, y_train=y, y_test=y[:10], targets={"": target}, n_classes=n_classes, **more)


def amounts(n: int, **more) -> Dataset:
    """0, 1, 2, … to predict."""
    return of_kind(Target("numbers"), np.arange(n, dtype=np.float32), **more)


def drawn(data: Dataset, *, replicate: int = 1, seed: int = 0, **settings) -> Split:
    """The split of a replicate, unscaled."""
    return split_dataset(data, asked(**settings), seed=seed, replicate=replicate, scaling="none")
