import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from ablate.analysis import statistics
from ablate.analysis.statistics import families

NAN = math.nan

grid = st.integers(-50, 50).map(lambda x: x / 100)  # like differences of accuracies: ties and zeros occur
differences = st.lists(grid, min_size=1, max_size=9)


def own_p(d, *, seed=0):
    """The p of a contrast that is the whole family."""
    ((p,), _) = statistics.family_p(np.transpose([d]), seed=seed)
    return p


def adjusted_p(d, *, least=1):
    return statistics.family_p(d, seed=0, least=least)[1]


@pytest.mark.parametrize("seed", range(8))
def test_exact_p_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    d = rng.normal(0.5, 1, size=3 + seed).round(1 + seed % 3)
    expected = scipy_stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert own_p(d) == pytest.approx(expected.pvalue)


@given(differences)
def test_exact_p_is_never_below_the_two_extreme_flips(d):
    p = own_p(d)
    assert 2 / 2 ** len(d) <= p <= 1


def test_with_all_signs_equal_the_exact_p_is_two_over_two_to_the_n():
    assert own_p([0.1, 0.2, 0.3, 0.1, 0.2, 0.7]) == 2 / 64


def test_above_twenty_seeds_the_drawn_p_is_seeded_and_near_the_t_test():
    d = np.random.default_rng(1).normal(0.35, 1, size=40)
    p = own_p(d, seed=3)
    assert p == own_p(d, seed=3) != own_p(d, seed=4)
    assert p == pytest.approx(scipy_stats.ttest_1samp(d, 0).pvalue, abs=0.01)
    assert own_p(np.ones(30)) == 1 / (statistics.FLIPS_DRAWN + 1)


@pytest.mark.parametrize("seed", range(5))  # not by hypothesis: statsmodels collects garbage at each call, .1 s
def test_holm_agrees_with_statsmodels(seed):
    p_values = np.random.default_rng(seed).random(1 + 3 * seed).round(1 + seed % 2) ** 3
    assert statistics.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_counts_an_untested_contrast_as_one_of_the_family():
    assert statistics.holm([0.01, NAN, 0.02]) == pytest.approx([0.03, NAN, 0.04], nan_ok=True)


def test_holm_of_no_contrasts_is_empty():
    assert statistics.holm([]).shape == (0,)


def max_t_by_hand(d, *, least=1):
    """Westfall & Young's algorithm 4.1, one flip and one contrast at a time; NaN where a contrast lacks a seed."""
    n, m = d.shape
    counts = [sum(not math.isnan(x) for x in column) for column in d.T]
    values = np.nan_to_num(d)
    norms = [math.sqrt(sum(x * x for x in column)) or 1.0 for column in values.T]

    def statistic(signs, j):
        return abs(sum(s * x for s, x in zip(signs, values[:, j], strict=True))) / norms[j]

    observed = [statistic([1] * n, j) for j in range(m)]
    untested = [j for j in range(m) if counts[j] < least]
    left = sorted(set(range(m)) - set(untested), key=lambda j: -observed[j])
    flips = [[1 if code >> i & 1 else -1 for i in range(n)] for code in range(2**n)]
    adjusted, floor = [NAN] * m, 0.0
    while left:
        first = left[0]
        largest = [max(statistic(signs, j) for j in [*left, *untested]) for signs in flips]
        floor = max(floor, sum(x >= observed[first] - 1e-9 for x in largest) / len(flips))
        adjusted[first] = floor
        left.pop(0)
    return adjusted


@pytest.mark.parametrize("seed", range(4))
def test_max_t_of_a_small_family_is_that_of_every_flip_by_hand(seed):
    rng = np.random.default_rng(seed)
    d = (rng.normal(size=(6, 1)) + rng.normal(0.6, 1, size=(6, 4))).round(1)
    assert adjusted_p(d) == pytest.approx(max_t_by_hand(d))


def test_max_t_takes_each_contrast_with_the_seeds_that_it_has():
    d = np.random.default_rng(1).normal(0.7, 1, size=(7, 3))
    d[5:, 0] = NAN
    d[0, 1] = NAN
    assert adjusted_p(d) == pytest.approx(max_t_by_hand(d))
    adjusted = adjusted_p(d, least=6)
    assert math.isnan(adjusted[0])
    assert adjusted == pytest.approx(max_t_by_hand(d, least=6), nan_ok=True)
    assert adjusted[2] >= adjusted_p(d[:, 1:])[1]  # what has too few seeds is in the family yet


@given(differences)
def test_max_t_of_one_contrast_is_its_own_exact_p(d):
    sums = [
        abs(sum((1 if code >> i & 1 else -1) * round(100 * x) for i, x in enumerate(d))) for code in range(2 ** len(d))
    ]
    by_hand = sum(x >= sums[-1] for x in sums) / len(sums)
    assert adjusted_p(np.array(d)[:, None])[0] == own_p(d) == by_hand


def test_max_t_is_never_below_the_own_p():
    d = np.random.default_rng(0).normal(0.5, 1, size=(8, 5))
    alone = np.array([own_p(column) for column in d.T])
    adjusted = adjusted_p(d)
    assert np.all(adjusted >= alone)
    assert np.any(adjusted > alone)


def test_contrasts_that_say_the_same_cost_nothing():
    d = np.random.default_rng(3).normal(1, 1, size=8)
    many = np.tile(d[:, None], 20) * np.arange(1, 21)
    assert adjusted_p(many) == pytest.approx(own_p(d))


def test_blocks_of_bounded_memory_leave_the_result_as_it_is(monkeypatch):
    d = np.random.default_rng(5).normal(0.4, 1, size=(10, 3))
    whole = adjusted_p(d)
    for block in (1, 6, 100):
        monkeypatch.setattr(families, "BLOCK", block)
        assert adjusted_p(d) == pytest.approx(whole, abs=0)


def test_drawn_flips_of_a_family_are_near_all_flips(monkeypatch):
    d = np.random.default_rng(2).normal(0.5, 1, size=(12, 4))
    exact = adjusted_p(d)
    monkeypatch.setattr(families, "EXACT_SEEDS", 11)
    assert adjusted_p(d) == pytest.approx(exact, abs=0.006)  # four standard errors


def test_a_family_without_any_difference_has_a_p_of_one():
    assert adjusted_p(np.zeros((6, 2))).tolist() == [1.0, 1.0]
    assert adjusted_p(np.zeros((6, 0))).shape == (0,)
    assert math.isnan(adjusted_p(np.full((6, 1), NAN))[0])


def test_a_contrast_by_itself_has_its_own_p_in_a_family_too():
    rng = np.random.default_rng(3)
    d = rng.normal(0.4, 1.0, (9, 3))
    d[7:, 1] = np.nan
    alone, adjusted = families.family_p(d, seed=0)
    columns = [column[~np.isnan(column)] for column in d.T]
    assert alone == pytest.approx([own_p(column) for column in columns])
    assert (adjusted >= alone).all()
    assert np.isnan(families.family_p(d, seed=0, least=8)[:, 1]).all()
