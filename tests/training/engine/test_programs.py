"""Programs of a study in a process: one compilation a structure, and the way that suits it, chosen once."""

import json

import pytest
from backends import jax_only, tensorflow_only

from ablate.clock import Clock
from ablate.study.model_ref import ModelRef
from ablate.training.engine.batches import WHOLE, MicroBatches
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.program import Program


@pytest.fixture
def made(monkeypatch):
    """(size, XLA or not) of each program that is made."""
    made, build = [], Program.__init__

    def counted(program, model, optimizer, *, size, xla, **settings):
        made.append((size, xla))
        build(program, model, optimizer, size=size, xla=xla, **settings)

    monkeypatch.setattr(Program, "__init__", counted)
    return made


def test_what_shares_a_structure_shares_a_compilation(tiny_study, digits, made):
    context, clock = TrainingContext(tiny_study, digits), Clock()
    base = {**tiny_study.baseline, "weight_decay": 0.1}
    for change in ({}, {"initializer": "lecun_normal"}, {"learning_rate": 0.1}, {"weight_decay": 0.2}):
        context.start({**base, **change}, 1, clock)
    context.start(base, 2, clock)
    assert made == [(1, True)]
    context.start({**base, "activation": "elu"}, 1, clock)
    assert made == [(1, True)] * 2


RECURRENT = """
import keras

def build(factors, input_shape, n_classes):
    x = inputs = keras.Input(input_shape)
    x = keras.layers.SimpleRNN(4)(keras.layers.Reshape((8, 8))(x))
    return keras.Model(inputs, keras.layers.Dense(n_classes)(x))
"""


@jax_only
def test_on_jax_there_is_one_way_and_nothing_is_timed(tiny_study, digits, made, tmp_path):
    (tmp_path / "mine.py").write_text(RECURRENT)
    study = tiny_study.model_copy(update={"model": ModelRef.of("mine.py:build"), "base": tmp_path})
    started = TrainingContext(study, digits, memory=tmp_path / "ways").start(study.baseline, 1, Clock())
    assert made == [(1, True)]
    assert started.notes == ()
    assert not (tmp_path / "ways").exists()


@tensorflow_only
def test_where_neither_way_is_known_to_be_right_both_are_timed_and_the_choice_is_kept(
    tiny_study, digits, made, tmp_path
):
    (tmp_path / "mine.py").write_text(RECURRENT)
    model = ModelRef.of("mine.py:build")
    study = tiny_study.model_copy(update={"model": model, "base": tmp_path})
    first = TrainingContext(study, digits, memory=tmp_path / "ways").start(study.baseline, 1, Clock())
    assert sorted(made) == [(1, False), (1, True)]
    [kept] = (tmp_path / "ways").iterdir()
    assert json.loads(kept.read_text()) is first.program.xla
    made.clear()
    kept.write_text(json.dumps(not first.program.xla))
    second = TrainingContext(study, digits, memory=tmp_path / "ways").start(study.baseline, 1, Clock())
    assert made == [(1, not first.program.xla)]
    assert second.program.xla is not first.program.xla


def test_a_gpus_stack_is_as_large_as_measurement_says(tiny_study, digits, monkeypatch, tmp_path):
    monkeypatch.setattr("ablate.training.engine.context.device_name", lambda: "GPU of a test")
    monkeypatch.setattr("ablate.training.engine.compiling.MOST", 4)
    context = TrainingContext(tiny_study, digits, memory=tmp_path)
    monkeypatch.setattr(context._programs, "_seconds_a_step", lambda program, _, **__: 1.0 if program.size < 4 else 4.0)
    assert context.stack_size(tiny_study.baseline) == 2
    again = TrainingContext(tiny_study, digits, memory=tmp_path)
    assert again.stack_size(tiny_study.baseline) == 2
    assert TrainingContext(tiny_study, digits, stack=7).stack_size(tiny_study.baseline) == 7


