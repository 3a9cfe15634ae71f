import math
from dataclasses import replace

import pytest

from ablate.experiment.preview.forecast import START_SECONDS, Pace, forecast, measured_paces, seen_paces, timing_specs
from ablate.storage.journal import Entry
from ablate.study.catalog import structure_of
from ablate.study.trial import Label, Outcome, TrialSpec


def spec(trial: str, seed: int = 1, **factors) -> TrialSpec:
    levels = {"normalization": "none", "optimizer": "adam", "learning_rate": "find"} | factors
    return TrialSpec(trial, Label("ablation", "v", "f", "l", "find"), seed, levels, test=True)


def trained(trial: str, *, epochs: int = 4, **timings: float) -> Outcome:
    return Outcome(trial, "finished", epochs=epochs, timings={"train": 7.0, "evaluate": 1.0, "compile": 3.0} | timings)


def with_epochs(study, epochs: int):
    return study.model_copy(update={"training": study.training.model_copy(update={"epochs": epochs})})


NONE = structure_of(spec("a").factors, model="mlp")
BATCH = structure_of(spec("a", normalization="batch").factors, model="mlp")


def test_a_pace_is_read_from_the_clocks_of_earlier_trials(tiny_study):
    long = with_epochs(tiny_study, 16)
    half = trained("b", compile=0.0, epochs=8, train=11.0)
    entries = [Entry(spec("a"), trained("a"), (), ""), Entry(spec("b", budget=0.5), half, (), "")]
    assert seen_paces(entries, study=long) == {NONE: Pace(compile=3.0, epoch=20 / 12, lasted=12 / 24)}


def test_a_trial_whose_result_was_taken_over_says_nothing_of_the_pace(tiny_study):
    entries = [Entry(spec("a"), replace(trained("a"), timings={}, same_as="b"), (), "")]
    assert seen_paces(entries, study=tiny_study) == {}


def test_each_unknown_structure_is_timed_once_at_a_fixed_rate_without_the_test_set(tiny_study):
    specs = [spec("a"), spec("b", seed=2), spec("c", normalization="batch"), spec("d", initializer="orthogonal")]
    timed = timing_specs(specs, {NONE: Pace(1.0, 1.0)}, study=tiny_study)
    assert [structure_of(one.factors, model="mlp") for one in timed] == [BATCH]
    assert timed[0].factors["learning_rate"] == tiny_study.lr_test.fallback
    assert not timed[0].test


def test_what_was_timed_becomes_a_pace_and_what_failed_does_not(tiny_study):
    specs = timing_specs([spec("a"), spec("b", seed=2), spec("c", normalization="batch")], {}, study=tiny_study)
    first, second = (one.trial for one in specs)
    outcomes = {first: trained(first, epochs=1, build=0.5), second: Outcome(second, "failed", reason="no such layer")}
    assert measured_paces(specs, outcomes, model="mlp") == {NONE: Pace(compile=3.5, epoch=8.0)}


def test_models_that_model_fit_trains_compile_in_each_trial_and_each_curve(tiny_study):
    by_fit = replace(trained("a", epochs=1), trained_by="model.fit: my.py overrides train_step")
    assert measured_paces([spec("a")], {"a": by_fit}, model="mlp") == {NONE: Pace(3.0, 8.0, again=True)}
    specs = [spec("a"), spec("b", seed=2)]
    paces = [{NONE: Pace(4.0, 2.0, again=again)} for again in (False, True)]
    once, again = (forecast(specs, searched=0, study=tiny_study, paces=some, workers=1, n_train=640) for some in paces)
    curves = tiny_study.lr_test.seeds
    assert again.seconds - once.seconds == pytest.approx(4.0 + 2 * curves * 4.0)


def test_the_time_is_that_of_compiling_range_tests_and_epochs_over_the_workers(tiny_study):
    study = tiny_study.model_copy(update={"lr_test": tiny_study.lr_test.model_copy(update={"low": 1e-3, "high": 0.1})})
    specs = [spec("a"), spec("b", seed=2), spec("c", learning_rate=0.1)]
    said = forecast(specs, searched=0, study=study, paces={NONE: Pace(4.0, 2.0)}, workers=2, n_train=640)
    # 3 trials × 3 epochs × 2 s, compiled in both workers, two range tests of 51 steps, an epoch has 20.
    assert said.seconds == pytest.approx(START_SECONDS + (3 * 3 * 2.0 + 2 * 4.0 + 2 * 51 / 20 * 2.0) / 2)
    assert said.n_epochs == 3.0


def test_early_stopping_that_was_seen_is_reckoned_with(tiny_study):
    paces = {NONE: Pace(0.0, 1.0, lasted=0.5)}
    said = forecast([spec("a", learning_rate=0.1)], searched=0, study=tiny_study, paces=paces, workers=1, n_train=640)
    assert said.seconds == pytest.approx(START_SECONDS + 1.5)


def test_a_trial_of_a_smaller_budget_has_fewer_epochs_and_shares_its_range_test(tiny_study):
    study, paces = with_epochs(tiny_study, 16), {NONE: Pace(0.0, 1.0)}
    whole = forecast([spec("a")], searched=0, study=study, paces=paces, workers=1, n_train=640)
    both = [spec("a"), spec("b", budget=0.25, schedule="1cycle")]
    said = forecast(both, searched=0, study=study, paces=paces, workers=1, n_train=640)
    assert (said.seconds - whole.seconds, said.n_epochs) == (pytest.approx(4.0), 10.0)


def test_trials_that_the_search_will_choose_are_reckoned_with_the_mean(tiny_study):
    paces = {NONE: Pace(2.0, 1.0), BATCH: Pace(4.0, 3.0)}
    said = forecast([], searched=2, study=tiny_study, paces=paces, workers=1, n_train=640)
    tests = 2 * 176 / 20 * 2.0
    assert said.seconds == pytest.approx(START_SECONDS + 2 * 3 * 2.0 + 3.0 + tests)


def test_nothing_left_takes_no_time_and_no_pace_is_an_error(tiny_study):
    nothing = forecast([], searched=0, study=tiny_study, paces={NONE: Pace(2.0, 1.0)}, workers=2, n_train=640)
    assert nothing.seconds == 0.0
    with pytest.raises(ValueError, match="mean"):
        forecast([spec("a")], searched=0, study=tiny_study, paces={}, workers=2, n_train=640)
    assert math.isfinite(nothing.n_epochs)
