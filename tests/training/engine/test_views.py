"""Targets and outputs in the forms that metrics take."""

import numpy as np

from ablate.study.task import Target
from ablate.training.engine.views import probabilities_of, view_of

BINARY, DENSE = Target("classes", n_classes=2), Target("classes", (2, 2), n_classes=3)


def test_two_classes_have_the_probability_of_class_1_from_one_output_or_two():
    y, logits = np.array([1, 0], np.int32), np.array([[np.log(3.0)], [-np.log(3.0)]], np.float32)
    two = np.concatenate([np.zeros_like(logits), logits], axis=1)
    for outputs in (logits, two, logits[:, 0]):
        view = view_of(BINARY, "logits", y, outputs)
        np.testing.assert_allclose(view.probabilities, [[0.75], [0.25]], rtol=1e-6)
        assert np.asarray(view.chosen).tolist() == [1, 0]


def test_pixels_become_rows():
    y, outputs = np.arange(8).reshape(2, 2, 2) % 3, np.zeros((2, 2, 2, 3), np.float32)
    view = view_of(DENSE, "logits", y, outputs)
    assert np.asarray(view.y).tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert view.probabilities.shape == (8, 3)


def test_single_numbers_take_the_shape_of_the_outputs():
    view = view_of(Target("numbers"), "numbers", np.array([1.0, 2.0]), np.zeros((2, 1)))
    assert view.y.shape == view.outputs.shape == (2, 1)
    assert view.probabilities is None


def test_logits_become_probabilities_in_the_shape_of_the_outputs():
    logits = np.zeros((2, 2, 2, 3), np.float32)
    assert np.allclose(probabilities_of(DENSE, "logits", logits), 1 / 3)
    assert np.allclose(probabilities_of(Target("tags", (3,), 3), "logits", logits[:, 0, 0]), 0.5)
    assert np.allclose(probabilities_of(Target("numbers"), "numbers", logits + 7), 7)


def test_one_output_for_a_pixel_of_two_classes_is_the_logit_of_class_1():
    mask, logits = Target("classes", (2, 3), n_classes=2), np.full((4, 2, 3), np.log(3.0), np.float32)
    for outputs in (logits, logits[..., None]):
        assert np.allclose(probabilities_of(mask, "logits", outputs), 0.75)
