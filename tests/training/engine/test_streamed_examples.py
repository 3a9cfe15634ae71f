"""Examples that are streamed from arrays on the disk give what copied ones give, to the bit."""

import keras
import numpy as np
import pytest
from keras import layers

from ablate.data.trees import leaves, map_tree
from ablate.models.layers import Dropout
from ablate.study.task import Target, Task, TaskMetric
from ablate.training.engine.batches import WHOLE, MicroBatches
from ablate.training.engine.compiled_objective import CompiledObjective
from ablate.training.engine.examples import Resident, Streamed
from ablate.training.engine.inputs import Preparation
from ablate.training.engine.metrics import metrics_of
from ablate.training.engine.optimizers import make_optimizer
from ablate.training.engine.program import Program, Scaling

N, N_TRAIN, BATCH = 50, 36, 4
RNG = np.random.default_rng(1)
IMAGES = RNG.integers(0, 256, (N, 6, 6, 1)).astype(np.uint8)
CLASSES = RNG.integers(0, 3, N).astype(np.int32)
TABLES = {"left": RNG.standard_normal((N, 4)).astype(np.float32), "right": RNG.integers(0, 9, (N, 2)).astype(np.int32)}
AMOUNTS = {"price": RNG.standard_normal((N, 1)).astype(np.float32), "kind": CLASSES}
WEIGHTS = RNG.uniform(0, 2, N).astype(np.float32)


@pytest.fixture
def both_of(tmp_path):
    """Examples that are copied, and the same streamed in small pieces from two parts on the disk."""

    def mapped(name, array):
        np.save(tmp_path / f"{name}.npy", array)
        return np.load(tmp_path / f"{name}.npy", mmap_mode="r")

    def make(x, y, *, piece_rows, slots=1):
        disk = [map_tree(lambda a: mapped(f"{id(a)}", a), tree) for tree in (x, y)]
        parts = [
            (map_tree(lambda a: a[:N_TRAIN], tree), map_tree(lambda a: a[N_TRAIN:], tree)) for tree in disk
        ]  # fmt: skip
        one = sum(a[:1].nbytes for tree in (x, y) for a in leaves(tree).values())
        return Resident.of((x,), (y,)), Streamed(*parts, piece_bytes=piece_rows * one * BATCH * slots)

    return make


def images(*inner, conv=False):
    keras.utils.set_random_seed(3)
    first = [layers.Conv2D(4, 3), layers.BatchNormalization()] if conv else []
    return keras.Sequential([
        keras.Input((6, 6, 1)), *first, layers.Flatten(), layers.Dense(8, activation="relu"), *inner, layers.Dense(3)
    ])  # fmt: skip


