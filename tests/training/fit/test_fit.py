"""Trials by `model.fit`: the numbers of compiled programs where both can train, and all that a model does by itself."""

from dataclasses import replace

import numpy as np
import pytest
from backends import ON_JAX
from fit_models import FILES

from ablate.clock import Clock
from ablate.data.dataset import to_dataset
from ablate.data.source import Source
from ablate.errors import StudyError
from ablate.study.model_ref import ModelRef
from ablate.study.space import Choice, Space
from ablate.study.trial import Label, TrialSpec
from ablate.training.engine.context import TrainingContext
from ablate.training.fit.check import check_fitted
from ablate.training.run_range_test import RateFinder
from ablate.training.stack import run_trials


class Heard:
    """The feed of a few trials."""

    def __init__(self, goes_on=lambda _: True):
        self.epochs, self.outcomes, self._goes_on = [], [], goes_on

    def more(self, _):
        return ()

    def report(self, epochs):
        self.epochs += epochs
        return [self._goes_on(epoch) for epoch in epochs]

    def tell(self, outcome):
        self.outcomes.append(outcome)


@pytest.fixture(scope="module")
def context_of(tiny_study, digits, tmp_path_factory):
    """The workbench of a study with one of the models."""
    folder = tmp_path_factory.mktemp("models")
    for name, text in FILES.items():
        (folder / name).write_text(text)

    def context(name, *, data=digits, **training):
        baseline = {"width": 16, "optimizer": "adam", "learning_rate": 0.003}
        changed = {
            "model": ModelRef.of(name if ":" in name else f"my.py:{name}"),
            "base": folder,
            "space": Space({"width": Choice((16, 32))}),
            "baseline": baseline,
            "recipes": {},
            "training": tiny_study.training.model_copy(update={"epochs": 2, **training}),
        }
        return TrainingContext(tiny_study.model_copy(update=changed), data)

    return context


def a_spec(context, seed=1, **levels):
    factors = {**context.study.baseline, **levels}
    return TrialSpec("t", Label("ablation", "reference"), seed, factors, test=True, frozen="f00")


def trained(context, *specs, goes_on=lambda _: True):
    heard = Heard(goes_on)
    for spec in specs or (a_spec(context),):
        run_trials([spec], context, RateFinder(context, cache=None), heard)
    return heard.outcomes[-1], heard.epochs


def test_a_step_that_changes_nothing_trains_as_a_compiled_program(context_of):
    by_fit, compiled = context_of("stepping"), context_of("plain")
    assert by_fit.check() == compiled.check() == ()
    assert check_fitted(by_fit) == ("trained by model.fit: my.py overrides train_step",)
    (fitted, epochs), (program, others) = (trained(context, a_spec(context)) for context in (by_fit, compiled))
    assert (fitted.trained_by, program.trained_by) == ("model.fit: my.py overrides train_step", "compiled")
    assert fitted.initial_weights == program.initial_weights
    assert (fitted.state, fitted.best_epoch, fitted.epochs, fitted.data, fitted.parameters) == (
        program.state, program.best_epoch, program.epochs, program.data, program.parameters,
    )  # fmt: skip
    for one, other in zip(epochs, others, strict=True):
        assert set(one.metrics) == set(other.metrics) - {"train_accuracy"}
        assert one.learning_rate == pytest.approx(other.learning_rate)
        np.testing.assert_allclose(
            [one.metrics[name] for name in one.metrics], [other.metrics[name] for name in one.metrics], atol=1e-5
        )


def test_range_tests_of_both_ways_see_the_same_curve(context_of):
    found = []
    for context in (context_of("stepping"), context_of("plain")):
        finder, factors = RateFinder(context, cache=None), a_spec(context, learning_rate="find").factors
        found.append(finder.find(factors, Clock(), replicate=1))
    n = min(len(test.losses) for test in found) - 10  # where they diverge, rounding decides
    np.testing.assert_allclose(found[0].losses[:n], found[1].losses[:n], rtol=1e-3)
    assert found[0].suggestion == pytest.approx(found[1].suggestion, rel=1e-3)


