"""Scores of classes from counts, by hand."""

import numpy as np
import pytest

from ablate.training.engine.class_scores import RATES, SCORES, Counts

# Of ten rows: class 0 four times predicted and six times meant, three times both; class 1 the rest.
COUNTS = {"hits": [3.0, 3.0], "predicted": [4.0, 6.0], "actual": [6.0, 4.0], "total": 10.0}


def counts(*, is_binary=False):
    return Counts(**{name: np.asarray(value) for name, value in COUNTS.items()}, is_binary=is_binary)


@pytest.mark.parametrize(
    ("name", "macro", "binary"),
    [
        ("precision", (3 / 4 + 3 / 6) / 2, 3 / 6), ("recall", (3 / 6 + 3 / 4) / 2, 3 / 4),
        ("specificity", (3 / 4 + 3 / 6) / 2, 3 / 6), ("f1", 6 / 10, 6 / 10), ("dice", 6 / 10, 6 / 10),
        ("balanced_accuracy", 5 / 8, 5 / 8), ("mean_iou", 3 / 7, 3 / 7),
    ],
)  # fmt: skip
def test_scores_are_the_mean_of_the_classes_or_that_of_class_1(name, macro, binary):
    assert float(SCORES[name](counts())) == pytest.approx(macro)
    assert float(SCORES[name](counts(is_binary=True))) == pytest.approx(binary)


def test_nothing_counted_scores_0():
    nothing = Counts(*(np.zeros(2) for _ in range(3)), np.zeros(()))
    assert [float(score(nothing)) for score in SCORES.values()] == [0.0] * len(SCORES)


def test_a_rate_is_paired_with_its_bound():
    rate, bound = RATES["recall_at_precision"]
    np.testing.assert_allclose(rate(counts()), [3 / 6, 3 / 4])
    np.testing.assert_allclose(bound(counts()), [3 / 4, 3 / 6])
