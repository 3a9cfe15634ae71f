import math

import pandas as pd
import pytest
from made_effects import COUNTED, TITLE, broken, effect, runs, told

from ablate.analysis.effects.modes import MODE_COLUMNS
from ablate.report import wording


def test_the_headline_says_what_matters_then_what_is_equivalent_then_what_is_open():
    lines = told(
        effect("normalization=batch", 0.039, 0.008, "helps"),
        effect("normalization=layer", 0.022, 0.012, "helps"),
        effect("optimizer=sgd", -0.02, 0.004, "hurts"),
        effect("activation=relu", 0.004, 0.002, "detectable but below margin"),
        effect("initializer=he_uniform", 0.0, 0.002, "equivalent"),
        effect("dropout=0.1", 0.004, 0.01, "inconclusive"),
    )
    assert lines == [
        "Normalization matters most: batch helps by 3.9 points [3.1, 4.7], n = 8, adjusted p = .03; "
        "layer helps by 2.2 [1.0, 3.4].",
        "Then: optimizer sgd hurts by 2.0 [1.6, 2.4].",
        "Detectable, but within ±0.5: activation relu (+0.4 [0.2, 0.6]).",
        "Equivalent within ±0.5: initializer he_uniform.",
        "Undecided: dropout 0.1 (+0.4 [−0.6, 1.4]; needs about 14 seeds).",
        "Intervals hold for all 6 comparisons at once (95 %), and p is adjusted for all of them (max-T).",
    ]


def test_where_lower_scores_are_better_the_sign_of_a_difference_is_explained():
    row = effect("optimizer=sgd", -2.0, 4.0, "inconclusive", metric="test_mae", unit="points/yr", scale=1.0)
    said = "Differences are gains: + is a lower test MAE than the reference's, − a higher one."
    assert said in told(row, lower_is_better="test MAE")
    assert not any(line.startswith("Differences") for line in told(row))


def test_a_table_without_seeds_has_no_count_of_them():
    row = effect("a=1", 0.02, 0.0, "too few seeds", n=1, unit="", scale=1.0, metric="score")
    (said,) = told(row, has_seeds=False)
    assert said.startswith("Without seeds the results are descriptive only: tests and verdicts need 6 seeds. The large")
    assert "n = 1" not in said


def test_large_numbers_have_separators():
    row = effect("a=1", -31544.2, 4000.0, "hurts", unit="$", scale=1.0, metric="test_rmse")
    assert "hurts by 31,544 $ [27,544, 35,544]" in told(row)[0]


def test_within_the_margin_is_said_only_of_what_is_tested_to_be():
    lines = told(
        effect("a=1", 0.004, 0.003, "detectable, size undecided", needed=40),
        effect("b=1", 0.003, 0.001, "detectable but below margin"),
        effect("c=1", 0.0049, 0.003, "detectable, size undecided", needed=1000),
    )
    assert (
        "Detectable, size undecided: a 1 (+0.4 [0.1, 0.7]; its size needs about 40 seeds); "
        "c 1 (+0.5 [0.2, 0.8]; its size needs more than 1,000 seeds)."
    ) in lines
    assert "Detectable, but within ±0.5: b 1 (+0.3 [0.2, 0.4])." in lines
    assert lines[0].startswith("No variant is shown to help or hurt by more than the margin. The largest")


def test_what_belongs_together_is_not_parted_at_the_end_of_a_line():
    (line,) = wording.headline(pd.DataFrame([effect("a=1", 0.039, 0.008, "helps")]), runs(), title=TITLE)
    assert line == "A matters: 1 helps by 3.9~points [3.1,~4.7], n~=~8, adjusted p~=~.03.".replace("~", "\u00a0")


def test_without_a_decision_the_largest_difference_is_named_and_not_claimed():
    lines = told(
        effect("a=1", 0.01, 0.02, "inconclusive", n=6, p=0.5), effect("b=1", -0.02, 0.03, "inconclusive", n=6, p=0.3)
    )
    assert lines[0] == (
        "No variant is shown to help or hurt. "
        "The largest observed difference is b 1, −2.0 points [−5.0, 1.0], n = 6, adjusted p = .30."
    )


def test_a_small_p_beside_an_interval_that_holds_0_says_why_it_is_no_verdict():
    one = effect("b=1", -0.02, 0.03, "inconclusive", p=0.04)
    seen = "No variant is shown to help or hurt. The largest observed difference is b 1, −2.0 points [−5.0, 1.0], "
    family = "; no verdict, since its simultaneous interval (all 2 comparisons) includes 0."
    assert told(one, effect("a=1", 0.01, 0.02, "inconclusive"))[0] == f"{seen}n = 8, adjusted p = .04{family}"
    assert told(one)[0] == f"{seen}n = 8, adjusted p = .04; no verdict, since its interval includes 0."


