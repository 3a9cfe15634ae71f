"""`with_rows` and `class_of_each`: fewer examples with all that belongs to them, and the classes by which to draw."""

import numpy as np
import pytest

from ablate.data import Source, select_task, to_dataset
from ablate.data.outputs import class_of_each, described
from ablate.data.selecting import with_rows
from ablate.errors import DataError
from ablate.study.task import Target

X, Y = {"a": np.arange(8) * 300, "b": np.eye(8)}, np.arange(8) % 2


def test_groups_times_weights_and_the_given_part_go_with_their_examples():
    source = Source(X, Y, X, Y, {"a": X["a"][:2], "b": X["b"][:2]}, Y[:2], groups=np.arange(8) // 2,
                    order=np.arange(8), weights=np.arange(8), weights_test=np.arange(8), origin="own")  # fmt: skip
    data = to_dataset("own", source)
    fewer = with_rows(data, train=np.array([1, 6, 9]), test=np.array([3]), source="own, few")
    assert fewer.x_train["a"].tolist() == [300, 1800, 300]
    assert (fewer.y_train.tolist(), fewer.y_test.tolist(), fewer.n_given) == ([1, 0, 1], [1], 1)
    assert fewer.group_of.tolist() == [0, 3, 5]
    assert fewer.time_of.tolist() == [1, 6, 7]
    assert (fewer.weights_train.tolist(), fewer.weights_test.tolist()) == ([1, 6, 1], [3])
    assert (fewer.source, fewer.digest != data.digest) == ("own, few", True)
    assert with_rows(data, train=None, test=None, source="own").digest == data.digest


def test_the_class_of_each_example_is_known_where_there_is_one():
    one_hot = np.eye(3)[[2, 0, 1]]
    assert class_of_each({"": Target("classes", n_classes=2)}, Y) is Y
    assert class_of_each({"": Target("one-hot", (3,), 3)}, one_hot).tolist() == [2, 0, 1]
    assert class_of_each({"": Target("tags", (3,), 3)}, one_hot) is None
    assert class_of_each({"": Target("classes", (8, 8), 3)}, np.zeros((4, 8, 8))) is None
    assert class_of_each({"a": Target("classes", n_classes=2), "b": Target("numbers")}, {"a": Y, "b": Y}) is None


def test_classes_are_chosen_among_class_numbers_only_and_keep_their_names():
    numbers = to_dataset("own", Source(np.eye(4), np.array([0.5, 1, 2, 3.5]), origin="own"))
    with pytest.raises(DataError, match=r"data\.classes: chooses among class numbers, but own has other"):
        select_task(numbers, [0, 1])
    y = np.array([0, 1, 2] * 4)
    named = to_dataset("own", Source(np.eye(12), y, np.eye(12), y, class_names=["x", "y", "z"], origin="own"))
    assert select_task(named, [2, 0]).targets[""].names == ("z", "x")


def test_targets_are_described_in_words():
    assert described(Target("tags", (4,), 4)) == "4 tags for each example"
    assert described(Target("numbers", (12, 3))) == "3 real numbers for each of 12 places"
    assert described(Target("classes", (64, 64), 5)) == "one of 5 classes for each of 64 × 64 places"
