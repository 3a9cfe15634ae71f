"""The compiled programs against Keras: evaluation, softmax outputs, penalties, convolutions, user dropout."""

import keras
import numpy as np
import pytest
from backends import ON_JAX

from ablate.models.build import BUILT_IN, build_model
from ablate.models.layers import Dropout, LayerSeeds
from ablate.models.model_data import classification
from ablate.models.outputs import read_outputs
from ablate.training.engine import backend
from ablate.training.engine.examples import Resident
from ablate.training.engine.optimizers import make_optimizer
from ablate.training.engine.program import Program, Scaling

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


EXAMPLES, SCALING = Resident.of((X,), (Y,)), Scaling(SHIFT[None], SCALE[None])


def train(program, model, order, *, rate=0.01, max_loss=np.inf, n_steps=None):
    """Train one trial on batches (steps, batch)."""
    rates = np.broadcast_to(np.float32(rate), [len(order)])[:, None]
    n = np.array([len(order) if n_steps is None else n_steps], np.int32)
    state = program.stacked([program.initial_state(model)])
    order = order[:, None]
    return program.train(state, EXAMPLES, SCALING, order=order, rates=rates, n_steps=n, max_loss=max_loss)


def trained_weights(steps, program, slot=0):
    return [np.asarray(tensor) for tensor in program.row(steps.state, slot)[0]]


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
    program = Program(model, make_optimizer("adam"), xla=case != "convolution")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=case != "softmax")
    reference.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    steps = train(program, model, ORDER)
    theirs = []
    for rows in ORDER:
        reference.reset_metrics()
        theirs.append(reference.train_on_batch(SCALED[rows], Y[rows])[0])
    for mine, kerass in zip(trained_weights(steps, program), reference.trainable_variables, strict=True):
        np.testing.assert_allclose(mine, kerass.numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(steps.losses[0], theirs, rtol=1e-4)
    order = np.concatenate([np.arange(60), np.zeros(4)]).astype(np.int32).reshape(4, 1, 16)
    scores = program.evaluate(steps.state, EXAMPLES, SCALING, order=order, n=60)
    outputs = reference.predict(SCALED, verbose=0)
    assert scores.classes(0).tolist() == outputs.argmax(1).tolist()
    assert scores.metrics[0]["accuracy"] == (outputs.argmax(1) == Y).mean()
    assert scores.metrics[0]["loss"] == pytest.approx(float(loss(Y, outputs)), rel=1e-4)


def behind(end) -> keras.Model:
    """Probabilities that the last layer does not give away."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6, 6, 1))
    return keras.Model(inputs, end(keras.layers.Dense(8, activation="relu")(keras.layers.Flatten()(inputs))))


def head(x):
    return keras.layers.Dense(3, activation="softmax")(x)


def unknown_softmax(x):
    """The backend's own, of which Keras knows nothing."""
    if ON_JAX:
        import jax

        return jax.nn.softmax(x)
    import tensorflow as tf

    return tf.nn.softmax(x)


BEHIND = {
    "reshape": lambda x: keras.layers.Reshape((3,))(head(x)),
    "average": lambda x: keras.layers.Average()([head(x) for _ in range(3)]),
    "the backend's": lambda x: keras.layers.Dense(3, activation=unknown_softmax)(x),
}


@pytest.mark.parametrize("kind", BEHIND)
@pytest.mark.parametrize("rate", [0.01, 3.0])
def test_probabilities_train_as_with_kerass_loss_of_probabilities(kind, rate):
    """At a rate of 3, too, where some of them come to 0."""
    model, reference = behind(BEHIND[kind]), behind(BEHIND[kind])
    program = Program(model, make_optimizer("sgd"), xla=False, outputs=read_outputs(model, SCALED[:16]).outputs)
    reference.compile(keras.optimizers.SGD(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=False))
    steps = train(program, model, ORDER, rate=rate)
    theirs = []
    for rows in ORDER:
        reference.reset_metrics()
        theirs.append(float(reference.train_on_batch(SCALED[rows], Y[rows])))
    np.testing.assert_allclose(steps.losses[0], theirs, rtol=1e-4)
    for mine, kerass in zip(trained_weights(steps, program), reference.trainable_variables, strict=True):
        np.testing.assert_allclose(mine, kerass.numpy(), rtol=1e-4, atol=1e-4)


def test_no_steps_change_nothing():
    model = dense()
    program = Program(model, make_optimizer("adam"))
    steps = train(program, model, ORDER, n_steps=0)
    assert (steps.done[0], steps.losses[0].size, int(steps.tally[0])) == (0, 0, 0)
    for after, before in zip(trained_weights(steps, program), model.trainable_variables, strict=True):
        assert np.array_equal(after, before)


def test_training_stops_at_the_first_loss_out_of_bounds():
    model = dense()
    program = Program(model, make_optimizer("sgd"))
    unbounded = train(program, model, ORDER, rate=1e12)
    assert np.isfinite(unbounded.losses[0]).tolist() == [True] * (unbounded.done[0] - 1) + [False]
    steps = train(program, model, ORDER, rate=1e12, max_loss=1000.0)
    assert steps.done == 2
    assert steps.losses[0][-1] > 1000
    bounded = train(program, model, ORDER, rate=1e-9, max_loss=0.1)
    assert bounded.done == 1


def test_the_rate_of_each_step_is_the_one_given():
    model = dense()
    program = Program(model, make_optimizer("sgd"))
    rates = np.array([0.1, 0.0, 0.0], np.float32)
    one = train(program, model, ORDER[:3], rate=rates, n_steps=1)
    three = train(program, model, ORDER[:3], rate=rates, n_steps=3)
    for first, last in zip(trained_weights(one, program), trained_weights(three, program), strict=True):
        assert np.array_equal(first, last)


def noisy() -> keras.Model:
    """Layers that keep a state of their own: moving averages, and random generators."""
    keras.utils.set_random_seed(3)
    hidden = [keras.layers.Dense(8, use_bias=False), keras.layers.BatchNormalization()]
    noise = [
        keras.layers.Dropout(0.3, seed=5),
        keras.layers.GaussianNoise(0.1, seed=6),
        Dropout(0.2, seed=7, alpha=True),
    ]
    return keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), *hidden, *noise, keras.layers.Dense(3)])


