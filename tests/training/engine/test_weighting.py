"""Weights of examples, and of the classes of places."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from ablate.errors import StudyError
from ablate.study.task import Target
from ablate.training.engine.weighting import check_weights, loss_weights, weights_of, with_places

MASK, ONE_HOT = Target("classes", (2, 2), n_classes=2), Target("one-hot", (2, 2, 2), n_classes=2)
LABELS = np.array([[[0, 1], [0, 0]], [[1, 1], [0, 1]]], np.int32)
TWO = {"class_weights": ops.convert_to_tensor([0.5, 3.0])}


def test_a_place_counts_by_its_class_times_the_weight_of_its_example():
    by_class = [[[0.5, 3.0], [0.5, 0.5]], [[3.0, 3.0], [0.5, 3.0]]]
    rows = ops.convert_to_tensor([1, 0])
    assert np.asarray(weights_of(rows, ops.convert_to_tensor(LABELS), TWO)).tolist() == by_class
    one_hot = ops.convert_to_tensor(np.eye(2, dtype=np.float32)[LABELS])
    assert np.asarray(weights_of(rows, one_hot, TWO)).tolist() == by_class
    both = weights_of(rows, ops.convert_to_tensor(LABELS), {**TWO, "weights": ops.convert_to_tensor([1.0, 2.0])})
    assert np.asarray(both).tolist() == [[[1.0, 6.0], [1.0, 1.0]], [[3.0, 3.0], [0.5, 3.0]]]
    assert weights_of(rows, ops.convert_to_tensor(LABELS), {}) is None


def test_the_weights_of_examples_reach_every_place():
    w = ops.convert_to_tensor([1.0, 2.0])
    shapes = {
        (2, 1, 1): (MASK, ONE_HOT, Target("tags", (4, 4, 3), n_classes=3)),
        (2, 1): (Target("classes", (9,), n_classes=3), Target("numbers", (9, 2))),
        (2,): (Target("classes", n_classes=2), Target("numbers", (9,)), Target("numbers")),
    }
    for shape, targets in shapes.items():
        assert {tuple(loss_weights(w, target).shape) for target in targets} == {shape}


def test_labels_get_the_axis_of_a_single_output():
    y = ops.convert_to_tensor(LABELS)
    assert with_places(y, ops.zeros((2, 2, 2, 1)), MASK).shape == (2, 2, 2, 1)
    assert with_places(y, ops.zeros((2, 2, 2, 3)), MASK).shape == (2, 2, 2)
    assert with_places(ops.zeros((2,)), ops.zeros((2, 1)), Target("classes", n_classes=2)).shape == (2,)


class Own(keras.Model):
    """A loss of its own, which may count weights."""

    counts = False

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        del x, training
        squares = ops.square(ops.cast(y, "float32") - y_pred)
        return ops.mean(squares * sample_weight) if self.counts else ops.mean(squares)


def checked(loss, target=MASK, y=LABELS, *, outputs=None, by_place=True, model=None):
    inputs = keras.Input((2,))
    model = model or keras.Model(inputs, layers.Dense(1)(inputs))
    model.compile("sgd", loss=loss)
    outputs = np.full((*target.output_shape,), 0.5, np.float32)[None].repeat(2, axis=0) if outputs is None else outputs
    check_weights(model, {"": target}, np.zeros((2, 2), np.float32), y, outputs, by_place=by_place)


def mean_of_all(y_true, y_pred):
    return ops.mean(ops.square(ops.cast(y_true, "float32") - y_pred[..., 0]), axis=(1, 2))


@pytest.mark.parametrize(
    ("loss", "name"), [(keras.losses.Dice(), "dice"), ("tversky", "tversky"), (mean_of_all, "mean_of_all")]
)
def test_a_loss_without_a_value_for_each_pixel_takes_no_weights_of_pixels(loss, name):
    target, y = (MASK, LABELS) if loss is mean_of_all else (ONE_HOT, np.eye(2, dtype=np.float32)[LABELS])
    with pytest.raises(
        StudyError, match=rf'^data.weights: .* each pixel by its class, but the loss "{name}".*\n  leave'
    ):
        checked(loss, target, y)
    checked(loss, target, y, by_place=False)  # weights of examples


def test_cross_entropies_take_weights_of_places():
    checked("sparse_categorical_crossentropy")
    checked("categorical_crossentropy", ONE_HOT, np.eye(2, dtype=np.float32)[LABELS])
    checked("binary_crossentropy", outputs=np.full((2, 2, 2, 1), 0.5, np.float32))
    with pytest.raises(StudyError, match="each step by its class"):
        checked("dice", Target("one-hot", (4, 2), n_classes=2), np.eye(2, dtype=np.float32)[LABELS.reshape(2, 4)])


def test_a_loss_of_the_models_own_must_count_weights():
    inputs = keras.Input((2,))
    model = Own(inputs, layers.Dense(1)(inputs))
    number = {"target": Target("numbers"), "y": np.array([[1.0], [3.0]]), "by_place": False}
    with pytest.raises(StudyError, match=r"the same with any sample_weight.*\n  multiply"):
        checked(None, model=model, outputs=np.zeros((2, 1), np.float32), **number)
    model.counts = True
    checked(None, model=model, outputs=np.zeros((2, 1), np.float32), **number)
