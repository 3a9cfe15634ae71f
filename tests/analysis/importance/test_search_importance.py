import math

import numpy as np
import pandas as pd
import pytest

from ablate.analysis.importance.search import COLUMNS, _encoded, _trials, importances


def table(n=24, *, noise=0.01):
    """Search trials whose score is the squared distance of log10 of the rate from −3, and a little of the norm."""
    rng = np.random.default_rng(0)
    rates = 10 ** rng.uniform(-4, -1, size=n)
    norms = rng.choice(["none", "batch", "layer"], size=n)
    return pd.DataFrame(
        {
            "trial": [f"search-{i:04}" for i in range(n)],
            "phase": "search",
            "state": ["pruned" if i % 3 == 0 else "finished" for i in range(n)],
            "seed": 0,
            "score": 0.5 - 0.1 * (np.log10(rates) + 3) ** 2 + 0.02 * (norms == "batch") + noise * rng.normal(size=n),
            "learning_rate": rates,
            "learning_rate_setting": [f"find*{rate:.3g}" for rate in rates],
            "normalization": norms,
            "dropout": rng.uniform(0, 0.4, size=n),
            "skip": rng.choice([True, False], size=n),
            "depth": 20,
        }
    )


def of(found, evaluator):
    return found[found["evaluator"] == evaluator].set_index("factor")


def test_the_factor_that_makes_the_score_comes_first_in_both_methods():
    found = importances(table(), seed=0)
    assert list(found) == list(COLUMNS)
    for evaluator in ("ped-anova", "fanova"):
        part = of(found, evaluator)
        assert part.index[0] == "learning_rate"
        assert set(part.index) == {"learning_rate", "normalization", "dropout", "skip"}
        assert (part["n_trials"] == 24).all()
        assert part["importance"].is_monotonic_decreasing
        assert ((part["low"] <= part["importance"]) & (part["importance"] <= part["high"])).all()
        assert ((part["low"] >= 0) & (part["high"] <= 1)).all()
        assert part.loc["learning_rate", "low"] > part.loc["dropout", "high"]


def test_fanova_leaves_the_unexplained_share_visible_and_ped_anova_sums_to_one():
    results = table()
    results["score"] = np.random.default_rng(1).permutation(results["score"])
    found = importances(results, seed=0)
    assert of(found, "fanova")["importance"].sum() < 0.95
    assert of(found, "ped-anova")["importance"].sum() == pytest.approx(1)


