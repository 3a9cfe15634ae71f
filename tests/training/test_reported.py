"""What a function or a program reports, turned into epochs and an outcome."""

import math

import numpy as np
import pytest

from ablate.errors import Stopped, StudyError
from ablate.study.task import Task, TaskMetric
from ablate.study.trial import Label, TrialSpec
from ablate.training.reported import MOST_STEPS, ReportedTrial

MAE = Task({}, (TaskMetric("mae", "minimize"),), "mae")


def spec(*, test=False, **factors):
    return TrialSpec("t", Label("ablation" if test else "search"), 1, factors, test=test, frozen="x" if test else "")


@pytest.fixture
def sent():
    return []


@pytest.fixture
def make(sent):
    def make(*, verdicts=(), **kwargs):
        answers = iter(verdicts)

        def send(epoch):
            sent.append(epoch)
            return next(answers, True)

        return ReportedTrial(spec(**kwargs), MAE, send, who="my.py:train")

    return make


def test_each_step_with_the_deciding_metric_is_an_epoch(make, sent):
    trial = make(learning_rate=0.1)
    trial.step({"train_loss": 2.0})
    trial.step({"mae": np.float32(0.5), "rmse": 1})
    trial.step({"mae": 0.25, "learning_rate": 0.05})
    outcome = trial.ended(None)
    assert [(epoch.epoch, dict(epoch.metrics), epoch.learning_rate) for epoch in sent] == [
        (1, {"train_loss": 2.0, "val_mae": 0.5, "val_rmse": 1.0}, 0.1),
        (2, {"val_mae": 0.25}, 0.05),
    ]
    assert (outcome.state, outcome.score, outcome.best_epoch, outcome.epochs) == ("finished", -0.25, 2, 2)
    assert outcome.metrics == {"val_mae": 0.25, "val_rmse": 1.0}


def test_what_is_returned_is_the_result(make):
    trial = make()
    trial.step({"mae": 0.5})
    outcome = trial.ended({"mae": 0.4, "parameters": 12})
    assert (outcome.score, outcome.metrics, outcome.parameters) == (-0.4, {"val_mae": 0.4}, 12)
    assert make().ended(0.3).score == -0.3
    assert make().ended(np.array(0.3)).score == -0.3


def test_metrics_of_the_test_set_count_only_where_the_spec_allows_them(make):
    early = make().ended({"mae": 0.4, "test_mae": 0.5})
    assert (early.metrics, early.discarded) == ({"val_mae": 0.4}, ("test_mae",))
    confirmed = make(test=True).ended({"mae": 0.4, "test_mae": 0.5})
    assert (confirmed.metrics, confirmed.discarded) == ({"val_mae": 0.4, "test_mae": 0.5}, ())


def test_a_pruned_trial_keeps_its_last_numbers_and_stays_pruned(make):
    trial = make(verdicts=[True, False])
    trial.step({"mae": 0.5})
    with pytest.raises(Stopped):
        trial.step({"mae": 0.6})
    with pytest.raises(Stopped):  # a function that swallows it
        trial.step({"mae": 0.1})
    outcome = trial.ended(0.1)
    assert (outcome.state, outcome.score, outcome.best_epoch, outcome.reason) == (
        "pruned",
        -0.6,
        1,
        "stopped after epoch 2",
    )


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_deciding_metric_that_is_not_finite_is_divergence(make, value):
    trial = make()
    with pytest.raises(Stopped):
        trial.step({"mae": value})
    assert (trial.stopped().state, trial.stopped().score) == ("diverged", None)
    outcome = make().ended(value)
    assert (outcome.state, outcome.score, outcome.metrics) == ("diverged", None, {})
    assert outcome.reason == f"its mae is {value}"


