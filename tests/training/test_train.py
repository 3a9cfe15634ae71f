from dataclasses import replace

import keras
import numpy as np
import pytest
from in_process import run_trial

from ablate.clock import Clock
from ablate.study import seeds
from ablate.study.trial import ACCURACY, Label, Outcome, TrialSpec
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.schedules import one_cycle
from ablate.training.engine.settings import UnfreezeSchedule
from ablate.training.run_range_test import RateFinder
from ablate.training.train import Trial

PATH = Label("ablation", "reference", design="path")


@pytest.fixture(scope="module")
def finder(context):
    return RateFinder(context, cache=None)


def a_spec(study, **changes) -> TrialSpec:
    factors = {**study.baseline, **changes.pop("factors", {})}
    spec = TrialSpec("t", Label("ablation", "reference"), 1, factors, test=True, frozen="f00")
    return replace(spec, **changes)


def numbers(outcome, epochs):
    """All that a trial decides; times and names left out."""
    kept = ("state", "score", "best_epoch", "epochs", "metrics")
    curve = [(e.epoch, *e.metrics.values()) for e in epochs]
    return [getattr(outcome, name) for name in kept], outcome.learning_rate, outcome.data, curve


def trained(spec, context, finder):
    epochs = []
    outcome = run_trial(spec, context, finder, lambda epoch: epochs.append(epoch) or True)
    return outcome, epochs


def test_the_same_spec_gives_the_same_numbers_to_the_bit(context, finder, tiny_study):
    spec = a_spec(tiny_study, factors={"learning_rate": 0.003})
    assert numbers(*trained(spec, context, finder)) == numbers(*trained(spec, context, finder))


def test_another_seed_gives_other_numbers(context, finder, tiny_study):
    one = a_spec(tiny_study, factors={"learning_rate": 0.003})
    assert numbers(*trained(one, context, finder)) != numbers(*trained(replace(one, seed=2), context, finder))


def test_a_found_rate_trains_as_the_same_rate_typed_in(context, finder, tiny_study):
    found, epochs = trained(a_spec(tiny_study), context, finder)
    typed_spec = a_spec(tiny_study, factors={"learning_rate": found.learning_rate})
    typed, typed_epochs = trained(typed_spec, context, RateFinder(context, cache=None))
    assert found.rate_test is not None
    assert typed.rate_test is None
    assert numbers(found, epochs) == numbers(typed, typed_epochs)


def test_the_multiplier_scales_the_rate_that_is_found(context, finder, tiny_study):
    found = run_trial(a_spec(tiny_study), context, finder)
    third = run_trial(a_spec(tiny_study, factors={"learning_rate": "find*0.3"}), context, finder)
    assert third.learning_rate == pytest.approx(0.3 * found.learning_rate)
    assert third.rate_test == found.rate_test


def test_carry_takes_the_rate_of_another_configuration(context, finder, tiny_study):
    reference = run_trial(a_spec(tiny_study), context, finder)
    spec = a_spec(tiny_study, factors={"optimizer": "sgd"}, rate_factors=tiny_study.baseline)
    assert run_trial(spec, context, finder).learning_rate == reference.learning_rate


def test_too_high_a_rate_ends_as_diverged_with_the_step(context, finder, tiny_study):
    outcome = run_trial(a_spec(tiny_study, factors={"optimizer": "sgd", "learning_rate": 1e6}), context, finder)
    assert outcome.state == "diverged"
    assert "at step" in outcome.reason
    assert "in epoch 1" in outcome.reason
    assert not outcome.is_tested


def test_a_verdict_of_no_stops_the_trial_and_reads_no_test_score(context, finder, tiny_study):
    outcome = run_trial(a_spec(tiny_study, factors={"learning_rate": 0.003}), context, finder, lambda e: e.epoch < 2)
    assert (outcome.state, outcome.epochs, outcome.is_tested) == ("pruned", 2, False)


