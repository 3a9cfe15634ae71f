import time

import fcnet
import numpy as np
import pandas as pd
import pytest
from design_tables import METRIC, crossed_rows, factorial

from ablate.analysis.designs import factorial_effects, factorials, interaction_cells, variance_shares
from ablate.storage.results import read_results, write_table

LEVELS = {"normalization": ["none", "batch"], "dropout": [0.0, 0.1, 0.3]}


def planted(cell, seed):
    """Batch +.03, and .02 more with dropout .3, which alone costs .01; a shift a seed, and a little that is not."""
    batch, heavy = cell["normalization"] == "batch", cell["dropout"] == 0.3
    return 0.5 + 0.03 * batch - 0.01 * heavy + 0.02 * batch * heavy + 0.01 * seed + 0.001 * batch * (-1) ** seed


def flat(cell, seed):
    return 0.0 * len(cell) * seed


def effects_of(results, **options):
    found = factorials(results, METRIC, **options)
    return found, factorial_effects(found, margin=METRIC.margin)


def test_main_effects_and_interactions_are_the_planted_ones() -> None:
    _, table = effects_of(factorial(LEVELS, planted, seeds=range(8)))
    means = table.set_index("term")["mean"]
    assert means.to_dict() == pytest.approx(
        {
            "normalization=batch": 0.03 + 0.02 / 3,
            "dropout=0.1": 0.0,
            "dropout=0.3": -0.01 + 0.02 / 2,
            "normalization=batch × dropout=0.1": 0.0,
            "normalization=batch × dropout=0.3": 0.02,
        },
        abs=1e-12,
    )
    assert table["kind"].tolist() == ["main"] * 3 + ["interaction"] * 2
    assert (table["n"] == 8).all()


def test_a_contrast_is_paired_by_seed_and_judged_with_its_family() -> None:
    _, table = effects_of(factorial(LEVELS, planted, seeds=range(8)))
    batch = table.iloc[0]
    # d = .03667 ± .001, alternating: SD of eight is .001·√(8/7).
    assert batch["sd"] == pytest.approx(0.001 * np.sqrt(8 / 7))
    assert batch["low"] == pytest.approx(batch["mean"] - 2.3646 * batch["sd"] / np.sqrt(8), abs=1e-7)
    assert batch["p"] == batch["p_adjusted"] == pytest.approx(2 / 2**8)
    assert batch["verdict"] == "helps"
    assert table["flagged"].tolist() == [True, False, False, False, True]
    assert table["verdict"].iloc[-1] == "more together"


def test_a_factorial_outside_the_primary_family_has_its_numbers_and_no_verdict() -> None:
    found, primary = effects_of(factorial(LEVELS, planted, seeds=range(8)))
    table = factorial_effects(found, margin=METRIC.margin, is_primary=False)
    assert set(table["verdict"]) == {"exploratory"}
    assert not table["flagged"].any()
    same = ["term", "n", "mean", "low", "high", "p", "p_adjusted"]
    pd.testing.assert_frame_equal(table[same], primary[same])


def test_of_two_modes_only_the_first_is_judged() -> None:
    results = factorial(LEVELS, planted, seeds=range(8))
    _, table = effects_of(pd.concat([results.assign(mode="carry"), results]))
    verdicts = table.groupby("mode")["verdict"].agg(set)
    assert verdicts["carry"] == {"exploratory"}
    assert "helps" in verdicts["find"]
    assert table.loc[table["flagged"], "mode"].unique().tolist() == ["find"]


def test_below_six_seeds_nothing_is_flagged() -> None:
    _, table = effects_of(factorial(LEVELS, planted, seeds=range(5)))
    assert table["p"].isna().all()
    assert not table["flagged"].any()
    assert set(table["verdict"]) == {"too few seeds"}


def test_seeds_with_missing_cells_are_left_out_and_told() -> None:
    results = factorial(LEVELS, planted, seeds=range(7))
    lost = (results["seed"] == 3) & (results["dropout"] == 0.3) & (results["design"] == "factorial")
    results.loc[lost & (results["normalization"] == "batch"), "state"] = "killed"
    (found,), table = effects_of(results)
    assert found.left_out == (3,)
    assert (table["n"] == 6).all()


def test_a_diverged_run_counts_at_chance() -> None:
    results = factorial(LEVELS, planted, seeds=[1])
    batch = results["normalization"] == "batch"
    results.loc[batch, ["state", "test_accuracy", "score"]] = ["diverged", np.nan, np.nan]
    _, table = effects_of(results)
    assert table["mean"].iloc[0] == pytest.approx(0.1 - (0.51 - 0.01 / 3))


def test_without_a_complete_seed_there_is_no_factorial() -> None:
    results = factorial(LEVELS, planted, seeds=[1, 2]).iloc[:-1]
    results = results[(results["seed"] == 2) | (results["dropout"] != 0.1)]
    assert factorials(results, METRIC) == []
    assert factorial_effects([], margin=0.0).empty
    assert variance_shares([]).empty


