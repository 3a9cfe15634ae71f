"""A batch in parts against the whole one: the same step up to rounding, however it is cut."""

import keras
import numpy as np
import pytest
from backends import ON_JAX
from keras import ops

from ablate.training.engine import backend
from ablate.training.engine.batches import MicroBatches
from ablate.training.engine.examples import Resident
from ablate.training.engine.objective import ClassObjective
from ablate.training.engine.optimizers import make_optimizer
from ablate.training.engine.program import Program, Scaling
from ablate.training.engine.step import Step

RNG = np.random.default_rng(0)
N, BATCH, STEPS = 60, 22, 20
X, Y = RNG.integers(0, 256, (N, 12)).astype(np.uint8), RNG.integers(0, 3, N).astype(np.int32)
SCALED = ((X.astype(np.float32) - 100) * 0.01).astype(np.float32)
EXAMPLES = Resident.of((X,), (Y,))
SCALING = Scaling(np.full((1, 12), 100.0, np.float32), np.full((1, 12), 0.01, np.float32))
ORDER = np.stack([RNG.permutation(N)[:BATCH] for _ in range(STEPS)]).astype(np.int32)[:, None]


def mlp() -> keras.Model:
    """With a penalty on weights, which counts once a step, and one on activations, which is a mean over examples."""
    keras.utils.set_random_seed(3)
    first = keras.layers.Dense(8, "elu", kernel_regularizer=keras.regularizers.L2(0.01))
    second = keras.layers.Dense(8, "tanh", activity_regularizer=keras.regularizers.L1(0.1))
    return keras.Sequential([keras.Input((12,)), first, second, keras.layers.Dense(3)])


def normalized() -> keras.Model:
    keras.utils.set_random_seed(3)
    hidden = [keras.layers.Dense(8, use_bias=False), keras.layers.BatchNormalization(momentum=0.5)]
    return keras.Sequential([keras.Input((12,)), *hidden, keras.layers.Dense(3)])


def trained(build, optimizer, *, parts, order=ORDER, xla=False, precision="float32"):
    """The steps of a program, 20 unless the order says otherwise; and the model."""
    model = build()
    made = make_optimizer(optimizer, precision=precision)
    program = Program(model, made, xla=xla, pieces=MicroBatches(parts))
    rates, n = np.full(order.shape[:2], 0.01, np.float32), np.array([len(order)], np.int32)
    state = program.initial_state(model)
    return program.train(state, EXAMPLES, SCALING, order=order, rates=rates, n_steps=n, max_loss=np.inf), model


def assert_same(cut, whole, *, atol=1e-6):
    for mine, theirs in zip(cut.state[0], whole.state[0], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=atol)
    np.testing.assert_allclose(cut.losses[0], whole.losses[0], rtol=1e-5)
    assert int(cut.tally[0]) == int(whole.tally[0])


@pytest.mark.parametrize("optimizer", ["sgd", pytest.param("adam", marks=pytest.mark.slow)])
def test_parts_add_up_to_the_whole_batch(optimizer):
    """22 examples in 8 parts: six have 3 of them, two have 2."""
    whole, _ = trained(mlp, optimizer, parts=1)
    assert_same(trained(mlp, optimizer, parts=8)[0], whole)


@pytest.mark.slow
@pytest.mark.parametrize("parts", [2, 22])
def test_so_do_two_parts_and_as_many_as_there_are_examples(parts):
    whole, _ = trained(mlp, "adam", parts=1)
    assert_same(trained(mlp, "adam", parts=parts)[0], whole)


@pytest.mark.slow
def test_so_they_do_in_xla_and_in_a_last_batch_of_fewer_examples_than_parts():
    for order in (ORDER, ORDER[:1, :, :5], ORDER[:1, :, :1]):
        whole, _ = trained(mlp, "sgd", parts=1, order=order, xla=True)
        assert_same(trained(mlp, "sgd", parts=8, order=order, xla=True)[0], whole)


