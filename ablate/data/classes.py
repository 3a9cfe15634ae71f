"""Reduce a data set to a task of some of its classes, with fewer test examples if asked."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ablate.data.dataset import Dataset
from ablate.data.outputs import class_of_each
from ablate.data.selecting import only_classes, relabelled, with_rows
from ablate.data.split import draw_by_class
from ablate.data.trees import n_examples
from ablate.errors import DataError
from ablate.text import number_of


def select_task(
    data: Dataset, classes: Sequence[int] | None, *, before: Sequence[int] | None = None, test: int | None = None
) -> Dataset:
    """The task of distinguishing `classes` (None: all), with that of the classes `before` as its `pretraining`.

    Both are class numbers of `data`; the digest covers both tasks. At most `test` examples are for testing, the
    same for every study. Raises `DataError` for a class that `data` does not have.
    """
    task = data if classes is None else select_classes(data, classes, setting="data.classes")
    if n_examples(data.x_test) and not n_examples(task.x_test):
        raise DataError(
            f"data.classes: {data.name} has {number_of(n_examples(data.x_test), 'test example')}, none of these classes"
            "\n  choose other classes, or keep more examples for testing"
        )
    if test is not None and test < n_examples(task.y_test):
        task = _fewer_tested(task, test)
    if before is None:
        return task
    pretraining = select_classes(data, before, setting="transfer.classes")
    digest = hashlib.sha256(f"{task.digest} after {pretraining.digest}".encode()).hexdigest()
    return replace(task, pretraining=pretraining, digest=digest)


def select_classes(data: Dataset, classes: Sequence[int], *, setting: str) -> Dataset:
    """Only the examples of these classes, relabelled 0, 1, … in this order; each class keeps its examples' order."""
    target = only_classes(data, setting=setting)
    for number in classes:
        if not 0 <= number < data.n_classes:
            raise DataError(
                f"{setting}: {data.name} has no class {number}\n  its classes are 0 to {data.n_classes - 1}"
            )
    labels = np.full(data.n_classes, -1, np.int32)
    labels[list(classes)] = np.arange(len(classes))
    kept = {part: np.flatnonzero(labels[getattr(data, f"y_{part}")] >= 0) for part in ("train", "test")}
    source = f"{data.source}, classes {', '.join(map(str, classes))}"
    task = with_rows(data, train=kept["train"], test=kept["test"], source=source)
    names = tuple(target.names[number] for number in classes) if target.names else ()
    return relabelled(task, labels, replace(target, n_classes=len(classes), names=names))


def _fewer_tested(data: Dataset, n: int) -> Dataset:
    rng = np.random.default_rng(0)
    labels = class_of_each(data.targets, data.y_test)
    kept = (
        np.sort(rng.permutation(n_examples(data.y_test))[:n]) if labels is None else draw_by_class(labels, n, rng=rng)
    )
    return with_rows(data, train=None, test=kept, source=f"{data.source}, {n:,} for testing")
