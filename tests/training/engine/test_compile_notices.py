"""What is said of a model that build compiles: its optimizer, loss, metrics and the settings of its compile."""

import numpy as np
import pytest
from in_process import Alone, run_trial

from ablate.clock import Clock
from ablate.errors import StudyError
from ablate.study.model_ref import ModelRef
from ablate.study.space import Choice, Space
from ablate.study.trial import Label, TrialSpec
from ablate.training.engine.context import TrainingContext
from ablate.training.run_range_test import RateFinder
from ablate.training.stack import run_trials

MODELS = """
import keras

def net(factors, n_classes):
    inputs = keras.Input((8, 8, 1))
    outputs = keras.layers.Dense(n_classes)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Activation("linear", dtype="float32")(outputs))

def build(factors, n_classes):
    model = net(factors, n_classes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = getattr(keras.optimizers, factors.get("kind", "AdamW"))(0.002, beta_2=factors.get("beta", 0.99))
    model.compile(optimizer, loss, **COMPILE)
    return model

def optimizer_alone(factors, n_classes):
    model = net(factors, n_classes)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    return model

def metrics_alone(factors, n_classes):
    model = net(factors, n_classes)
    model.compile("adam", metrics=["accuracy"])
    return model

def uncompiled(factors, n_classes):
    return net(factors, n_classes)

def somewhere_else(factors, n_classes):
    return build(factors, n_classes)
"""


@pytest.fixture
def context_of(tiny_study, digits, tmp_path):
    """The training context of a study with one of the models, compiled with further arguments."""

    def context(name="build", *, how="{}", space=None, metric=None, code=MODELS, training=None, stack=None, **levels):
        (tmp_path / "mine.py").write_text(f"{code}\nCOMPILE = {how}\n")
        factors = {"learning_rate": 0.01, **levels}
        metric = tiny_study.metric.model_copy(update={"name": metric})
        training = tiny_study.training.model_copy(update=training or {})
        changed = {"model": ModelRef.of(f"mine.py:{name}"), "base": tmp_path, "metric": metric, "training": training}
        changed |= {"baseline": factors, "space": Space(space or {}), "recipes": {}}
        return TrainingContext(tiny_study.model_copy(update=changed), digits, stack=stack)

    return context


def trained(context, **levels):
    spec = TrialSpec("t", Label("ablation", "reference"), 1, {**context.study.baseline, **levels})
    losses = []
    finder = RateFinder(context, cache=None)
    outcome = run_trial(spec, context, finder, lambda e: losses.append(e.metrics["val_loss"]) or True)
    assert outcome.state == "finished", outcome.reason
    return losses


def test_the_optimizer_of_build_trains_where_no_factor_names_one_and_that_is_said(context_of):
    (said,) = context_of().check()
    assert said == "the model trains with AdamW, as build compiles it, but at the study's learning rates, not at 0.002"


@pytest.mark.parametrize(
    ("levels", "space", "said"),
    [
        ({"optimizer": "nadam"}, {}, [
            "build compiles the model with AdamW, but the study's factor optimizer decides: nadam"]),
        ({"optimizer": "sgd"}, {"optimizer": Choice(("sgd", "adamw"))}, [
            "build compiles the model with AdamW, but the study's factor optimizer decides: sgd, adamw"]),
        ({"optimizer": "adamw", "beta": 0.999}, {}, []),  # the same as that of the factor
        ({"weight_decay": 0.1, "clip_norm": 0.5}, {}, [
            "the model trains with AdamW, as build compiles it, but at the study's learning rates, not at 0.002",
            "build compiles AdamW with weight_decay=0.004, but the factor weight_decay decides: 0.1"]),
    ],
)  # fmt: skip
def test_what_factors_decide_over_compile_is_said_once(context_of, levels, space, said):
    assert list(context_of(space=space, **levels).check()) == said