def test_a_large_p_beside_an_interval_that_excludes_0_says_why_it_is_no_verdict():
    apart = effect("b=1", 0.009, 0.007, "inconclusive", p=0.06)
    lines = told(apart)
    assert lines[0] == (
        "No variant is shown to help or hurt. The largest observed difference is b 1, +0.9 points [0.2, 1.6], n = 8, "
        "adjusted p = .06; no verdict, since p must be at most .05."
    )
    assert "Undecided: b 1 (+0.9 [0.2, 1.6], p = .06; needs about 14 seeds)." in lines


def test_no_number_of_seeds_is_told_to_someone_who_has_as_many():
    many = effect("b=1", 0.009, 0.012, "inconclusive", p=0.3, n=2000, needed=2001)
    assert "Undecided: b 1 (+0.9 [−0.3, 2.1])." in told(many)


def test_few_seeds_are_called_descriptive_and_no_p_is_told():
    nan = math.nan
    lines = told(
        effect("a=1", 0.01, 0.02, "too few seeds", n=3, p=nan), effect("b=1", 0.03, 0.02, "too few seeds", n=3, p=nan)
    )
    assert lines == [
        "3 seeds are descriptive only: tests and verdicts need at least 6. "
        "The largest observed difference is b 1, +3.0 points (n = 3)."
    ]


def test_a_single_seed_without_any_spread_is_told_too():
    lines = told(effect("a=1", 0.01, math.nan, "too few seeds", n=1, p=math.nan))
    assert lines[0].startswith("1 seed is descriptive only")
    assert "+1.0 points (n = 1)" in lines[0]


def test_a_variant_with_too_few_seeds_among_others_is_told_apart():
    lines = told(
        effect("a=1", 0.03, 0.01, "helps"),
        effect("b=1", 0.02, 0.01, "too few seeds", n=3, p=math.nan),
        effect("b=2", math.nan, math.nan, "too few seeds", n=0, p=math.nan),
    )
    assert "Too few seeds for a verdict (fewer than 6): b 1 (n = 3, +2.0); b 2 (n = 0)." in lines


def test_the_first_mode_is_told_and_then_how_many_effects_differ_in_another():
    table = pd.DataFrame([
        effect("a=1", 0.03, 0.01, "exploratory", mode="carry"), effect("a=1", 0.01, 0.02, "inconclusive", mode="find"),
    ])  # fmt: skip
    changes = pd.DataFrame([("a=1", "carry", 8, 0.02, 0.01, 0.03, 0.01, True)], columns=list(MODE_COLUMNS))
    lines = wording.headline(table, runs(), title=TITLE, changes=changes)
    assert lines[0].startswith("No variant is shown to help")
    assert sum("exploratory: with rates carried over from the reference" in line for line in lines) == 1


def test_a_study_with_everything_is_told_in_nine_sentences():
    kinds = ("helps", "hurts", "detectable but below margin", "equivalent", "inconclusive", "inconclusive")
    rows = [
        effect(f"{factor}={i}", 0.02, 0.01, kinds[(i + len(mode)) % 6], mode=mode, look=i % 2 + 1)
        for mode in ("find", "carry", "tune") for factor in ("a", "b") for i in range(12)
    ]  # fmt: skip
    changes = [
        (f"{f}={i}", m, 8, 0.02, 0.01, 0.03, 0.01, True) for f in "ab" for i in range(12) for m in ("tune", "carry")
    ]
    lines = wording.headline(
        pd.DataFrame(rows), runs(*broken("a=1", "find", ["diverged", "finished"])), title=TITLE,
        changes=pd.DataFrame(changes, columns=list(MODE_COLUMNS)),
    )  # fmt: skip
    assert len(lines) == 9
    assert sum(map(len, lines)) < 1700


def test_numbers_have_the_decimals_that_their_interval_supports():
    def shown(half, metric="test_accuracy"):
        return told(effect("a=1", 0.031234, half, "helps", metric=metric))[0]

    assert "by 3.1 points [2.6, 3.6]" in shown(0.005)
    assert "by 3.12 points [3.08, 3.16]" in shown(0.0004)
    assert "by 3.1 points [3.1, 3.1]" in shown(0.0)
    assert "by 0.03 nats [0.02, 0.04]" in shown(0.01, metric="val_loss")


@pytest.mark.parametrize(("p", "said"), [(0.0004, "p < .001"), (0.004, "p = .004"), (0.0496, "p = .050"), (0.3, ".30")])
def test_p_values_keep_the_digits_that_matter(p, said):
    assert said in told(effect("a=1", 0.03, 0.01, "helps", p=p))[0]


def test_long_lists_end_with_how_many_more_there_are():
    lines = told(*(effect(f"a={i}", 0.0, 0.002, "equivalent", n=12) for i in range(15)))
    named = "; ".join(f"a {i}" for i in range(8))
    assert f"Equivalent within ±0.5: {named}; and 7 more." in lines
    lines = told(*(effect(f"a={i}", 0.0, 0.02, "inconclusive") for i in range(6)))
    (undecided,) = (line for line in lines if line.startswith("Undecided"))
    assert undecided.count("needs about") == 4
    assert undecided.endswith("; and 2 more.")


def test_nothing_to_tell_is_told_with_the_title():
    assert told() == ["A deep MLP: no ablation results yet."]


