"""Compiled models of all kinds of tasks train and score as with Keras' own methods."""

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from ablate.data.trees import ONLY, leaves, rows_of
from ablate.study.task import Target, Task, TaskMetric
from ablate.training.engine.compiled_objective import CompiledObjective
from ablate.training.engine.examples import Resident, Streamed
from ablate.training.engine.inputs import Preparation
from ablate.training.engine.metrics import metrics_of
from ablate.training.engine.optimizers import make_optimizer
from ablate.training.engine.program import Program, Scaling

N, BATCH, STEPS, RATE = 70, 10, 50, 0.01
RNG = np.random.default_rng(3)
X = RNG.standard_normal((N, 6)).astype(np.float32)
SIGNAL = X @ RNG.standard_normal((6, 4)).astype(np.float32)
ORDER = np.stack([RNG.permutation(N)[:BATCH] for _ in range(STEPS)]).astype(np.int32)[:, None]


def network(outputs, x=X, name="one"):
    keras.utils.set_random_seed(5)
    inputs = keras.Input(x.shape[1:], name=name)
    return inputs, outputs(layers.Dense(8, activation="tanh")(inputs))


def one(last, loss, metrics=(), **how):
    def make():
        model = keras.Model(*network(last))
        model.compile("sgd", loss=loss(), metrics=[metric() for metric in metrics], **how)
        return model

    return make


class Sampled(layers.Layer):
    """Adds the divergence of its inputs from 0, as a variational autoencoder does."""

    def call(self, inputs):
        self.add_loss(0.1 * ops.mean(ops.square(inputs)))
        return inputs


