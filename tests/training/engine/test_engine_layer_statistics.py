"""What a probe says, held against the same numbers by hand."""

import keras
import numpy as np
import pytest
from backends import gradient
from keras import layers, ops

from ablate.models.layers import Dropout
from ablate.study.task import Target, Task
from ablate.training.engine import backend
from ablate.training.engine.compiled_objective import CompiledObjective
from ablate.training.engine.inputs import PLAIN, Preparation
from ablate.training.engine.layer_statistics import Probe, count_distinct
from ablate.training.engine.metrics import metrics_of

N_FEATURES, N_CLASSES = 6, 3
ROWS = np.arange(40, dtype=np.int32)
X = np.random.default_rng(0).normal(1, 2, (60, N_FEATURES)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, N_CLASSES, 60).astype(np.int32)

SCALING = {"shift": np.full(N_FEATURES, 1, np.float32), "scale": np.full(N_FEATURES, 0.5, np.float32)}


def looked_into(model):
    state = tuple(v.value for v in model.trainable_variables), tuple(v.value for v in model.non_trainable_variables)
    return Probe(model).look(state, (backend.resident(X), backend.resident(Y)), SCALING, rows=ROWS)


def by_hand(outputs, kernel):
    """Mean, SD and gradient norm, where `outputs` gives activations and the loss of the scaled examples."""

    def loss():
        activations, logits, penalty = outputs((X[ROWS] - 1) * 0.5)
        losses = keras.losses.sparse_categorical_crossentropy(Y[ROWS], logits, from_logits=True)
        return ops.mean(losses) + penalty, activations

    return of_gradient(*gradient(loss, kernel))


def of_gradient(found, activations):
    seen = np.asarray(activations)
    return [float(seen.mean()), float(seen.std()), float(np.linalg.norm(found))]


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
        return activations, last(activations), 0.1 * ops.sum(dense.kernel**2)

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


def compiled_look(model, y, targets, *, x=X, scaling=SCALING, prepare=PLAIN):
    objective = CompiledObjective(model, metrics_of(Task({}, (), "loss"), {}, load=None).streamed, targets=targets)
    state = tuple(v.value for v in model.trainable_variables), tuple(v.value for v in model.non_trainable_variables)
    examples = keras.tree.map_structure(backend.resident, (x, y))
    return Probe(model, objective=objective, prepare=prepare).look(state, examples, scaling, rows=ROWS)


def test_gradients_are_those_of_a_compiled_models_loss_on_scaled_targets():
    inputs = keras.Input((N_FEATURES,))
    hidden = layers.Dense(4, activation="tanh", kernel_regularizer=keras.regularizers.L2(0.1))
    last = layers.Dense(1)
    model = keras.Model(inputs, last(layers.Dropout(0.9)(hidden(inputs))))
    model.compile("sgd", loss="huber")
    amounts = (50 + 10 * X[:, 0]).astype(np.float32)
    scaling = {**SCALING, "target_shift": {"": np.float32(50)}, "target_scale": {"": np.float32(0.1)}}
    (inside,) = compiled_look(model, amounts, {"": Target("numbers")}, scaling=scaling)

    def loss():
        activations = hidden((X[ROWS] - 1) * 0.5)
        error = keras.losses.Huber()((amounts[ROWS, None] - 50) / 10, last(activations))
        return error + 0.1 * ops.sum(hidden.kernel**2), activations

    assert numbers(inside) == pytest.approx(of_gradient(*gradient(loss, hidden.kernel)), rel=1e-5)


def test_of_several_inputs_and_outputs_the_layers_before_the_outputs_are_measured():
    inputs = {"left": keras.Input((N_FEATURES,), name="left"), "right": keras.Input((2,), name="right")}
    first, second = layers.Dense(5, activation="relu"), layers.Dense(4)
    shared = first(layers.Concatenate()([inputs["left"], inputs["right"]]))
    outputs = {"price": layers.Dense(1)(second(shared)), "kind": layers.Dense(3)(shared)}
    model = keras.Model(inputs, outputs)
    losses = {"price": "mse", "kind": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    model.compile("sgd", losses, loss_weights={"price": 0.0, "kind": 1.0})
    x, y = {"left": X, "right": X[:, :2]}, {"price": X[:, :1], "kind": Y}
    targets = {"price": Target("numbers", (1,)), "kind": Target("classes", n_classes=3)}
    scaling = {key: {name: np.float32(key == "scale") for name in x} for key in ("shift", "scale")}
    inside = compiled_look(model, y, targets, x=x, scaling=scaling, prepare=Preparation())
    assert [layer.kernel.shape for layer in inside] == [(8, 5), (5, 4)]
    assert inside[0].gradient_norm > 0
    assert inside[1].gradient_norm == 0  # the price has no weight
    assert inside[1].sd == pytest.approx(np.std(np.asarray(second(first(np.hstack([X, X[:, :2]])[ROWS])))), rel=1e-5)


def test_a_loss_of_the_models_own_and_one_that_a_layer_adds_are_those_of_training():
    class Own(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            del y, sample_weight, training
            return sum(self.losses) + ops.mean(ops.square(x - y_pred))

    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(100 * ops.mean(ops.square(x)))
            return x

    def norm(*, adds):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((N_FEATURES,))
        x = layers.Dense(4)(inputs)
        model = Own(inputs, layers.Dense(N_FEATURES)(Penalty()(x) if adds else x))
        model.compile("sgd")
        (inside,) = compiled_look(model, np.zeros((60, 0), np.float32), {"": Target("none", (0,))})
        return inside.gradient_norm

    assert norm(adds=True) > 10 * norm(adds=False) > 0


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
