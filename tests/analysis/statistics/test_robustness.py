import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from ablate.analysis.statistics.robustness import robustness

D = np.array([0.021, 0.034, -0.008, 0.015, 0.042, 0.007, 0.026, 0.019, -0.003, 0.031])


def test_ranks_are_scipys():
    assert robustness(D, margin=0.0, seed=0).wilcoxon_p == pytest.approx(stats.wilcoxon(D).pvalue)
    tied = np.array([0.01, 0.01, -0.01, 0.02, 0.02, 0.03, 0.0, 0.0])
    assert 0 < robustness(tied, margin=0.0, seed=0).wilcoxon_p < 1
    assert robustness(np.zeros(6), margin=0.0, seed=0).wilcoxon_p == 1.0


def test_the_interval_of_wins_is_wilsons():
    found = robustness(D, margin=0.0, seed=0)
    assert (found.better_low, found.better_high) == pytest.approx(proportion_confint(8, 10, method="wilson"))


def test_the_bootstrap_needs_ten_differences_and_repeats_itself():
    found = robustness(D, margin=0.0, seed=3)
    assert found == robustness(D, margin=0.0, seed=3)
    assert found.bootstrap_low < D.mean() < found.bootstrap_high
    assert found.bootstrap_high - found.bootstrap_low == pytest.approx(2 * 1.96 * D.std() / math.sqrt(10), rel=0.15)
    assert math.isnan(robustness(D[:9], margin=0.0, seed=3).bootstrap_low)
    assert robustness(np.full(10, 0.1), margin=0.0, seed=3).bootstrap_low == pytest.approx(0.1)


def test_the_posterior_is_students_t_with_the_margin_as_region_of_equivalence():
    found = robustness(D, margin=0.01, seed=0)
    scale = D.std(ddof=1) / math.sqrt(10)
    assert found.p_above == pytest.approx(stats.t.sf((0.01 - D.mean()) / scale, 9))
    assert found.p_worse == pytest.approx(stats.t.cdf((-0.01 - D.mean()) / scale, 9))
    assert found.p_worse + found.p_within + found.p_above == pytest.approx(1.0)
    wider = robustness(D, margin=0.01, seed=0, overlap=1 / 9)
    assert wider.p_above == pytest.approx(stats.t.sf((0.01 - D.mean()) / (scale * math.sqrt(1 + 10 / 9)), 9))
    assert robustness(np.zeros(6), margin=0.01, seed=0).p_within == 1.0


def test_below_six_differences_there_is_nothing():
    found = robustness(D[:5], margin=0.01, seed=0)
    assert math.isnan(found.wilcoxon_p)
    assert math.isnan(found.p_above)
