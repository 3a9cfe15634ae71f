import math

import pytest
from optuna.trial import TrialState
from records import epoch_of_classes

from ablate.plans.search_endings import Endings
from ablate.study.objectives import SearchObjective, cost
from ablate.study.trial import Outcome

ACCURACY = SearchObjective("accuracy", "maximize", "points")
RECALL = SearchObjective("recall", "maximize", "points")
MAE = SearchObjective("mae", "minimize")


def endings(*objectives, chance=0.1, sign=1, epochs_of=lambda _: (), said=None):
    return Endings(
        objectives, chance=chance, sign=sign, epochs_of=epochs_of, announce=lambda text: (said or []).append(text)
    )


def finished(trial: str, score: float, **fields) -> Outcome:
    return Outcome(trial, "finished", score=score, **fields)


def seconds(trial: str, *values: float) -> list:
    return [epoch_of_classes(trial, n, 1.0, 0.5, 1.0, 0.5, 0.01, value) for n, value in enumerate(values, 1)]


def test_one_objective_is_the_score_and_a_diverged_trial_is_a_guess():
    ends = endings()
    assert ends.of(finished("a", 0.6)) == (TrialState.COMPLETE, [0.6])
    assert ends.of(Outcome("a", "diverged")) == (TrialState.COMPLETE, [0.1])
    assert ends.of(Outcome("a", "pruned", score=0.3)) == (TrialState.PRUNED, None)
    assert ends.of(Outcome("a", "failed")) == (TrialState.FAIL, None)
    assert endings(chance=math.nan).of(Outcome("a", "diverged")) == (TrialState.FAIL, None)


def test_each_objective_has_its_value_as_recorded():
    ends = endings(MAE, cost("parameters"), RECALL, sign=-1)
    outcome = finished("a", -2.5, parameters=120, metrics={"val_mae": 2.5, "val_recall": 0.7})
    ends.note(outcome, number=0)
    assert ends.of(outcome) == (TrialState.COMPLETE, [2.5, 120.0, 0.7])


def test_seconds_are_those_of_the_median_epoch():
    ends = endings(ACCURACY, cost("seconds"))
    for epoch in seconds("a", 9.0, 2.0, 3.0):  # the first one compiles
        ends.pass_epoch(epoch)
    outcome = finished("a", 0.5, seconds=20.0)
    ends.note(outcome, number=0)
    assert ends.of(outcome) == (TrialState.COMPLETE, [0.5, 3.0])


def test_an_attempt_that_starts_over_replaces_the_seconds_of_the_one_before():
    ends = endings(ACCURACY, cost("seconds"))
    for epoch in [*seconds("a", 9.0, 9.0, 9.0), *seconds("a", 1.0, 2.0)]:
        ends.pass_epoch(epoch)
    ends.note(finished("a", 0.5), number=0)
    assert ends.of(finished("a", 0.5))[1] == [0.5, 1.5]


def test_a_repeat_has_the_seconds_of_the_trial_that_was_trained():
    ends = endings(ACCURACY, cost("seconds"), epochs_of=lambda trial: seconds(trial, 4.0) * (trial == "elsewhere"))
    ends.pass_epoch(seconds("first", 3.0)[0])
    for number, first in enumerate(["first", "elsewhere"]):
        repeat = finished(f"repeat-{number}", 0.5, same_as=first)
        ends.note(repeat, number=number)
        assert ends.of(repeat)[1] == [0.5, 3.0 + number]


def test_a_diverged_trial_has_the_worst_cost_of_the_trials_up_to_it_so_that_small_networks_gain_nothing():
    ends = endings(ACCURACY, cost("parameters"), RECALL)
    told = [
        finished("search-0", 0.9, parameters=500, metrics={"val_recall": 0.8}),
        Outcome("search-1", "diverged", parameters=10),
        finished("search-2", 0.7, parameters=900, metrics={"val_recall": 0.2}),
        Outcome("search-3", "failed", parameters=9_000),
        Outcome("search-4", "diverged", parameters=1_000),
    ]
    for number, outcome in reversed(list(enumerate(told))):  # in whatever order they ended
        ends.note(outcome, number=number)
    assert ends.of(told[1]) == (TrialState.COMPLETE, [0.1, 500.0, 0.8])
    assert ends.of(told[4]) == (TrialState.COMPLETE, [0.1, 1_000.0, 0.2])
    assert ends.of(told[3]) == (TrialState.FAIL, None)


def test_a_diverged_trial_of_which_nothing_is_known_teaches_nothing():
    ends = endings(ACCURACY, cost("seconds"))
    ends.note(Outcome("a", "diverged"), number=0)
    assert ends.of(Outcome("a", "diverged")) == (TrialState.FAIL, None)


def test_the_guess_of_a_metric_of_which_less_is_better_is_told_as_recorded():
    ends = endings(MAE, cost("parameters"), chance=-4.0, sign=-1)
    lost = Outcome("a", "diverged", parameters=7)
    ends.note(lost, number=0)
    assert ends.of(lost) == (TrialState.COMPLETE, [4.0, 7.0])


@pytest.mark.parametrize("value", [None, math.inf, math.nan])
def test_a_finished_trial_without_a_value_counts_as_failed_and_that_is_said_once(value):
    said: list[str] = []
    ends = Endings((ACCURACY, cost("parameters")), chance=0.1, sign=1, epochs_of=lambda _: (), announce=said.append)
    for number in (0, 1):
        outcome = finished(f"search-{number}", 0.5, parameters=value)
        ends.note(outcome, number=number)
        assert ends.of(outcome) == (TrialState.FAIL, None)
    assert said == [
        "search-0 has no parameters: the search counts such trials as failed; report a value, or change "
        "search.objectives"
    ]
