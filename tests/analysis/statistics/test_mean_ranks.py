import numpy as np
import pytest
from scipy import stats

from ablate.analysis.statistics.mean_ranks import indistinct, mean_ranks

# Table 6 of Demšar (2006): AUC of C4.5 and of C4.5 with m, with cf, and with both, on 14 data sets. On the last but one
# both scores with cf are printed as .975, and ranked 2 and 3.
DEMSAR = np.array([
    [.763, .768, .771, .798], [.599, .591, .590, .569], [.954, .971, .968, .967], [.628, .661, .654, .657],
    [.882, .888, .886, .898], [.936, .931, .916, .931], [.661, .668, .609, .685], [.583, .583, .563, .625],
    [.775, .838, .866, .875], [1.00, 1.00, 1.00, 1.00], [.940, .962, .965, .962], [.619, .666, .614, .669],
    [.972, .981, .9751, .975], [.957, .978, .946, .970],
])  # fmt: skip


def test_the_worked_example_of_demsar():
    found = mean_ranks(DEMSAR)
    assert found.ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert (found.chi2, found.f) == (pytest.approx(9.28, abs=5e-3), pytest.approx(3.69, abs=5e-3))
    assert found.p == pytest.approx(stats.f.sf(3.69, 3, 39), abs=2e-4)
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)
    assert mean_ranks(DEMSAR, alpha=0.1).critical_difference == pytest.approx(1.12, abs=5e-3)


def test_ties_share_their_ranks_and_change_the_statistic_of_friedman_upwards_only():
    tied = np.array([[3.0, 3.0, 1.0], [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])
    found = mean_ranks(tied)
    assert found.ranks == pytest.approx([(1.5 + 3 + 2) / 3, (1.5 + 2 + 2) / 3, (3 + 1 + 2) / 3])
    assert found.chi2 <= stats.friedmanchisquare(*tied.T).statistic


def test_scores_that_are_equal_but_for_rounding_are_tied():
    assert mean_ranks([[0.3, 0.1 + 0.2, 0.0], [1.0, 2.0, 0.0]]).ranks == pytest.approx([1.75, 1.25, 3.0])


def test_the_same_order_on_every_data_set_leaves_no_doubt():
    found = mean_ranks([[3.0, 2.0, 1.0]] * 5)
    assert found.p == 0
    assert found.ranks.tolist() == [1, 2, 3]


def test_two_configurations_are_not_ranked():
    with pytest.raises(ValueError, match="need 3 configurations and 2 data sets, got 2 and 4"):
        mean_ranks(np.zeros((4, 2)))


def test_configurations_within_the_critical_difference_form_the_longest_groups():
    ranks = np.array([1.0, 1.8, 2.6, 4.0])
    assert indistinct(ranks, 1.0) == [(0, 1), (1, 2)]
    assert indistinct(ranks, 1.6) == [(0, 2), (2, 3)]
    assert indistinct(ranks, 0.1) == []
