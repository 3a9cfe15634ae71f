"""The metrics that a study may name, and whether they fit its targets."""

import pytest

from ablate.study.metrics import METRICS, default_metric, find_metric, metric_names
from ablate.study.task import Target

DIGITS = Target("classes", n_classes=10)
BINARY = Target("classes", n_classes=2)
ONE_HOT = Target("one-hot", (4,), 4)
TAGS = Target("tags", (3,), 3)
PRICE = Target("numbers")
PAIR = Target("numbers", (2,))


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("acc", "accuracy"), ("SparseCategoricalAccuracy", "accuracy"), ("MAE", "mae"), ("mean_absolute_error", "mae"),
        ("MeanIoU", "mean_iou"), ("F1Score", "f1"), ("R2Score", "r2"), ("AUC", "auc"), ("roc_auc", "auc"),
        ("top_5_accuracy", "top_5_accuracy"), ("top_k", "top_5_accuracy"), ("top_k(3)", "top_3_accuracy"),
        ("top_3_categorical_accuracy", "top_3_accuracy"), ("recall_at_precision", "recall_at_precision_0_9"),
        ("recall_at_precision(0.75)", "recall_at_precision_0_75"),
        ("recall_at_precision_0_75", "recall_at_precision_0_75"), ("RecallAtPrecision(0.5)", "recall_at_precision_0_5"),
    ],
)  # fmt: skip
def test_a_metric_has_one_column_whatever_its_spelling(spelled, name):
    assert find_metric(spelled).name == name
    assert find_metric(name).name == name


@pytest.mark.parametrize("name", ["accurate", "f1_of_mine", "mae(3)", "loss", "", "auc_0_9", "top_accuracy"])
def test_an_unknown_name_is_no_metric(name):
    assert find_metric(name) is None


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("recall_at_precision(90)", "the number of recall_at_precision must be between 0 and 1, got 90"),
        ("top_0_accuracy", "the number of top_k_accuracy must be a whole number from 1, got 0"),
        ("top_k(2.5)", "the number of top_k_accuracy must be a whole number from 1, got 2.5"),
    ],
)
def test_a_number_out_of_range_is_refused(name, rule):
    with pytest.raises(ValueError, match=rule):
        find_metric(name)


@pytest.mark.parametrize(
    ("name", "target", "misfit"),
    [
        ("accuracy", PRICE, "accuracy needs classes or tags; these targets are numbers: mae, rmse, r2"),
        ("mae", DIGITS, "mae needs numbers; these targets are classes: accuracy, balanced_accuracy, f1"),
        ("r2", TAGS, "r2 needs numbers; these targets are tags: pr_auc, f1"),
        ("balanced_accuracy", TAGS, "balanced_accuracy needs classes; these targets are tags: pr_auc, f1"),
        ("top_5_accuracy", ONE_HOT, "top_5_accuracy needs more classes than these targets have, 4: accuracy"),
        ("bce", DIGITS, "binary_crossentropy needs two classes; these targets have 10: accuracy, f1"),
        ("cosine_similarity", PRICE,
         "cosine_similarity compares the direction of several numbers; each target is a single one: mae, rmse, r2"),
        ("f1", Target("none"), "f1 needs classes or tags; these targets are made by the model itself: loss"),
    ],
)  # fmt: skip
def test_a_metric_that_does_not_fit_says_which_do(name, target, misfit):
    assert find_metric(name).misfit(target) == misfit


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (DIGITS, "accuracy balanced_accuracy top_5_accuracy auc pr_auc precision recall f1 mean_iou dice"),
        (BINARY, "accuracy auc pr_auc recall_at_precision precision_at_recall sensitivity_at_specificity bce"),
        (ONE_HOT, "accuracy top_3_accuracy categorical_crossentropy kl_divergence f1"),
        (TAGS, "accuracy auc pr_auc precision recall f1 dice binary_crossentropy"),
        (PRICE, "mae mse rmse r2 mape msle log_cosh"),
        (PAIR, "mae r2 cosine_similarity"),
    ],
)
def test_each_kind_of_target_has_its_metrics(target, names):
    assert [find_metric(name).misfit(target) for name in names.split()] == [""] * len(names.split())


def test_fractions_are_shown_as_points_and_cross_entropies_in_nats():
    units = {name: known.unit for name, known in METRICS.items()}
    assert [units[name] for name in ("f1", "categorical_crossentropy", "mae", "mape")] == ["points", "nats", "", "%"]


@pytest.mark.parametrize(
    ("targets", "name"),
    [((DIGITS,), "accuracy"), ((ONE_HOT,), "accuracy"), ((TAGS,), "pr_auc"), ((PRICE,), "mae"), ((), "loss"),
     ((Target("none"),), "loss"), ((DIGITS, PRICE), "loss")],
)  # fmt: skip
def test_the_default_metric_follows_the_targets(targets, name):
    assert default_metric(targets) == name


def test_every_name_that_is_shown_is_a_metric():
    assert all(find_metric(name) is not None for name in metric_names())