def test_where_nothing_is_decided_it_is_told_what_would_have_shown():
    open_ = (
        effect("a=1", 0.004, 0.01, "inconclusive", mde=0.0123),
        effect("b=1", 0.001, 0.02, "inconclusive", mde=0.021),
    )
    said = "The undecided comparisons could have detected a difference of 1.2 to 2.1 points or more (80 % power)."
    assert said in told(*open_)
    assert said not in told(*open_, effect("c=1", 0.03, 0.01, "helps", mde=0.5))


def test_comparisons_without_sign_flips_say_why():
    unpaired = effect("a=1", 0.03, 0.01, "helps", test="unpaired", adjustment="Holm")
    folds = effect("b=1", 0.0, 0.02, "inconclusive", test="folds", adjustment="Holm", needed=math.nan)
    lines = told(unpaired, folds)
    assert "No shared seeds, so compared unpaired (Welch's interval, permutation test): a 1." in lines
    assert any(line.startswith("The folds share training examples") for line in lines)
    assert lines[-1].endswith("p is adjusted for all of them (Holm).")
    assert "Undecided: b 1 (0.0 [−2.0, 2.0])." in lines


def test_seeds_that_were_added_look_by_look_are_told():
    lines = told(
        effect("a=1", 0.03, 0.01, "helps", n=7, look=1), effect("b=1", 0.0, 0.02, "inconclusive", n=20, look=3)
    )
    family = "Intervals hold for all 2 comparisons at once (95 %), and p is adjusted for all of them (max-T)."
    assert (
        f"{family} Undecided comparisons got more seeds (7 to 20 each); p and intervals hold over all looks." in lines
    )
    assert told(effect("a=1", 0.03, 0.01, "helps", n=7, look=1))[-1] == (
        "The undecided comparison got more seeds (7); p and interval hold over all looks."
    )


def test_a_foreign_score_is_told_in_its_own_unit_or_in_none():
    def said(half, **more):
        return told(effect("a=1", 31.234, half, "helps", scale=1.0, **more))[0]

    assert "helps by 31 bits [11, 51], n = 8" in said(20.0, unit="bits")
    assert "helps by 31.2 [30.9, 31.5], n = 8" in said(0.3, unit="")
    assert "helps by 31.2 [31.2, 31.2]" in said(0.0, unit="")
    margin = told(effect("a=1", 0.0, 0.2, "equivalent", unit="bits", scale=1.0, margin=0.25))
    assert "Equivalent within ±0.25: a 1." in margin


def test_identical_runs_are_no_equivalence_and_only_a_model_is_asked_about_them():
    same = effect("width=16", 0.0, 0.0, "identical runs")
    other = effect("dropout=0.1", 0.004, 0.01, "inconclusive")
    said = "Identical runs, so nothing was compared: width 16 (does the model use it?)."
    assert told(same) == [said]
    lines = told(same, other)
    assert said in lines
    assert not any("Equivalent" in line for line in lines)
    assert lines[0].startswith("No variant is shown to help or hurt. The largest observed difference is dropout 0.1")
    assert lines[-1].startswith("Intervals hold for all 2 comparisons at once")
    assert told(effect("clip_norm=5", 0.0, 0.0, "identical runs")) == [
        "Identical runs, so nothing was compared: clip norm 5."
    ]


def test_several_identical_runs_are_told_in_one_sentence_whatever_helps():
    rows = [effect(f"width={n}", 0.0, 0.0, "identical runs", n=2, p=math.nan) for n in (8, 16)]
    lines = told(*rows, effect("a=1", 0.03, 0.01, "helps"))
    assert lines[0].startswith("A matters most: 1 helps by 3.0 points")
    assert lines[1] == "Identical runs, so nothing was compared: width 8; width 16 (does the model use them?)."


def test_contrasts_of_which_no_run_finished_are_no_equivalence():
    dead = [effect(f"activation={name}", 0.0, 0.0, "no run finished") for name in ("relu", "selu")]
    lost = runs(*broken("reference", "", ["diverged"] * 2), *broken("activation=relu", "", ["diverged"] * 2))
    assert told(*dead, results=lost) == [
        "No run finished on either side, so nothing was compared: activation relu; activation selu.",
        f"The reference diverged in 2 of 2 seeds; activation relu diverged in 2 of 2 seeds (scored {COUNTED}).",
    ]
    lines = told(dead[0], effect("b=1", 0.03, 0.01, "helps"))
    assert lines[:3] == [
        "The largest effect shown: b 1 helps by 3.0 points [2.0, 4.0], n = 8, adjusted p = .03.",
        "These may matter as much: activation relu (no run finished).",
        "No run finished on either side, so nothing was compared: activation relu.",
    ]


def test_what_is_open_although_it_has_the_seeds_is_told_without_how_many_would_tell():
    lines = told(effect("a=1", 0.001, 0.002, "inconclusive") | {"seeds_needed": 5})
    assert "Undecided: a 1 (+0.1 [−0.1, 0.3])." in lines