def test_on_a_processor_trials_are_not_stacked(context, tiny_study):
    assert context.stack_size(tiny_study.baseline) == 1


def test_a_choice_that_cannot_be_kept_is_made_anew(tiny_study, digits, monkeypatch, tmp_path):
    monkeypatch.setattr("ablate.training.engine.context.device_name", lambda: "GPU of a test")
    monkeypatch.setattr("ablate.training.engine.compiling.MOST", 2)
    (tmp_path / "file").write_text("in the way")
    context = TrainingContext(tiny_study, digits, memory=tmp_path / "file" / "ways")
    monkeypatch.setattr(context._programs, "_compile", lambda *_, **__: None)
    monkeypatch.setattr(context._programs, "_seconds_a_step", lambda program, _, **__: 1.0 / program.size)
    assert context.stack_size(tiny_study.baseline) == 2


def test_a_structure_that_was_cut_stays_so_and_the_others_are_whole(tiny_study, digits, made, monkeypatch):
    context, clock = TrainingContext(tiny_study, digits, stack=4), Clock()
    monkeypatch.setattr(context._programs, "_compile", lambda *_, **__: None)
    base, other = tiny_study.baseline, {**tiny_study.baseline, "activation": "elu"}
    whole = context.start(base, 1, clock)
    assert context._programs.cut(base)
    cut = context.start({**base, "learning_rate": 0.1}, 2, clock)
    assert (whole.program.pieces, cut.program.pieces) == (WHOLE, MicroBatches(1, 32))
    assert cut.notes == ("low memory: evaluated 32 examples at a time, trained on whole batches",)
    assert (context.stack_size(base), context.stack_size(other)) == (1, 4)
    assert context.start(other, 1, clock).program.pieces == WHOLE
    assert len(made) == 3
    parts = [context.pieces(base).parts for _ in range(4) if context._programs.cut(base)]
    assert parts == [2, 4, 8]  # as often as the study's retries allow
    assert context.pieces(base) == MicroBatches(8, 4)


OWN_OPERATIONS = """
import keras
import tensorflow as tf
from keras import layers, ops


def filled(y_pred):
    return ops.cast(tf.histogram_fixed_width(y_pred, [0.0, 1.0], 5)[0] > 0, "float32")


class Spread(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(filled(y_pred))


class Own(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **more):
        return super().compute_loss(x, y, y_pred, sample_weight) + 0 * filled(y_pred)


def build(factors, input_shape):
    inputs = keras.Input(input_shape)
    outputs = layers.Dense(10, activation="softmax")(layers.Flatten()(inputs))
    kind = factors["kind"]
    model = (Own if kind == "compute_loss" else keras.Model)(inputs, outputs)
    loss = {"loss": lambda y, p: keras.losses.sparse_categorical_crossentropy(y, p) + 0 * filled(p)}
    usual = "sparse_categorical_crossentropy"
    model.compile(loss=loss.get(kind, usual), metrics=[Spread(name="spread")] if kind == "metric" else ["accuracy"])
    return model
"""


@tensorflow_only
@pytest.mark.parametrize("kind", ["loss", "compute_loss", "metric"])
def test_what_xla_cannot_compile_trains_without_it_and_says_so(tiny_study, digits, made, tmp_path, kind):
    (tmp_path / "mine.py").write_text(OWN_OPERATIONS)
    changed = {"model": ModelRef.of("mine.py:build"), "base": tmp_path}
    if kind == "metric":
        changed["metric"] = tiny_study.metric.model_copy(update={"name": "spread", "goal": "maximize"})
    context = TrainingContext(tiny_study.model_copy(update=changed), digits)
    factors = {**tiny_study.baseline, "kind": kind}
    started = context.start(factors, 1, Clock())
    assert (made, started.program.xla) == ([(1, True), (1, False)], False)
    assert started.notes == ("trained without XLA, which cannot compile it: no kernel for HistogramFixedWidth",)
    assert context.start(factors, 2, Clock()).program is started.program