@pytest.mark.parametrize("build", [noisy, convolutional])
def test_each_slot_of_a_stack_trains_as_it_would_alone(build):
    """Own weights, orders, rates, scalings and step counts; one slot diverges, one takes no step."""
    models = [build() for _ in range(4)]
    for model, factor in zip(models, (1.0, 0.5, 2.0, 1.0), strict=True):
        model.set_weights([factor * value if value.ndim > 1 else value for value in model.get_weights()])
    scalings = Scaling(np.stack([SHIFT * f for f in (1.0, 0.9, 1.1, 1.0)]), np.stack([SCALE] * 4))
    orders = np.stack([np.stack([np.random.default_rng([slot, i]).permutation(60)[:20] for i in range(6)])
                       for slot in range(4)], axis=1).astype(np.int32)  # fmt: skip
    rates, n_steps = np.tile(np.array([0.01, 0.02, 1e12, 0.01], np.float32), (6, 1)), np.array([6, 3, 6, 0], np.int32)
    limits = {"n_steps": n_steps, "max_loss": 1e4}
    together = Program(models[0], make_optimizer("adam"), size=4, xla=False)
    state = together.stacked([together.initial_state(model) for model in models])
    steps = together.train(state, EXAMPLES, scalings, order=orders, rates=rates, **limits)
    order = np.tile(np.arange(60, dtype=np.int32).reshape(3, 1, 20), (1, 4, 1))
    scores = together.evaluate(steps.state, EXAMPLES, scalings, order=order, n=60)
    alone = Program(models[0], make_optimizer("adam"), xla=False)
    for slot, model in enumerate(models):
        scaling = Scaling(scalings.shift[[slot]], scalings.scale[[slot]])
        own = {"n_steps": n_steps[[slot]], "max_loss": 1e4}
        start = alone.stacked([alone.initial_state(model)])
        single = alone.train(start, EXAMPLES, scaling, order=orders[:, [slot]], rates=rates[:, [slot]], **own)
        assert (steps.done[slot], int(steps.tally[0][slot])) == (single.done[0], int(single.tally[0]))
        np.testing.assert_allclose(steps.losses[slot], single.losses[0], rtol=1e-4)
        if slot == 2:
            assert steps.done[slot] < 6
            continue  # what it diverged to is nobody's result
        for mine, own_weights in zip(
            trained_weights(steps, together, slot), trained_weights(single, alone), strict=True
        ):
            np.testing.assert_allclose(mine, own_weights, rtol=1e-4, atol=1e-5)
        score = alone.evaluate(single.state, EXAMPLES, scaling, order=order[:, [slot]], n=60)
        assert scores.metrics[slot]["accuracy"] == score.metrics[0]["accuracy"] == (score.classes(0) == Y).mean()
        assert scores.classes(slot).tolist() == score.classes(0).tolist()
        assert scores.metrics[slot]["loss"] == pytest.approx(score.metrics[0]["loss"], rel=1e-4)