def numbers(outcome, epochs):
    return outcome.metrics, outcome.best_epoch, outcome.test_predictions, [dict(e.metrics) for e in epochs]


def test_a_trial_has_the_same_numbers_to_the_bit_after_another(context_of):
    context = context_of("noisy", epochs=1)
    alone = numbers(*trained(context))
    outcome, epochs = trained(context, a_spec(context, seed=2), a_spec(context))
    assert numbers(outcome, epochs[1:]) == alone
    assert "test_accuracy" in alone[0]
    assert numbers(outcome, epochs[:1]) != alone


def test_the_test_set_is_read_only_where_the_spec_allows_it(context_of):
    context = context_of("stepping", epochs=1)
    outcome, _ = trained(context, replace(a_spec(context), frozen=""))
    assert outcome.state == "finished"
    assert not outcome.is_tested
    assert outcome.test_predictions == ""


def test_a_model_compiled_by_its_author_reports_its_own_metrics(context_of):
    context = context_of("compiled", epochs=1)
    context.check()
    assert check_fitted(context) == ("trained by model.fit: my.py overrides train_step",)
    outcome, epochs = trained(context)
    assert outcome.trained_by == "model.fit: my.py overrides train_step"
    assert outcome.timings["compile"] > epochs[0].seconds > 0  # tracing the step is no part of an epoch
    assert set(epochs[0].metrics) == {"train_loss", "train_accuracy", "val_loss", "val_accuracy"}


def test_a_step_that_updates_no_tracker_reports_the_mean_of_its_batches(context_of):
    _, stepping = trained(context_of("stepping"))
    for name in ("forgetful", "renaming"):
        for one, other in zip(trained(context_of(name))[1], stepping, strict=True):
            assert one.metrics["train_loss"] == pytest.approx(other.metrics["train_loss"], rel=1e-4), name
            assert one.metrics["val_loss"] == pytest.approx(other.metrics["val_loss"], rel=1e-4), name


def test_the_plan_and_patience_end_a_trial(context_of):
    outcome, epochs = trained(context_of("stepping", epochs=3), goes_on=lambda epoch: epoch.epoch < 2)
    assert (outcome.state, outcome.reason, len(epochs)) == ("pruned", "stopped after epoch 2", 2)
    assert not outcome.is_tested


def test_an_error_of_the_plan_is_not_the_trials(context_of):
    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(context_of("stepping", epochs=1), goes_on=interrupted)


def test_a_loss_that_explodes_is_divergence(context_of):
    context = context_of("stepping", epochs=1)
    outcome, epochs = trained(context, a_spec(context, optimizer="sgd", learning_rate=1e6))
    assert (outcome.state, epochs) == ("diverged", [])
    assert outcome.reason.startswith("the training loss")
    assert outcome.trained_by.startswith("model.fit")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("untrained", r"Untrained trains without self\.optimizer, so the study's optimizer and learning rate change"),
        ("silent", r"must report a loss, got progress\n  return {\"loss\": …} from train_step and test_step"),
        ("doubling", r"training set the learning rate to 2e-06, but the study has it at 1e-06: leave it to the"),
        ("deaf", r"its own fit passes no callbacks on, so nothing sees its epochs"),
        ("kept", r"build returned a model that has trained before"),
    ],
)
def test_what_a_trial_would_ignore_or_lack_is_refused_before_the_first(context_of, name, said):
    context = context_of(name, epochs=1)
    context.check()
    if name == "kept":
        check_fitted(context)
    with pytest.raises(StudyError, match=said):
        check_fitted(context)


