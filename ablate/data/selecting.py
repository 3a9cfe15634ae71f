"""Take some of a data set's examples, or some of its classes under new numbers."""

from dataclasses import replace
from typing import Any

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import Dataset, digest_of
from ablate.data.targets import count_classes
from ablate.data.trees import ONLY, n_examples, rows_of
from ablate.errors import DataError
from ablate.study.task import Target


def with_rows(data: Dataset, *, train: Array | None, test: Array | None, source: str) -> Dataset:
    """Only these training and test examples, by indices, ascending (None: all), under their own digest."""
    kept = {**_of_train(data, train), **_of_test(data, test)}
    made = replace(data, **kept, source=source)
    return replace(made, digest=digest_of(made))


def relabelled(data: Dataset, numbers: Array, target: Target) -> Dataset:
    """With the class numbers `numbers[k]` for k, and their target. Raises `DataError` if they are no task."""
    y_train, y_test = (numbers[labels].astype(np.int32) for labels in (data.y_train, data.y_test))
    try:
        count_classes(y_train, y_test, names=("y_train", "y_test"), settled=True)
    except DataError as err:
        raise DataError(f"{data.source}: {err}") from err
    made = replace(data, y_train=y_train, y_test=y_test, n_classes=target.n_classes, targets={ONLY: target})
    return replace(made, digest=digest_of(made))


def only_classes(data: Dataset, *, setting: str) -> Target:
    """The target if it is a class for each example, of which some can be chosen; else raises `DataError`."""
    target = next(iter(data.targets.values()))
    if len(data.targets) > 1 or target.kind != "classes" or target.is_dense:
        raise DataError(
            f"{setting}: chooses among class numbers, but {data.name} has other targets\n  leave {setting} out"
        )
    return target


def _of_train(data: Dataset, rows: Array | None) -> dict[str, Any]:  # fields of the data set
    if rows is None:
        return {}
    n = n_examples(data.x_train)
    return {
        "x_train": rows_of(data.x_train, rows),
        "y_train": rows_of(data.y_train, rows),
        "n_given": int(np.count_nonzero(rows >= n - data.n_given)),
        **{name: _rows(getattr(data, name), rows) for name in ("group_of", "time_of", "weights_train")},
    }


def _of_test(data: Dataset, rows: Array | None) -> dict[str, Any]:  # fields of the data set
    if rows is None:
        return {}
    return {
        "x_test": rows_of(data.x_test, rows),
        "y_test": rows_of(data.y_test, rows),
        "weights_test": _rows(data.weights_test, rows),
    }


def _rows(values: Array | None, rows: Array) -> Array | None:
    return None if values is None else values[rows]
