import math

import numpy as np
import pandas as pd
import pytest
from several_data_sets import blocks, results

from ablate.analysis.effects import DIFFERS, EXPLORATORY, LOST, blocks_of, data_set_effects
from ablate.analysis.statistics import paired_interval
from ablate.storage.provenance import TaskFacts
from ablate.study.task import classification

TASK = TaskFacts.of(classification("val_accuracy", 2))


def only(table: pd.DataFrame) -> pd.Series:
    (row,) = [row for _, row in table.iterrows()]
    return row


def test_runs_are_paired_within_a_data_set_though_all_have_the_same_seeds():
    found = data_set_effects(blocks({"a": 0.02, "b": 0.05}))
    d = found.pairs.query("data_set == 'b'")["difference"].to_numpy()
    row = only(found.on_each.query("data_set == 'b'"))
    plain = paired_interval(d)
    assert (row["n"], row["mean"], row["low"]) == (6, pytest.approx(plain.mean), pytest.approx(plain.low))
    assert len(found.pairs) == 12


@pytest.mark.parametrize(("k", "is_pooled"), [(2, False), (4, False), (5, True), (6, True)])
def test_from_five_data_sets_on_the_pooled_effects_are_the_primary_ones(k, is_pooled):
    found = data_set_effects(blocks({f"d{i}": 0.05 for i in range(k)}))
    assert found.is_pooled_primary is is_pooled
    assert set(found.pooled["verdict"]) == ({"helps"} if is_pooled else {EXPLORATORY})
    assert set(found.on_each["verdict"]) == ({EXPLORATORY} if is_pooled else {"helps"})


def test_the_family_of_few_data_sets_is_every_comparison_on_all_of_them():
    one = data_set_effects(blocks({"a": 0.02, "b": 0.02})).on_each
    many = data_set_effects(blocks({"a": 0.02, "b": 0.02, "c": 0.02, "d": 0.02})).on_each
    width = one["high_adjusted"] - one["low_adjusted"], many["high_adjusted"] - many["low_adjusted"]
    assert (width[1].iloc[:2].to_numpy() > width[0].to_numpy()).all()


def test_an_effect_of_both_signs_is_no_common_effect_however_many_seeds_there_are():
    found = data_set_effects(blocks({"a": 0.05, "b": -0.05, "c": 0.05, "d": 0.05, "e": 0.05, "f": -0.05}))
    row = only(found.pooled)
    assert row["verdict"] == DIFFERS
    assert row["p_heterogeneity_holm"] < 0.001
    assert row["predicted_low"] < 0 < row["predicted_high"]
    assert row["data_sets_better"] == 4


def test_an_effect_of_one_sign_helps_though_its_size_differs():
    row = only(data_set_effects(blocks({"a": 0.05, "b": 0.06, "c": 0.05, "d": 0.07, "e": 0.05, "f": 0.06})).pooled)
    assert row["verdict"] == "helps"
    assert row["p_heterogeneity_holm"] < 0.05
    assert row["predicted_low"] > 0
    assert row["mean"] == pytest.approx(0.34 / 6, abs=2e-3)


def test_the_interval_of_the_pooled_mean_rests_on_the_number_of_data_sets():
    gains = {"a": 0.01, "b": 0.03, "c": 0.05, "d": 0.02, "e": 0.04}
    few, many = (only(data_set_effects(blocks(gains, n=n)).pooled) for n in (6, 60))
    assert many["high"] - many["low"] > 0.9 * (few["high"] - few["low"])


def test_a_comparison_that_lost_runs_of_unknown_score_on_one_data_set_has_no_size_over_all():
    table = results({"a": 0.02, "b": 0.05})
    table.loc[(table["data_set"] == "a") & (table["variant"] == "x=new") & (table["seed"] == 1), "state"] = "diverged"
    stated = {"name": "accuracy", "unit": "points", "scale": 100.0}
    found = data_set_effects(blocks_of(table, task=TASK, n_test={}, stated=stated))
    assert found.on_each["verdict"].tolist()[0] == LOST
    row = only(found.pooled)
    assert (row["verdict"], row["n_lost"]) == (LOST, 1)
    assert math.isnan(row["mean"])


