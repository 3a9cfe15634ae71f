import math
from dataclasses import replace

import fcnet
import numpy as np
import pandas as pd
import pytest
from design_tables import METRIC, crossed_rows, factorial, two_references

from ablate.analysis.designs import both_directions, crossed_directions, factorials

START, END = {"a": "off", "b": 0}, {"a": "on", "b": 2}
# a gains .02 by itself and loses .03 on top of b; b gains .04 by itself.
VALUES = {("off", 0): 0.50, ("on", 0): 0.52, ("off", 2): 0.54, ("on", 2): 0.51}


def value(cell, seed):
    wobble = 0.001 * (-1) ** seed * (cell["a"] == "on")
    return VALUES[cell["a"], cell["b"]] + 0.01 * seed + wobble


def references(n_seeds):
    return two_references(START, END, value, n_seeds=n_seeds)


def test_each_factor_is_told_from_both_ends() -> None:
    table = both_directions(references(8), METRIC).set_index("factor")
    assert table["reference_level"].to_dict() == START
    assert table["level"].to_dict() == END
    assert table["add_one_in"].tolist() == pytest.approx([0.02, 0.04])
    assert table["leave_one_out"].tolist() == pytest.approx([-0.03, -0.01])
    assert table["change"].tolist() == pytest.approx([-0.05, -0.05])
    assert table["shapley"].isna().all()
    assert table[["add_one_in_n", "leave_one_out_n", "shapley_n"]].to_numpy().tolist() == [[8, 8, 0]] * 2


def test_opposite_signs_beyond_their_intervals_are_a_disagreement() -> None:
    table = both_directions(references(8), METRIC)
    assert table["disagreement"].tolist() == ["sign", "sign"]
    assert table["change_p"].tolist() == pytest.approx([2 / 2**8] * 2)


def test_opposite_signs_without_a_test_are_none() -> None:
    """Below six seeds there is no p, however far the two intervals lie from 0."""
    table = both_directions(references(5), METRIC)
    assert (table["add_one_in_low"] > 0).all()
    assert (table["leave_one_out_high"] < 0).all()
    assert table["change_p"].isna().all()
    assert table["disagreement"].tolist() == ["", ""]


def test_signs_within_their_uncertainty_are_none() -> None:
    results = references(8)
    noise = results["seed"].map(dict(enumerate((9, -8, 7, -9, 8, -7, 9, -9)))) / 100
    results["test_accuracy"] += noise * results["variant"].isin(["a=on", "best: a=off"])
    assert both_directions(results, METRIC)["disagreement"].tolist() == ["", "sign"]


def test_a_significant_change_of_size_alone_is_no_disagreement() -> None:
    results = references(8)
    results.loc[results["variant"] == "best: a=off", "test_accuracy"] -= 0.13
    table = both_directions(results, METRIC).set_index("factor")
    assert table.loc["a", "leave_one_out"] == pytest.approx(0.10)
    assert table.loc["a", "change_p"] == pytest.approx(2 / 2**8)
    assert table.loc["a", "disagreement"] == ""


def test_a_comparison_with_lost_runs_of_unknown_score_has_no_end() -> None:
    """Its other seeds are survivors, which say nothing about the factor."""
    results = references(8)
    results.loc[(results["variant"] == "a=on") & (results["seed"] == 0), ["state", "test_accuracy"]] = [
        "failed",
        np.nan,
    ]
    table = both_directions(results, replace(METRIC, chance=math.nan)).set_index("factor")
    assert np.isnan(table.loc["a", "add_one_in"])
    assert table["disagreement"].to_dict() == {"a": "", "b": "sign"}


def test_without_a_second_reference_there_are_no_directions() -> None:
    results = references(6)
    assert both_directions(results[~results["variant"].str.startswith("best")], METRIC).empty