def test_a_slot_takes_another_trial_and_gives_it_back():
    models = [dense(), dense()]
    models[1].set_weights([2 * value + 1 for value in models[1].get_weights()])
    program = Program(models[0], make_optimizer("adam"), size=2)
    first, second = (program.initial_state(model) for model in models)
    state = program.replaced(program.stacked([first]), 1, second)
    for row, trial in ((0, first), (1, second)):
        kept = keras.tree.flatten(program.row(state, row))
        assert all(np.array_equal(a, b) for a, b in zip(kept, keras.tree.flatten(trial), strict=True))


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_model_in_mixed_precision_learns_and_keeps_float32_weights(precision):
    factors = {"normalization": "batch", "dropout": 0.1, "activation": "relu"}
    shape = {"options": {"depth": 2, "width": 16}, "precision": precision, "layer_seeds": LayerSeeds(0, 1)}
    model = build_model(BUILT_IN["mlp"], factors, classification((6, 6, 1), 3), **shape)
    assert {layer.compute_dtype for layer in model.layers if layer.weights} == {precision.removeprefix("mixed_")}
    assert keras.config.dtype_policy().name == "float32"
    program = Program(model, make_optimizer("adam", precision=precision))
    steps = train(program, model, np.tile(ORDER, (10, 1)))
    assert {value.dtype for value in trained_weights(steps, program)} == {np.dtype(np.float32)}
    assert np.isfinite(steps.losses[0]).all()
    assert steps.losses[0][-6:].mean() < 0.7 * steps.losses[0][:6].mean()


def test_the_loss_scale_of_float16_falls_when_gradients_overflow_and_the_step_is_left_out():
    model = dense()
    model.set_weights([10 * value for value in model.get_weights()])  # a loss far above 1
    program = Program(model, make_optimizer("sgd", precision="mixed_float16"))
    models_weights = [variable.numpy() for variable in model.trainable_variables]
    state = program.initial_state(model)
    places = [i for i, v in enumerate(program.optimizer.variables) if v is program.optimizer.dynamic_scale]
    slots = list(state[2])
    slots[places[0]] = backend.resident(3e38)  # so that the scaled loss is no number any more
    stacked = program.stacked([(state[0], state[1], tuple(slots))])
    one = {"order": ORDER[:1, None], "rates": np.full((1, 1), 0.1, np.float32), "n_steps": np.array([1], np.int32)}
    steps = program.train(stacked, EXAMPLES, SCALING, max_loss=np.inf, **one)
    assert all(np.array_equal(a, b) for a, b in zip(trained_weights(steps, program), models_weights, strict=True))
    assert float(steps.state[2][places[0]]) == pytest.approx(1.5e38)