def test_a_step_that_is_written_for_another_backend_is_refused_with_the_way_out(context_of):
    own, other, passed = ("jax", "tensorflow", "state, data") if ON_JAX else ("tensorflow", "jax", "data")
    given = passed.replace(", ", " and ")
    said = f"model: my.py overrides train_step, to which Keras passes {given} on {own}\n  "
    for name, way in (("foreign", f'set training.backend = "{other}", or '), ("unknown", "")):
        context = context_of(name, epochs=1)
        context.check()
        with pytest.raises(StudyError) as caught:
            check_fitted(context)
        assert str(caught.value) == f"{said}{way}write train_step(self, {passed})"


def test_a_subclass_of_several_inputs_is_fed_by_name(context_of, digits):
    halves = {"left": digits.x_train[:300], "right": digits.x_train[:300]}
    source = Source(halves, digits.y_train[:300], halves, digits.y_train[:300], origin="halves")
    context = context_of("parts", data=to_dataset("halves", source, loss=None), epochs=1)
    context.check()
    assert check_fitted(context) == ("trained by model.fit: my.py overrides train_step",)
    assert trained(context)[0].state == "finished"


def test_models_of_one_study_may_train_in_different_ways(context_of):
    context = context_of("stepping_if_wide", epochs=1)
    context.check()
    assert check_fitted(context) == ("trained by model.fit: my.py overrides train_step",)
    assert [bool(context.why_fit(a_spec(context, width=width).factors)) for width in (16, 32)] == [False, True]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inspect": {"layers": True}}, r"inspect\.layers: looks into compiled programs, but this model is trained by"),
        ({"data": {"target_scaling": "standardize"}}, r"data\.target_scaling: the metrics that a model itself"),
    ],
)
def test_what_only_compiled_programs_do_is_refused(context_of, changes, said):
    context = context_of("stepping", epochs=1)
    context.check()
    for table, values in changes.items():
        settings = getattr(context.study, table).model_copy(update=values)
        context.study = context.study.model_copy(update={table: settings})
    with pytest.raises(StudyError, match=said):
        check_fitted(context)


def test_callbacks_of_the_users_are_called_and_may_end_training(context_of):
    context = context_of("with_callbacks.py:build", epochs=4)
    context.check()
    assert check_fitted(context) == ("trained by model.fit: with_callbacks.py has callbacks",)
    outcome, epochs = trained(context)
    seen = context.builder.callbacks.__globals__["SEEN"]
    assert [epoch for epoch, _ in seen] == [0, 1]
    assert {"loss", "val_loss"} <= set(seen[0][1])
    assert (outcome.state, len(epochs)) == ("finished", 2)
    assert outcome.notes == ("a callback ended its training after epoch 2",)
    assert outcome.is_tested


def test_a_callback_that_waits_for_what_the_model_does_not_report_is_refused(context_of):
    context = context_of("with_callbacks.py:build")
    context.study = context.study.model_copy(update={"baseline": {**context.study.baseline, "optimizer": "sgd"}})
    context.check()
    with pytest.raises(
        StudyError, match=r"EarlyStopping, which monitors val_accuracy, but the model reports loss, val_"
    ):
        check_fitted(context)


def test_an_autoencoder_with_trackers_of_its_own_trains_on_what_it_reports(context_of, digits):
    arrays = {"x_train": digits.x_train[:300], "x_test": digits.x_train[300:350]}
    data = to_dataset("pictures", Source(**arrays, y_train=None, y_test=None, origin="pictures"), loss=None)
    context = context_of("vae.py:build", data=data, epochs=2)
    context.check()
    assert check_fitted(context) == ("trained by model.fit: vae.py overrides train_step and test_step",)
    outcome, epochs = trained(context)
    assert outcome.state == "finished"
    assert epochs[1].metrics["train_loss"] < epochs[0].metrics["train_loss"]
    assert set(epochs[0].metrics) == {"train_loss", "val_loss"}
    assert outcome.metrics["test_loss"] == pytest.approx(outcome.metrics["val_loss"], rel=0.3)
