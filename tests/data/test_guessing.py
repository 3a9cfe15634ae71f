"""`guess`: the best constant prediction, against Keras' metrics and losses of many constants."""

import math

import keras
import numpy as np
import pytest

from ablate.data.guessing import guess
from ablate.study.task import Target

RNG = np.random.default_rng(0)
N = 400
TWO = {"": Target("classes", n_classes=2)}
THREE = {"": Target("classes", n_classes=3)}
TAGS = {"": Target("tags", (3,), 3)}
NUMBERS = {"": Target("numbers", (2,))}
Y_TWO = (np.arange(N) % 10 < 3).astype(np.int32)  # 30 %
Y_THREE = np.array([0] * 200 + [1] * 120 + [2] * 80, np.int32)
Y_TAGS = (RNG.random((N, 3)) < [0.1, 0.5, 0.7]).astype(np.float32)
Y_NUMBERS = np.exp(RNG.normal(size=(N, 2))).astype(np.float32)
GRID = np.linspace(0, 1, 11)
STEPS = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)


def scores(metric, y, constants):
    """Of each constant, repeated for all examples."""
    found = []
    for constant in constants:
        metric.reset_state()
        metric.update_state(y, np.broadcast_to(np.float32(constant), (len(y), *np.shape(constant))))
        found.append(float(np.asarray(metric.result()).mean()))
    return np.array(found)


@pytest.mark.parametrize(
    ("name", "metric", "tolerance"),
    [
        ("auc", keras.metrics.AUC(), 1e-6), ("pr_auc", keras.metrics.AUC(curve="PR"), 1e-3),
        ("precision", keras.metrics.Precision(), 1e-6), ("recall", keras.metrics.Recall(), 1e-6),
        ("recall_at_precision_0_2", keras.metrics.RecallAtPrecision(0.2), 1e-6),
        ("recall_at_precision(0.9)", keras.metrics.RecallAtPrecision(0.9), 1e-6),
        ("precision_at_recall_0_9", keras.metrics.PrecisionAtRecall(0.9), 1e-6),
        ("sensitivity_at_specificity_0_9", keras.metrics.SensitivityAtSpecificity(0.9), 1e-6),
        ("specificity_at_sensitivity_0_9", keras.metrics.SpecificityAtSensitivity(0.9), 1e-6),
        ("accuracy", keras.metrics.BinaryAccuracy(), 1e-6), ("f1", keras.metrics.F1Score(threshold=0.5), 1e-6),
        ("mean_iou", keras.metrics.BinaryIoU(), 1e-6),
    ],
)  # fmt: skip
def test_of_two_classes_no_constant_is_better(name, metric, tolerance):
    best = scores(metric, Y_TWO[:, None].astype(np.float32), GRID[:, None]).max()
    assert guess(name, TWO, Y_TWO) == pytest.approx(best, abs=tolerance)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("accuracy", keras.metrics.SparseCategoricalAccuracy()),
        ("top_2_accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)),
        ("mean_iou", keras.metrics.MeanIoU(3, sparse_y_pred=False)),
    ],
)
def test_of_three_classes_no_constant_is_better(name, metric):
    constants = [np.array([3, 2, 1]), np.array([2, 3, 1]), np.array([1, 2, 3])]
    assert guess(name, THREE, Y_THREE) == pytest.approx(scores(metric, Y_THREE, constants).max(), abs=1e-6)


def test_scores_by_class_are_means_over_classes():
    one_hot = np.eye(3, dtype=np.float32)[Y_THREE]
    best = scores(keras.metrics.F1Score(average="macro"), one_hot, np.eye(3)).max()
    assert guess("f1", THREE, Y_THREE) == pytest.approx(best, abs=1e-6)
    assert guess("balanced_accuracy", THREE, Y_THREE) == guess("recall", THREE, Y_THREE) == pytest.approx(1 / 3)
    assert guess("precision", THREE, Y_THREE) == pytest.approx(0.5 / 3)
    assert guess("f1", {"": Target("one-hot", (3,), 3)}, one_hot) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "metric", "tolerance"),
    [
        ("auc", keras.metrics.AUC(multi_label=True, num_labels=3), 1e-6),
        ("pr_auc", keras.metrics.AUC(curve="PR", multi_label=True, num_labels=3), 1e-3),
        ("accuracy", keras.metrics.BinaryAccuracy(), 1e-6),
        ("f1", keras.metrics.F1Score(average="macro", threshold=0.5), 1e-6),
    ],
)
def test_of_tags_no_constant_is_better(name, metric, tolerance):
    constants = [np.array([a, b, c]) for a in (0.2, 0.8) for b in (0.2, 0.8) for c in (0.2, 0.8)]
    assert guess(name, TAGS, Y_TAGS) == pytest.approx(scores(metric, Y_TAGS, constants).max(), abs=tolerance)