@pytest.mark.slow
def test_one_program_takes_the_full_batches_and_the_last_one():
    model = mlp()
    program = Program(model, make_optimizer("adam"), xla=False, pieces=MicroBatches(4))
    whole = Program(model, make_optimizer("adam"), xla=False)
    states = [program.initial_state(model), whole.initial_state(model)]
    for order in (ORDER, ORDER[:1, :, :7]):
        limits = {"rates": np.full((len(order), 1), 0.01, np.float32), "n_steps": np.array([len(order)], np.int32)}
        cut, full = (
            one.train(state, EXAMPLES, SCALING, order=order, max_loss=np.inf, **limits)
            for one, state in zip((program, whole), states, strict=True)
        )
        assert_same(cut, full)
        states = [cut.state, full.state]


@pytest.mark.slow
def test_an_embeddings_gradient_adds_up_too():
    def build():
        keras.utils.set_random_seed(3)
        embedded = [keras.layers.Embedding(300, 4), keras.layers.Flatten()]
        return keras.Sequential(
            [keras.Input((12,)), keras.layers.Rescaling(100.0, 100.0), *embedded, keras.layers.Dense(3)]
        )

    whole, _ = trained(build, "sgd", parts=1)
    assert_same(trained(build, "sgd", parts=4)[0], whole)


@pytest.mark.slow
def test_batch_normalization_sees_a_part_and_moves_once_a_part():
    """What a step in parts is there: its moving mean after one step, by hand."""
    cut, model = trained(normalized, "sgd", parts=2, order=ORDER[:1])
    scaled = (X.astype(np.float32) - SCALING.shift) * SCALING.scale
    outputs = scaled[ORDER[0, 0]] @ model.trainable_variables[0].numpy()
    first, second = outputs[:11].mean(0), outputs[11:].mean(0)
    mean = cut.state[1][[v.name for v in model.non_trainable_variables].index("moving_mean")]
    np.testing.assert_allclose(mean, 0.5 * (0.5 * first) + 0.5 * second, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_loss_scale_of_float16_is_taken_out_of_the_sum():
    whole, _ = trained(mlp, "sgd", parts=1, precision="mixed_float16")
    assert_same(trained(mlp, "sgd", parts=4, precision="mixed_float16")[0], whole)


def by_hand(model, optimizer):
    """The steps of whole batches in the plainest words: what a program of one part must be, to the bit."""
    rate = next(i for i, v in enumerate(optimizer.variables) if v is optimizer._learning_rate)
    shift, scale = SCALING.shift[0], SCALING.scale[0]

    def step(i, weights, frozen, slots, losses, order):
        slots = (*slots[:rate], backend.resident(0.01), *slots[rate + 1 :])
        images = (ops.cast(backend.rows_of(EXAMPLES.x, order[i]), "float32") - shift) * scale
        labels = backend.rows_of(EXAMPLES.y, order[i])

        def loss(inner):
            outputs, after, penalties = model.stateless_call(inner, frozen, images, training=True, return_losses=True)
            each = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True)
            total = sum(penalties, start=ops.mean(each))
            return total, (total, after)

        gradients, (total, after) = backend.gradients(loss, weights, xla=False)
        weights, slots = optimizer.stateless_apply(list(slots), gradients, list(weights))
        losses = ops.scatter_update(losses, [[i]], total[None])
        return i + 1, tuple(weights), tuple(after), tuple(slots), losses, order

    def run(state, order):
        start = (ops.zeros((), "int32"), *state, ops.zeros(STEPS), order)
        return backend.loop(lambda i, *_: i < STEPS, step, start)[1:5]

    kept = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    state = tuple(tuple(backend.resident(v.value) for v in variables) for variables in kept)
    order = backend.resident(ORDER[:, 0])
    return backend.compiled(run, (state, order), loose={1: (0, 1)}, xla=False)(state, order)


@pytest.mark.parametrize("build", [pytest.param(mlp, marks=pytest.mark.slow), normalized])
def test_one_part_is_the_plain_step_to_the_bit(build):
    steps, _ = trained(build, "adam", parts=1)
    model, optimizer = build(), make_optimizer("adam")
    optimizer.build(model.trainable_variables)
    weights, frozen, _, losses = by_hand(model, optimizer)
    assert np.array_equal(steps.losses[0], losses)
    for mine, theirs in zip([*steps.state[0], *steps.state[1]], [*weights, *frozen], strict=True):
        assert np.array_equal(mine, theirs)