def test_a_failing_trial_is_an_outcome_with_its_trace(context, finder, tiny_study):
    outcome = run_trial(a_spec(tiny_study, factors={"activation": "no_such"}), context, finder)
    assert outcome.state == "failed"
    assert "no_such" in outcome.reason
    assert "Traceback" in outcome.traceback


@pytest.mark.parametrize("changes", [{"frozen": ""}, {"label": Label("search")}, {"label": PATH}, {"test": False}])
def test_no_trial_wants_the_test_set_unless_its_comparison_is_frozen(changes, tiny_study):
    spec, ended, best = a_spec(tiny_study), Outcome("t", "finished", best_epoch=1), ((), (), ())
    settings = tiny_study.training
    trial = Trial(
        spec,
        Clock(),
        None,
        None,
        settings,
        ACCURACY,
        UnfreezeSchedule(),
        "constant",
        0.1,
        None,
        1.0,
        None,
        ended,
        best=best,
    )
    assert trial.wants_test()
    trial.spec = replace(spec, **changes)
    assert not trial.wants_test()


@pytest.mark.parametrize("changes", [{"label": Label("search"), "test": False}, {"frozen": ""}])
def test_search_trials_and_what_is_not_frozen_read_no_test_score(context, finder, tiny_study, changes):
    outcome = run_trial(a_spec(tiny_study, factors={"learning_rate": 0.003}, **changes), context, finder)
    assert outcome.state == "finished"
    assert not outcome.is_tested


def test_the_best_epochs_weights_are_the_ones_that_are_tested(context, finder, tiny_study):
    # A rate at which the accuracy falls after a first good epoch: the best epoch is not the last.
    spec = a_spec(tiny_study, factors={"learning_rate": 0.2})
    outcome, epochs = trained(spec, context, finder)
    scores = [epoch.metrics["val_accuracy"] for epoch in epochs]
    assert outcome.best_epoch == 1 + int(np.argmax(scores))
    assert outcome.metrics["val_accuracy"] == max(scores)


