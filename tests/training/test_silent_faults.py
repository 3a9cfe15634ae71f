"""What a user's model says of itself decides its numbers: no loss of it is ignored, and no ids are scaled."""

import numpy as np
import pytest
from in_process import run_trial

from ablate.data import Source, to_dataset
from ablate.study.model_ref import ModelRef
from ablate.study.settings import Data, Training
from ablate.study.space import Choice, Space
from ablate.study.trial import Label, TrialSpec
from ablate.training.engine.context import TrainingContext
from ablate.training.run_range_test import RateFinder

MODELS = """
import keras
from keras import layers, ops

class Quantile(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        missing = ops.reshape(y, ops.shape(y_pred)) - y_pred
        return ops.mean(ops.maximum(0.9 * missing, -0.1 * missing))

def constant(input_shape, kind=keras.Model):
    inputs = keras.Input(input_shape)
    return kind(inputs, layers.Dense(1)(0.0 * inputs))

def uncompiled(factors, input_shape):
    return constant(input_shape)

def compiled(factors, input_shape):
    model = constant(input_shape)
    model.compile("sgd", "mae")
    return model

def own_loss(factors, input_shape):
    model = constant(input_shape, Quantile)
    model.compile("sgd")
    return model

def words(factors, input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x = layers.GlobalAveragePooling1D()(layers.Embedding(1000, 8)(inputs))
    return keras.Model(inputs, layers.Dense(n_classes)(x))

def words_and_age(factors, data):
    ids, age = (keras.Input(data.input_shape[name], name=name) for name in ("ids", "age"))
    x = layers.Concatenate()([layers.GlobalAveragePooling1D()(layers.Embedding(1000, 8)(ids)), age])
    return keras.Model({"ids": ids, "age": age}, layers.Dense(data.n_classes)(x))
"""


@pytest.fixture
def scores(tiny_study, tmp_path):
    """The metrics of the last epoch of a trial of a model, with the default scaling."""
    (tmp_path / "mine.py").write_text(MODELS)

    def train(name, x, y, *, epochs, rate):
        ended = []
        levels = {"unused": 1, "optimizer": "adam", "learning_rate": rate}
        changed = {
            "data": Data(name="mine.npz", validation=len(y) // 5), "training": Training(epochs=epochs, patience=0),
            "model": ModelRef.of(f"mine.py:{name}"), "base": tmp_path, "baseline": levels, "recipes": {},
            "space": Space({"unused": Choice((1, 2))}),
        }  # fmt: skip
        data = to_dataset("mine", Source(x, y, x, y, origin="mine"))
        context = TrainingContext(tiny_study.model_copy(update=changed), data, stack=1)
        context.check()
        spec = TrialSpec("t", Label("search"), 1, levels)
        run_trial(spec, context, RateFinder(context, cache=None), lambda epoch: ended.append(epoch.metrics) or True)
        assert len(ended) == epochs
        return ended[-1]

    return train


@pytest.mark.parametrize(("name", "predicted"), [("uncompiled", 4.5), ("compiled", 0.5), ("own_loss", 10.5)])
def test_a_constant_becomes_the_mean_the_median_or_the_quantile_that_its_loss_asks_for(scores, name, predicted):
    y = np.tile(np.repeat([0.5, 10.5], [3, 2]).astype(np.float32), 100)
    x = np.random.default_rng(1).normal(size=(500, 2)).astype(np.float32)
    found = scores(name, x, y, epochs=12, rate=0.1)
    assert found["val_mae"] == pytest.approx(0.6 * (predicted - 0.5) + 0.4 * (10.5 - predicted), abs=0.6)


def test_words_are_looked_up_as_they_are_with_the_default_scaling(scores):
    rng = np.random.default_rng(2)
    y = np.arange(600, dtype=np.int32) % 2
    ids = (2 * rng.integers(0, 500, (600, 8)) + y[:, None]).astype(np.int32)  # odd words mean class 1
    assert scores("words", ids, y, epochs=8, rate=0.03)["val_accuracy"] > 0.9


def test_words_beside_numbers_are_looked_up_too_and_the_numbers_scaled(scores):
    rng = np.random.default_rng(3)
    y = np.arange(900, dtype=np.int32) % 3  # the words tell class 0, the age tells 1 from 2
    ids = (2 * rng.integers(0, 500, (900, 8)) + (y > 0)[:, None]).astype(np.int32)
    age = (1e6 + 100.0 * (y == 1) + rng.normal(0, 5, 900)).astype(np.float32)[:, None]
    assert scores("words_and_age", {"ids": ids, "age": age}, y, epochs=8, rate=0.03)["val_accuracy"] > 0.9