def test_epochs_may_count_from_0_and_must_increase(make, sent):
    trial = make()
    trial.step({"mae": 1}, epoch=0)
    trial.step({"mae": 1}, epoch=4)
    assert [epoch.epoch for epoch in sent] == [1, 5]
    with pytest.raises(StudyError, match="epoch 4 after epoch 4"):
        trial.step({"mae": 1}, epoch=4)
    with pytest.raises(StudyError, match="count epochs from 1"):
        trial.step({"mae": 1}, epoch=2.5)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mae": "0.3"}, "mae must be a number"),
        ({"mae": [1, 2]}, "mae must be a number"),
        ({"mae": np.zeros(2)}, "mae must be a number"),
        ({"mean error": 1.0}, "cannot be the name of a metric"),
        ({"trial": 1.0}, "cannot be the name of a metric"),
        ({"test": 1.0}, "cannot be the name of a metric"),
    ],
)
def test_what_is_no_number_or_no_name_is_refused(make, values, said):
    with pytest.raises(StudyError, match=said):
        make().step(values)


def test_a_trial_without_the_deciding_metric_fails_with_what_it_reported(make):
    trial = make()
    trial.step({"rmse": 1.0})
    with pytest.raises(StudyError, match=r"reports no mae, which \[metric\] names; it reports rmse and train_mae"):
        trial.ended({"train_mae": 2.0})


@pytest.mark.parametrize("name", ["Test_mae", "val_test_mae", "mae_test", "testing", "testMae", "train_test_mae"])
def test_scores_of_the_test_set_under_other_names_never_count(make, sent, name):
    for test in (False, True):
        trial = make(test=test)
        trial.step({"mae": 0.5, name: 0.1})
        outcome = trial.ended({"mae": 0.4, name: 0.2})
        assert (outcome.metrics, outcome.discarded) == ({"val_mae": 0.4}, (name,))
    assert {column for epoch in sent for column in epoch.metrics} == {"val_mae"}


def test_a_share_that_is_a_percentage_is_refused_with_the_way_out():
    accuracy = Task({}, (TaskMetric("accuracy", "maximize", "points"),), "accuracy")
    for name in ("accuracy", "train_accuracy", "test_accuracy"):
        trial = ReportedTrial(spec(), accuracy, lambda _: True, who="my.py:train")
        with pytest.raises(StudyError, match=r"accuracy is 93, but it is shown in points.*divide it by 100, or .*%"):
            trial.step({name: 93.0})
    in_percent = Task({}, (TaskMetric("accuracy", "maximize", "%"),), "accuracy")
    assert ReportedTrial(spec(), in_percent, lambda _: True, who="my.py:train").ended(93.0).score == 93.0


def test_two_names_for_one_column_are_refused(make):
    with pytest.raises(StudyError, match="two names for mae; leave one of them out"):
        make().ended({"val_mae": 0.9, "mae": 0.1})


def test_a_result_may_name_the_learning_rate_and_counts_whole_parameters(make):
    assert make().ended({"mae": 1.0, "learning_rate": 0.05}).learning_rate == 0.05
    for n in (-12, 2.5, math.nan):
        with pytest.raises(StudyError, match="parameters must be a whole number from 0"):
            make().ended({"mae": 1.0, "parameters": n})


def test_a_number_too_large_for_a_table_is_divergence(make):
    outcome = make().ended(1e300)
    assert (outcome.state, outcome.score, outcome.reason) == ("diverged", None, "its mae is 1e+300")


def test_a_trial_that_stops_itself_has_not_been_stopped(make):
    with pytest.raises(StudyError, match="raised Stopped, though nothing stopped it"):
        make().stopped()


def test_a_flood_of_steps_is_cut_and_said(make, sent):
    trial = make()
    for _ in range(MOST_STEPS + 5):
        trial.step({"mae": 0.5})
    outcome = trial.ended(0.1)
    assert len(sent) == MOST_STEPS
    assert outcome.score == -0.1
    assert outcome.notes == ("it reported 10,005 steps, of which the first 10,000 are recorded",)


def test_a_failed_trial_says_how_far_it_came(make):
    trial = make()
    trial.step({"mae": 0.5, "test_mae": 1})
    outcome = trial.failed("failed", "ValueError: x", "trace")
    assert (outcome.state, outcome.epochs, outcome.discarded) == ("failed", 1, ("test_mae",))
