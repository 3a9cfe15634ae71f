import math

import numpy as np
import pytest

from ablate.analysis.statistics.classification import class_scores, precision_recall, reliability


def test_precision_and_recall_are_shares_of_predictions_and_of_examples():
    found = class_scores([[2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    assert found.precision[:2] == pytest.approx([2 / 3, 1 / 3])
    assert found.recall[:3] == pytest.approx([2 / 3, 1 / 2, 0])
    assert found.overlap[:3] == pytest.approx([2 / 4, 1 / 4, 0])
    assert found.n.tolist() == [3, 2, 1, 0]
    assert np.isnan(found.precision[2:]).all()  # never predicted
    assert math.isnan(found.recall[3])  # without an example


def test_calibration_error_is_the_mean_gap_weighted_by_the_bins():
    found = reliability([0.9, 0.9, 0.9, 0.9, 0.3], [1, 1, 1, 0, 0], bins=2)
    assert found.n.tolist() == [1, 4]
    assert found.confidence.tolist() == pytest.approx([0.3, 0.9])
    assert found.accuracy.tolist() == [0, 0.75]
    assert found.error == pytest.approx((4 * 0.15 + 1 * 0.3) / 5)


def test_the_ends_of_bins_belong_to_the_lower_one_and_nothing_is_lost():
    found = reliability([0.0, 1 / 3, 2 / 3, 1.0, 0.34], [0, 0, 1, 1, 0], bins=3)
    assert found.n.tolist() == [2, 2, 1]
    assert reliability(np.linspace(0, 1, 1001), np.zeros(1001)).n.sum() == 1001
    empty = reliability([1.0, 1.0], [1, 1])
    assert empty.error == 0
    assert np.isnan(empty.accuracy[:-1]).all()


def test_average_precision_by_hand_with_and_without_ties():
    found = precision_recall([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
    assert found.precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert found.recall.tolist() == [0.5, 0.5, 1, 1]
    assert found.average == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    tied = precision_recall([1, 0, 0, 1], [0.5, 0.5, 0.5, 0.5])  # knows nothing: the share of positives
    assert (tied.precision.tolist(), tied.recall.tolist(), tied.average) == ([0.5], [1], 0.5)
    assert math.isnan(precision_recall([0, 0], [0.1, 0.2]).average)


def test_average_precision_is_that_of_scikit_learn():
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    for _ in range(20):
        positive = rng.random(60) < 0.2
        positive[0] = True
        scores = np.round(rng.random(60) + 0.3 * positive, 1)
        assert precision_recall(positive, scores).average == pytest.approx(average_precision_score(positive, scores))
