import numpy as np

from ablate.data.predictions import unpack
from ablate.study.task import Target, Task, TaskMetric
from ablate.training.packing import chances_of, pack_outputs

LOSS = (TaskMetric("loss", "minimize"),)


def packed(target, outputs, y, classes=None):
    text = pack_outputs(Task({"": target}, LOSS, "loss"), np.asarray(outputs, np.float32), np.asarray(y), classes)
    return unpack(text, np.asarray(y))


def test_classes_come_with_the_confidence_of_the_one_that_was_scored():
    found = packed(Target("classes", n_classes=3), [[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]], [1, 2])
    assert found.classes.tolist() == [1, 0]
    np.testing.assert_allclose(found.confidence, [0.7, 0.5], atol=1e-4)


def test_a_single_output_is_the_probability_of_class_1():
    found = packed(Target("classes", n_classes=2), [[0.9], [0.2]], [1, 1])
    assert found.classes.tolist() == [1, 0]
    np.testing.assert_allclose(found.confidence, [0.9, 0.8], atol=1e-4)


def test_amounts_and_masks_are_kept_in_their_own_form():
    assert packed(Target("numbers"), [[1.5], [2.5]], np.array([1.0, 3.0])).numbers.tolist() == [1.5, 2.5]
    masks = np.array([[[0, 1], [1, 1]]], np.int32)
    outputs = np.eye(2)[[[[0, 1], [0, 1]]]]
    assert packed(Target("classes", (2, 2), n_classes=2), outputs, masks).classes.tolist() == [[1, 0], [1, 2]]


def test_several_outputs_are_not_kept():
    targets = {"a": Target("numbers"), "b": Target("numbers")}
    assert pack_outputs(Task(targets, LOSS, "loss"), {"a": np.ones(2)}, {"a": np.ones(2)}, None) == ""


def test_logits_become_the_probabilities_that_are_packed():
    task = Task({"": Target("classes", n_classes=3)}, LOSS, "loss")
    logits = np.array([[0.0, np.log(3), 0.0], [5.0, -5.0, 5.0]], np.float32)
    np.testing.assert_allclose(chances_of(task, {"": "logits"}, logits)[0], [0.2, 0.6, 0.2], atol=1e-6)
    np.testing.assert_array_equal(chances_of(task, {"": "probabilities"}, logits), logits)
    np.testing.assert_array_equal(chances_of(task, {}, logits), logits)
    one = Task({"": Target("classes", n_classes=2)}, LOSS, "loss")
    np.testing.assert_allclose(chances_of(one, {"": "logits"}, np.zeros((2, 1))), 0.5)
