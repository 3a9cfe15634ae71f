import math

from made_effects import effect, told


def test_a_factor_matters_most_only_if_no_other_may_matter_as_much():
    shown = effect("a=1", 0.03, 0.01, "helps")
    decided = effect("b=1", -0.019, 0.002, "hurts")  # up to 2.1, and a may have 2.0
    undecided = effect("c=1", 0.004, 0.017, "inconclusive")
    calm = effect("d=1", 0.0, 0.002, "equivalent")
    few = effect("e=1", 0.01, math.nan, "too few seeds", n=3, p=math.nan)
    lost = effect("f=1", math.nan, math.nan, "lost runs")
    dead = effect("g=1", 0.0, 0.0, "no run finished")
    assert told(shown, calm, effect("a=2", 0.025, 0.015, "helps"))[0].startswith(
        "A matters most: 1 helps by 3.0 points"
    )
    opening = "The largest effect shown: a 1 helps by 3.0 points [2.0, 4.0], n = 8, adjusted p = .03."
    for rival, named in (
        (undecided, "c 1 [−1.3, 2.1]"),
        (few, "e 1 (too few seeds)"),
        (lost, "f 1 (lost runs)"),
        (dead, "g 1 (no run finished)"),
    ):
        lines = told(shown, calm, rival)
        assert lines[0] == opening
        assert f"These may matter as much: {named}." in lines
    lines = told(shown, calm, decided)
    assert lines[:2] == [opening, "Then: b 1 hurts by 1.9 [1.7, 2.1]."]
    assert not any("may matter as much" in line for line in lines)  # b is named already, with its interval


def test_the_direction_of_the_verb_is_that_of_the_interval():
    lines = told(effect("optimizer=sgd", -0.05, 0.01, "hurts"))
    assert lines == ["Optimizer matters: sgd hurts by 5.0 points [4.0, 6.0], n = 8, adjusted p = .03."]


def test_both_directions_are_told_and_the_best_as_a_whole_comes_first():
    lines = told(
        effect("best", 0.06, 0.01, "helps", factor="", level=""),
        effect("normalization=batch", 0.039, 0.008, "helps"),
        effect("best: normalization=none", -0.04, 0.01, "hurts", factor="normalization", level="none", against="best"),
        effect("best: dropout=0", 0.0, 0.002, "equivalent", factor="dropout", level="0", against="best"),
    )
    assert lines == [
        "The best configuration beats the reference by 6.0 points [5.0, 7.0], n = 8, adjusted p = .03.",
        "Normalization matters: batch helps by 3.9 points [3.1, 4.7], n = 8, adjusted p = .03.",
        "Starting from the best configuration: normalization none hurts by 4.0 points [3.0, 5.0].",
        "Equivalent within ±0.5: dropout 0 (from the best).",
        "Intervals hold for all 4 comparisons at once (95 %), and p is adjusted for all of them (max-T).",
    ]


def test_a_best_that_is_not_shown_to_be_better_is_told_like_any_variant():
    lines = told(effect("best", 0.01, 0.02, "inconclusive", factor="", level=""))
    assert "Undecided: the best configuration (+1.0 [−1.0, 3.0]; needs about 14 seeds)." in lines
    lines = told(effect("best", -0.06, 0.01, "hurts", factor="", level=""))
    assert lines[0].startswith("The best configuration is worse than the reference by 6.0 points [5.0, 7.0]")
