import math

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.power import TTestPower

from ablate.analysis import statistics
from ablate.analysis.statistics import Interval


def test_seeds_needed_to_tell_from_zero_give_about_the_power_asked_for():
    n = statistics.seeds_needed(Interval(0.03, 0.04, 0, 0, 6), contrasts=1, margin=0.005)
    d = np.random.default_rng(0).normal(0.03, 0.04, size=(4000, n))
    assert np.mean(scipy_stats.ttest_1samp(d, 0, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.04)


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
    assert statistics.seeds_needed(Interval(0.1, math.nan, math.nan, math.nan, 1), contrasts=9, margin=0.005) == 6


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
    assert TTestPower().power(effect, n, 0.05 / contrasts) == pytest.approx(0.8, abs=1e-4)


def test_seeds_for_an_effect_and_the_effect_for_seeds_are_inverse():
    for n in (7, 12, 40):
        effect = statistics.minimum_detectable_effect(n, contrasts=5)
        assert statistics.seeds_for(effect * 1.0001, contrasts=5) == n
        assert statistics.seeds_for(-effect * 0.9999, contrasts=5) == n + 1


def test_no_effect_needs_more_seeds_than_anybody_will_run_and_a_huge_one_the_least():
    assert statistics.seeds_for(0.0) == statistics.MOST_SEEDS
    assert statistics.seeds_for(math.inf) == statistics.MIN_SEEDS
    assert math.isnan(statistics.minimum_detectable_effect(1))
