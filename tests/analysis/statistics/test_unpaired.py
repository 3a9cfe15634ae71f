import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from ablate.analysis.statistics import unpaired

X = np.array([0.91, 0.93, 0.92, 0.95, 0.90, 0.94])
Y = np.array([0.90, 0.89, 0.91, 0.88, 0.90, 0.87, 0.92])


def test_the_interval_is_welchs():
    found = unpaired.welch_interval(X, Y, confidence=0.9)
    ends = stats.ttest_ind(X, Y, equal_var=False).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert (found.mean, found.n) == (pytest.approx(X.mean() - Y.mean()), 6)
    assert found.sd == pytest.approx(math.sqrt(6 * (X.var(ddof=1) / 6 + Y.var(ddof=1) / 7)))


def test_the_p_counts_all_divisions_into_two_samples():
    apart = np.arange(6.0), np.arange(6.0) + 100
    assert unpaired.permutation_p(*apart, seed=0) == pytest.approx(2 / math.comb(12, 6))
    p = unpaired.permutation_p(X, Y, seed=0)
    assert p == unpaired.permutation_p(Y, X, seed=1)  # exact, whatever the seed
    assert p == pytest.approx(stats.ttest_ind(X, Y, equal_var=False).pvalue, abs=0.02)
    assert unpaired.permutation_p(np.ones(6), np.ones(7), seed=0) == 1.0
    assert math.isnan(unpaired.permutation_p(X[:5], Y, seed=0))


def test_equivalence_is_that_of_statsmodels():
    p, *_ = CompareMeans(DescrStatsW(X), DescrStatsW(Y)).ttost_ind(-0.05, 0.05, usevar="unequal")
    assert unpaired.welch_tost_p(X, Y, margin=0.05) == pytest.approx(p)
    assert unpaired.welch_tost_p([1.0] * 3, [1.0] * 3, margin=0.1) == 0.0


def test_superiority_is_the_share_of_pairs():
    assert unpaired.superiority([1.0, 3.0], [1.0, 2.0]) == pytest.approx((0.5 + 0 + 1 + 1) / 4)
    assert math.isnan(unpaired.superiority([], [1.0]))


def test_a_long_tail_widens_the_interval_towards_it():
    tail = np.array([1.0, 1.0, 1.0, 1.1, 1.0, -5.0])
    plain, wide = (
        unpaired.welch_interval(tail, Y),
        unpaired.skewed_welch_interval(tail, Y, confidence=0.95),
    )
    assert wide.low < plain.low
    assert wide.high == plain.high


def test_without_two_runs_on_a_side_there_is_no_interval():
    assert math.isnan(unpaired.welch_interval([1.0], Y).low)
    assert unpaired.welch_interval([], Y).n == 0
