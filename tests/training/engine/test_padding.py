import keras
import numpy as np
import pytest
from keras import layers, ops

from ablate.models.layers import Dropout
from ablate.training.engine import program as of_program
from ablate.training.engine.batches import epoch_batches
from ablate.training.engine.examples import Resident
from ablate.training.engine.optimizers import make_optimizer
from ablate.training.engine.padding import can_be_padded
from ablate.training.engine.program import Program, Scaling

RNG = np.random.default_rng(0)
N, BATCH = 43, 8  # 5 batches and 3 examples
X, Y = RNG.standard_normal((N, 6, 6, 2)).astype(np.float32), RNG.integers(0, 3, N).astype(np.int32)
SCALING = Scaling(np.zeros((1, 1, 1, 1), np.float32), np.ones((1, 1, 1, 1), np.float32))


def built(*hidden):
    inputs = x = keras.Input((6, 6, 2))
    for layer in hidden:
        x = layer(x)
    return keras.Model(inputs, layers.Dense(3, "softmax", kernel_initializer=glorot(99))(layers.Flatten()(x)))


def glorot(seed):
    return keras.initializers.GlorotUniform(seed=seed)


def dense():
    he = keras.initializers.HeNormal(seed=1)
    return built(
        layers.Flatten(),
        layers.Dense(16, "elu", kernel_initializer=he, kernel_regularizer=keras.regularizers.L2(1e-2)),
        Dropout(0.3, seed=2),
        layers.LayerNormalization(),
        layers.PReLU(),
    )


def convolved():
    he = keras.initializers.HeNormal(seed=1)
    return built(
        layers.Conv2D(4, 3, padding="same", activation="relu", kernel_initializer=he),
        layers.MaxPooling2D(),
        Dropout(0.3, seed=2),
        layers.GlobalAveragePooling2D(),
    )


def trained(model, optimizer):
    """The weights, the loss and the hits of an epoch."""
    program = Program(model, make_optimizer(optimizer), xla=False)
    state, tally, losses = program.initial_state(model), None, []
    order = np.random.default_rng(1).permutation(N).astype(np.int32)
    parts = epoch_batches([order], BATCH, min_rows=0, is_padded=program.is_padded)
    for part in parts:
        steps = program.train(
            state,
            Resident.of((X, X[:1]), (Y, Y[:1])),
            SCALING,
            order=part.order,
            sizes=part.sizes,
            rates=np.full(part.order.shape[:2], 0.01, np.float32),
            n_steps=np.array([part.n_steps], np.int32),
            max_loss=np.inf,
            tally=tally,
        )
        state, tally = steps.state, steps.tally
        losses += list(steps.losses[0])
    return len(parts), [np.asarray(weight) for weight in state[0]], losses, program.trained(tally, 0, n=N)


@pytest.mark.parametrize("optimizer", ["sgd", "nadam"])
@pytest.mark.parametrize("make", [dense, convolved])
def test_a_padded_batch_trains_as_the_smaller_one(make, optimizer, monkeypatch):
    one, weights, losses, metrics = trained(make(), optimizer)
    monkeypatch.setattr(of_program, "can_be_padded", lambda _: False)
    two, expected, expected_losses, expected_metrics = trained(make(), optimizer)
    assert (one, two) == (1, 2)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    assert metrics == expected_metrics
    for mine, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_a_padded_epoch_gives_the_weights_of_train_on_batch():
    _, weights, _, _ = trained(convolved_without_noise(), "sgd")
    model = convolved_without_noise()
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    order = np.random.default_rng(1).permutation(N)
    for start in range(0, N, BATCH):
        rows = order[start : start + BATCH]
        model.train_on_batch(X[rows], Y[rows])
    for mine, theirs in zip(weights, model.trainable_variables, strict=True):
        np.testing.assert_allclose(mine, np.asarray(theirs), rtol=1e-5, atol=1e-6)


def convolved_without_noise():
    return built(layers.Conv2D(4, 3, padding="same", activation="relu", kernel_initializer=glorot(1)))


def of_operations():
    inputs = keras.Input((4,))
    x = layers.Dense(3)(inputs)
    return keras.Model(inputs, x - ops.mean(x, axis=0, keepdims=True))


def joined_examples():
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Concatenate(axis=0)([layers.Dense(3)(inputs), layers.Dense(3)(inputs)]))


class Own(layers.Dense):
    """A layer of the user's: it may do anything."""


@pytest.mark.parametrize(
    "make",
    [
        lambda: built(layers.BatchNormalization()),
        lambda: built(layers.Dropout(0.1)),
        lambda: built(layers.GaussianNoise(0.1)),
        lambda: built(layers.Dense(3, activity_regularizer="l2")),
        lambda: built(layers.Dense(3, lambda x: x - ops.mean(x, axis=0))),
        joined_examples,
        lambda: built(Own(3)),
        lambda: built(keras.Sequential([layers.Dense(3), layers.BatchNormalization()])),
        of_operations,
    ],
)
def test_what_looks_across_the_batch_is_not_padded(make):
    assert not can_be_padded(make())


@pytest.mark.parametrize("make", [dense, convolved, lambda: keras.Sequential([keras.Input((4,)), layers.Dense(2)])])
def test_what_takes_each_example_alone_is_padded(make):
    assert can_be_padded(make())


def test_a_nested_model_is_looked_into():
    assert can_be_padded(built(keras.Sequential([layers.Dense(3, "gelu"), layers.LayerNormalization()])))
