"""The goal that a score's name tells, and the names that tell none."""

import pytest

from ablate.study.score_words import goal_of_name


@pytest.mark.parametrize("name", ["accuracy", "val_f1", "macroF1", "test_ndcg", "r2", "true_positive_rate", "f1_score"])
def test_more_of_a_known_score_is_better(name):
    assert goal_of_name(name) == "maximize"


@pytest.mark.parametrize("name", ["my_loss", "rmse", "val_error", "hausdorff_distance", "cross_entropy", "brier"])
def test_less_of_a_known_error_is_better(name):
    assert goal_of_name(name) == "minimize"


@pytest.mark.parametrize(
    "name",
    ["sharpe", "score", "energy_score", "neg_loss", "negloss", "loss_ratio", "accuracy_drop", "loss_recall"],
)
def test_a_name_that_says_nothing_or_both_or_negates_tells_no_goal(name):
    assert goal_of_name(name) is None
