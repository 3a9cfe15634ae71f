"""Tell whether trials on other examples may be compared: both must hold out the same ones."""

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import Dataset
from ablate.data.trees import Tree, leaves, n_examples
from ablate.study.settings import Data
from ablate.text import number_of

_OF_SPLITS = {"group_of": "groups", "time_of": "times", "weights_train": "weights"}


def incomparable(settings: Data, baseline: Dataset, data: Dataset) -> str:
    """Why trials on `data` cannot be compared with the baseline's, in a phrase and a way out; "" if they can.

    Both hold out the same examples and predict the same targets; their inputs may differ, and with a validation part of
    the source's own the other training examples, too.
    """
    if data.targets != baseline.targets:
        return "y holds other targets than in the baseline\n  keep the number and the kind of targets, and the classes"
    if data.is_test_drawn != baseline.is_test_drawn:
        return "has a test part and the baseline has none, or the other way round\n  return x_test and y_test always"
    is_given = settings.validation == "given" and not baseline.is_test_drawn
    return _other_training(baseline, data) if not is_given and _n(data) != _n(baseline) else _other_targets(
        baseline, data, is_given=is_given
    )  # fmt: skip


def _n(data: Dataset) -> int:
    """The number of examples of the source's training part."""
    return n_examples(data.x_train) - data.n_given + (n_examples(data.x_test) if data.is_test_drawn else 0)


def _other_training(baseline: Dataset, data: Dataset) -> str:
    return (
        f"has {number_of(_n(data), 'training example')} and the baseline {_n(baseline):,}, so that other examples "
        "would be held out\n  return a validation and a test part, the same for all levels, with validation = "
        '"given" in [data]; or set data.train to train on fewer examples'
    )


def _other_targets(baseline: Dataset, data: Dataset, *, is_given: bool) -> str:
    is_tested_alike = _same(data.y_test, baseline.y_test) and _is_array(data.weights_test, baseline.weights_test)
    if not is_tested_alike and not baseline.is_test_drawn:
        return "y_test or its weights differ from the baseline's\n  return the same for all levels"
    if data.n_given != baseline.n_given:
        return "has another number of validation examples than the baseline\n  return the same for all levels"
    first = n_examples(data.x_train) - data.n_given if is_given else 0
    there = n_examples(baseline.x_train) - baseline.n_given if is_given else 0
    if not _same(_from(data.y_train, first), _from(baseline.y_train, there)) or not is_tested_alike:
        if is_given:
            return "y_validation differs from the baseline's\n  return the same for all levels"
        return (
            "y_train or its weights differ from the baseline's, so that other examples would be held out\n"
            '  return the same for all levels; or a validation part, with validation = "given" in [data]'
        )
    for field, what in _OF_SPLITS.items():
        ours, theirs = getattr(data, field), getattr(baseline, field)
        decides = not is_given or field == "weights_train"  # a given part is held out, whatever its groups and times
        if decides and not _is_array(_rows(ours, first), _rows(theirs, there)):
            return f"{what} differ from the baseline's\n  return the same for all levels"
    return ""


def _from(tree: Tree, first: int) -> Tree:
    return {name: array[first:] for name, array in leaves(tree).items()}


def _rows(values: Array | None, first: int) -> Array | None:
    return None if values is None else values[first:]


def _same(one: Tree, other: Tree) -> bool:
    ours, theirs = leaves(one), leaves(other)
    return list(ours) == list(theirs) and all(_equal(ours[name], theirs[name]) for name in ours)


def _is_array(one: Array | None, other: Array | None) -> bool:
    return one is other or (one is not None and other is not None and _equal(one, other))


def _equal(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.array_equal(one, other))
