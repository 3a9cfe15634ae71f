import pandas as pd

from ablate.analysis.best_variant import best_variant

EFFECTS = pd.DataFrame({
    "factor": ["a", "a", "b", "c"], "level": ["1", "2", "1", "1"], "variant": ["a=1", "a=2", "b=1", "best: c=1"],
    "mode": [""] * 4, "against": ["reference"] * 3 + ["best"],
    "verdict": ["inconclusive", "helps", "lost runs", "helps"],
    "variant_mean": [-3.0, -2.5, -1.0, -0.5], "reference_mean": [-3.5, -3.5, -3.5, -2.0],
})  # fmt: skip
PAIRS = pd.DataFrame({
    "variant": ["a=1", "a=2", "a=2", "a=2", "b=1"], "mode": [""] * 5, "seed": [0, 0, 1, 2, 0],
    "state": ["finished", "finished", "finished", "diverged", "finished"], "reference_state": ["finished"] * 5,
    "trial": ["a1s0", "a2s0", "a2s1", "a2s2", "bs0"], "reference_trial": ["r0", "r0", "r1", "r2", "r0"],
})  # fmt: skip
ALL = {*PAIRS["trial"], *PAIRS["reference_trial"]}


def test_the_best_mean_among_the_comparisons_with_the_reference_counts_with_its_finished_pairs():
    found = best_variant(EFFECTS, PAIRS, having=ALL)
    assert (found.variant, found.mean, found.reference_mean, found.among) == ("a=2", -2.5, -3.5, 2)
    assert (found.trials, found.reference_trials) == (["a2s0", "a2s1"], ["r0", "r1"])


def test_runs_without_predictions_on_one_side_are_left_out_and_then_the_next_variant_counts():
    found = best_variant(EFFECTS, PAIRS, having=ALL - {"r0"})
    assert (found.trials, found.reference_trials) == (["a2s1"], ["r1"])
    assert best_variant(EFFECTS, PAIRS, having={"a1s0", "r0"}).variant == "a=1"
    assert best_variant(EFFECTS, PAIRS, having=set()) is None
    assert best_variant(EFFECTS.iloc[:0], PAIRS, having=ALL) is None
