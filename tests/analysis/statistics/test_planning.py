import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from ablate.analysis import statistics
from ablate.analysis.statistics import Interval


def test_seeds_needed_to_tell_from_zero_give_about_the_power_asked_for():
    n = statistics.seeds_needed(Interval(0.03, 0.03, 0, 0, 6), contrasts=1, margin=0.005)
    studies = np.random.default_rng(0).normal(0.03, 0.03, size=(200, n, 1))
    found = [statistics.judge(d, margin=0.0, seed=0)[0].verdict == "helps" for d in studies]
    assert np.mean(found) == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize("contrasts", [1, 5])
def test_seeds_needed_for_no_difference_are_those_that_put_the_simultaneous_interval_within_the_margin(contrasts):
    n = statistics.seeds_needed(Interval(0.0, 0.01, 0, 0, 6), contrasts=contrasts, margin=0.005)
    assert n == statistics.seeds_to_bound(Interval(0.0, 0.01, 0, 0, 6), contrasts=contrasts, margin=0.005)
    d = np.random.default_rng(0).normal(0.0, 0.01, size=(500, n))
    intervals = [statistics.paired_interval(row, confidence=1 - 0.05 / contrasts) for row in d]
    assert np.mean([one.low > -0.005 and one.high < 0.005 for one in intervals]) == pytest.approx(0.8, abs=0.05)


def test_seeds_that_would_bound_a_detectable_difference_depend_on_the_room_to_the_margin():
    def bound(mean):
        return statistics.seeds_to_bound(Interval(mean, 0.002, 0, 0, 6), contrasts=1, margin=0.005)

    assert 6 <= bound(0.002) < bound(0.004) < bound(0.0045)
    assert bound(0.005) == bound(0.006) == 1000
    assert bound(0.002) == bound(-0.002)


def test_seeds_needed_grow_with_the_family_and_end_at_a_thousand():
    interval = Interval(0.02, 0.03, 0, 0, 6)
    few, many = (statistics.seeds_needed(interval, contrasts=m, margin=0.005) for m in (1, 20))
    assert few < many
    assert few == statistics.seeds_for(2 / 3, contrasts=1)
    assert statistics.seeds_needed(Interval(0.005, 1.0, 0, 0, 6), contrasts=1, margin=0.005) == 1000
    assert statistics.seeds_needed(Interval(0.1, 0.0, 0.1, 0.1, 6), contrasts=10, margin=0.005) == 6


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("count", [statistics.seeds_needed, statistics.seeds_to_bound])
def test_below_two_seeds_the_spread_is_unknown_and_so_is_the_number_of_seeds(count, n):
    assert math.isnan(count(Interval(0.1, math.nan, math.nan, math.nan, n), contrasts=9, margin=0.005))


def test_each_preregistration_of_the_same_comparisons_has_a_quarter_of_the_level_before():
    assert [statistics.level_of(k) for k in range(3)] == [0.05, 0.0125, 0.003125]
    assert sum(statistics.level_of(k) for k in range(50)) == pytest.approx(0.05 * 4 / 3)
    assert statistics.level_of(1, share=1 / 5) == pytest.approx(0.0025)  # one of five, chosen after a look


def test_the_best_of_five_judged_again_alone_adds_little_to_the_false_claims():
    """Five null comparisons at 10 seeds, then the best of them alone at 12: at 5 % each time, it is far too often."""
    rng, claims = np.random.default_rng(5), {"spent": 0, "whole": 0}
    for _ in range(n_studies := 300):
        scores = rng.normal(size=(12, 6))
        d = scores[:, 1:] - scores[:, :1]
        best = d[:, [int(np.argmax(np.abs(d.mean(0) / d.std(0, ddof=1))))]]
        first = is_claimed(d[:10], 0.05)
        claims["spent"] += first or is_claimed(best, statistics.level_of(1, share=1 / 5))
        claims["whole"] += first or is_claimed(best, 0.05)
    assert claims["spent"] / n_studies < 0.05 + 2 * 0.0126  # two standard errors of 5 %
    assert claims["whole"] / n_studies > 0.15


def is_claimed(d, level):
    found = statistics.judge(d, margin=0.0, seed=0, alpha=level)
    return any(one.verdict in statistics.DIFFERENT for one in found)


def test_least_seeds_are_those_with_which_the_smallest_p_can_reach_alpha():
    assert statistics.least_seeds() == 6
    assert statistics.least_seeds(alpha=0.01) == 8  # 2^(1 − 8) = .0078


def test_holm_needs_more_seeds_for_more_contrasts():
    for m, n in ((1, 6), (5, 8), (10, 9), (20, 10)):
        before, least = (statistics.holm([2 / 2**seeds, *[1.0] * (m - 1)])[0] for seeds in (n - 1, n))
        assert least == m * 2 / 2**n <= 0.05 < before


@pytest.mark.parametrize(("n", "contrasts"), [(6, 1), (9, 1), (9, 20), (30, 5)])
def test_the_detectable_effect_has_the_power_that_statsmodels_gives_it(n, contrasts):
    effect = statistics.minimum_detectable_effect(n, contrasts=contrasts)
    of_t_test = effect / (1 + 2 / n)  # a verdict asks more than the t test
    assert TTestPower().power(of_t_test, n, 0.05 / contrasts) == pytest.approx(0.8, abs=1e-4)


@pytest.mark.parametrize(("n", "contrasts"), [(8, 1), (10, 5)])
def test_the_detectable_effect_is_told_to_help_in_eight_of_ten_studies(n, contrasts):
    rng, effect = np.random.default_rng(1), statistics.minimum_detectable_effect(n, contrasts=contrasts)
    hits = 0
    for _ in range(200):
        scores = rng.normal(size=(n, contrasts + 1))
        d = (scores[:, 1:] - scores[:, :1]) / math.sqrt(2)
        d[:, 0] += effect
        hits += statistics.judge(d, margin=0.0, seed=0)[0].verdict == "helps"
    assert hits / 200 == pytest.approx(0.8, abs=0.08)


def test_seeds_for_an_effect_and_the_effect_for_seeds_are_inverse():
    for n in (7, 12, 40):
        effect = statistics.minimum_detectable_effect(n, contrasts=5)
        assert statistics.seeds_for(effect * 1.0001, contrasts=5) == n
        assert statistics.seeds_for(-effect * 0.9999, contrasts=5) == n + 1


def test_no_effect_needs_more_seeds_than_anybody_will_run_and_a_huge_one_the_least():
    assert statistics.seeds_for(0.0) == statistics.MOST_SEEDS
    assert statistics.seeds_for(math.inf) == statistics.MIN_SEEDS
    assert math.isnan(statistics.minimum_detectable_effect(1))