def test_a_run_that_was_made_again_counts_once_with_its_last_value() -> None:
    results = factorial(LEVELS, planted, seeds=[1, 2])
    again = results.iloc[[-1]].assign(test_accuracy=0.9)
    (found,), _ = effects_of(pd.concat([results, again]))
    assert found.cells.values[1, 1, 2] == 0.9


def test_a_table_from_its_file_says_the_same(tmp_path) -> None:
    results = factorial(LEVELS, planted, seeds=range(6))
    write_table(results, tmp_path / "results.csv")
    _, before = effects_of(results)
    _, after = effects_of(read_results(tmp_path / "results.csv"))
    pd.testing.assert_frame_equal(before, after, check_dtype=False)


def test_a_tuned_rate_is_no_factor_and_a_crossed_one_is() -> None:
    results = factorial(LEVELS, planted, seeds=[1])
    tuned = results.assign(learning_rate_setting=[f"find*{i}" for i in range(len(results))])
    assert factorials(tuned, METRIC)[0].cells.factors == ("normalization", "dropout")
    crossed = factorial({"learning_rate_setting": ["find", "find*0.3"], "a": [0, 1]}, flat, seeds=[1])
    assert factorials(crossed, METRIC)[0].cells.factors == ("learning_rate", "a")
    assert factorials(crossed, METRIC, factors=["learning_rate", "a"])[0].cells.factors == ("learning_rate", "a")


def test_the_cells_of_an_interaction_are_told_from_both_references() -> None:
    (found,) = factorials(factorial(LEVELS, planted, seeds=range(8)), METRIC)
    cells = interaction_cells(found, "normalization", "dropout").set_index(["level", "level_2"])
    assert cells.loc[("none", 0.0), ["mean", "low", "high"]].tolist() == [0, 0, 0]
    assert cells.loc[("none", 0.3), "mean"] == pytest.approx(-0.01)
    assert cells.loc[("batch", 0.3), "mean"] == pytest.approx(0.04)
    assert cells.loc[("batch", 0.3), "low"] == pytest.approx(0.04 - 2.3646 * 0.001 / np.sqrt(7), abs=1e-7)
    swapped = interaction_cells(found, "dropout", "normalization").set_index(["level_2", "level"])
    assert swapped.loc[("batch", 0.3), "mean"] == pytest.approx(0.04)


def test_shares_of_each_mode_sum_to_one() -> None:
    results = factorial(LEVELS, planted, seeds=range(4))
    shares = variance_shares(factorials(pd.concat([results, results.assign(mode="carry")]), METRIC))
    assert shares.groupby("mode")["share_of_runs"].sum().tolist() == pytest.approx([1, 1])
    assert shares["kind"].tolist()[:5] == ["main", "main", "interaction", "seed", "noise"]


def test_anybodys_table_is_a_factorial_too() -> None:
    rows = [(a, b, s, 10 * a + b + 0.1 * s) for s in range(6) for a in (0, 1) for b in (0, 1)]
    results = crossed_rows(pd.DataFrame(rows, columns=["a", "b", "seed", "score"]))
    (found,) = factorials(results, METRIC, reference={"a": "1", "b": "0"})
    assert found.reference == {"a": 1, "b": 0}
    assert factorial_effects([found], margin=0.0)["mean"].tolist() == pytest.approx([-10, 1, 0])
    (alone,) = factorials(results[results["seed"] == 0], METRIC)
    assert alone.cells.values.shape == (1, 2, 2)
    assert alone.reference == {"a": 0, "b": 0}
    (incomplete,) = factorials(results.iloc[1:], METRIC)
    assert (incomplete.left_out, incomplete.cells.replicates) == ((0,), (1, 2, 3, 4, 5))
    assert factorials(results.assign(seed=range(len(results))), METRIC) == []


def test_a_quarter_million_rows_are_read_in_seconds() -> None:
    start = time.perf_counter()
    (found,) = factorials(crossed_rows(fcnet.protein()), METRIC, factors=fcnet.FACTORS, reference=fcnet.REFERENCE)
    effects = factorial_effects([found], margin=0.0)
    assert time.perf_counter() - start < 10
    assert found.best() == fcnet.TARGET
    assert len(effects) == 25 + 265


def test_a_blank_is_a_level_of_a_factor_of_numbers() -> None:
    rows = factorial(LEVELS, planted, seeds=range(8))
    blank = rows.assign(dropout=pd.to_numeric(rows["dropout"]).replace(0.3, np.nan))
    (one,), table = effects_of(blank)
    assert one.reference["dropout"] == 0.0
    means = table.set_index("term")["mean"]
    assert means["dropout="] == pytest.approx(-0.01 + 0.02 / 2)
    assert means["normalization=batch × dropout="] == pytest.approx(0.02)
    assert interaction_cells(one, "normalization", "dropout")["level_2"].tolist() == [0.0, 0.1, ""] * 2
