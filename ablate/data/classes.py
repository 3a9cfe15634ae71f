"""Reduce a data set to a task of some of its classes, with fewer test examples if asked."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import ARRAYS, Dataset, to_dataset
from ablate.data.split import draw_by_class
from ablate.data.split_sizes import target_of
from ablate.data.trees import n_examples, rows_of
from ablate.errors import DataError


def select_task(
    data: Dataset, classes: Sequence[int] | None, *, before: Sequence[int] | None = None, test: int | None = None
) -> Dataset:
    """The task of distinguishing `classes` (None: all), with that of the classes `before` as its `pretraining`.

    Both are class numbers of `data`; the digest covers both tasks. At most `test` examples are for testing, the
    same for every study. Raises `DataError` for a class that `data` does not have.
    """
    task = data if classes is None else select_classes(data, classes, setting="data.classes")
    if test is not None and test < n_examples(task.x_test):
        task = _fewer_tested(task, test)
    if before is None:
        return task
    pretraining = select_classes(data, before, setting="transfer.classes")
    digest = hashlib.sha256(f"{task.digest} after {pretraining.digest}".encode()).hexdigest()
    return replace(task, pretraining=pretraining, digest=digest)


def select_classes(data: Dataset, classes: Sequence[int], *, setting: str) -> Dataset:
    """Only the examples of these classes, relabelled 0, 1, … in this order; each class keeps its examples' order."""
    target = target_of(data)
    if target.kind != "classes" or target.is_dense or len(data.targets) > 1:
        raise DataError(
            f"{setting}: for targets that are one class for each example, which those of {data.name} are not\n"
            f"  remove {setting}"
        )
    for number in classes:
        if not 0 <= number < data.n_classes:
            raise DataError(
                f"{setting}: {data.name} has no class {number}\n  its classes are 0 to {data.n_classes - 1}"
            )
    labels = np.full(data.n_classes, -1, np.int32)
    labels[list(classes)] = np.arange(len(classes))
    arrays = {name: getattr(data, name) for name in ARRAYS}
    kept = {part: np.flatnonzero(labels[arrays[f"y_{part}"]] >= 0) for part in ("train", "test")}
    for part, rows in kept.items():
        relabelled = labels[arrays[f"y_{part}"][rows]]
        arrays |= {f"x_{part}": _some(arrays[f"x_{part}"], rows), f"y_{part}": relabelled}
    listed = ", ".join(map(str, classes))
    task = to_dataset(data.name, arrays, source=f"{data.source}, classes {listed}", stand_in=data.stand_in)
    names = tuple(target.names[number] for number in classes) if target.names else ()
    return replace(
        _with_the_rest_of(data, task, train=kept["train"], test=kept["test"]),
        targets={name: replace(target, n_classes=len(classes), names=names) for name in data.targets or ("",)},
    )


def _fewer_tested(data: Dataset, n: int) -> Dataset:
    target = target_of(data)
    is_plain = target.kind == "classes" and not target.is_dense and len(data.targets) < 2
    labels = data.y_test if is_plain else np.zeros(n_examples(data.x_test), np.int32)
    kept = draw_by_class(labels, n, rng=np.random.default_rng(0))
    source, everything = f"{data.source}, {n:,} for testing", np.arange(n_examples(data.x_train))
    x_test, y_test = _some(data.x_test, kept), _some(data.y_test, kept)
    if is_plain and not isinstance(data.x_train, Mapping):
        arrays = {name: getattr(data, name) for name in ARRAYS} | {"x_test": x_test, "y_test": y_test}
        task = to_dataset(data.name, arrays, source=source, stand_in=data.stand_in)
        return _with_the_rest_of(data, task, train=everything, test=kept)
    digest = hashlib.sha256(f"{data.digest} tested on {n}".encode()).hexdigest()
    task = replace(data, x_test=x_test, y_test=y_test, source=source, digest=digest)
    return _with_the_rest_of(data, task, train=everything, test=kept)


def _with_the_rest_of(data: Dataset, task: Dataset, *, train: Array, test: Array) -> Dataset:
    """The task with what `data` knows of these training and test examples besides their arrays."""
    return replace(
        task,
        groups=data.groups,
        targets=data.targets,
        n_given=int(np.count_nonzero(train >= n_examples(data.x_train) - data.n_given)),
        group_of=_rows(data.group_of, train),
        time_of=_rows(data.time_of, train),
        weights_train=_rows(data.weights_train, train),
        weights_test=_rows(data.weights_test, test),
        columns=data.columns,
        notes=data.notes,
    )


def _some(tree: Array, rows: Array) -> Array:
    """The examples with these indices, of one array or of a mapping of arrays."""
    return cast("Array", rows_of(tree, rows))


def _rows(array: Array | None, rows: Array) -> Array | None:
    return None if array is None else array[rows]
