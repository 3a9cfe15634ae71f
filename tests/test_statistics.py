import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from ablate import statistics
from ablate.statistics import Interval

# Final test accuracies of DeepOBS on fmnist_2c2d, seeds 43 to 51, rounded to four digits.
SGD = np.array([0.9238, 0.9238, 0.9264, 0.9225, 0.9203, 0.9223, 0.9241, 0.9204, 0.9221])
MOMENTUM = np.array([0.9224, 0.9226, 0.9242, 0.9217, 0.9213, 0.9177, 0.9208, 0.9216, 0.9184])
ADAM = np.array([0.9229, 0.9253, 0.9221, 0.9253, 0.9228, 0.9206, 0.9249, 0.9189, 0.9222])
NAN = math.nan

grid = st.integers(-50, 50).map(lambda x: x / 100)  # like differences of accuracies: ties and zeros occur
differences = st.lists(grid, min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("a", "b", "mean", "sd", "low", "high", "p", "tost_quarter", "tost_half"),
    [  # the published table was made from unrounded scores: the p of the first, full of ties here, was .914 there
        (ADAM, SGD, -0.008, 0.227, -0.183, 0.167, 0.945, 0.006, 0.000),
        (ADAM, MOMENTUM, 0.159, 0.253, -0.036, 0.354, 0.105, 0.156, 0.002),
        (MOMENTUM, SGD, -0.167, 0.200, -0.321, -0.013, 0.051, 0.124, 0.001),
    ],
)
def test_deepobs_contrasts_have_their_known_statistics(a, b, mean, sd, low, high, p, tost_quarter, tost_half):
    d = 100 * (a - b)
    interval = statistics.paired_interval(d)
    assert interval.n == 9
    assert [interval.mean, interval.sd, interval.low, interval.high] == pytest.approx([mean, sd, low, high], abs=5e-4)
    assert statistics.sign_flip_p(d, seed=0) == pytest.approx(p, abs=5e-4)
    assert statistics.tost_p(d, margin=0.25) == pytest.approx(tost_quarter, abs=5e-4)
    assert statistics.tost_p(d, margin=0.5) == pytest.approx(tost_half, abs=5e-4)


@pytest.mark.parametrize("seed", range(8))
def test_exact_p_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    d = rng.normal(0.5, 1, size=3 + seed).round(1 + seed % 3)
    expected = scipy_stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert statistics.sign_flip_p(d, seed=0) == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("seed", range(5))
def test_interval_and_equivalence_agree_with_scipy_and_statsmodels(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 7))
    expected = scipy_stats.ttest_rel(a, b).confidence_interval(0.9)
    interval = statistics.paired_interval(a - b, confidence=0.9)
    assert [interval.low, interval.high] == pytest.approx([expected.low, expected.high])
    assert statistics.tost_p(a - b, margin=0.8) == pytest.approx(ttost_paired(a, b, -0.8, 0.8)[0])


@pytest.mark.parametrize("seed", range(5))  # not by hypothesis: statsmodels collects garbage at each call, .1 s
def test_holm_agrees_with_statsmodels(seed):
    p_values = np.random.default_rng(seed).random(1 + 3 * seed).round(1 + seed % 2) ** 3
    assert statistics.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_counts_an_untested_contrast_as_one_of_the_family():
    assert statistics.holm([0.01, NAN, 0.02]) == pytest.approx([0.03, NAN, 0.04], nan_ok=True)


def test_holm_of_no_contrasts_is_empty():
    assert statistics.holm([]).shape == (0,)


@given(differences)
def test_exact_p_is_never_below_the_two_extreme_flips(d):
    p = statistics.sign_flip_p(d, seed=0)
    assert 2 / 2 ** len(d) <= p <= 1


@given(differences)
def test_turning_all_signs_mirrors_the_interval_and_keeps_every_p(d):
    turned = [-x for x in d]
    there, back = statistics.paired_interval(d), statistics.paired_interval(turned)
    assert [back.mean, -back.high, -back.low] == pytest.approx([-there.mean, there.low, there.high], nan_ok=True)
    assert statistics.sign_flip_p(turned, seed=0) == statistics.sign_flip_p(d, seed=0)
    assert statistics.tost_p(turned, margin=0.1) == pytest.approx(statistics.tost_p(d, margin=0.1), nan_ok=True)
    assert statistics.probability_better(turned) == pytest.approx(1 - statistics.probability_better(d))