def test_a_schedule_sets_the_rate_of_each_step_and_the_epochs_tell_it(context, finder, tiny_study):
    spec = a_spec(tiny_study, factors={"learning_rate": 0.003, "schedule": "1cycle"})
    outcome, epochs = trained(spec, context, finder)
    steps = -(-len(context.split(1, spec.factors).train) // tiny_study.training.batch_size)
    shape, total = tiny_study.schedule, tiny_study.training.epochs * steps
    peak = one_cycle(np.arange(total), total, start=shape.cycle_start, end=shape.cycle_end)
    ends = 0.003 * peak[steps - 1 :: steps]
    np.testing.assert_allclose([epoch.learning_rate for epoch in epochs], ends[: len(epochs)])
    assert outcome.learning_rate == 0.003  # the peak
    assert numbers(outcome, epochs) != numbers(
        *trained(a_spec(tiny_study, factors={"learning_rate": 0.003}), context, finder)
    )


def test_a_budget_is_a_share_of_the_epochs_and_at_least_one(context, finder, tiny_study):
    for share, most in ((0.5, max(1, round(0.5 * tiny_study.training.epochs))), (1e-6, 1)):
        spec = a_spec(tiny_study, factors={"learning_rate": 1e-3, "budget": share})
        assert run_trial(spec, context, finder).epochs == most


@pytest.mark.slow
def test_a_batch_size_of_its_own_trains_as_a_study_of_that_batch_size(context, finder, tiny_study, digits):
    mine, epochs = trained(a_spec(tiny_study, factors={"learning_rate": 0.003, "batch_size": 50}), context, finder)
    other = tiny_study.model_copy(update={"training": tiny_study.training.model_copy(update={"batch_size": 50})})
    theirs = TrainingContext(other, digits)
    spec = a_spec(tiny_study, factors={"learning_rate": 0.003})
    assert numbers(mine, epochs) == numbers(*trained(spec, theirs, RateFinder(theirs, cache=None)))


def test_a_scaling_of_its_own_trains_as_a_study_with_that_scaling(context, finder, tiny_study, digits):
    scaling = "standardize_channels"
    mine, epochs = trained(a_spec(tiny_study, factors={"learning_rate": 0.003, "scaling": scaling}), context, finder)
    other = tiny_study.model_copy(update={"data": tiny_study.data.model_copy(update={"scaling": scaling})})
    theirs = TrainingContext(other, digits)
    spec = a_spec(tiny_study, factors={"learning_rate": 0.003})
    assert numbers(mine, epochs) == numbers(*trained(spec, theirs, RateFinder(theirs, cache=None)))


def test_variants_with_one_seed_share_split_order_and_the_weights_of_equal_layers(context, tiny_study):
    """He-normal and LeCun-normal are rescalings of the same draws; an added normalization shifts none of them."""
    he = context.start(tiny_study.baseline, 1, Clock()).state[0]
    lecun = context.start({**tiny_study.baseline, "initializer": "lecun_normal"}, 1, Clock()).state[0]
    normalized = context.start({**tiny_study.baseline, "normalization": "batch"}, 1, Clock()).state[0]
    np.testing.assert_allclose(he[0], np.sqrt(2) * lecun[0], rtol=1e-6)
    assert np.array_equal(he[0], normalized[0])  # first kernel
    assert np.array_equal(he[-2], normalized[-2])  # last kernel
    assert seeds.integer(0, 1, "weights") != seeds.integer(0, 2, "weights")


def test_training_equals_model_fit_with_the_same_batches_and_the_partial_last_one(context, tiny_study, digits):
    """One epoch of 640 examples less 8 in batches of 32: 19 full ones and one of 24, against train_on_batch."""
    from ablate.models.build import BUILT_IN, build_model
    from ablate.models.layers import LayerSeeds
    from ablate.models.model_data import classification
    from ablate.training.engine.batches import epoch_batches

    split = context.split(1, tiny_study.baseline)
    permutation = np.random.default_rng(0).permutation(split.train)[:632]
    start = context.start(tiny_study.baseline, 1, Clock())
    state, losses = start.program.stacked([start.state]), []
    is_padded = start.program.is_padded
    for part in epoch_batches([permutation], 32, min_rows=len(context.ramp), is_padded=is_padded):
        rows = {"order": part.order, "sizes": part.sizes, "rates": np.full((len(part.order), 1), 0.002, np.float32)}
        limits = {"n_steps": np.array([part.n_steps], np.int32), "max_loss": np.inf}
        steps = start.program.train(state, context.examples, context.scaling([split]), **rows, **limits)
        state = steps.state
        losses += list(steps.losses[0])
    seen, options = classification(digits.x_train.shape[1:], 10), tiny_study.model.options
    seeds_of = LayerSeeds(tiny_study.seed, 1)
    model = build_model(BUILT_IN["mlp"], tiny_study.baseline, seen, layer_seeds=seeds_of, options=options)
    model.compile(keras.optimizers.Adam(0.002), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = (digits.x_train.astype(np.float32) - split.shift) * split.scale
    theirs = []
    for place in range(0, 632, 32):
        rows = permutation[place : place + 32]
        theirs.append(float(model.train_on_batch(x[rows], digits.y_train[rows])))
    assert len(losses) == 20
    for mine, kerass in zip(state[0], model.trainable_variables, strict=True):
        np.testing.assert_allclose(mine, kerass.numpy(), rtol=1e-5, atol=1e-5)


def test_patience_waits_for_the_layers_that_are_frozen_at_first(tiny_study):
    settings = tiny_study.training.model_copy(update={"epochs": 10, "patience": 2})
    outcome = Outcome("t", "finished", best_epoch=1, epochs=4)
    trial = Trial(
        a_spec(tiny_study),
        Clock(),
        None,
        None,
        settings,
        ACCURACY,
        UnfreezeSchedule(3, 0.1),
        "constant",
        0.1,
        None,
        1.0,
        None,
        outcome,
    )
    assert not trial.is_over()
    trial.outcome = replace(outcome, epochs=5)
    assert trial.is_over()
    assert replace(trial, outcome=outcome, thaw=UnfreezeSchedule()).is_over()
