"""The engine's optimizers against Keras' own training, weight by weight."""

import keras
import numpy as np
import pytest

from ablate.study.catalog import OPTIMIZERS as NAMES
from ablate.study.catalog import WITHOUT_MOMENTUM
from ablate.training.engine.examples import Resident
from ablate.training.engine.optimizers import OPTIMIZERS, make_optimizer
from ablate.training.engine.program import Program, Scaling

STEPS, BATCH = 50, 16


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(0)
    return rng.standard_normal((64, 20)).astype(np.float32), rng.integers(0, 3, 64).astype(np.int32)


def small_model() -> keras.Model:
    """Smooth: at the kink of a ReLU rounding decides, and steps of one optimizer in two forms part by 0.006."""
    keras.utils.set_random_seed(1)
    dense, normalize = keras.layers.Dense(16, activation="tanh"), keras.layers.BatchNormalization()
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
    theirs = [*reference.trainable_variables, *reference.non_trainable_variables]
    for mine, kerass in zip(fifty_steps(model, make_optimizer(name), examples), theirs, strict=True):
        np.testing.assert_allclose(mine, kerass.numpy(), rtol=1e-5, atol=1e-5)


QUICK = ("nesterov", "adamw", "nadam", "lamb", "adafactor")  # one of each kind of state and update
STACKED = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in sorted(OPTIMIZERS)]


@pytest.mark.parametrize("name", STACKED)
def test_in_a_stack_it_gives_the_same_weights(name, examples):
    model = small_model()
    alone, stacked = (fifty_steps(model, make_optimizer(name), examples, size=size, xla=False) for size in (1, 2))
    for mine, stacks in zip(alone, stacked, strict=True):
        np.testing.assert_allclose(mine, stacks, rtol=1e-5, atol=1e-5)


KERAS = {
    "sgd": keras.optimizers.SGD(0.01, weight_decay=0.3),
    "momentum": keras.optimizers.SGD(0.01, momentum=0.5, weight_decay=0.3),
    "nesterov": keras.optimizers.SGD(0.01, momentum=0.5, nesterov=True, weight_decay=0.3),
    "rmsprop": keras.optimizers.RMSprop(0.01, weight_decay=0.3),
    "adam": keras.optimizers.Adam(0.01, beta_1=0.5, weight_decay=0.3),
    "adamw": keras.optimizers.AdamW(0.01, beta_1=0.5, weight_decay=0.3),
    "adamax": keras.optimizers.Adamax(0.01, beta_1=0.5, weight_decay=0.3),
    "nadam": keras.optimizers.Nadam(0.01, beta_1=0.5, weight_decay=0.3),
    "lion": keras.optimizers.Lion(0.01, beta_1=0.5, weight_decay=0.3),
    "lamb": keras.optimizers.Lamb(0.01, beta_1=0.5, weight_decay=0.3),
}


@pytest.mark.parametrize("name", KERAS)
def test_weight_decay_and_momentum_are_inputs(name, examples):
    """As Keras' own optimizer with these values, and both values of one program that is compiled once."""
    x, y = examples
    reference = small_model()
    reference.compile(KERAS[name], keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for rows in batches():
        reference.train_on_batch(x[rows], y[rows])
    optimizer = make_optimizer(name, varied=("weight_decay", "momentum"))
    settings = {"weight_decay": 0.3, "momentum": 0.5}
    mine = fifty_steps(small_model(), optimizer, examples, settings=settings, xla=False)
    theirs = [*reference.trainable_variables, *reference.non_trainable_variables]
    for own, kerass in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(own, kerass.numpy(), rtol=1e-5, atol=1e-5)


def test_momentum_does_nothing_where_an_optimizer_has_none():
    for name in WITHOUT_MOMENTUM:
        assert make_optimizer(name, varied=("momentum",)).varied == ()
    for name in set(OPTIMIZERS) - set(WITHOUT_MOMENTUM):
        assert make_optimizer(name, varied=("momentum",)).varied == ("momentum",)


def fifty_steps(model, optimizer, examples, *, size=1, settings=None, xla=True):
    """The weights after the batches of `batches`, from the last slot of a stack."""
    program = Program(model, optimizer, size=size, xla=xla)
    x, y = examples
    scaling = Scaling(np.zeros((size, 20), np.float32), np.ones((size, 20), np.float32))
    steps = program.train(
        program.stacked([program.initial_state(model, settings)]),
        Resident.of((x,), (y,)),
        scaling,
        order=np.repeat(batches()[:, None], size, axis=1),
        rates=np.full((STEPS, size), 0.01, np.float32),
        n_steps=np.full(size, STEPS, np.int32),
        max_loss=np.inf,
    )
    assert steps.done.tolist() == [STEPS] * size
    weights, frozen, _ = program.row(steps.state, size - 1)
    return [np.asarray(tensor) for tensor in (*weights, *frozen)]
