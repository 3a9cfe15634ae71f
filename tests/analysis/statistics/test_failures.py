import math

import pytest
from scipy import stats

from ablate.analysis import statistics


def test_the_paired_test_is_the_sign_test_of_the_seeds_in_which_one_side_alone_failed():
    assert statistics.paired_failure_p(8, 0) == pytest.approx(2 / 2**8)
    assert statistics.paired_failure_p(0, 3) == pytest.approx(2 / 2**3)
    assert statistics.paired_failure_p(3, 1) == pytest.approx(2 * (4 + 1) / 2**4)
    assert statistics.paired_failure_p(0, 0) == statistics.paired_failure_p(2, 2) == 1.0


def test_without_shared_seeds_it_is_fishers():
    assert statistics.unpaired_failure_p(3, 6, 0, 6) == pytest.approx(2 * 20 / 220)  # C(6, 3) of C(12, 3), twice
    assert statistics.unpaired_failure_p(0, 6, 0, 9) == 1.0


def test_clean_runs_do_not_exclude_failures():
    assert statistics.failure_interval(0, 6) == (0.0, pytest.approx(0.3930, abs=1e-4))
    assert statistics.failure_interval(0, 59)[1] < 0.05 < statistics.failure_interval(0, 58)[1]
    assert all(math.isnan(end) for end in statistics.failure_interval(0, 0))


def test_the_interval_of_a_rate_is_that_of_clopper_and_pearson():
    low, high = statistics.failure_interval(3, 8)
    assert low == pytest.approx(stats.beta.ppf(0.025, 3, 6))
    assert high == pytest.approx(stats.beta.ppf(0.975, 4, 5))
    assert statistics.failure_interval(8, 8) == (pytest.approx(0.025 ** (1 / 8)), 1.0)
