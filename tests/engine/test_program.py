"""The compiled programs against Keras: evaluation, softmax outputs, penalties, convolutions, user dropout."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ablate.engine.optimizers import make_optimizer
from ablate.engine.program import Inputs, Program, use_xla

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (60, 6, 6, 1)).astype(np.uint8), RNG.integers(0, 3, 60).astype(np.int32)
SHIFT, SCALE = np.full((6, 6, 1), 100.0, np.float32), np.full((6, 6, 1), 0.01, np.float32)
SCALED = (X.astype(np.float32) - SHIFT) * SCALE


def dense(**last) -> keras.Model:
    keras.utils.set_random_seed(3)
    hidden = keras.layers.Dense(8, activation="relu", kernel_regularizer=last.pop("penalty", None))
    return keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), hidden, keras.layers.Dense(3, **last)])


def convolutional() -> keras.Model:
    keras.utils.set_random_seed(3)
    layers = [keras.layers.Conv2D(4, 3, use_bias=False), keras.layers.BatchNormalization(), keras.layers.Flatten()]
    return keras.Sequential([keras.Input((6, 6, 1)), *layers, keras.layers.Dense(3)])


def inputs() -> Inputs:
    return Inputs(tf.constant(X), tf.constant(Y), tf.constant(SHIFT), tf.constant(SCALE))


def train(program, model, order, *, rate=0.01, max_loss=np.inf, n_steps=None):
    rates = np.full(len(order), rate, np.float32)
    steps = len(order) if n_steps is None else n_steps
    state = program.initial_state(model)
    return program.train(state, inputs(), order=order, rates=rates, n_steps=steps, max_loss=max_loss)


ORDER = np.stack([RNG.permutation(60)[:20] for _ in range(6)]).astype(np.int32)
CASES = {
    "logits": (dense, {}),
    "softmax": (dense, {"activation": "softmax"}),
    "l2": (dense, {"penalty": keras.regularizers.L2(0.01)}),
    "convolution": (convolutional, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_training_and_evaluation_agree_with_keras(case):
    build, options = CASES[case]
    model, reference = build(**options), build(**options)
    program = Program(model, make_optimizer("adam"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=case != "softmax")
    reference.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    steps = train(program, model, ORDER)
    theirs = []
    for rows in ORDER:
        reference.reset_metrics()
        theirs.append(reference.train_on_batch(SCALED[rows], Y[rows])[0])
    for mine, kerass in zip(steps.state[0], reference.trainable_variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), kerass.numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(steps.losses, theirs, rtol=1e-4)
    order = np.concatenate([np.arange(60), np.zeros(4)]).astype(np.int32).reshape(4, 16)
    value, accuracy = program.evaluate(steps.state, inputs(), order=order, n=60)
    outputs = reference.predict(SCALED, verbose=0)
    assert accuracy == pytest.approx((outputs.argmax(1) == Y).mean())
    assert value == pytest.approx(float(loss(Y, outputs)), rel=1e-4)


def test_no_steps_change_nothing():
    model = dense()
    program = Program(model, make_optimizer("adam"))
    steps = train(program, model, ORDER, n_steps=0)
    assert (steps.done, steps.losses.size, steps.seen) == (0, 0, 0)
    for after, before in zip(steps.state[0], model.trainable_variables, strict=True):
        assert np.array_equal(after, before)


def test_training_stops_at_the_first_loss_out_of_bounds():
    model = dense()
    program = Program(model, make_optimizer("sgd"))
    unbounded = train(program, model, ORDER, rate=1e12)
    assert np.isfinite(unbounded.losses).tolist() == [True] * (unbounded.done - 1) + [False]
    steps = train(program, model, ORDER, rate=1e12, max_loss=1000.0)
    assert steps.done == 2
    assert steps.losses[-1] > 1000
    bounded = train(program, model, ORDER, rate=1e-9, max_loss=0.1)
    assert bounded.done == 1


def test_the_rate_of_each_step_is_the_one_given():
    model = dense()
    program = Program(model, make_optimizer("sgd"))
    rates = np.array([0.1, 0.0, 0.0], np.float32)
    state = program.initial_state(model)
    one = program.train(state, inputs(), order=ORDER[:3], rates=rates, n_steps=1, max_loss=np.inf)
    three = program.train(state, inputs(), order=ORDER[:3], rates=rates, n_steps=3, max_loss=np.inf)
    for first, last in zip(one.state[0], three.state[0], strict=True):
        assert np.array_equal(first, last)


def test_convolutions_on_a_processor_go_without_xla():
    assert use_xla(dense())
    assert not use_xla(convolutional())
    nested = keras.Sequential([keras.Input((6, 6, 1)), convolutional()])
    assert not use_xla(nested)