@given(differences, grid)
def test_a_shift_moves_the_interval_and_not_its_width(d, shift):
    before, after = statistics.paired_interval(d), statistics.paired_interval(np.array(d) + shift)
    moved = [before.mean + shift, before.low + shift, before.high + shift, before.sd]
    assert [after.mean, after.low, after.high, after.sd] == pytest.approx(moved, abs=1e-9, nan_ok=True)


def test_with_all_signs_equal_the_exact_p_is_two_over_two_to_the_n():
    assert statistics.sign_flip_p([0.1, 0.2, 0.3, 0.1, 0.2, 0.7], seed=0) == 2 / 64


def test_above_twenty_seeds_the_drawn_p_is_seeded_and_near_the_t_test():
    d = np.random.default_rng(1).normal(0.35, 1, size=40)
    p = statistics.sign_flip_p(d, seed=3)
    assert p == statistics.sign_flip_p(d, seed=3) != statistics.sign_flip_p(d, seed=4)
    assert p == pytest.approx(scipy_stats.ttest_1samp(d, 0).pvalue, abs=0.01)
    assert statistics.sign_flip_p(np.ones(30), seed=0) == 1 / (statistics.FLIPS_DRAWN + 1)


def test_equal_differences_collapse_the_interval_and_keep_every_verdict():
    d = np.full(6, 0.8) - np.array([0.7, 0.7, 0.7, 0.7, 0.7, 0.7 + 1e-16])
    interval = statistics.paired_interval(d)
    assert (interval.sd, interval.low, interval.high) == (0.0, interval.mean, interval.mean)
    assert math.isnan(statistics.standardized_effect(d))
    assert statistics.tost_p(d, margin=0.2) == 0.0
    assert statistics.tost_p(d, margin=0.05) == 1.0
    p = statistics.sign_flip_p(d, seed=0)
    assert statistics.verdict(interval, simultaneous=interval, p_adjusted=p, p_tost=1.0, margin=0.05) == "helps"
    same = statistics.paired_interval(np.zeros(6))
    assert statistics.verdict(same, simultaneous=same, p_adjusted=1.0, p_tost=0.0, margin=0.005) == "equivalent"
    assert statistics.sign_flip_p(np.zeros(6), seed=0) == 1.0


def test_one_difference_has_a_mean_and_no_spread_and_none_has_nothing():
    one, none = statistics.paired_interval([0.1]), statistics.paired_interval([])
    assert (one.mean, one.n, none.n) == (0.1, 1, 0)
    assert all(math.isnan(x) for x in (one.sd, one.low, one.high, none.mean, none.sd, none.low, none.high))
    assert statistics.sign_flip_p([0.1], seed=0) == 1.0
    for number in (statistics.sign_flip_p([], seed=0), statistics.probability_better([])):
        assert math.isnan(number)
    for d in ([], [0.1]):
        assert math.isnan(statistics.tost_p(d, margin=0.1))
        assert math.isnan(statistics.standardized_effect(d))
        assert statistics.seeds_needed(statistics.paired_interval(d), contrasts=5, margin=0.005) == 8


def test_d_z_is_shrunk_by_hedges_exact_factor():
    # mean .03, SD .01·√.8; J of 5 degrees of freedom is Γ(2.5) / (√2.5 · Γ(2)) = .840749
    d = [0.02, 0.03, 0.04, 0.02, 0.03, 0.04]
    assert statistics.standardized_effect(d) == pytest.approx(0.840749 * 0.03 / (0.01 * math.sqrt(0.8)), rel=1e-5)


def test_ties_are_half_a_win():
    assert statistics.probability_better([0.1, 0.0, -0.1, 0.2]) == 0.625


def test_ten_thousand_images_at_half_have_half_a_point_of_error():
    assert statistics.binomial_error(0.5, n=10_000) == pytest.approx(0.005)
    assert statistics.binomial_error(0.92, n=10_000) == pytest.approx(0.0027, abs=5e-5)