@pytest.mark.parametrize(
    ("name", "metric", "tolerance"),
    [
        ("mae", keras.metrics.MeanAbsoluteError(), 1e-3), ("mse", keras.metrics.MeanSquaredError(), 1e-3),
        ("rmse", keras.metrics.RootMeanSquaredError(), 1e-3), ("r2", keras.metrics.R2Score(), 1e-3),
        ("mape", keras.metrics.MeanAbsolutePercentageError(), 0.3),
        ("msle", keras.metrics.MeanSquaredLogarithmicError(), 1e-3), ("log_cosh", keras.metrics.LogCoshError(), 1e-3),
        ("poisson", keras.metrics.Poisson(), 1e-3), ("cosine_similarity", keras.metrics.CosineSimilarity(), 1e-3),
    ],
)  # fmt: skip
def test_of_numbers_no_constant_is_better(name, metric, tolerance):
    first, second = Y_NUMBERS[:60].mean(axis=0)
    constants = [np.array([a * first, b * second]) for a in STEPS for b in STEPS]
    found = scores(metric, Y_NUMBERS[:60], constants)
    best = found.max() if name in ("r2", "cosine_similarity") else found.min()
    ours = guess(name, NUMBERS, Y_NUMBERS[:60])
    assert ours >= best - 1e-5 if name in ("r2", "cosine_similarity") else ours <= best + 1e-5
    assert ours == pytest.approx(best, abs=20 * tolerance)


def least(loss, y, constants):
    return min(float(np.mean(loss(y, np.broadcast_to(np.float32(c), (len(y), *np.shape(c)))))) for c in constants)


def test_cross_entropies_are_entropies():
    shares = np.array([0.5, 0.3, 0.2])
    best = least(keras.losses.sparse_categorical_crossentropy, Y_THREE, [shares])
    assert guess("sparse_categorical_crossentropy", THREE, Y_THREE) == pytest.approx(best, abs=1e-6)
    assert guess("SparseCategoricalCrossentropy", THREE, Y_THREE) == pytest.approx(best, abs=1e-6)
    one_hot = np.eye(3, dtype=np.float32)[Y_THREE]
    for name in ("categorical_crossentropy", "kl_divergence"):
        assert guess(name, {"": Target("one-hot", (3,), 3)}, one_hot) == pytest.approx(best, abs=1e-6)
    best = least(keras.losses.binary_crossentropy, Y_TAGS, [Y_TAGS.mean(axis=0)])
    assert guess("binary_crossentropy", TAGS, Y_TAGS) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "function", "grid"),
    [
        ("hinge", keras.losses.hinge, np.linspace(-1.5, 1.5, 31)),
        ("squared_hinge", keras.losses.squared_hinge, np.linspace(-1.5, 1.5, 31)),
        ("binary_focal_crossentropy", keras.losses.binary_focal_crossentropy, np.linspace(0.1, 0.5, 41)),
        ("binary_crossentropy", keras.losses.binary_crossentropy, np.linspace(0.1, 0.5, 41)),
    ],
)
def test_of_two_classes_no_constant_loses_less(name, function, grid):
    best = least(function, Y_TWO[:, None].astype(np.float32), grid[:, None])
    assert guess(name, TWO, Y_TWO) == pytest.approx(best, abs=1e-3)


