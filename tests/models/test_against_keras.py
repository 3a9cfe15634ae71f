"""The levels of `fashion_mlp` against the plain Keras model that a textbook writes for each: one and the same."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import layers
from small_models import small

from ablate.models.layers import Dropout as OurDropout

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((32, 6, 6, 1)).astype(np.float32), RNG.integers(0, 10, 32)

Dense, Normalized = layers.Dense, layers.BatchNormalization


def activated(activation, initializer="he_normal", **given):
    """300-100 with that activation, in the book's proportions."""
    return [
        Dense(30, activation=activation, kernel_initializer=initializer, **given),
        Dense(10, activation=activation, kernel_initializer=initializer, **given),
        Dense(10),
    ]


def layered(activation):
    """The same where the activation is a layer of its own."""
    hidden = partial(Dense, kernel_initializer="he_normal")
    return [hidden(30), activation(), hidden(10), activation(), Dense(10)]


def normalized_before():
    hidden = partial(Dense, kernel_initializer="he_normal", use_bias=False)
    relu = partial(layers.Activation, "relu")
    return [hidden(30), Normalized(), relu(), hidden(10), Normalized(), relu(), Dense(10)]


def normalized_after():
    hidden = partial(Dense, activation="relu", kernel_initializer="he_normal")
    return [Normalized(), hidden(30), Normalized(), hidden(10), Normalized(), Dense(10)]


def penalized(penalty):
    """The penalty is the output layer's too."""
    regularized = partial(Dense, activation="relu", kernel_initializer="he_normal", kernel_regularizer=penalty)
    return [regularized(30), regularized(10), Dense(10, kernel_regularizer=penalty)]


def dropped(activation, initializer, dropout):
    hidden = partial(Dense, activation=activation, kernel_initializer=initializer)
    return [hidden(30), dropout(0.2), hidden(10), dropout(0.2), Dense(10)]


SELU = {"activation": "selu", "initializer": "lecun_normal"}
NORMALIZED = {"normalization": "batch", "input_normalization": "batch", "normalization_place": "after"}
CASES = {
    "relu": ({}, lambda: activated("relu")),
    "leaky relu": ({"activation": "leaky_relu"}, lambda: layered(partial(layers.LeakyReLU, negative_slope=0.2))),
    "prelu": ({"activation": "prelu"}, lambda: layered(layers.PReLU)),
    "elu": ({"activation": "elu"}, lambda: activated("elu")),
    "selu": (SELU, lambda: activated("selu", "lecun_normal")),
    "normalized before": ({"normalization": "batch"}, normalized_before),
    "normalized after": (NORMALIZED, normalized_after),
    "l1": ({"l1": 0.01}, lambda: penalized(keras.regularizers.L1(0.01))),
    "l2": ({"l2": 0.02}, lambda: penalized(keras.regularizers.L2(0.02))),
    "l1 and l2": ({"l1": 0.01, "l2": 0.02}, lambda: penalized(keras.regularizers.L1L2(0.01, 0.02))),
    "max norm": ({"max_norm": 0.7}, lambda: activated("relu", kernel_constraint=keras.constraints.MaxNorm(0.7))),
    "dropout": ({"dropout": 0.2}, lambda: dropped("relu", "he_normal", layers.Dropout)),
    "alpha dropout": ({**SELU, "dropout": 0.2}, lambda: dropped("selu", "lecun_normal", layers.AlphaDropout)),
}  # fmt: skip


def pair(case) -> tuple[keras.Model, keras.Model]:
    """Our model and the textbook's, with the same weights."""
    changes, textbook = CASES[case]
    mine = small("mlp", shape=X.shape[1:], classes=10, units="30-10", **changes)
    theirs = keras.Sequential([keras.Input(X.shape[1:]), layers.Flatten(), *textbook()])
    theirs.set_weights(values(mine))
    return mine, theirs


def values(model) -> list[np.ndarray]:
    """What a model has learnt, layer by layer: the rate of our dropout is a variable, but no weight."""
    return [array for layer in model.layers if not isinstance(layer, OurDropout) for array in layer.get_weights()]


@pytest.mark.parametrize("case", CASES)
def test_initializers_outputs_and_penalties_are_those_of_the_textbooks_model(case):
    mine, theirs = pair(case)
    for own, plain in zip(dense(mine), dense(theirs), strict=True):
        assert type(own.kernel_initializer.like) is type(plain.kernel_initializer)
    np.testing.assert_allclose(mine(X), theirs(X), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose([float(x) for x in mine.losses], [float(x) for x in theirs.losses], rtol=1e-6)


QUICK = ("normalized after", "l1 and l2", "max norm")
STEPS = [pytest.param(case, marks=() if case in QUICK else pytest.mark.slow) for case in CASES if "dropout" not in case]


@pytest.mark.parametrize("case", STEPS)
def test_a_step_of_training_changes_the_weights_as_the_textbooks_does(case):
    """Batch statistics, penalties' gradients and the norm after the step are in it."""
    mine, theirs = pair(case)
    for model in (mine, theirs):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
        model.train_on_batch(X, Y)
    for own, plain in zip(values(mine), values(theirs), strict=True):
        np.testing.assert_allclose(own, plain, rtol=1e-5, atol=1e-6)
    if case == "max norm":
        assert np.linalg.norm(values(mine)[0], axis=0).max() <= 0.7001


@pytest.mark.parametrize("case", ["dropout", "alpha dropout"])
def test_monte_carlo_dropout_is_the_textbooks_model_in_training(case, monkeypatch):
    """Mean and spread over many passes are near those of Keras' own layers, which draw other noise."""
    changes, textbook = CASES[case]
    monkeypatch.setitem(CASES, case, ({**changes, "mc_samples": 1000}, textbook))
    mine, theirs = pair(case)
    passes = np.repeat(X[:1], 4000, axis=0)  # each with noise of its own
    own, plain = np.asarray(mine(passes, training=False)), np.asarray(theirs(passes, training=True))
    error = plain.std(0) * np.sqrt(2 / 4000)
    assert (np.abs(own.mean(0) - plain.mean(0)) < 4.5 * error).all()
    np.testing.assert_allclose(own.std(0), plain.std(0), rtol=0.1)


def dense(model) -> list[layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, Dense)]
