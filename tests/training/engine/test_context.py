"""A study's models before and between its trials: what is refused, what is noted, what no trial leaves to the next."""

import numpy as np
import pytest
from backends import ON_JAX
from in_process import run_trial

from ablate.clock import Clock
from ablate.errors import StudyError
from ablate.study.model_ref import ModelRef
from ablate.study.space import Choice, Space
from ablate.study.trial import Label, TrialSpec
from ablate.training.engine.context import TrainingContext
from ablate.training.run_range_test import RateFinder

MODELS = """
import keras
from keras import layers

def plain(factors, input_shape, n_classes, width=None, **last):
    inputs = keras.Input(input_shape)
    x = layers.Dense(width or factors["width"], activation="relu")(layers.Flatten()(inputs))
    return keras.Model(inputs, layers.Dense(n_classes, **last)(x))

def frozen_if_wide(factors, *args):
    model = plain(factors, *args)
    model.trainable = factors["width"] <= 16
    return model

def fails_if_wide(factors, *args):
    return plain(factors, *args) if factors["width"] <= 16 else 1 / 0

def ignores(factors, *args):
    return plain({"width": 16}, *args)

def softmax(*args):
    return plain(*args, activation="softmax")

def reshaped(factors, input_shape, n_classes):
    model = softmax(factors, input_shape, n_classes)
    return keras.Model(model.inputs[0], layers.Reshape((n_classes,))(model.outputs[0]))

def relu(*args):
    return plain(*args, activation="relu")

def eager(*args):
    BACKENDS_OWN
    return plain(*args)

def embedded(factors, input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x = layers.Embedding(17, 2)(layers.Flatten()(inputs))
    return keras.Model(inputs, layers.Dense(n_classes)(layers.GlobalAveragePooling1D()(x)))

KEPT = {}
def cached(factors, *args):
    if factors["width"] not in KEPT:
        KEPT[factors["width"]] = plain(factors, *args)
    return KEPT[factors["width"]]
"""


EAGER = (
    'import jax; jax.config.update("jax_disable_jit", True)'
    if ON_JAX
    else "import tensorflow as tf; tf.config.run_functions_eagerly(True)"
)


@pytest.fixture
def bench_of(tiny_study, digits, tmp_path):
    """The workbench of a study that varies the width of one of the models."""
    (tmp_path / "mine.py").write_text(MODELS.replace("BACKENDS_OWN", EAGER))

    def context(name, *, scaling=None):
        dimensions, baseline = {"width": Choice((16, 32))}, {"width": 16, "optimizer": "adam", "learning_rate": 0.003}
        if scaling:
            dimensions["scaling"], baseline["scaling"] = Choice(("none", "unit")), scaling
        model = ModelRef.of(f"mine.py:{name}")
        changed = {"model": model, "base": tmp_path, "space": Space(dimensions), "baseline": baseline, "recipes": {}}
        return TrainingContext(tiny_study.model_copy(update=changed), digits)

    return context


def trained(context, **levels):
    """The outcome, and the losses of its epochs."""
    losses = []
    spec = TrialSpec("t", Label("ablation", "reference"), 1, {**context.study.baseline, **levels})
    outcome = run_trial(
        spec, context, RateFinder(context, cache=None), lambda e: losses.append(e.metrics["val_loss"]) or True
    )
    return outcome, losses


def test_a_fault_of_a_later_level_is_refused_before_the_first_trial_by_its_name(bench_of):
    with pytest.raises(
        StudyError, match=r"mine\.py:frozen_if_wide with width=32: build returned a model without trainab"
    ):
        bench_of("frozen_if_wide").check()


def test_a_level_on_which_user_code_fails_is_left_to_its_trials(bench_of):
    assert bench_of("fails_if_wide").check() == ()


def test_a_factor_that_build_never_looks_up_is_noticed(bench_of):
    (notice,) = bench_of("ignores").check()
    assert notice.startswith("build never reads the factor width (configurations tried: 2)")
    assert bench_of("plain").check() == ()


def test_ids_stay_whole_numbers_whatever_a_factor_says_of_scaling(bench_of):
    context = bench_of("embedded", scaling="none")
    context.check()
    factors = {**context.study.baseline, "scaling": "unit"}
    assert context._examiner.reading(context.model(factors, 0), factors).unscaled == {""}


def test_eager_execution_is_refused_and_switched_off_again(bench_of):
    with pytest.raises(StudyError, match=r"switches the backend to eager execution"):
        bench_of("eager").check()
    assert bench_of("plain").check() == ()


def test_the_models_of_the_package_are_built_and_not_examined(context):
    assert context.check() == ()
    assert context._examiner.trusts_models


@pytest.mark.slow
def test_a_softmax_before_a_reshape_trains_as_one_at_the_end(bench_of):
    plain, reshaped = (trained(bench_of(name)) for name in ("softmax", "reshaped"))
    np.testing.assert_allclose(reshaped[1], plain[1], rtol=1e-4)
    assert reshaped[0].initial_weights == plain[0].initial_weights != ""


@pytest.mark.slow
def test_outputs_that_are_never_negative_leave_a_note(bench_of):
    outcome, _ = trained(bench_of("relu"))
    assert any(note.startswith("the outputs are never below 0") for note in outcome.notes)


@pytest.mark.slow
def test_a_model_that_is_returned_again_brings_no_trained_weights(bench_of):
    context = bench_of("cached")
    first = context.start(context.study.baseline, 1, Clock())
    before = [np.asarray(tensor) for tensor in first.state[0]]
    one, other = trained(context), trained(context)
    again = context.start(context.study.baseline, 2, Clock())
    assert all(map(np.array_equal, before, [np.asarray(tensor) for tensor in again.state[0]]))
    assert one[1] == other[1]
    assert first.weights == again.weights == one[0].initial_weights != trained(context, width=32)[0].initial_weights


ADAPTED = """
import keras
import numpy as np

def build(factors, data):
    inputs = keras.Input(data.input_shape)
    shift = float(np.abs(data.train).sum())  # a constant of the graph
    x = keras.layers.Flatten()(inputs) + shift
    return keras.Model(inputs, keras.layers.Dense(data.n_classes)(x))
"""


def test_constants_made_from_training_examples_are_those_of_each_replicate(tiny_study, digits, tmp_path):
    (tmp_path / "adapted.py").write_text(ADAPTED)
    model = ModelRef.of("adapted.py:build")
    context = TrainingContext(tiny_study.model_copy(update={"model": model, "base": tmp_path}), digits)
    starts = [context.start(tiny_study.baseline, replicate, Clock()) for replicate in (1, 2, 1)]
    assert starts[0].program is starts[2].program is not starts[1].program
    assert context.stack_size(tiny_study.baseline) == 1
