import math

import numpy as np
import pandas as pd
import pytest

from ablate import effects
from ablate.effects import Metric
from ablate.errors import DataError

ACCURACY = Metric("test_accuracy", "test_accuracy", 1, 100.0, "points", 0.1, 0.005)
SEEDS = range(6)
REFERENCE = dict.fromkeys(SEEDS, 0.50)
# Mean .03; SD √(4·.01²/5) = .0089443; t(.975, 5) = 2.570582, so half a width of .0093864.
BATCH = {0: 0.52, 1: 0.53, 2: 0.54, 3: 0.52, 4: 0.53, 5: 0.54}


def rows(variant, values, *, mode="", score_shift=0.0, **more):
    """One finished row a seed: test accuracy from `values`, score that much above."""
    factor, _, level = variant.partition("=")
    return [
        {
            "trial": f"{variant}-{mode}-{seed}",
            "phase": "ablation",
            "variant": variant,
            "factor": factor if level else "",
            "level": level,
            "mode": mode,
            "seed": seed,
            "state": "finished",
            "score": value + score_shift,
            "test_accuracy": value,
            "learning_rate": 0.001 * (1 + seed),
            "run_id": f"run{seed}",
        }
        | more
        for seed, value in values.items()
    ]


def table(*parts):
    return pd.DataFrame([row for part in parts for row in part])


def only(results, metric=ACCURACY):
    (row,) = effects.effects_table(results, metric).to_dict("records")
    return row


def test_a_contrast_has_the_effects_computed_by_hand():
    results = table(rows("reference", REFERENCE), rows("normalization=batch", BATCH, mode="find", score_shift=0.01))
    row = only(results)
    assert list(row) == list(effects.EFFECT_COLUMNS)
    expected = {
        "factor": "normalization", "level": "batch", "variant": "normalization=batch", "mode": "find", "n": 6,
        "mean": 0.03, "sd": 0.0089443, "low": 0.0206136, "high": 0.0393864, "p": 2 / 64, "p_adjusted": 2 / 64,
        "verdict": "helps", "low_adjusted": 0.0206136, "high_adjusted": 0.0393864, "seeds_needed": 6,
        "d_z": 2.81995, "p_better": 1.0, "margin": 0.005, "diverged": 0, "reference_mean": 0.5,
        "variant_mean": 0.53, "metric": "test_accuracy", "score_difference": 0.04, "learning_rate": 0.0035,
    }  # fmt: skip
    words = {name: value for name, value in expected.items() if isinstance(value, str)}
    numbers = {name: value for name, value in expected.items() if name not in words}
    assert {name: row[name] for name in words} == words
    assert {name: row[name] for name in numbers} == pytest.approx(numbers, rel=1e-5)
    assert row["p_tost"] > 0.99


def test_the_family_is_the_mode_so_each_mode_is_adjusted_by_itself():
    near = {seed: 0.501 if seed % 2 else 0.499 for seed in SEEDS}
    results = table(
        rows("reference", REFERENCE),
        rows("normalization=batch", BATCH, mode="find"),
        rows("normalization=batch", BATCH, mode="carry"),
        rows("dropout=0.1", near, mode="carry"),
    )
    found = effects.effects_table(results, ACCURACY).set_index(["variant", "mode"])
    assert found.loc[("normalization=batch", "find"), "p_adjusted"] == 1 / 32
    assert found.loc[("normalization=batch", "carry"), "p_adjusted"] == 2 / 32
    assert found.loc[("normalization=batch", "carry"), "verdict"] == "inconclusive"
    assert found.loc[("normalization=batch", "carry"), "seeds_needed"] == 7
    # t(1 − .05/4, 5) = 3.163381
    half = 3.163381 * 0.0089443 / math.sqrt(6)
    assert found.loc[("normalization=batch", "carry"), "low_adjusted"] == pytest.approx(0.03 - half, rel=1e-5)
    assert found.loc[("dropout=0.1", "carry"), "verdict"] == "equivalent"
    assert found.loc[("dropout=0.1", "carry"), "p"] == 1.0


def test_factors_with_the_largest_effect_come_first_and_in_each_the_best_level():
    def moved(by):
        return dict.fromkeys(SEEDS, 0.5 + by)

    results = table(
        rows("reference", REFERENCE),
        rows("a=1", moved(0.01), mode="find"),
        rows("b=1", moved(-0.2), mode="find"),
        rows("c=1", moved(0.03), mode="find"),
        rows("b=2", moved(0.02), mode="find"),
    )
    assert effects.effects_table(results, ACCURACY)["variant"].tolist() == ["b=2", "b=1", "c=1", "a=1"]


@pytest.mark.parametrize("state", ["diverged", "out_of_memory", "failed"])
def test_a_run_that_broke_counts_at_chance_and_is_counted(state):
    results = table(rows("reference", REFERENCE), rows("optimizer=sgd", BATCH, mode="find"))
    broken = (results["variant"] == "optimizer=sgd") & results["seed"].isin((0, 1))
    results.loc[broken, ["state", "score", "test_accuracy"]] = [state, 0.99, math.nan]
    row = only(results)
    assert (row["n"], row["diverged"]) == (6, 2)
    assert row["mean"] == pytest.approx((-0.4 - 0.4 + 0.04 + 0.02 + 0.03 + 0.04) / 6)
    assert row["score_difference"] == pytest.approx(row["mean"])


