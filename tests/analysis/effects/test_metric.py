import math
from dataclasses import replace

import pytest
from effect_rows import BATCH, REFERENCE, rows, table
from records import classes_task

from ablate.analysis import effects
from ablate.errors import DataError
from ablate.study.task import classification


def test_the_primary_metric_is_the_test_accuracy_where_every_finished_run_has_it():
    results = table(rows("reference", REFERENCE), rows("a=1", BATCH, mode="find"))
    metric = effects.primary_metric(results, task=classes_task("val_accuracy", 10), n_test=1000)
    assert (metric.name, metric.column, metric.unit, metric.chance) == ("test_accuracy", "test_accuracy", "points", 0.1)
    assert metric.margin == pytest.approx(math.sqrt(0.25 / 1000))
    assert metric.label == "test accuracy"
    results.loc[0, "test_accuracy"] = math.nan
    fallback = effects.primary_metric(results, task=classes_task("val_accuracy", 10), n_test=1000)
    assert (fallback.column, fallback.label, fallback.margin) == ("score", "validation accuracy", 0.005)
    results.loc[0, "state"] = "diverged"  # what did not finish need not have a test accuracy
    assert effects.primary_metric(results, task=classes_task("val_accuracy", 10), n_test=1000).column == "test_accuracy"


def test_guessing_scores_one_in_n_or_minus_the_entropy():
    assert classification("val_accuracy", 10).metric.guess_score == 0.1
    assert classification("val_loss", 10).metric.guess_score == pytest.approx(-2.302585)


def test_with_a_loss_lower_is_better_and_chance_is_minus_its_logarithm():
    results = table(rows("reference", REFERENCE), rows("a=1", BATCH, mode="find"))
    results = results.assign(test_loss=results["test_accuracy"]).assign(score=-results["score"])
    metric = effects.primary_metric(results, task=classes_task("val_loss", 10), n_test=1000)
    assert (metric.column, metric.sign, metric.unit, metric.margin) == ("test_loss", -1, "nats", 0.01)
    assert metric.chance == pytest.approx(-2.302585)
    (row,) = effects.effects_table(results, metric).to_dict("records")
    assert (row["mean"], row["verdict"]) == (pytest.approx(-0.03), "hurts")


def test_a_margin_that_is_given_is_used():
    results = table(rows("reference", REFERENCE))
    assert effects.primary_metric(results, task=classes_task("val_loss", 2), n_test=9, margin=0.2).margin == 0.2


def test_the_margin_is_the_same_to_the_bit_in_whatever_order_the_rows_are():
    results = table(rows("reference", {0: 0.1, 1: 0.2, 2: 0.3}))
    assert sum([0.1, 0.2, 0.3]) != sum([0.3, 0.2, 0.1])
    first, second = (
        effects.primary_metric(rows, task=classes_task("val_accuracy", 10), n_test=1000).margin
        for rows in (results, results.iloc[::-1])
    )
    assert first == second


def test_a_metric_that_was_not_recorded_is_refused():
    task = replace(classes_task("val_accuracy", 2), decides="f1")
    with pytest.raises(DataError, match='must be one of its metrics, got "f1"'):
        effects.primary_metric(table(rows("reference", REFERENCE)), task=task, n_test=None)


STATED = {"name": "perplexity", "direction": "minimize", "unit": "bits", "scale": 1.0, "margin": None}


def test_a_foreign_score_keeps_its_name_unit_and_sign():
    results = table(rows("reference", {0: -20.0, 1: -21.0}), rows("a=1", {0: -18.0, 1: -30.0}))
    metric = effects.primary_metric(results, task=classes_task("val_accuracy", None), n_test=None, stated=STATED)
    assert (metric.name, metric.label, metric.unit, metric.column) == ("perplexity", "perplexity", "bits", "score")
    assert (metric.sign, metric.margin, math.isnan(metric.chance)) == (1, 0.0, True)
    assert metric.shown(-20.0) == 20.0
    table_ = effects.effects_table(results, metric)
    assert table_[["metric", "unit", "scale", "mean"]].to_numpy().tolist() == [["perplexity", "bits", 1.0, -3.5]]


@pytest.mark.parametrize(("guess", "counted"), [(-25.0, -30.0), (-40.0, -40.0)])
def test_a_lost_run_counts_as_the_worse_of_guessing_and_the_worst_finished_run(guess, counted):
    results = table(rows("reference", {0: -20.0, 1: -21.0}), rows("a=1", {0: -18.0, 1: -30.0}))
    ask = {"task": classes_task("val_loss", None), "n_test": None}
    assert effects.primary_metric(results, stated=STATED | {"chance": guess}, **ask).chance == counted
    lost = results.assign(state="diverged", score=math.nan)
    assert effects.primary_metric(lost, stated=STATED | {"chance": guess}, **ask).chance == guess


@pytest.mark.parametrize(("worst", "counted"), [(4.0, -4.0), (1.0, -math.log(10))])
def test_guessing_never_beats_a_finished_run_of_a_loss(worst, counted):
    results = table(rows("reference", {0: 0.5, 1: 0.6}), rows("a=1", {0: worst, 1: 0.5}))
    results = results.assign(test_loss=results["test_accuracy"])
    metric = effects.primary_metric(results, task=classes_task("val_loss", 10), n_test=None)
    assert metric.chance == pytest.approx(counted)


def test_without_a_margin_nothing_foreign_is_equivalent_or_below_it():
    same = dict.fromkeys(range(8), 0.0)
    tiny = {seed: 0.001 + 0.0001 * (-1) ** seed for seed in range(8)}
    results = table(rows("reference", same), rows("a=1", same), rows("b=1", tiny))
    ask = {"task": classes_task("", None), "n_test": None}
    bare = effects.primary_metric(results, stated=STATED | {"direction": "maximize"}, **ask)
    assert effects.effects_table(results, bare)["verdict"].tolist() == ["helps", "inconclusive"]
    for metric in (
        effects.primary_metric(results, stated=STATED | {"margin": 0.01}, **ask),
        effects.primary_metric(results, stated=STATED, margin=0.01, **ask),
    ):
        verdicts = effects.effects_table(results, metric)["verdict"].tolist()
        assert verdicts == ["detectable but below margin", "equivalent"]


def test_accuracies_are_shown_in_percent_and_losses_above_zero():
    results = table(rows("reference", REFERENCE), rows("a=1", BATCH))
    accuracy = effects.primary_metric(results, task=classes_task("val_accuracy", 10), n_test=None)
    loss = effects.primary_metric(results.assign(test_loss=1.0), task=classes_task("val_loss", 10), n_test=None)
    assert accuracy.shown(0.5) == 50.0
    assert loss.shown(-1.25) == 1.25


def test_a_direction_that_is_none_is_refused():
    with pytest.raises(DataError, match='must be "maximize" or "minimize", got "up"'):
        effects.primary_metric(
            table(rows("reference", REFERENCE)), task=classes_task("", None), n_test=None,
            stated=STATED | {"direction": "up"},
        )  # fmt: skip