@pytest.mark.filterwarnings("ignore:Model doesn't support `jit_compile=True`")  # where determinism is on
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("{'metrics': ['accuracy', keras.metrics.SparseTopKCategoricalAccuracy(name='best')]}", [
            "build compiles the model with best, but only metrics that [metric] names are recorded"]),
        ("{'steps_per_execution': 8, 'jit_compile': True, 'auto_scale_loss': False}", []),
    ],
)  # fmt: skip
def test_other_settings_of_compile_are_said_or_change_nothing(context_of, how, said):
    assert list(context_of(how=how).check())[1:] == said


@pytest.mark.filterwarnings("ignore:Model doesn't support `jit_compile=True`")  # where determinism is on
@pytest.mark.slow
def test_how_often_and_how_fast_keras_would_compile_changes_no_number(context_of):
    plain = trained(context_of())
    assert trained(context_of(how="{'steps_per_execution': 8, 'jit_compile': True, 'run_eagerly': False}")) == plain


@pytest.mark.parametrize(("how", "kind"), [("{}", "LossScaled"), ("{'auto_scale_loss': False}", "FunctionalAdamW")])
def test_in_float16_the_loss_is_scaled_unless_compile_says_not_to(context_of, how, kind):
    context = context_of(how=how, training={"precision": "mixed_float16"})
    program = context.start(context.study.baseline, 1, Clock()).program
    assert type(program.optimizer).__name__ == kind


def test_builds_that_compile_with_other_settings_train_otherwise(context_of):
    context = context_of(space={"beta": Choice((0.99, 0.5))}, beta=0.99)
    context.check()
    first, other, again = (trained(context, beta=beta) for beta in (0.99, 0.5, 0.99))
    assert first == again != other


@pytest.mark.slow
def test_trials_of_one_structure_with_different_optimizers_share_no_stack(context_of):
    """The schedule is no part of a structure, but this build takes another optimizer for each."""
    code = MODELS.replace('factors.get("kind", "AdamW")', '"Adam" if factors["schedule"] == "cosine" else "AdamW"')
    baseline = {"schedule": "constant"}
    together, alone = (context_of(code=code, stack=stack, **baseline) for stack in (2, 1))
    specs = [TrialSpec(name, Label("ablation", name), 1, {**alone.study.baseline, "schedule": name})
             for name in ("constant", "cosine")]  # fmt: skip
    scores = []
    for context in (together, alone):
        feed = Alone(lambda _: True)
        run_trials(specs, context, RateFinder(context, cache=None), feed)
        assert {outcome.state for outcome in feed.outcomes} == {"finished"}
        scores.append({outcome.trial: outcome.score for outcome in feed.outcomes})
    assert scores[0] == pytest.approx(scores[1], abs=0.011)


@pytest.mark.slow
def test_a_compile_with_an_optimizer_alone_leaves_the_loss_to_the_study(context_of):
    context = context_of("optimizer_alone")
    assert [said.split(",")[0] for said in context.check()] == ["the model trains with SGD"]
    alone, named = trained(context), trained(context_of("uncompiled", optimizer="momentum"))
    np.testing.assert_allclose(alone, named, rtol=1e-4)
    stated = context_of("optimizer_alone", training={"loss": "sparse_categorical_crossentropy"})
    np.testing.assert_allclose(trained(stated), alone, rtol=1e-6)


def test_metrics_without_a_loss_are_refused(context_of):
    with pytest.raises(
        StudyError, match=r"model: build compiles it with metrics, but without a loss\n  name the loss in"
    ):
        context_of("metrics_alone").check()


def test_without_an_optimizer_both_ways_out_are_named(context_of):
    with pytest.raises(
        StudyError, match=r"baseline.optimizer: is missing, and build returns the model uncompiled\n  add"
    ):
        context_of("uncompiled").check()


def test_a_loss_that_decides_and_comes_from_elsewhere_is_refused(context_of):
    hidden = MODELS.replace("model.compile(optimizer, loss, **COMPILE)", "exec('model.com' + 'pile(optimizer, loss)')")
    hidden = hidden[: hidden.index("def optimizer_alone")]
    assert len(context_of(code=hidden).check()) == 1
    with pytest.raises(
        StudyError, match=r"no line of mine.py or of the files beside it compiles one, so .*\n  compile"
    ):
        context_of(code=hidden, metric="loss").check()