def one_step(parts):
    """A function of the indices of a batch that takes one step."""
    model, optimizer = mlp(), make_optimizer("sgd")
    optimizer.build(model.trainable_variables)
    step, state = Step(model, optimizer, parts=parts), Program(model, optimizer, xla=False).initial_state(model)
    scaling = {"shift": SCALING.shift[0], "scale": SCALING.scale[0]}

    def taken(rows):
        batch = backend.rows_of(EXAMPLES.x, rows), backend.rows_of(EXAMPLES.y, rows), rows
        return step(state, (ops.zeros((), "int32"),), *batch, scaling, backend.resident(0.01), BATCH)

    return taken


def kinds_of(jaxpr):
    """The kinds of JAX's operations, those of functions called included, those of loops left out."""
    for operation in jaxpr.eqns:
        yield operation.primitive.name
        if operation.primitive.name != "while":
            for inner in operation.params.values():
                if hasattr(inner, "jaxpr"):
                    yield from kinds_of(inner.jaxpr)


def operations(parts):
    """How often each kind of operation stands in the graph of one step, and in the graphs of its loops."""
    if ON_JAX:
        import jax

        kinds = list(kinds_of(jax.make_jaxpr(one_step(parts))(np.zeros(BATCH, np.int32)).jaxpr))
        return kinds.count("dot_general"), kinds.count("while")
    import tensorflow as tf

    graph = tf.function(one_step(parts), autograph=False)
    made = graph.get_concrete_function(tf.TensorSpec([BATCH], "int32")).graph.as_graph_def()
    kinds = [node.op for node in made.node]
    return kinds.count("MatMul"), sum("While" in kind for kind in kinds)


def test_one_part_has_no_loop_of_its_own():
    n_products = 8 if ON_JAX else 9  # three layers forward, and two products each backward; JAX leaves out the unused
    assert operations(1) == (n_products, 0)
    assert operations(2) == (0, 1)
    assert operations(4) == (0, 2)  # parts of 6 and of 5 examples


def test_a_score_is_that_of_each_example():
    model = mlp()
    state = [[v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]]
    losses, classes, spreads = ClassObjective(model, "logits").predicted(state, SCALED[:7], Y[:7], 0)
    outputs = model.predict((X[:7] - SCALING.shift[0]) * SCALING.scale[0], verbose=0)
    expected = keras.losses.sparse_categorical_crossentropy(Y[:7], outputs, from_logits=True)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert np.asarray(classes).tolist() == outputs.argmax(1).tolist()
    assert not np.asarray(spreads).any()


class Noise(keras.layers.Layer):
    """Logits moved by noise in evaluation too, each by its seed generator, as Monte Carlo dropout does it."""

    def build(self, _):
        self.generator = keras.random.SeedGenerator(7)

    def call(self, inputs):
        return inputs + keras.random.normal(keras.ops.shape(inputs), seed=self.generator)


def test_a_score_of_samples_is_that_of_their_mean_probability_with_the_predicted_class_spread():
    inputs = keras.Input(X.shape[1:])
    model = keras.Model(inputs, Noise()(keras.layers.Dense(3)(keras.layers.Flatten()(inputs))))
    weights, frozen = ([v.value for v in some] for some in (model.trainable_variables, model.non_trainable_variables))
    score, batch = ClassObjective(model, "logits", samples=4), (SCALED[:7], Y[:7])

    def passes(place):
        drawn = [score._drawn(frozen, 4 * place + k) for k in range(4)]
        logits = [
            model.stateless_call(weights, some, (X[:7] - SCALING.shift[0]) * SCALING.scale[0])[0] for some in drawn
        ]
        return np.stack([keras.ops.softmax(some) for some in logits])

    for place in (0, 5):
        losses, classes, spreads = map(np.asarray, score.predicted((weights, frozen), *batch, place))
        chances = passes(place)
        mean = chances.mean(axis=0)
        np.testing.assert_allclose(losses, -np.log(mean[np.arange(7), Y[:7]]), rtol=1e-4)
        assert classes.tolist() == mean.argmax(1).tolist()
        predicted = chances[:, np.arange(7), mean.argmax(1)]
        np.testing.assert_allclose(spreads, predicted.std(axis=0), rtol=1e-2, atol=1e-4)
    assert not np.allclose(passes(0), passes(5))
