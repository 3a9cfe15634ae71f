"""Penalties, max norm and clipping in a compiled epoch against Keras' own training on the same batches."""

from functools import partial

import keras
import numpy as np
import pytest

from ablate.models.build import BUILT_IN, build_model
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import classification
from ablate.training.engine.examples import Resident
from ablate.training.engine.optimizers import clipping_of, make_optimizer
from ablate.training.engine.program import Program, Scaling

BASE = {"normalization": "none", "activation": "elu", "initializer": "he_normal", "dropout": 0.0}
SIZE = {"mlp": {"units": "12-8"}, "cnn": {"stages": 1, "convolutions": 1, "filters": 3, "units": "6"}}
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((64, 6, 6, 1)).astype(np.float32), RNG.integers(0, 3, 64).astype(np.int32)
ORDER = RNG.permutation(64).astype(np.int32).reshape(8, 8)
RATE = 0.05

KERAS = {
    "sgd": keras.optimizers.SGD,
    "momentum": partial(keras.optimizers.SGD, momentum=0.9),
    "adam": keras.optimizers.Adam,
    "nadam": keras.optimizers.Nadam,
}
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("kind", "changes", "optimizer", "clipping"),
    [
        pytest.param("mlp", {"l1": 0.02}, "adam", {}, marks=slow),
        pytest.param("mlp", {"l2": 0.05}, "sgd", {}, marks=slow),
        ("mlp", {"l1": 0.02, "l2": 0.05, "max_norm": 0.9, "clip_value": 0.02}, "nadam", {"clipvalue": 0.02}),
        pytest.param("mlp", {"max_norm": 0.9}, "sgd", {}, marks=slow),
        pytest.param("mlp", {"clip_value": 0.02}, "sgd", {"clipvalue": 0.02}, marks=slow),
        pytest.param("mlp", {"clip_norm": 0.1}, "momentum", {"clipnorm": 0.1}, marks=slow),
        pytest.param("cnn", {"l2": 0.05, "max_norm": 0.5, "clip_norm": 0.1}, "adam", {"clipnorm": 0.1}, marks=slow),
    ],
)
def test_an_epoch_gives_the_weights_that_train_on_batch_gives(kind, changes, optimizer, clipping):
    factors = {**BASE, **changes}
    mine, losses = compiled_epoch(kind, factors, optimizer)
    theirs, kerass_losses = kerass_epoch(kind, factors, optimizer, clipping)
    for own, plain in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(own, plain, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(losses, kerass_losses, rtol=1e-4)
    without, _ = kerass_epoch(kind, BASE, optimizer, {})
    assert max(np.abs(own - plain).max() for own, plain in zip(mine, without, strict=True)) > 1e-2


def built(kind, factors):
    seeds = LayerSeeds(0, 1)
    return build_model(BUILT_IN[kind], factors, classification(X.shape[1:], 3), layer_seeds=seeds, options=SIZE[kind])


def compiled_epoch(kind, factors, optimizer):
    model = built(kind, factors)
    program = Program(model, make_optimizer(optimizer, clipping=clipping_of(factors)), xla=False)
    shape = (1, *X.shape[1:])
    steps = program.train(
        program.initial_state(model),
        Resident.of((X,), (Y,)),
        Scaling(np.zeros(shape, np.float32), np.ones(shape, np.float32)),
        order=ORDER[:, None],
        rates=np.full((len(ORDER), 1), RATE, np.float32),
        n_steps=np.array([len(ORDER)], np.int32),
        max_loss=np.inf,
    )
    return [np.asarray(weight) for weight in steps.state[0]], steps.losses[0]


def kerass_epoch(kind, factors, optimizer, clipping):
    model = built(kind, factors)
    model.compile(
        KERAS[optimizer](RATE, **clipping),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    losses = []
    for rows in ORDER:
        model.reset_metrics()
        losses.append(float(model.train_on_batch(X[rows], Y[rows])))
    return [weight.numpy() for weight in model.trainable_variables], losses