@pytest.mark.parametrize(
    ("mean", "low", "high", "p", "p_tost", "n", "said"),
    [
        (0.03, 0.02, 0.04, 0.03, 1.0, 6, "helps"),
        (-0.03, -0.04, -0.02, 0.03, 1.0, 6, "hurts"),
        (-0.03, -0.04, -0.02, NAN, NAN, 5, "too few seeds"),
        (0.004, 0.003, 0.005, 0.03, 0.01, 6, "detectable but below margin"),
        (0.004, -0.001, 0.009, 0.03, 0.01, 6, "equivalent"),  # the interval says no, whatever the p
        (0.03, 0.02, 0.04, 0.06, 1.0, 6, "inconclusive"),  # the p says no, whatever the interval
        (0.03, -0.02, 0.08, 0.2, 0.9, 6, "inconclusive"),
    ],
)
def test_a_verdict_needs_interval_and_p_and_margin(mean, low, high, p, p_tost, n, said):
    interval = Interval(mean, 0.01, low, high, n)
    assert statistics.verdict(interval, simultaneous=interval, p_adjusted=p, p_tost=p_tost, margin=0.005) == said


def test_least_seeds_are_those_with_which_holm_can_reach_alpha():
    assert [statistics.least_seeds(m) for m in (1, 5, 10, 20)] == [6, 8, 9, 10]
    for m in (1, 5, 10, 20):
        n = statistics.least_seeds(m)
        assert m * 2 / 2**n <= 0.05 < m * 2 / 2 ** (n - 1)


def test_seeds_needed_to_tell_from_zero_give_about_the_power_asked_for():
    n = statistics.seeds_needed(Interval(0.03, 0.04, 0, 0, 6), contrasts=1, margin=0.005)
    d = np.random.default_rng(0).normal(0.03, 0.04, size=(4000, n))
    assert np.mean(scipy_stats.ttest_1samp(d, 0, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.04)


def test_seeds_needed_for_no_difference_are_those_that_show_equivalence():
    n = statistics.seeds_needed(Interval(0.0, 0.01, 0, 0, 6), contrasts=1, margin=0.005)
    d = np.random.default_rng(0).normal(0.0, 0.01, size=(500, n))
    assert np.mean([statistics.tost_p(row, margin=0.005) < 0.05 for row in d]) == pytest.approx(0.8, abs=0.05)


def test_seeds_needed_grow_with_the_family_and_end_at_a_thousand():
    interval = Interval(0.02, 0.03, 0, 0, 6)
    few, many = (statistics.seeds_needed(interval, contrasts=m, margin=0.005) for m in (1, 20))
    assert few < many
    assert statistics.seeds_needed(Interval(0.005, 1.0, 0, 0, 6), contrasts=1, margin=0.005) == 1000
    assert statistics.seeds_needed(Interval(0.1, 0.0, 0.1, 0.1, 6), contrasts=10, margin=0.005) == 9


@pytest.mark.parametrize(("k", "expected"), [(1, 0), (5, 1.163), (10, 1.539), (20, 1.867), (50, 2.249)])
def test_the_best_of_k_normals_is_expected_where_the_tables_say(k, expected):
    assert statistics.expected_normal_maximum(k) == pytest.approx(expected, abs=5e-4)


def test_expected_ranks_are_symmetric():
    ranks = [statistics.expected_normal_maximum(4, rank=rank) for rank in (1, 2, 3, 4)]
    assert ranks == pytest.approx([1.0294, 0.2970, -0.2970, -1.0294], abs=1e-4)


def test_families_without_any_effect_rarely_help_or_hurt():
    rng, m, n, studies, wrong = np.random.default_rng(7), 3, 8, 400, 0
    for _ in range(studies):
        scores = rng.normal(0.5, 0.01, size=(m + 1, n))
        d = scores[1:] - scores[0]
        p = statistics.holm([statistics.sign_flip_p(row, seed=0) for row in d])
        said = {
            statistics.verdict(
                statistics.paired_interval(row),
                simultaneous=statistics.paired_interval(row, confidence=1 - 0.05 / m),
                p_adjusted=float(adjusted),
                p_tost=1.0,
                margin=0.0,
            )
            for row, adjusted in zip(d, p, strict=True)
        }
        wrong += bool(said & {"helps", "hurts"})
    assert wrong / studies <= 0.05