def tables():
    keras.utils.set_random_seed(5)
    left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
    hidden = layers.Dense(8, activation="tanh")(layers.Concatenate()([left, right]))
    model = keras.Model(
        {"left": left, "right": right},
        {"price": layers.Dense(1, name="price")(hidden), "kind": layers.Dense(3, name="kind")(hidden)},
    )
    losses = {"price": "mse", "kind": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    model.compile("sgd", losses)
    return model


def program_of(model, *, size=1, xla=False, pieces=WHOLE, samples=0):
    if not model.compiled:
        return Program(model, make_optimizer("adam"), size=size, xla=xla, pieces=pieces, samples=samples)
    targets = {"price": Target("numbers", (1,)), "kind": Target("classes", n_classes=3)}
    task = Task(targets, (TaskMetric("price_r2", "maximize"), TaskMetric("loss", "minimize")), "loss")
    metrics = metrics_of(task, {"price": "numbers", "kind": "probabilities"}, load=None)
    objective = CompiledObjective(model, metrics.streamed, targets=targets)
    return Program(
        model, make_optimizer("sgd"), size=size, xla=xla, pieces=pieces, objective=objective, prepare=Preparation()
    )


def run(program, model, examples, *, weights=None):
    """All that a program says: losses, weights, counts, scores, predicted classes and outputs."""
    size, x = program.size, TABLES if model.compiled else IMAGES
    shift = map_tree(lambda a: np.zeros((size, *a.shape[1:]), np.float32), x)
    scale = map_tree(lambda a: np.full((size, *a.shape[1:]), 0.1, np.float32), x)
    scaling = Scaling(shift, scale, weights=None if weights is None else np.stack([weights] * size))
    draw = np.random.default_rng(2)
    order = np.stack([draw.permutation(N_TRAIN).reshape(-1, BATCH) for _ in range(size)], axis=1).astype(np.int32)
    rates = np.tile(np.linspace(0.01, 0.02, size, dtype=np.float32), (len(order), 1))
    n_steps = np.array([9, 8, 5][:size], np.int32)
    limit = np.array([np.inf, 0.0, np.inf][:size], np.float32)  # the second trial diverges at its first step
    state = program.stacked([program.initial_state(model)])
    steps = program.train(state, examples, scaling, order=order, rates=rates, n_steps=n_steps, max_loss=limit)
    rest = program.train(  # the last batch of an epoch is smaller
        steps.state, examples, scaling, order=order[:1, :, :3], rates=rates[:1],
        n_steps=np.array([1, 0, 1][:size], np.int32), max_loss=np.inf, tally=steps.tally,
    )  # fmt: skip
    tested = np.pad(np.arange(N_TRAIN - 11, N), (0, 3)).astype(np.int32).reshape(-1, 1, BATCH)  # of both parts
    scores = program.evaluate(steps.state, examples, scaling, order=np.tile(tested, (1, size, 1)), n=25)
    said = [
        *steps.losses,
        *rest.losses,
        *rest.state[0],
        steps.done,
        *map(np.asarray, [*steps.state[0], *steps.state[1], *steps.tally]),
    ]
    said += [np.array([*scores.metrics[slot].values(), scores.spreads[slot]]) for slot in range(size)]
    said += [scores.classes_of(slot) for slot in range(size) if scores.predicted is not None]
    if size == 1:
        said += leaves(program.outputs(steps.state, examples, scaling, order=tested, n=25)).values()
    return said


CASES = {
    "dense, with XLA": (images, {"xla": True}, None),
    "convolution": (lambda: images(conv=True), {}, None),
    "several forward passes": (lambda: images(Dropout(0.4, seed=7)), {"samples": 3}, None),
    "micro-batches": (images, {"pieces": MicroBatches(2, 2)}, WEIGHTS),
    "a stack": (images, {"size": 3}, None),
    "two inputs and outputs": (tables, {}, None),
    "two inputs and outputs with weights": (tables, {}, WEIGHTS),
}


@pytest.mark.parametrize("case", CASES)
def test_streamed_examples_give_what_copied_ones_give_to_the_bit(both_of, case):
    make, how, weights = CASES[case]
    model = make()
    program, size = program_of(model, **how), how.get("size", 1)
    data = (TABLES, AMOUNTS) if model.compiled else (IMAGES, CLASSES)
    copied, streamed = both_of(*data, piece_rows=2, slots=size)
    pieces = list(streamed.pieces(np.zeros((9, size, BATCH), np.int32), 9))
    assert [(piece.first, piece.n_rows) for piece in pieces] == [(0, 2), (2, 2), (4, 2), (6, 2), (8, 1)]
    one, other = (run(program, model, examples, weights=weights) for examples in (copied, streamed))
    assert len(one) == len(other) > 8
    for mine, theirs in zip(one, other, strict=True):
        assert np.array_equal(mine, theirs)


def test_a_piece_holds_the_examples_of_its_rows_in_the_order_of_the_disk(both_of):
    _, streamed = both_of(IMAGES, CLASSES, piece_rows=2)
    order = np.array([[[49, 0, 7, 0]], [[36, 35, 2, 49]], [[1, 1, 1, 1]]], np.int32)
    first, last = streamed.pieces(order, 3)
    assert np.array_equal(first.taken, order[:2])
    for piece in (first, last):
        assert np.array_equal(np.asarray(piece.x)[piece.order], IMAGES[piece.taken])
        assert np.array_equal(np.asarray(piece.y)[piece.order], CLASSES[piece.taken])
    read = np.asarray(first.y)
    assert np.array_equal(read, CLASSES[[0, 0, 2, 7, 35, 36, 49, 49]])
    assert (last.n_rows, len(last.order)) == (1, 2)


def test_nothing_more_is_read_once_every_trial_has_diverged(both_of):
    model = images()
    _, streamed = both_of(IMAGES, CLASSES, piece_rows=1)
    read, pieces = [], streamed.pieces
    streamed.pieces = lambda *arguments: (read.append(piece.first) or piece for piece in pieces(*arguments))
    order = np.arange(N_TRAIN, dtype=np.int32).reshape(-1, 1, BATCH)
    program, zeros = program_of(model), np.zeros((1, 6, 6, 1), np.float32)
    steps = program.train(
        program.initial_state(model), streamed, Scaling(zeros, zeros + 1), order=order,
        rates=np.zeros((len(order), 1), np.float32),
        n_steps=np.array([9], np.int32), max_loss=0.0,
    )  # fmt: skip
    assert steps.done.tolist() == [1]
    assert read == [0]
