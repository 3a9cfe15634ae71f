"""Functions of the user's, computed outside of the loop; metrics of whole batches are in test_engine_metrics.py."""

import numpy as np
import pytest

from ablate.study.task import Target, Task, TaskMetric
from ablate.training.engine.host_metrics import of_function

PRICES = np.array([1.0, 2.0, 4.0], np.float32)
METRIC = TaskMetric("error", "minimize", spec="my.py:error")


def error_of(function, target, kind, y, outputs, weights=None):
    task = Task({"": target}, (METRIC, TaskMetric("loss", "minimize")), "error")
    return of_function(METRIC, task, {"": kind}, function).value(y, outputs, weights)


def far(y_true, y_pred):
    return np.mean(np.abs(y_true - y_pred))


def test_a_single_output_has_the_shape_of_its_targets():
    assert error_of(far, Target("numbers"), "numbers", PRICES, PRICES[:, None] + 1) == 1
    assert error_of(far, Target("numbers", (1,)), "numbers", PRICES[:, None], PRICES[:, None] + 1) == 1
    zeros = np.zeros((3, 1), np.float32)
    assert error_of(far, Target("classes", n_classes=2), "logits", np.array([0, 1, 1]), zeros) == 0.5


def test_several_outputs_stay_a_row_each():
    outputs = np.zeros((3, 4), np.float32)
    found = error_of(
        lambda y, p: p.shape[1] - y.ndim, Target("classes", n_classes=4), "logits", np.array([0, 1, 3]), outputs
    )
    assert found == 3


def test_weights_go_to_functions_that_list_them_and_builtins_get_none():
    weights = np.array([1, 0, 3], np.float32)

    def weighted(y_true, y_pred, sample_weight):
        return np.average(y_pred - y_true, weights=sample_weight)

    outputs = PRICES[:, None] + np.array([[1.0], [9.0], [5.0]], np.float32)
    assert error_of(weighted, Target("numbers"), "numbers", PRICES, outputs, weights) == 4
    assert error_of(weighted, Target("numbers"), "numbers", PRICES, outputs) == 5
    assert error_of(np.dot, Target("numbers"), "numbers", PRICES, PRICES[:, None], weights) == pytest.approx(21)