def test_other_losses_of_numbers_and_classes():
    column = Y_NUMBERS[:, :1]
    best = least(keras.losses.huber, column, np.linspace(0.8, 1.6, 81)[:, None])
    assert guess("huber", {"": Target("numbers")}, column[:, 0]) == pytest.approx(best, abs=1e-4)
    one_hot = np.eye(3, dtype=np.float32)[Y_THREE]
    constants = [np.array([a, b, c]) for a in (-1, 0, 0.5, 1) for b in (-1, 0, 0.5, 1) for c in (-1, 0, 0.5, 1)]
    best = least(keras.losses.categorical_hinge, one_hot, constants)
    assert guess("categorical_hinge", THREE, Y_THREE) == pytest.approx(best, abs=1e-6)
    directions = np.stack([np.cos(GRID * 2 * np.pi), np.sin(GRID * 2 * np.pi)], axis=1)
    best = least(keras.losses.cosine_similarity, Y_NUMBERS, directions)
    assert guess("cosine_similarity", NUMBERS, Y_NUMBERS, is_loss=True) == pytest.approx(best, abs=0.02)


@pytest.mark.parametrize("name", ["dice", "tversky"])
def test_overlap_losses_are_one_minus_their_score(name):
    function = {"dice": keras.losses.dice, "tversky": keras.losses.tversky}[name]
    flags = [np.array([a, b, c]) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    best = least(function, Y_TAGS, flags[1:])
    assert guess(name, TAGS, Y_TAGS, is_loss=True) == pytest.approx(best, abs=1e-5)
    best = least(function, np.eye(3, dtype=np.float32)[Y_THREE], np.eye(3))
    assert guess(name, {"": Target("one-hot", (3,), 3)}, np.eye(3)[Y_THREE], is_loss=True) == pytest.approx(best)


def test_masks_are_guessed_by_pixel_and_numbers_of_series_by_their_last_axis():
    masks = Y_THREE.reshape(4, 10, 10)
    assert guess("accuracy", {"": Target("classes", (10, 10), 3)}, masks) == 0.5
    series = RNG.normal(size=(50, 6, 2)).astype(np.float32)
    by_column = series.reshape(-1, 2).astype(np.float64).var(axis=0).mean()
    assert guess("mse", {"": Target("numbers", (6, 2))}, series) == pytest.approx(by_column)


def test_with_several_outputs_the_name_says_which():
    targets = {"a": Target("numbers"), "a.b": Target("classes", n_classes=2)}
    y = {"a": Y_NUMBERS[:, 0], "a.b": Y_TWO}
    assert guess("a.b.accuracy", targets, y) == pytest.approx(0.7)
    assert guess("a.mse", targets, y) == pytest.approx(Y_NUMBERS[:, 0].astype(np.float64).var())
    assert math.isnan(guess("mse", targets, y))


@pytest.mark.parametrize(
    ("name", "targets", "y"),
    [
        ("my_metric", TWO, Y_TWO), ("mse", TWO, Y_TWO), ("accuracy", NUMBERS, Y_NUMBERS),
        ("loss", {"": Target("none")}, np.empty((5, 0), np.float32)), ("poisson", {"": Target("numbers")}, -np.ones(4)),
    ],
)  # fmt: skip
def test_what_is_unknown_is_no_number(name, targets, y):
    assert math.isnan(guess(name, targets, y))


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "hinge", "binary_crossentropy"])
def test_weights_count_in_the_guess_of_a_loss(loss):
    y, weights = np.array([0, 0, 0, 1], np.int32), np.array([1, 0, 1, 2], np.float32)  # as 0, 0, 1, 1; mean weight 1
    assert guess(loss, TWO, y, is_loss=True, weights=weights) == pytest.approx(
        guess(loss, TWO, np.array([0, 0, 1, 1]), is_loss=True), abs=1e-5
    )
    assert guess("accuracy", TWO, y, weights=weights) == 0.75


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "poisson"])
def test_weights_count_in_the_guess_of_a_loss_of_numbers(loss):
    y, weights = np.array([1.0, 2.0, 2.5, 9.0], np.float32), np.array([4, 0, 2, 2], np.float32)
    repeated = np.array([1, 1, 1, 1, 2.5, 2.5, 9, 9], np.float32)
    single = {"": Target("numbers")}
    expected = 2 * guess(loss, single, repeated, is_loss=True)  # Keras divides by the number of examples
    assert guess(loss, single, y, is_loss=True, weights=weights) == pytest.approx(expected, rel=1e-4)


def test_a_weighted_loss_of_a_whole_batch_has_no_known_guess():
    assert math.isnan(guess("dice", TAGS, Y_TAGS, is_loss=True, weights=np.ones(len(Y_TAGS), np.float32)))
