import math

import numpy as np
import pytest

from ablate.analysis import statistics
from ablate.analysis.statistics import Interval, Looks

NAN = math.nan


@pytest.mark.parametrize(
    ("mean", "low", "high", "p", "n", "said"),
    [
        (0.03, 0.02, 0.04, 0.03, 6, "helps"),
        (-0.03, -0.04, -0.02, 0.03, 6, "hurts"),
        (-0.03, -0.04, -0.02, NAN, 5, "too few seeds"),
        (0.003, 0.002, 0.0049, 0.03, 6, "detectable but below margin"),
        (0.004, 0.003, 0.005, 0.03, 6, "detectable, size undecided"),  # the margin itself is not within the margin
        (-0.004, -0.007, -0.001, 0.03, 6, "detectable, size undecided"),
        (0.001, -0.001, 0.003, 0.03, 6, "equivalent"),  # the interval says no, whatever the p
        (0.004, -0.001, 0.009, 0.03, 6, "inconclusive"),  # and never beside an interval that leaves the margin
        (0.003, 0.002, 0.004, 0.06, 6, "equivalent"),
        (0.03, 0.02, 0.04, 0.06, 6, "inconclusive"),  # the p says no, whatever the interval
        (0.03, -0.02, 0.08, 0.2, 6, "inconclusive"),
    ],
)
def test_a_verdict_needs_interval_and_p_and_margin(mean, low, high, p, n, said):
    interval = Interval(mean, 0.01, low, high, n)
    assert statistics.verdict(interval, simultaneous=interval, p_adjusted=p, margin=0.005) == said


def test_without_a_margin_no_size_is_small():
    none = Interval(0.0, 0.0, 0.0, 0.0, 6)
    assert statistics.verdict(none, simultaneous=none, p_adjusted=1.0, margin=0.0) == "inconclusive"


def test_equivalence_holds_for_the_family_and_not_for_each_comparison_alone():
    near = np.array([0.004, -0.003, 0.003, -0.004, 0.002, -0.002])  # SD .0034; alone ±.0036, with 20 ±.0075
    (alone,) = statistics.judge(near[:, None], margin=0.005, seed=0)
    of_twenty = statistics.judge(np.tile(near[:, None], 20), margin=0.005, seed=0)
    assert alone.verdict == "equivalent"
    assert {one.verdict for one in of_twenty} == {"inconclusive"}
    assert of_twenty[0].p_tost == alone.p_tost < 0.05  # the test of a single comparison, for the record
    for one in (alone, *of_twenty):
        is_within = one.simultaneous.low > -0.005 and one.simultaneous.high < 0.005
        assert is_within == (one.verdict == "equivalent")


def test_equal_differences_collapse_the_interval_and_keep_every_verdict():
    d = np.full(6, 0.8) - np.array([0.7, 0.7, 0.7, 0.7, 0.7, 0.7 + 1e-16])
    interval = statistics.paired_interval(d)
    assert (interval.sd, interval.low, interval.high) == (0.0, interval.mean, interval.mean)
    assert math.isnan(statistics.standardized_effect(d))
    assert statistics.tost_p(d, margin=0.2) == 0.0
    assert statistics.tost_p(d, margin=0.05) == 1.0
    ((p,), _) = statistics.family_p(d[:, None], seed=0)
    assert statistics.verdict(interval, simultaneous=interval, p_adjusted=p, margin=0.05) == "helps"
    same = statistics.paired_interval(np.zeros(6))
    assert statistics.verdict(same, simultaneous=same, p_adjusted=1.0, margin=0.005) == "equivalent"
    assert statistics.family_p(np.zeros((6, 1)), seed=0)[0] == 1.0


def test_a_family_is_judged_by_the_parts_that_are_tested_elsewhere():
    rng = np.random.default_rng(0)
    d = rng.normal(0.02, 0.01, size=(8, 3))
    found = statistics.judge(d, margin=0.005, seed=0)
    alone = [statistics.family_p(column[:, None], seed=0)[0, 0] for column in d.T]
    assert [x.p for x in found] == alone
    assert [x.p_adjusted for x in found] == statistics.family_p(d, seed=0)[1].tolist()
    assert [x.p_holm for x in found] == statistics.holm(alone).tolist()
    for column, one in zip(d.T, found, strict=True):
        assert one.interval == statistics.paired_interval(column)
        of_family = statistics.family_skewness(d)
        assert one.simultaneous == statistics.skewed_interval(column, confidence=1 - 0.05 / 3, of_family=of_family)
        assert one.p_tost == statistics.tost_p(column, margin=0.005)
        assert (one.look, one.level) == (0, 0.05)


def test_few_seeds_get_no_p_and_none_get_nothing():
    d = np.full((8, 3), NAN)
    d[:, 0] = 0.02, 0.03, 0.02, 0.03, 0.02, 0.03, 0.02, 0.03
    d[:5, 1] = 0.02
    first, few, none = statistics.judge(d, margin=0.005, seed=0)
    assert first.verdict == "helps"
    assert (few.verdict, few.interval.n, none.verdict, none.interval.n) == ("too few seeds", 5, "too few seeds", 0)
    assert all(math.isnan(p) for one in (few, none) for p in (one.p, one.p_adjusted, one.p_holm, one.p_tost))