class OwnLoss(keras.Model):
    """A loss that no compile names."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        del y, sample_weight, training
        return ops.mean(ops.square(ops.mean(x, axis=-1, keepdims=True) - y_pred))


def own_loss():
    model = OwnLoss(*network(lambda x: layers.Dense(1)(x)))
    model.compile("sgd")
    return model


def two_inputs():
    keras.utils.set_random_seed(5)
    left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
    hidden = layers.Dense(8, activation="tanh")(layers.Concatenate()([left, right]))
    price, kind = layers.Dense(1, name="price")(hidden), layers.Dense(3, name="kind")(hidden)
    model = keras.Model({"left": left, "right": right}, {"price": price, "kind": kind})
    losses = {"price": "mse", "kind": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    model.compile("sgd", losses, loss_weights={"price": 0.3, "kind": 1.0})
    return model


def listed():
    keras.utils.set_random_seed(5)
    inputs = keras.Input((6,))
    hidden = layers.Dense(8, activation="tanh")(inputs)
    model = keras.Model(inputs, [layers.Dense(1, name="first")(hidden), layers.Dense(1, name="second")(hidden)])
    model.compile("sgd", loss=["mse", "mae"], loss_weights=[1.0, 0.2])
    return model


def dense(last, loss):
    """A network with an output for each of 6 pixels or steps."""

    def make():
        keras.utils.set_random_seed(5)
        inputs = keras.Input((6,))
        hidden = layers.Dense(8, activation="tanh")(layers.Reshape((2, 3, 1))(inputs))
        model = keras.Model(inputs, last(hidden))
        model.compile("sgd", loss=loss)
        return model

    return make


@dataclass(frozen=True)
class Case:
    """A model, its data, and the metrics that are asked of it."""

    make: Any
    y: Any
    targets: dict[str, Target]
    metrics: tuple[str, ...] = ()
    x: Any = field(default_factory=lambda: X)
    w: Any = None
    by_class: Any = None  # weights of the classes of places

    def weights(self, rows):
        """As Keras takes them."""
        w = None if self.w is None else self.w[rows]
        if w is not None and self.by_class is None:
            return w.reshape(-1, *[1] * (self.y.ndim - 1)) if self.targets[ONLY].is_dense else w
        if self.by_class is None:
            return None
        y = self.y[rows]
        places = np.array(self.by_class)[y.argmax(-1) if self.targets[ONLY].kind == "one-hot" else y]
        return places if w is None else places * w.reshape(-1, *[1] * (places.ndim - 1))


TAGS = (SIGNAL > 0.3).astype(np.float32)
KINDS = (SIGNAL[:, :3].argmax(axis=1)).astype(np.int32)
MASKS = (RNG.uniform(-1, 1, (N, 2, 3)) + X.reshape(N, 2, 3) > 0.5).astype(np.int32)
THREE = MASKS + (X.reshape(N, 2, 3) > 1).astype(np.int32)
BY_CLASS = np.array([0.4, 3.0, 1.5], np.float32)
BOTH = {"price": SIGNAL[:, :1], "kind": KINDS}
WEIGHTS = RNG.uniform(0, 2, N).astype(np.float32)
CASES = {
    "numbers": Case(one(layers.Dense(1), lambda: "mse"), SIGNAL[:, 0], {ONLY: Target("numbers")}, ("mae", "r2")),
    "several numbers": Case(
        one(layers.Dense(4), lambda: "huber"), SIGNAL, {ONLY: Target("numbers", (4,))}, ("mae", "rmse")
    ),
    "a single sigmoid": Case(
        one(layers.Dense(1, activation="sigmoid"), lambda: "binary_crossentropy"),
        (SIGNAL[:, 0] > 1).astype(np.int32), {ONLY: Target("classes", n_classes=2)}, ("accuracy", "pr_auc", "auc"),
    ),
    "tags": Case(
        one(layers.Dense(4, activation="sigmoid"), lambda: "binary_crossentropy"),
        TAGS, {ONLY: Target("tags", (4,), n_classes=4)}, ("pr_auc", "f1"),
    ),
    "one-hot": Case(
        one(layers.Dense(3, activation="softmax"), lambda: "categorical_crossentropy"),
        np.eye(3, dtype=np.float32)[KINDS], {ONLY: Target("one-hot", (3,), n_classes=3)}, ("accuracy",),
    ),
    "what layers add": Case(
        one(lambda x: layers.Dense(1)(Sampled()(x)), lambda: "mse"), SIGNAL[:, :1], {ONLY: Target("numbers", (1,))},
    ),
    "a loss of its own": Case(own_loss, SIGNAL[:, :1], {ONLY: Target("numbers", (1,))}),
    "weights": Case(
        one(layers.Dense(1), lambda: "mae"), SIGNAL[:, :1], {ONLY: Target("numbers", (1,))}, w=WEIGHTS,
    ),
    "a mask of three classes": Case(
        dense(layers.Dense(3, activation="softmax"), "sparse_categorical_crossentropy"), THREE,
        {ONLY: Target("classes", (2, 3), n_classes=3)}, ("mean_iou",), by_class=BY_CLASS,
    ),
    "a mask of one sigmoid, and weights of examples": Case(
        dense(layers.Dense(1, activation="sigmoid"), "binary_crossentropy"), MASKS,
        {ONLY: Target("classes", (2, 3), n_classes=2)}, ("f1",), w=WEIGHTS, by_class=BY_CLASS[:2],
    ),
    "a one-hot mask": Case(
        dense(layers.Dense(3, activation="softmax"), "categorical_crossentropy"), np.eye(3, dtype=np.float32)[THREE],
        {ONLY: Target("one-hot", (2, 3, 3), n_classes=3)}, by_class=BY_CLASS,
    ),
    "a series of classes": Case(
        dense(lambda x: layers.Dense(3)(layers.Reshape((6, 8))(x)),
              keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        THREE.reshape(N, 6), {ONLY: Target("classes", (6,), n_classes=3)}, ("accuracy",), by_class=BY_CLASS,
    ),
    "a mask with weights of examples": Case(
        dense(layers.Dense(3, activation="softmax"), "sparse_categorical_crossentropy"), THREE,
        {ONLY: Target("classes", (2, 3), n_classes=3)}, w=WEIGHTS,
    ),
    "two inputs and outputs": Case(
        two_inputs, BOTH, {"price": Target("numbers", (1,)), "kind": Target("classes", n_classes=3)},
        x={"left": X[:, :4], "right": X[:, 4:]},
    ),
}  # fmt: skip


def task_of(case: Case) -> Task:
    goals = {"mae": "minimize", "rmse": "minimize"}
    named = [TaskMetric(name, goals.get(name, "maximize")) for name in case.metrics]
    return Task(case.targets, (*named, TaskMetric("loss", "minimize")), "loss")


def program_of(case: Case, model: keras.Model, *, xla: bool) -> Program:
    kinds = {name: "numbers" if target.kind == "numbers" else "probabilities" for name, target in case.targets.items()}
    metrics = metrics_of(task_of(case), kinds, load=None)
    objective = CompiledObjective(model, metrics.streamed, targets=case.targets)
    return Program(model, make_optimizer("sgd"), xla=xla, objective=objective, prepare=Preparation())


def scaling_of(case: Case) -> Scaling:
    shift = {name: np.zeros((1, *array.shape[1:]), np.float32) for name, array in leaves(case.x).items()}
    scale = {name: np.ones_like(array) for name, array in shift.items()}
    bare = set(shift) == {ONLY}
    weights = None if case.w is None else case.w[None]
    by_class = None if case.by_class is None else np.array(case.by_class)[None]
    both = shift[ONLY] if bare else shift, scale[ONLY] if bare else scale
    return Scaling(*both, weights=weights, class_weights=by_class)


def trained(case: Case, examples, *, xla: bool):
    model = case.make()
    program = program_of(case, model, xla=xla)
    rates = np.full((STEPS, 1), RATE, np.float32)
    steps = program.train(
        program.initial_state(model), examples, scaling_of(case), order=ORDER, rates=rates,
        n_steps=np.array([STEPS], np.int32), max_loss=np.inf,
    )  # fmt: skip
    return program, steps


@pytest.mark.parametrize("name", CASES)
def test_fifty_steps_and_the_scores_are_those_of_keras(name):
    case = CASES[name]
    program, steps = trained(case, Resident.of((case.x,), (case.y,)), xla=name in ("numbers", "tags"))
    reference = case.make()
    reference.optimizer = keras.optimizers.SGD(RATE)
    losses = []
    for rows in ORDER[:, 0]:
        reference.reset_metrics()
        w, y = case.weights(rows), rows_of(case.y, rows)
        y = y[..., None] if "one sigmoid" in name else y  # Keras needs the axis of the outputs for weights of pixels
        found = reference.train_on_batch(rows_of(case.x, rows), y, sample_weight=w)
        losses.append(float(np.ravel(found)[0]))
    np.testing.assert_allclose(steps.losses[0], losses, rtol=2e-5, atol=1e-6)
    for mine, theirs in zip(steps.state[0], reference.trainable_variables, strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-5, atol=1e-5)
    order = np.arange(N, dtype=np.int32).reshape(1, 1, N)[:, :, :N].reshape(-1, 1, 35)  # two chunks
    scores = program.evaluate(steps.state, Resident.of((case.x,), (case.y,)), scaling_of(case), order=order, n=N)
    y = case.y[..., None] if "one sigmoid" in name else case.y
    w = case.weights(slice(None))
    expected = reference.evaluate(case.x, y, sample_weight=w, batch_size=35, verbose=0, return_dict=True)
    assert scores.metrics[0]["loss"] == pytest.approx(float(np.ravel(expected["loss"])[0]), rel=1e-5)
    outputs = program.outputs(steps.state, Resident.of((case.x,), (case.y,)), scaling_of(case), order=order, n=N)
    predicted = reference.predict(case.x, verbose=0)
    for output, array in leaves(outputs).items():
        np.testing.assert_allclose(array, leaves(predicted)[output], rtol=1e-4, atol=1e-5)
    if "mae" in case.metrics:
        assert scores.metrics[0]["mae"] == pytest.approx(
            np.abs(predicted.reshape(N, -1) - case.y.reshape(N, -1)).mean()
        )


def test_examples_that_are_read_in_pieces_give_the_same_to_the_bit(tmp_path):
    case = CASES["numbers"]
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    parts = (mapped[:40], mapped[40:]), (case.y[:40], case.y[40:])
    program, whole = trained(case, Resident.of((case.x,), (case.y,)), xla=False)
    _, pieces = trained(case, Streamed(*parts, piece_bytes=7 * BATCH * 28), xla=False)
    assert np.array_equal(whole.losses[0], pieces.losses[0])
    for mine, theirs in zip(whole.state[0], pieces.state[0], strict=True):
        assert np.array_equal(mine, theirs)
    order, scaling = np.arange(N, dtype=np.int32).reshape(7, 1, 10), scaling_of(case)
    examples = (Resident.of((case.x,), (case.y,)), Streamed(*parts, piece_bytes=3 * 10 * 28))
    scores = [program.evaluate(whole.state, some, scaling, order=order, n=64).metrics[0] for some in examples]
    assert scores[0] == scores[1]


def test_a_list_of_outputs_gets_the_targets_of_its_names_in_whatever_order_the_data_hold_them():
    losses = []
    for names in (("first", "second"), ("second", "first")):
        y = {name: SIGNAL[:, place : place + 1] for name, place in sorted({"first": 0, "second": 1}.items())}
        targets = {name: Target("numbers", (1,)) for name in ("first", "second")}  # in the order of the outputs
        case = Case(listed, {name: y[name] for name in names}, targets)
        losses.append(trained(case, Resident.of((case.x,), (case.y,)), xla=False)[1].losses[0])
    reference = listed()
    reference.optimizer = keras.optimizers.SGD(RATE)
    expected = reference.train_on_batch(X[ORDER[0, 0]], [SIGNAL[ORDER[0, 0], :1], SIGNAL[ORDER[0, 0], 1:2]])
    assert np.array_equal(*losses)
    assert losses[0][0] == pytest.approx(float(np.ravel(expected)[0]), rel=1e-5)
