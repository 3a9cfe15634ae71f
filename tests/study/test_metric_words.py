"""Names of metrics for readers."""

import pytest

from ablate.study.metric_words import metric_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pr_auc", "PR AUC"),
        ("val_mean_iou", "validation mean IoU"),
        ("test_accuracy", "test accuracy"),
        ("recall_at_precision_0_9", "recall at precision 0 9"),
        ("r2", "R²"),
        ("within", "within"),
        ("interval_score", "interval score"),
        ("Price error", "Price error"),
        ("", ""),
    ],
)
def test_abbreviations_are_spelled_as_in_print(name, words):
    assert metric_words(name) == words
