"""The engine's optimizers against Keras' own training, weight by weight."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ablate.engine.optimizers import OPTIMIZERS, make_optimizer
from ablate.engine.program import Inputs, Program
from ablate.levels import OPTIMIZERS as NAMES

STEPS, BATCH = 50, 16


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(0)
    return rng.standard_normal((64, 20)).astype(np.float32), rng.integers(0, 3, 64).astype(np.int32)


def small_model() -> keras.Model:
    keras.utils.set_random_seed(1)
    dense, normalize = keras.layers.Dense(16, activation="relu"), keras.layers.BatchNormalization()
    return keras.Sequential([keras.Input((20,)), dense, normalize, keras.layers.Dense(3)])


def batches() -> np.ndarray:
    rng = np.random.default_rng(2)
    return np.stack([rng.permutation(64)[:BATCH] for _ in range(STEPS)]).astype(np.int32)


def test_every_known_optimizer_can_be_made():
    assert set(OPTIMIZERS) == set(NAMES)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_fifty_steps_give_the_weights_that_train_on_batch_gives(name, examples):
    x, y = examples
    order = batches()
    reference = small_model()
    ours = OPTIMIZERS[name]()
    optimizer = getattr(keras.optimizers, type(ours).__name__).from_config(ours.get_config())
    optimizer.learning_rate = 0.01
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    reference.compile(optimizer=optimizer, loss=loss)
    for rows in order:
        reference.train_on_batch(x[rows], y[rows])

    model = small_model()
    program = Program(model, make_optimizer(name))
    inputs = Inputs(tf.constant(x), tf.constant(y), tf.zeros(20), tf.ones(20))
    rates = np.full(STEPS, 0.01, np.float32)
    steps = program.train(
        program.initial_state(model), inputs, order=order, rates=rates, n_steps=STEPS, max_loss=np.inf
    )
    trained = [*steps.state[0], *steps.state[1]]
    theirs = [*reference.trainable_variables, *reference.non_trainable_variables]
    assert steps.done == STEPS
    for mine, kerass in zip(trained, theirs, strict=True):
        np.testing.assert_allclose(mine.numpy(), kerass.numpy(), rtol=1e-5, atol=1e-5)
