"""Weights of examples and classes in the loss."""

import numpy as np
import pytest
from splits import amounts, asked, drawn, of_classes, of_kind

from ablate.data import check_split
from ablate.data.class_weights import class_weights
from ablate.errors import DataError
from ablate.study.task import Target

TWO = Target("classes", n_classes=2)


def test_a_class_is_weighted_by_its_rarity():
    assert class_weights(np.array([0, 0, 0, 1]), TWO).tolist() == [np.float32(2 / 3), 2]
    assert class_weights(np.eye(2)[[0, 0, 0, 1]], Target("one-hot", (2,), 2)).tolist() == [np.float32(2 / 3), 2]
    assert class_weights(np.array([[0, 0], [0, 1]]), Target("classes", (2,), 2)).tolist() == [np.float32(2 / 3), 2]
    assert class_weights(np.array([0, 0, 2, 2]), Target("classes", n_classes=3)).tolist()[1] == 0


def test_balanced_weights_are_those_of_the_training_split():
    labels = np.repeat([0, 1], [80, 20])
    split = drawn(of_classes(labels), validation=0.5, weights="balanced")
    assert len(split.weights) == 100
    assert split.weights.dtype == np.float32
    assert set(split.weights[labels == 1]) == {2.5}
    trained = split.weights[split.train]
    assert trained[labels[split.train] == 0].sum() == pytest.approx(trained[labels[split.train] == 1].sum())
    assert trained.mean() == pytest.approx(1)


def test_one_hot_targets_are_weighted_as_classes_are():
    labels = np.repeat([0, 1], [80, 20])
    by_class = drawn(of_classes(labels), validation=0.5, weights="balanced").weights
    y = np.eye(2, dtype=np.float32)[labels]
    by_row = drawn(of_kind(Target("one-hot", (2,), 2), y), validation=0.5, weights="balanced").weights
    assert np.allclose(by_row, by_class)


def test_classes_of_pixels_have_weights_of_their_own():
    masks = np.zeros((20, 2, 2), np.int32)
    masks[:, 0, 0] = 1
    split = drawn(of_kind(Target("classes", (2, 2), 2), masks), validation=5, weights="balanced")
    assert split.weights is None
    assert split.place_weights.tolist() == [np.float32(2 / 3), 2]


def test_weights_of_the_source_are_taken_as_they_are():
    weights = np.linspace(0, 3, 30, dtype=np.float32)
    split = drawn(of_classes(np.arange(30) % 2, weights_train=weights), validation=5, weights="importance")
    assert np.array_equal(split.weights, weights)
    assert drawn(of_classes(np.arange(30) % 2), validation=5).weights is None


@pytest.mark.parametrize(
    ("data", "weights", "message"),
    [
        (amounts(30), "balanced", r"is for classes, but the targets are numbers\n  leave it out"),
        (of_kind(Target("tags", (2,), 2), np.zeros((30, 2))), "balanced", r'are tags, .*\n.*name = "pr_auc"'),
        (of_classes(np.arange(30) % 2), "age", r'small has no weights named "age"\n  name a column'),
        (
            of_classes(np.arange(30) % 2, targets={"a": TWO, "b": TWO}),
            "balanced",
            r"is for one output, but small has 2\n",
        ),
    ],
)
def test_weights_that_cannot_be_had_are_refused_before_training(data, weights, message):
    with pytest.raises(DataError, match=message):
        check_split(data, asked(validation=5, weights=weights))