@pytest.mark.parametrize("state", ["killed", "pruned"])
def test_an_interrupted_run_says_nothing_and_its_pair_is_left_out(state):
    results = table(rows("reference", REFERENCE), rows("optimizer=sgd", BATCH, mode="find"))
    results.loc[(results["variant"] == "optimizer=sgd") & (results["seed"] == 0), "state"] = state
    row = only(results)
    assert (row["n"], row["diverged"], row["verdict"]) == (5, 0, "too few seeds")
    assert math.isnan(row["p"])
    assert math.isnan(row["p_adjusted"])
    assert math.isnan(row["p_tost"])
    assert row["mean"] == pytest.approx(0.032)


def test_a_seed_without_its_partner_is_left_out_of_both_means():
    reference = {0: 0.1, **{seed: 0.5 for seed in SEEDS if seed}}
    batch = {seed: BATCH[seed] for seed in SEEDS if seed}
    row = only(table(rows("reference", reference), rows("normalization=batch", batch, mode="find")))
    assert (row["n"], row["reference_mean"]) == (5, pytest.approx(0.5))


def test_without_a_reference_every_contrast_is_there_and_empty():
    row = only(table(rows("normalization=batch", BATCH, mode="find")))
    assert (row["n"], row["verdict"]) == (0, "too few seeds")
    assert math.isnan(row["mean"])


def test_of_a_run_that_is_there_twice_the_last_wins():
    results = table(
        rows("reference", REFERENCE),
        rows("normalization=batch", {0: 0.2}, mode="find"),
        rows("normalization=batch", BATCH, mode="find"),
    )
    row = only(results)
    assert (row["n"], row["mean"]) == (6, pytest.approx(0.03))


def test_the_means_of_the_pairs_are_the_means_of_the_effects():
    rng = np.random.default_rng(0)
    results = table(
        rows("reference", dict(enumerate(rng.random(8)))),
        rows("a=1", dict(enumerate(rng.random(8))), mode="find"),
        rows("a=2", dict(enumerate(rng.random(7))), mode="carry"),
    )
    pairs = effects.paired_scores(results, ACCURACY)
    assert list(pairs) == list(effects.PAIR_COLUMNS)
    means = pairs.groupby(["variant", "mode"])["difference"].mean()
    found = effects.effects_table(results, ACCURACY).set_index(["variant", "mode"])["mean"]
    assert means.to_dict() == pytest.approx(found.to_dict())
    assert (pairs["value"] - pairs["reference_value"]).tolist() == pairs["difference"].tolist()


def test_a_table_with_the_required_columns_alone_is_enough():
    results = table(rows("reference", REFERENCE), rows("normalization=batch", BATCH))
    least = results[["trial", "phase", "variant", "factor", "level", "seed", "state", "score"]]
    metric = effects.primary_metric(least, monitor="val_accuracy", n_classes=None, n_test=None)
    assert (metric.name, metric.column, metric.chance) == ("val_accuracy", "score", 0.5)
    row = only(least, metric)
    assert (row["verdict"], row["mode"], row["metric"]) == ("helps", "", "val_accuracy")
    assert math.isnan(row["learning_rate"])


def test_a_table_without_an_ablation_has_no_effects():
    results = table(rows("reference", REFERENCE)).assign(phase="search")
    metric = effects.primary_metric(results, monitor="val_accuracy", n_classes=10, n_test=None)
    assert metric.column == "score"
    assert effects.effects_table(results, metric).empty
    assert effects.paired_scores(results, metric).empty


def test_the_primary_metric_is_the_test_accuracy_where_every_finished_run_has_it():
    results = table(rows("reference", REFERENCE), rows("a=1", BATCH, mode="find"))
    metric = effects.primary_metric(results, monitor="val_accuracy", n_classes=10, n_test=1000)
    assert (metric.name, metric.column, metric.unit, metric.chance) == ("test_accuracy", "test_accuracy", "points", 0.1)
    assert metric.margin == pytest.approx(math.sqrt(0.25 / 1000))
    assert metric.label == "test accuracy"
    results.loc[0, "test_accuracy"] = math.nan
    fallback = effects.primary_metric(results, monitor="val_accuracy", n_classes=10, n_test=1000)
    assert (fallback.column, fallback.label, fallback.margin) == ("score", "validation accuracy", 0.005)
    results.loc[0, "state"] = "diverged"  # what did not finish need not have a test accuracy
    assert effects.primary_metric(results, monitor="val_accuracy", n_classes=10, n_test=1000).column == "test_accuracy"


def test_with_a_loss_lower_is_better_and_chance_is_minus_its_logarithm():
    results = table(rows("reference", REFERENCE), rows("a=1", BATCH, mode="find"))
    results = results.assign(test_loss=results["test_accuracy"]).assign(score=-results["score"])
    metric = effects.primary_metric(results, monitor="val_loss", n_classes=10, n_test=1000)
    assert (metric.column, metric.sign, metric.unit, metric.margin) == ("test_loss", -1, "nats", 0.01)
    assert metric.chance == pytest.approx(-2.302585)
    row = only(results, metric)
    assert (row["mean"], row["verdict"]) == (pytest.approx(-0.03), "hurts")


def test_a_margin_that_is_given_is_used():
    results = table(rows("reference", REFERENCE))
    assert effects.primary_metric(results, monitor="val_loss", n_classes=2, n_test=9, margin=0.2).margin == 0.2


def test_an_unknown_monitor_is_refused():
    with pytest.raises(DataError, match='must be "val_accuracy" or "val_loss", got "f1"'):
        effects.primary_metric(table(rows("reference", REFERENCE)), monitor="f1", n_classes=2, n_test=None)
