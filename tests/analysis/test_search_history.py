import math

import pandas as pd
import pytest

from ablate.analysis.effects import Metric, effects_table, paired_scores
from ablate.analysis.search_history import (
    BEHIND_COLUMNS,
    FAILURE_COLUMNS,
    best_of_search,
    expected_search,
    failures,
    search_history,
    underlying_runs,
)

ACCURACY = Metric("test_accuracy", "test_accuracy", 1, 100.0, "points", 0.1, 0.005)


def search(*trials, prefix="search-"):
    """Rows from (number, state, score)."""
    return [
        {
            "trial": f"{prefix}{number}",
            "phase": "search",
            "variant": "",
            "factor": "",
            "level": "",
            "seed": 0,
            "state": state,
            "score": score,
            "learning_rate": number / 1000 if isinstance(number, int) else None,
            "reason": "" if state == "finished" else f"{state} at epoch 2",
            "dropout": 0.1,
        }
        for number, state, score in trials
    ]


def ablation(variant, mode, *runs):
    """Rows from (state, validation accuracy, test accuracy, best epoch), seeds 0, 1, …"""
    return [
        {
            "trial": f"ablation-{variant}-{mode}-s{seed}",
            "phase": "ablation",
            "variant": variant,
            "factor": variant.partition("=")[0] if "=" in variant else "",
            "level": variant.partition("=")[2],
            "mode": mode,
            "seed": seed,
            "state": state,
            "score": validation,
            "val_accuracy": validation,
            "test_accuracy": test,
            "best_epoch": best_epoch,
            "seconds": 2.0,
            "learning_rate": 0.001 * 10**seed,
        }
        for seed, (state, validation, test, best_epoch) in enumerate(runs)
    ]


HISTORY = search(
    (2, "finished", 0.4), (1, "pruned", 0.9), (10, "finished", 0.3), (4, "diverged", None), (3, "finished", 0.5)
)


def test_the_history_is_in_order_and_only_finished_trials_are_best():
    history = search_history(pd.DataFrame(HISTORY))
    assert history["number"].tolist() == [1, 2, 3, 4, 10]
    assert history["state"].tolist() == ["pruned", "finished", "finished", "diverged", "finished"]
    assert history["best"].tolist() == pytest.approx([math.nan, 0.4, 0.5, 0.5, 0.5], nan_ok=True)


def test_trials_without_numbers_are_counted_in_the_order_of_the_table():
    history = search_history(pd.DataFrame(search(("b", "finished", 0.1), ("a", "finished", 0.2), prefix="")))
    assert history[["number", "trial"]].to_numpy().tolist() == [[1, "b"], [2, "a"]]


def test_the_best_of_the_search_come_with_their_optimism():
    # Scores .50, .52, .54 of the reference: SD .02. Three finished trials: expected ranks .8463, 0, −.8463.
    reference = ablation("reference", "", *[("finished", x, x, 1) for x in (0.50, 0.52, 0.54)])
    best = best_of_search(pd.DataFrame(HISTORY + reference), k=2)
    assert list(best) == ["trial", "score", "optimism", "learning_rate", "dropout"]
    assert best["trial"].tolist() == ["search-3", "search-2"]
    assert best["optimism"].tolist() == pytest.approx([0.02 * 0.8463, 0.0], abs=1e-6)
    assert best["learning_rate"].tolist() == [0.003, 0.002]


def test_without_three_replicates_the_optimism_is_not_known():
    reference = ablation("reference", "", ("finished", 0.5, 0.5, 1), ("finished", 0.6, 0.6, 1), ("failed", 0.1, 0.1, 1))
    best = best_of_search(pd.DataFrame(HISTORY + reference))
    assert len(best) == 3
    assert best["optimism"].isna().all()


def test_a_shorter_random_search_is_told_without_the_baseline_and_with_what_was_lost():
    rows = search((0, "finished", 0.99), (1, "finished", 0.4), (2, "pruned", 0.1), (3, "finished", 0.6),
                  (4, "diverged", None), (5, "killed", None))  # fmt: skip
    expected = expected_search(pd.DataFrame(rows))
    assert expected["trials"].tolist() == [1, 2, 4]
    # Of .1 (twice: pruned, and diverged at the worst), .4 and .6: six pairs, of which three hold .6 and two .4.
    assert expected["expected"].tolist() == pytest.approx([0.3, (3 * 0.6 + 2 * 0.4 + 0.1) / 6, 0.6])
    assert expected_search(pd.DataFrame(rows[:2])).empty


def test_failures_are_what_neither_finished_nor_was_pruned():
    found = failures(pd.DataFrame(HISTORY + ablation("a=1", "find", ("killed", None, None, None))))
    assert found["trial"].tolist() == ["search-4", "ablation-a=1-find-s0"]
    assert found["reason"].iloc[0] == "diverged at epoch 2"
    assert list(found) == list(FAILURE_COLUMNS)


def test_the_runs_behind_the_effects_stand_in_their_order():
    results = pd.DataFrame(
        ablation("reference", "", ("finished", 0.5, 0.5, 1), ("finished", 0.5, 0.4, 1))
        + ablation("a=1", "find", ("finished", 0.5, 0.6, 1), ("diverged", None, None, 1))
        + ablation("b=1", "find", ("finished", 0.5, 0.9, 1), ("finished", 0.5, 0.9, 1))
    )
    effects = effects_table(results, ACCURACY)
    behind = underlying_runs(paired_scores(results, ACCURACY), effects)
    assert list(behind) == list(BEHIND_COLUMNS)
    assert behind["variant"].tolist() == ["b=1", "b=1", "a=1", "a=1"]  # the larger effect first
    assert behind["trial"].tolist()[2:] == ["ablation-a=1-find-s0", "ablation-a=1-find-s1"]
    assert behind["reference_trial"].tolist()[2:] == ["ablation-reference--s0", "ablation-reference--s1"]
    assert behind["difference"].tolist() == pytest.approx([0.4, 0.5, 0.1, 0.1 - 0.4])


def test_a_table_of_one_phase_leaves_the_tables_of_the_other_empty():
    searched = pd.DataFrame(HISTORY)
    ablated = pd.DataFrame(ablation("reference", "", ("finished", 0.5, 0.5, 1)))
    assert effects_table(searched, ACCURACY).empty
    assert search_history(ablated).empty
    assert best_of_search(ablated).empty
    assert failures(ablated).empty


def test_the_optimism_of_the_best_is_that_of_the_tables():
    reference = ablation("reference", "", *[("finished", x, x, 1) for x in (0.0, 1.0, 2.0)])  # SD 1
    for k, expected in ((5, 1.163), (10, 1.539), (20, 1.867), (50, 2.249)):
        trials = search(*[(number, "finished", number / 100) for number in range(k)])
        best = best_of_search(pd.DataFrame(trials + reference))
        assert best["optimism"].iloc[0] == pytest.approx(expected, abs=5e-4)
