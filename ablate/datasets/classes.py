"""A `Dataset` into one of some of its classes, and into that of a task on which networks are trained before it."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ablate.datasets.dataset import ARRAYS, Dataset, to_dataset
from ablate.datasets.split import draw_by_class
from ablate.errors import DataError


def select_task(
    data: Dataset, classes: Sequence[int] | None, *, before: Sequence[int] | None = None, test: int | None = None
) -> Dataset:
    """The task of telling `classes` (None: all) apart, with that of the classes `before` as its `pretraining`.

    Both are numbers of classes of `data`; the digest is over both tasks. At most `test` examples are for testing, the
    same ones for every study. Raises `DataError` at a class that `data` has not.
    """
    task = data if classes is None else select_classes(data, classes, setting="data.classes")
    if test is not None and test < len(task.y_test):
        task = _fewer_tested(task, test)
    if before is None:
        return task
    pretraining = select_classes(data, before, setting="transfer.classes")
    digest = hashlib.sha256(f"{task.digest} after {pretraining.digest}".encode()).hexdigest()
    return replace(task, pretraining=pretraining, digest=digest)


def select_classes(data: Dataset, classes: Sequence[int], *, setting: str) -> Dataset:
    """The examples of these classes alone, relabelled 0, 1, … in this order; those of a class stay in theirs.

    Raises `DataError`, naming the `setting` that lists them, where `data` has no such class.
    """
    for number in classes:
        if not 0 <= number < data.n_classes:
            raise DataError(
                f"{setting}: {data.name} has no class {number}\n  its classes are 0 to {data.n_classes - 1}"
            )
    labels = np.full(data.n_classes, -1, np.int32)
    labels[list(classes)] = np.arange(len(classes))
    arrays = {name: getattr(data, name) for name in ARRAYS}
    for part in ("train", "test"):
        relabelled = labels[arrays[f"y_{part}"]]
        kept = relabelled >= 0
        arrays |= {f"x_{part}": arrays[f"x_{part}"][kept], f"y_{part}": relabelled[kept]}
    listed = ", ".join(map(str, classes))
    task = to_dataset(data.name, arrays, source=f"{data.source}, classes {listed}", stand_in=data.stand_in)
    return replace(task, groups=data.groups)


def _fewer_tested(data: Dataset, n: int) -> Dataset:
    kept = draw_by_class(data.y_test, n, rng=np.random.default_rng(0))
    arrays = {name: getattr(data, name) for name in ARRAYS} | {"x_test": data.x_test[kept], "y_test": data.y_test[kept]}
    task = to_dataset(data.name, arrays, source=f"{data.source}, {n:,} for testing", stand_in=data.stand_in)
    return replace(task, groups=data.groups)