def test_the_same_seed_gives_the_same_table_and_another_only_moves_the_bands_of_ped_anova():
    results = table(12)
    once, again, other = (importances(results, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(once, again)
    one, two = of(once, "ped-anova"), of(other, "ped-anova")
    assert one["importance"].to_dict() == two["importance"].to_dict()
    assert one["low"].to_dict() != two["low"].to_dict()


def test_trials_without_a_score_are_left_out_and_below_eight_there_is_nothing_to_say():
    results = table(10)
    results.loc[:1, "score"] = math.nan
    assert (importances(results, seed=0)["n_trials"] == 8).all()
    results.loc[2, "score"] = math.nan
    assert importances(results, seed=0).empty
    assert importances(results.assign(phase="ablation"), seed=0).empty


def test_equal_scores_or_equal_factors_have_no_importances():
    assert importances(table(12).assign(score=0.1), seed=0).empty
    constant = table(12)[["trial", "phase", "state", "seed", "score", "depth"]]
    assert importances(constant, seed=0).empty


def test_where_most_scores_equal_the_worst_nothing_is_told_apart_and_nothing_warns():
    results = table(12)
    results["score"] = [0.5, 0.6, *[0.1] * 10]
    assert of(importances(results, seed=0), "ped-anova")["importance"].tolist() == [0.0] * 4


def test_resamples_in_which_no_factor_varies_do_no_harm():
    # The one trial with "b" is missing from a third of the resamples; fANOVA then has no variance to divide.
    results = pd.DataFrame({"phase": "search", "score": [0.1, 0.2] * 4, "norm": ["a"] * 7 + ["b"]})
    found = importances(results, seed=0)
    assert of(found, "fanova").loc["norm", "low"] == 0.0
    assert found[["importance", "low", "high"]].notna().all(axis=None)


def test_factors_of_a_search_without_effects_are_not_above_noise_and_its_forest_explains_nothing():
    results = table(40)
    results["score"] = np.random.default_rng(3).normal(size=40)
    found = importances(results, seed=0)
    assert not found["is_above"].any()
    assert (found["p"] > 0.05).all()
    assert (of(found, "fanova")["r2"] <= 0).all()
    assert of(found, "ped-anova")["r2"].isna().all()


def test_a_factor_above_noise_comes_first_and_exceeds_what_noise_reaches():
    found = importances(table(60), seed=0)
    for evaluator in ("ped-anova", "fanova"):
        part = of(found, evaluator)
        assert part["is_above"].tolist() == sorted(part["is_above"], reverse=True)
        assert part.index[part["is_above"]].tolist()[:1] == ["learning_rate"]
        assert ((part["importance"] > part["noise"]) == part["is_above"]).all()
    assert of(found, "fanova")["r2"].iloc[0] > 0.5


def test_where_the_forest_explains_nothing_none_of_its_factors_is_above_noise(monkeypatch):
    monkeypatch.setattr("ablate.analysis.importance.forest._out_of_bag", lambda *_: -0.1)
    found = importances(table(60), seed=0)
    assert not of(found, "fanova")["is_above"].any()
    assert of(found, "ped-anova")["is_above"].any()


def test_a_trial_that_diverged_is_evidence_against_its_levels():
    # Every trial with "b" diverged: without them only "a" would be left, and nothing to say of the norm.
    results = pd.DataFrame({"phase": "search", "norm": ["a", "b"] * 8, "noise": [0.1, 0.2, 0.3, 0.7] * 4})
    results["state"] = ["finished", "diverged"] * 8
    results["score"] = [0.5, 0.9, 0.6, math.nan] * 4  # what it scored before it diverged does not count
    found = importances(results, seed=0)
    assert of(found, "fanova").index[0] == "norm"
    assert found.loc[0, ["n_trials", "n_all", "n_worst"]].tolist() == [16, 16, 8]
    assert importances(results.replace("diverged", "killed").assign(score=[0.5, math.nan, 0.6, math.nan] * 4), seed=0)[
        "n_trials"
    ].tolist() == [8, 8]


def test_a_factor_that_a_configuration_does_not_have_keeps_the_trial():
    results = table(24)
    without = results.index % 2 == 0
    results.loc[without, "dropout"] = math.nan
    results["normalization"] = results["normalization"].where(~without, "")
    results.loc[without, "score"] += 1
    found = of(importances(results, seed=0), "fanova")
    assert (found["n_trials"] == 24).all()
    assert found.loc[["dropout", "normalization"], "importance"].sum() > 0.5


def test_of_very_many_trials_a_thousand_are_drawn_by_the_seed_and_it_is_said():
    once, again, other = (_trials(table(1500), seed=seed) for seed in (0, 0, 1))
    assert (len(once.scores), once.n_all) == (1000, 1500)
    assert once.scores == again.scores != other.scores


def test_a_factorial_stands_in_for_a_search_that_was_not_run():
    results = table(24).assign(phase="ablation", design="factorial")
    assert (importances(results, seed=0)["n_trials"] == 24).all()
    assert importances(results.assign(design="one-factor"), seed=0).empty


def test_a_number_is_read_in_decades_only_where_it_lies_in_decades():
    spread = pd.Series([1e-4, 1e-3, 1e-2, 1e-1])
    assert _encoded(spread).tolist() == pytest.approx([-4, -3, -2, -1])
    even = pd.Series([0.001, 0.1, 0.2, 0.3])
    assert _encoded(even).tolist() == even.tolist()
    assert _encoded(pd.Series([1.0, 2.0, math.nan, 5.0])).tolist() == [1, 2, -1, 5]


def test_numbers_that_no_tree_takes_are_levels():
    column = pd.Series([1.0, 2.0, np.inf, 1e300])
    assert _encoded(column).tolist() == ["1.0", "2.0", "inf", "1e+300"]
    huge = table().assign(width=[1e300, np.inf, 3.0, 4.0] * 6)
    assert importances(huge, seed=0)["importance"].notna().all()
