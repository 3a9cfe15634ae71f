import math

import numpy as np
import pandas as pd
import pytest

from ablate.analysis.effects.pairing import LOST
from ablate.analysis.effects.side_by_side import (
    INDEPENDENT,
    PAIRED,
    SIDE_COLUMNS,
    StudyEffects,
    only_in_one,
    side_by_side,
)
from ablate.analysis.statistics import paired_interval, welch_interval
from ablate.analysis.statistics.unpaired import independent_difference


def study(gains, *, seeds=range(8), verdict="helps", is_plain=True, against="reference"):
    """A study from the paired differences of each variant."""
    effects, pairs = [], []
    for variant, gain in gains.items():
        found = paired_interval(gain)
        effects.append(
            {"variant": variant, "mode": "find", "against": against, "factor": "f", "level": variant, "n": found.n,
             "mean": found.mean, "sd": found.sd, "low": found.low, "high": found.high, "verdict": verdict}
        )  # fmt: skip
        pairs += [
            {"variant": variant, "mode": "find", "against": against, "seed": seed, "difference": value}
            for seed, value in zip(seeds, gain, strict=True)
        ]
    return StudyEffects(pd.DataFrame(effects), pd.DataFrame(pairs), is_plain)


RNG = np.random.default_rng(0)
LUCK = RNG.normal(0, 1, 8)
A = LUCK + RNG.normal(0, 0.1, 8)
B = 2 + LUCK + RNG.normal(0, 0.1, 8)


def only_row(a, b, *, shares_runs):
    table = side_by_side(a, b, shares_runs=shares_runs)
    assert list(table) == list(SIDE_COLUMNS)
    (row,) = table.to_dict("records")
    return row


def test_the_interval_of_independent_studies_is_welchs():
    row = only_row(study({"x": A}), study({"x": B}), shares_runs=False)
    expected = welch_interval(B, A)
    assert row["basis"] == INDEPENDENT
    found = (row["difference"], row["difference_low"], row["difference_high"])
    assert found == pytest.approx((expected.mean, expected.low, expected.high))


def test_the_difference_of_two_means_from_their_summaries_is_that_of_the_samples():
    x, y = RNG.normal(1, 1, 9), RNG.normal(0, 3, 6)
    found = independent_difference(paired_interval(x), paired_interval(y), confidence=0.9)
    expected = welch_interval(x, y, confidence=0.9)
    assert (found.mean, found.sd, found.low, found.high) == pytest.approx(
        (expected.mean, expected.sd, expected.low, expected.high)
    )
    assert math.isnan(independent_difference(paired_interval(x[:1]), paired_interval(y)).low)
    still = independent_difference(paired_interval([1.0] * 6), paired_interval([0.5] * 6))
    assert (still.low, still.high) == (0.5, 0.5)


def test_studies_of_the_same_splits_are_paired_by_seed_which_takes_out_their_common_luck():
    row = only_row(study({"x": A}), study({"x": B}), shares_runs=True)
    expected = paired_interval(B - A)
    assert row["basis"] == PAIRED
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((expected.low, expected.high))
    apart = only_row(study({"x": A}), study({"x": B}), shares_runs=False)
    assert row["difference_high"] - row["difference_low"] < (apart["difference_high"] - apart["difference_low"]) / 3


def test_without_a_common_seed_they_are_independent_and_with_few_there_is_no_interval():
    a = study({"x": A})
    assert only_row(a, study({"x": B}, seeds=range(100, 108)), shares_runs=True)["basis"] == INDEPENDENT
    few = only_row(a, study({"x": B}, seeds=range(5, 13)), shares_runs=True)
    assert few["basis"] == "only 3 seeds in common"
    assert math.isnan(few["difference_low"])
    assert few["difference"] == pytest.approx(B.mean() - A.mean())


@pytest.mark.parametrize(
    ("b", "basis"),
    [
        (study({"x": B[:5]}, seeds=range(5)), "fewer than 6 seeds"),
        (study({"x": B}, verdict=LOST), LOST),
        (study({"x": B}, is_plain=False), "folds overlap, or several data sets"),
        (study({"x": A}), "the same runs"),
    ],
)
def test_where_nothing_can_be_said_there_is_a_reason_and_no_interval(b, basis):
    row = only_row(study({"x": A}), b, shares_runs=True)
    assert row["basis"] == basis
    assert math.isnan(row["difference_low"])
    assert math.isnan(row["difference_high"])


def test_a_changed_verdict_is_another_word():
    a = study({"x": A})
    assert not only_row(a, study({"x": B}), shares_runs=False)["is_changed"]
    assert only_row(a, study({"x": B}, verdict="inconclusive"), shares_runs=False)["is_changed"]


def test_comparisons_that_only_one_made_are_told_apart_by_variant_mode_and_what_they_are_against():
    a, b = study({"x": A, "y": A}), study({"y": B, "z": B})
    assert list(side_by_side(a, b, shares_runs=True)["variant"]) == ["y"]
    assert [list(table["variant"]) for table in only_in_one(a.effects, b.effects)] == [["x"], ["z"]]
    other = study({"x": A}, against="best")
    assert side_by_side(a, other, shares_runs=True).empty
    assert [len(table) for table in only_in_one(a.effects, other.effects)] == [2, 1]