def test_at_each_look_a_contrast_is_judged_on_the_first_seeds_that_it_has():
    looks = Looks((6, 8), (0.03, 0.02))
    d = np.full((8, 2), NAN)
    d[:7, 0] = 0.02, 0.03, 0.04, 0.02, 0.03, 0.04, -0.5  # the seventh is of a look that is not complete
    d[:, 1] = 0.01, -0.01, 0.02, -0.02, 0.03, -0.01, 0.02, 0.01
    first, second = statistics.judge(d, margin=0.05, seed=0, looks=looks)
    assert (first.look, first.level, first.interval.n) == (1, 0.03, 6)
    assert (second.look, second.level, second.interval.n) == (2, 0.02, 8)
    at_first, at_second = (statistics.family_p(some, seed=0)[1] for some in (d[:6], d))
    assert first.p == pytest.approx(2 / 64 * 5 / 3)
    assert first.p_adjusted == pytest.approx(at_first[0] * 0.05 / 0.03)
    assert second.p_adjusted == pytest.approx(min(at_first[1] * 5 / 3, at_second[1] * 5 / 2, 1.0))
    of_family = np.mean([statistics.skewness(d[:6, 0]), statistics.skewness(d[:, 1])])
    assert first.simultaneous == statistics.skewed_interval(d[:6, 0], confidence=1 - 0.03 / 2, of_family=of_family)
    assert first.interval == statistics.paired_interval(d[:6, 0], confidence=0.97)
    assert second.p_tost == pytest.approx(statistics.tost_p(d[:, 1], margin=0.05) * 0.05 / 0.02)


def test_before_the_first_look_nothing_is_tested():
    (one,) = statistics.judge(np.full((6, 1), 0.1), margin=0.0, seed=0, looks=Looks((7, 9), (0.03, 0.02)))
    assert (one.verdict, one.look, one.interval.n) == ("too few seeds", 0, 6)
    assert math.isnan(one.p_adjusted)


def test_one_look_at_all_seeds_is_no_look_at_all():
    d = np.random.default_rng(4).normal(0.4, 1, size=(7, 3))
    plain = statistics.judge(d, margin=0.1, seed=0)
    looked = statistics.judge(d, margin=0.1, seed=0, looks=statistics.spend((7,)))
    for a, b in zip(plain, looked, strict=True):
        assert (a.verdict, a.interval.n, b.look) == (b.verdict, b.interval.n, 1)
        assert [b.p, b.p_adjusted, b.p_holm] == pytest.approx([a.p, a.p_adjusted, a.p_holm])
        assert b.simultaneous.low == pytest.approx(a.simultaneous.low)


def test_families_without_any_effect_rarely_help_or_hurt():
    rng, studies, wrong = np.random.default_rng(7), 250, 0
    for _ in range(studies):
        scores = rng.normal(0.5, 0.01, size=(8, 4))
        found = statistics.judge(scores[:, 1:] - scores[:, :1], margin=0.0, seed=0)
        wrong += any(one.verdict in ("helps", "hurts") for one in found)
    assert 0 < wrong / studies <= 0.05


def test_with_overlapping_folds_the_p_is_that_of_the_corrected_t_test_and_holm_adjusts():
    d = np.random.default_rng(1).normal(0.02, 0.01, size=(10, 2))
    d[:, 1] -= 0.02
    found = statistics.judge(d, margin=0.005, seed=0, overlap=1 / 9)
    p = [statistics.corrected_p(column, overlap=1 / 9) for column in d.T]
    assert [one.p for one in found] == p
    assert [one.p_adjusted for one in found] == [one.p_holm for one in found] == statistics.holm(p).tolist()
    assert found[0].interval == statistics.paired_interval(d[:, 0], overlap=1 / 9)
    few = statistics.judge(d[:5], margin=0.005, seed=0, overlap=0.25)
    assert [one.verdict for one in few] == ["too few seeds"] * 2


def test_overlapping_folds_without_an_effect_rarely_help_or_hurt():
    rng, wrong, plain, studies = np.random.default_rng(2), 0, 0, 300
    for _ in range(studies):
        d = np.sqrt(0.1) * rng.normal() + rng.normal(size=10)  # folds correlated by 1/11
        wrong += statistics.judge(d[:, None], margin=0.0, seed=0, overlap=1 / 9)[0].verdict in ("helps", "hurts")
        plain += statistics.judge(d[:, None], margin=0.0, seed=0)[0].verdict in ("helps", "hurts")
    assert wrong / studies <= 0.05 < plain / studies


def test_without_shared_seeds_a_comparison_is_unpaired_and_holm_adjusts_the_family():
    rng = np.random.default_rng(3)
    x, y = rng.normal(0.95, 0.01, size=7), rng.normal(0.90, 0.01, size=8)
    d = np.column_stack([np.full(8, NAN), rng.normal(0.03, 0.01, size=8)])
    first, second = statistics.judge(d, margin=0.005, seed=0, unpaired={0: (x, y)})
    assert first.p == statistics.permutation_p(x, y, seed=0)
    assert first.interval == statistics.welch_interval(x, y)
    assert (first.verdict, first.interval.n) == ("helps", 7)
    assert second.p == statistics.family_p(d[:, 1:], seed=0)[0, 0]
    assert [first.p_adjusted, second.p_adjusted] == statistics.holm([first.p, second.p]).tolist()
    (few,) = statistics.judge(np.full((1, 1), NAN), margin=0.0, seed=0, unpaired={0: (x[:5], y)})
    assert few.verdict == "too few seeds"