def test_a_lost_run_counts_at_the_worst_of_its_own_data_set():
    table = results({"a": 0.0, "b": 0.0})
    table.loc[table["data_set"] == "b", "score"] -= 0.4
    table.loc[(table["variant"] == "x=new") & (table["seed"] == 1), "state"] = "diverged"
    easy, hard = blocks_of(table, task=TASK, n_test={}, stated={"name": "accuracy", "unit": "points", "chance": 0.5})
    assert easy.metric.chance == 0.5
    assert hard.metric.chance == pytest.approx(table.loc[table["data_set"] == "b", "score"].min())


def test_losses_of_other_sizes_are_compared_by_their_ratio():
    table = results({"a": 0.0, "b": 0.0}, spread=0.0)
    sizes = {("a", "reference"): 1.0, ("a", "x=new"): 0.9, ("b", "reference"): 1000.0, ("b", "x=new"): 900.0}
    luck = 1 + 0.001 * table["seed"].astype(float)
    table["score"] = -luck * [sizes[key] for key in zip(table["data_set"], table["variant"], strict=True)]
    stated = {"name": "mae", "direction": "minimize"}
    found = data_set_effects(blocks_of(table, task=TASK, n_test={}, stated=stated))
    assert (found.scale, found.metric.unit) == ("ratio", "log points")
    assert found.on_each["mean"].to_numpy() == pytest.approx([-math.log(0.9)] * 2)
    assert only(found.pooled)["mean"] == pytest.approx(-math.log(0.9))


def test_scores_around_zero_have_no_common_scale_so_no_claim_is_pooled():
    table = results({f"d{i}": 0.05 for i in range(6)})
    table["score"] = 100 * (table["score"] - 0.7)
    found = data_set_effects(blocks_of(table, task=TASK, n_test={}, stated={"name": "reward"}))
    assert found.scale == "none"
    assert not found.is_pooled_primary


def test_a_share_as_margin_holds_for_ratios():
    table = results({"a": 0.0, "b": 0.0})
    table["score"] = -100 * table["score"]
    read = blocks_of(table, task=TASK, n_test={}, stated={"name": "mae", "direction": "minimize"})
    assert data_set_effects(read, margin_share=0.02).metric.margin == pytest.approx(math.log(1.02))


def test_configurations_are_ranked_where_five_data_sets_have_three_of_them():
    gains = {f"d{i}": 0.05 for i in range(5)}
    found = data_set_effects(blocks(gains, others={"y=1": -0.05}))
    assert found.ranked.names == ("x=new", "reference", "y=1")
    assert found.ranked.test.ranks.tolist() == [1, 2, 3]
    assert data_set_effects(blocks(gains)).ranked is None
    assert data_set_effects(blocks(dict(list(gains.items())[:4]), others={"y=1": -0.05})).ranked is None


def test_identical_runs_on_all_data_sets_are_no_comparison():
    table = results({f"d{i}": 0.0 for i in range(5)}, spread=0.0)
    table["score"] += 0.001 * table["seed"]
    stated = {"name": "accuracy", "unit": "points", "scale": 100.0}
    found = data_set_effects(blocks_of(table, task=TASK, n_test={}, stated=stated))
    assert only(found.pooled)["verdict"] == "identical runs"


def test_one_data_set_is_no_study_of_several():
    assert blocks_of(results({"a": 0.02}), task=TASK, n_test={}) == []
    table = results({"a": 0.02, "b": 0.02})
    assert blocks_of(table.drop(columns="data_set"), task=TASK, n_test={}) == []


@pytest.mark.slow
@pytest.mark.parametrize(("k", "tau"), [(3, 0.02), (5, 0.0), (5, 0.02), (10, 0.02)])
def test_variants_without_an_effect_on_average_are_rarely_said_to_help_or_hurt(k, tau):
    """An A/A check of the whole: three variants, effects of mean 0 that differ between data sets by `tau`."""
    rng, studies, wrong = np.random.default_rng(17), 40, 0
    for _ in range(studies):
        gains = {f"x={v}": rng.normal(0, tau, k) for v in range(3)}
        table = pd.concat(
            [
                results({f"d{i}": 0.0}, spread=0.01, rng=rng, others={v: g[i] for v, g in gains.items()})
                for i in range(k)
            ]
        )
        table = table[table["variant"] != "x=new"]
        stated = {"name": "accuracy", "unit": "points", "scale": 100.0}
        found = data_set_effects(blocks_of(table, task=TASK, n_test={}, stated=stated))
        wrong += found.pooled["verdict"].isin(("helps", "hurts")).any()
    assert wrong <= 6  # of 40 at 5 %: 6 or fewer with probability .995
