import pytest
from tables import runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.scores import find_direction, find_score, find_unit, unit_note
from ablate.errors import DataError


def direction(name, values=(0.5, 0.6, 0.7), **asked):
    source = runs({name: list(values)})
    return find_direction(source, ImportOptions(**asked), recognize(source.table), score=name)


@pytest.mark.parametrize(
    "name",
    ["accuracy", "val_accuracy", "mean_test_accuracy", "test_roc_auc", "r2", "split0_test_r2", "balanced_accuracy",
     "explained_variance", "mean_test_score", "top_k_accuracy", "metrics.val_f1", "val_precision", "best_val_acc",
     "valAcc", "v_measure_score", "summary.test_recall"],
)  # fmt: skip
def test_more_of_a_score_is_better(name):
    assert direction(name) == "maximize"


@pytest.mark.parametrize(
    "name",
    ["neg_log_loss", "mean_test_neg_mean_squared_error", "test_neg_root_mean_squared_error", "neg_brier_score",
     "split3_test_neg_median_absolute_error", "metrics.neg_mean_absolute_error", "val_neg_max_error"],
)  # fmt: skip
def test_scikit_learn_s_negative_scorers_are_better_when_larger(name):
    assert direction(name, (-0.5, -0.1, 0)) == "maximize"
    with pytest.raises(DataError, match="scorer of this name is never positive"):
        direction(name, (0.5, 0.1, 0.2))


def test_max_error_is_an_error_or_the_scorer_by_its_sign():
    assert direction("max_error", (1, 2, 3)) == "minimize"
    assert direction("test_max_error", (-1, -2, -3)) == "maximize"


@pytest.mark.parametrize(
    "name",
    ["loss", "val_loss", "log_loss", "rmse", "test_mse", "error_rate", "perplexity", "metrics.val_nll", "valLoss",
     "mean_squared_error", "cer", "simple_regret", "log10_loss"],
)  # fmt: skip
def test_less_of_a_loss_is_better(name):
    assert direction(name) == "minimize"


@pytest.mark.parametrize(
    "name",
    ["negative_loss", "accuracy_drop", "test_error_reduction", "loss_improvement", "accuracy_gain", "minus_rmse",
     "inverse_perplexity", "inv_loss", "accuracy_gap", "delta_loss", "error_decrease", "negated_mse", "neg_loss",
     "negLoss", "negloss", "1-accuracy", "1 - acc", "time_to_accuracy", "error_free_rate",
     "one_minus_accuracy", "-loss", "loss_accuracy", "accuracy_regret",
     "auc_error", "brier_score", "speed", "std_test_score", "rank_test_score", "val_loss_reduction", "lossDelta",
     "value", "objective"],
)  # fmt: skip
@pytest.mark.parametrize("values", [(0.5, 0.6, 0.7), (-0.5, -0.6, -0.7)])
def test_a_name_that_turns_the_meaning_or_tells_none_asks_for_the_direction(name, values):
    with pytest.raises(DataError, match="add --direction maximize or minimize"):
        direction(name, values)
    assert direction(name, values, direction="minimize") == "minimize"


def test_values_that_contradict_the_name_are_pointed_out():
    for name in ("val_loss", "log_loss", "accuracy", "test_f1"):
        with pytest.raises(DataError, match="All its values are negative"):
            direction(name, (-0.5, -0.6, -0.7))
    assert direction("log10_loss", (-0.5, -0.6, -0.7)) == "minimize"
    assert direction("val_loss", (-0.5, 0.6, 0.7)) == "minimize"
    assert direction("r2", (-0.5, -0.6, -0.7)) == "maximize"  # worse than the mean in all runs


def test_a_tool_that_does_not_say_the_direction_is_asked_about():
    for columns, score in (
        ({"number": [0, 1], "params_lr": [1, 2], "value": [1, 2]}, "value"),
        ({"trial_id": ["a", "b"], "score": [1, 2], "status": ["COMPLETED"] * 2}, "score"),
        ({"TrainingJobName": ["a", "b"], "TrainingJobStatus": ["Completed"] * 2, "FinalObjectiveValue": [1, 2]},
         "FinalObjectiveValue"),
    ):  # fmt: skip
        source = runs(columns)
        export = recognize(source.table)
        assert find_score(source, ImportOptions(), export) == score
        with pytest.raises(DataError, match="exports do not say so"):
            find_direction(source, ImportOptions(), export, score=score)


def test_what_ends_as_a_setting_is_no_score():
    source = runs({"loss_weight": [1, 2], "score_threshold": [1, 2], "params.loss": [1, 2], "val_acc": [1, 2]})
    assert find_score(source, ImportOptions(), recognize(source.table)) == "val_acc"
    gap = runs({"test_loss": [0.1, 0.2], "generalization_gap": [0.15, 0.25]})
    with pytest.raises(DataError, match="it may be test_loss, generalization_gap"):
        find_score(gap, ImportOptions(), recognize(gap.table))


def unit(name, values, **asked):
    return find_unit(runs({name: list(values)}), ImportOptions(**asked), score=name, direction="maximize")


def test_an_accuracy_is_in_points_whether_fractions_or_percents():
    assert unit("val_acc", (0.5, 0.9)) == "points"
    assert unit("accuracy", (50.1, 99.5)) == "points"
    assert unit("accuracy", (150.1, 99.5)) == ""
    assert unit("auc", (0.5, 0.9)) == ""
    assert unit_note(runs({"accuracy": [50.1]}), score="accuracy", unit="points").startswith("accuracy is read as perc")
    assert not unit_note(runs({"accuracy": [0.5]}), score="accuracy", unit="points")


def test_fractions_and_percents_in_one_column_are_a_question():
    for name, values in (("val_acc", (0.81, 82.5)), ("test_auc", (91, 0.9)), ("f1", (1, 50, 60))):
        with pytest.raises(DataError, match="seems to mix fractions and percents"):
            unit(name, values)
        assert unit(name, values, unit="points") == "points"


def test_a_row_for_each_metric_is_refused():
    for name in ("metric", "tag", "Metric Name"):
        source = runs({name: ["val_acc", "val_loss"] * 2, "value": [0.5, 1.5, 0.6, 1.4]})
        with pytest.raises(DataError, match=f'rows of several metrics: "{name}" is val_acc, val_loss'):
            find_score(source, ImportOptions(), recognize(source.table))
    distances = runs({"metric": ["l1", "l2"], "acc": [0.5, 0.6]})
    assert find_score(distances, ImportOptions(), recognize(distances.table)) == "acc"


def test_a_spread_beside_a_score_is_none():
    source = runs({"val_acc": [0.5, 0.6], "val_acc_std": [0.1, 0.2], "acc_ci_lower": [0.4, 0.5]})
    assert find_score(source, ImportOptions(), recognize(source.table)) == "val_acc"