def test_the_shapley_value_comes_from_a_factorial_between_the_same_ends() -> None:
    crossed = factorial({"a": ["off", "on"], "b": [0, 2]}, value, seeds=range(8))
    crossed = crossed[crossed["design"] == "factorial"]
    results = pd.concat([references(8), crossed])
    found = factorials(results, METRIC)
    table = both_directions(results, METRIC, found)
    assert table["shapley"].tolist() == pytest.approx([-0.005, 0.015])
    assert (table["shapley_n"] == 8).all()
    smaller = factorials(results, METRIC, factors=["a"])
    assert both_directions(results, METRIC, smaller)["shapley"].isna().all()


def test_a_factorial_tells_all_three_by_itself() -> None:
    crossed = factorial({"a": ["off", "on"], "b": [0, 2]}, value, seeds=range(8))
    table = crossed_directions(factorials(crossed, METRIC), margin=METRIC.margin, target=END)
    assert table["source"].unique().tolist() == ["factorial"]
    assert table["add_one_in"].tolist() == pytest.approx([0.02, 0.04])
    assert table["leave_one_out"].tolist() == pytest.approx([-0.03, -0.01])
    assert table["shapley"].tolist() == pytest.approx([-0.005, 0.015])
    assert crossed_directions([], margin=0.0).empty


def test_each_mode_is_told_by_itself() -> None:
    results = references(6)
    carried = results[results["variant"] != "reference"].assign(mode="carry")
    carried["test_accuracy"] += 0.1 * (carried["variant"] == "a=on")
    shared = results["variant"] == "reference"
    results.loc[shared, "mode"] = ""
    table = both_directions(pd.concat([results, carried]), METRIC)
    added = table[table["factor"] == "a"].set_index("mode")["add_one_in"]
    assert added.to_dict() == pytest.approx({"find": 0.02, "carry": 0.12})


@pytest.mark.parametrize(("n_seeds", "choice", "n"), [(11, "same scores", 11), (12, "other seeds", 6)])
def test_a_target_chosen_by_the_scores_is_measured_by_other_seeds_or_claims_nothing(n_seeds, choice, n) -> None:
    crossed = factorial({"a": ["off", "on"], "b": [0, 2]}, turned, seeds=range(n_seeds))
    table = crossed_directions(factorials(crossed, METRIC), margin=METRIC.margin)
    assert table["level"].tolist() == ["on", 2]
    assert set(table["target"]) == {choice}
    assert set(table["target_cells"]) == {4}
    assert set(table["add_one_in_n"]) == {n}
    assert table["add_one_in"].tolist() == pytest.approx([-0.03, -0.01], abs=0.002)
    assert table["disagreement"].tolist() == (["", ""] if choice == "same scores" else ["sign", "sign"])


def turned(cell, seed):
    """The best cell has both, each of which costs something by itself."""
    a, b = cell["a"] == "on", cell["b"] == 2
    return 0.50 - 0.03 * a - 0.01 * b + 0.08 * a * b + 0.01 * seed + 0.001 * (-1) ** seed * a


def test_fcnet_protein_has_its_published_measures_and_claims_nothing_from_one_run_a_cell() -> None:
    runs = fcnet.protein().groupby(list(fcnet.FACTORS), sort=False)["score"].mean().reset_index()
    found = factorials(crossed_rows(runs.assign(seed=0)), METRIC, factors=fcnet.FACTORS, reference=fcnet.REFERENCE)
    table = crossed_directions(found, margin=0.0).set_index("factor")
    for name, golden in fcnet.GOLDEN.items():
        measures = table.loc[name, ["leave_one_out", "add_one_in", "shapley"]].tolist()
        assert measures == pytest.approx([golden[0], -golden[1], -golden[2]], abs=1e-5)
    assert set(table["disagreement"]) == {""}


def test_pure_noise_in_one_run_a_cell_is_never_a_disagreement() -> None:
    rng = np.random.default_rng(5)
    levels = {name: [0, 1] for name in "abc"}
    for _ in range(20):
        results = factorial(levels, lambda *_: 0.5 + rng.normal(0, 0.01), seeds=[1])
        table = crossed_directions(factorials(results, METRIC), margin=METRIC.margin)
        assert set(table["disagreement"]) <= {""}
