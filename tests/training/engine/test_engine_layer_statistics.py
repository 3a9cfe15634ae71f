"""What a probe says, held against the same numbers by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from ablate.models.layers import Dropout
from ablate.training.engine import backend
from ablate.training.engine.layer_statistics import Probe, count_distinct

N_FEATURES, N_CLASSES = 6, 3
ROWS = np.arange(40, dtype=np.int32)
X = np.random.default_rng(0).normal(1, 2, (60, N_FEATURES)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, N_CLASSES, 60).astype(np.int32)


def looked_into(model):
    state = tuple(v.value for v in model.trainable_variables), tuple(v.value for v in model.non_trainable_variables)
    scaling = np.full(N_FEATURES, 1, np.float32), np.full(N_FEATURES, 0.5, np.float32)
    return Probe(model).look(state, (backend.resident(X), backend.resident(Y)), scaling, rows=ROWS)


def by_hand(outputs, kernel):
    """Mean, SD and gradient norm, where `outputs` gives activations and the loss of the scaled examples."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        activations, logits, penalty = outputs((X[ROWS] - 1) * 0.5)
        losses = keras.losses.sparse_categorical_crossentropy(Y[ROWS], logits, from_logits=True)
        loss = tf.reduce_mean(losses) + penalty
    gradient = tape.gradient(loss, kernel.value)
    return [float(np.mean(activations)), float(np.std(activations)), float(np.linalg.norm(gradient))]


def numbers(inside):
    return [inside.mean, inside.sd, inside.gradient_norm]


def test_activations_follow_normalization_and_function_noise_is_off_and_penalties_count():
    inputs = keras.Input((N_FEATURES,))
    dense, norm = layers.Dense(8, kernel_regularizer=keras.regularizers.L2(0.1)), layers.BatchNormalization()
    x = Dropout(0.9, seed=1, always=True)(layers.Activation("relu")(norm(dense(inputs))))
    last = layers.Dense(N_CLASSES)
    model = keras.Model(inputs, last(layers.Dropout(0.9)(x)))
    (inside,) = looked_into(model)
    assert inside.kind == "Dense"
    assert (norm.moving_mean.numpy() == 0).all()  # looking changes nothing

    def outputs(x):
        activations = keras.activations.relu(norm(dense(x), training=True))
        return activations, last(activations), sum(dense.losses)

    assert numbers(inside) == pytest.approx(by_hand(outputs, dense.kernel), rel=1e-5)
    assert np.array_equal(inside.kernel, dense.kernel.numpy())


def test_of_a_sum_the_activation_behind_it_counts_and_a_fork_before_it_ends_the_way():
    inputs = keras.Input((N_FEATURES,))
    first, second, last = layers.Dense(4, activation="tanh"), layers.Dense(4), layers.Dense(N_CLASSES)
    x = first(inputs)
    y = keras.ops.relu(layers.Add()([x, second(x)]))
    inside = looked_into(keras.Model(inputs, last(y)))

    def outputs(x):
        x = first(x)
        activations = keras.ops.relu(x + second(x))
        return activations, last(activations), 0.0

    assert numbers(inside[1]) == pytest.approx(by_hand(outputs, second.kernel), rel=1e-5)
    forked = layers.Dense(4)
    z = forked(inputs)
    model = keras.Model(inputs, last(layers.Add()([z, layers.ReLU()(z)])))

    def plain(x):
        z = forked(x)
        return z, last(z + keras.ops.relu(z)), 0.0

    assert numbers(looked_into(model)[0]) == pytest.approx(by_hand(plain, forked.kernel), rel=1e-5)


def test_a_sequential_model_and_one_within_another_can_be_looked_into():
    flat = keras.Sequential([
        keras.Input((N_FEATURES,)), layers.Reshape((N_FEATURES, 1)), layers.Conv1D(5, 3), layers.LeakyReLU(),
        layers.Flatten(), layers.Dense(N_CLASSES, activation="softmax"),
    ])  # fmt: skip
    (inside,) = looked_into(flat)
    assert (inside.kind, inside.kernel.shape) == ("Conv1D", (3, 5))
    assert np.isfinite(numbers(inside)).all()
    inner = keras.Sequential([keras.Input((N_FEATURES,)), layers.Dense(4, activation="relu")])
    inputs = keras.Input((N_FEATURES,))
    (within,) = looked_into(keras.Model(inputs, layers.Dense(N_CLASSES)(inner(inputs))))
    assert np.isnan([within.mean, within.sd]).all()
    assert within.gradient_norm > 0


def test_a_frozen_kernel_has_no_gradient_and_a_model_without_hidden_layers_nothing_to_see():
    inputs = keras.Input((N_FEATURES,))
    frozen = layers.Dense(4, activation="relu", trainable=False)
    (inside,) = looked_into(keras.Model(inputs, layers.Dense(N_CLASSES)(frozen(inputs))))
    assert np.isnan(inside.gradient_norm)
    assert inside.sd > 0
    assert looked_into(keras.Model(inputs, layers.Dense(N_CLASSES)(inputs))) == []


def test_numbers_whose_squares_leave_single_precision_are_seen():
    """Activations of about 1e25, gradients of about 1e-25: the output layer's weights undo what the hidden one's do."""
    inputs = keras.Input((N_FEATURES,))
    hidden, last = layers.Dense(4), layers.Dense(N_CLASSES)
    model = keras.Model(inputs, last(hidden(inputs)))
    hidden.kernel.assign(hidden.kernel * 1e25)
    last.kernel.assign(last.kernel * 1e-25)
    (inside,) = looked_into(model)
    assert inside.sd > 1e24
    assert 0 < inside.gradient_norm < 1e-24


def test_columns_are_distinct_that_differ_by_more_than_rounding():
    kernel = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    assert count_distinct(kernel) == 12
    kernel[:, 5:] = kernel[:, :1]
    assert count_distinct(kernel) == 5
    kernel[3, 7:] *= 1 + 1e-7
    assert count_distinct(kernel) == 5
    kernel[3, 7] += 1e-3 * np.abs(kernel[:, 7]).max()
    assert count_distinct(kernel) == 6
    assert count_distinct(np.zeros((4, 9), np.float32)) == 1
    assert count_distinct(np.ones((4, 1), np.float32)) == 1
