import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import ttost_paired

from ablate.analysis import statistics

# Final test accuracies of DeepOBS on fmnist_2c2d, seeds 43 to 51, rounded to four digits.
SGD = np.array([0.9238, 0.9238, 0.9264, 0.9225, 0.9203, 0.9223, 0.9241, 0.9204, 0.9221])
MOMENTUM = np.array([0.9224, 0.9226, 0.9242, 0.9217, 0.9213, 0.9177, 0.9208, 0.9216, 0.9184])
ADAM = np.array([0.9229, 0.9253, 0.9221, 0.9253, 0.9228, 0.9206, 0.9249, 0.9189, 0.9222])

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
    (judged,) = statistics.judge(d[:, None], margin=0.25, seed=0)
    assert judged.p == pytest.approx(p, abs=5e-4)
    assert statistics.tost_p(d, margin=0.25) == pytest.approx(tost_quarter, abs=5e-4)
    assert statistics.tost_p(d, margin=0.5) == pytest.approx(tost_half, abs=5e-4)


@pytest.mark.parametrize("seed", range(5))
def test_interval_and_equivalence_agree_with_scipy_and_statsmodels(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 7))
    expected = scipy_stats.ttest_rel(a, b).confidence_interval(0.9)
    interval = statistics.paired_interval(a - b, confidence=0.9)
    assert [interval.low, interval.high] == pytest.approx([expected.low, expected.high])
    assert statistics.tost_p(a - b, margin=0.8) == pytest.approx(ttost_paired(a, b, -0.8, 0.8)[0])


@given(differences)
def test_turning_all_signs_mirrors_the_interval_and_keeps_every_p(d):
    turned = [-x for x in d]
    there, back = statistics.paired_interval(d), statistics.paired_interval(turned)
    assert [back.mean, -back.high, -back.low] == pytest.approx([-there.mean, there.low, there.high], nan_ok=True)
    there, back = (statistics.family_p(np.transpose([x]), seed=0) for x in (d, turned))
    assert back.tolist() == there.tolist()
    assert statistics.tost_p(turned, margin=0.1) == pytest.approx(statistics.tost_p(d, margin=0.1), nan_ok=True)
    assert statistics.probability_better(turned) == pytest.approx(1 - statistics.probability_better(d))


@given(differences, grid)
def test_a_shift_moves_the_interval_and_not_its_width(d, shift):
    before, after = statistics.paired_interval(d), statistics.paired_interval(np.array(d) + shift)
    moved = [before.mean + shift, before.low + shift, before.high + shift, before.sd]
    assert [after.mean, after.low, after.high, after.sd] == pytest.approx(moved, abs=1e-9, nan_ok=True)


def test_one_difference_has_a_mean_and_no_spread_and_none_has_nothing():
    one, none = statistics.paired_interval([0.1]), statistics.paired_interval([])
    assert (one.mean, one.n, none.n) == (0.1, 1, 0)
    assert all(math.isnan(x) for x in (one.sd, one.low, one.high, none.mean, none.sd, none.low, none.high))
    assert statistics.family_p([[0.1]], seed=0).tolist() == [[1.0], [1.0]]
    assert np.isnan(statistics.family_p(np.empty((0, 1)), seed=0)).all()
    assert math.isnan(statistics.probability_better([]))
    for d in ([], [0.1]):
        assert math.isnan(statistics.tost_p(d, margin=0.1))
        assert math.isnan(statistics.standardized_effect(d))


def test_d_z_is_shrunk_by_hedges_exact_factor():
    # mean .03, SD .01·√.8; J of 5 degrees of freedom is Γ(2.5) / (√2.5 · Γ(2)) = .840749
    d = [0.02, 0.03, 0.04, 0.02, 0.03, 0.04]
    assert statistics.standardized_effect(d) == pytest.approx(0.840749 * 0.03 / (0.01 * math.sqrt(0.8)), rel=1e-5)


def test_ties_are_half_a_win():
    assert statistics.probability_better([0.1, 0.0, -0.1, 0.2]) == 0.625


def test_ten_thousand_images_at_half_have_half_a_point_of_error():
    assert statistics.binomial_error(0.5, n=10_000) == pytest.approx(0.005)
    assert statistics.binomial_error(0.92, n=10_000) == pytest.approx(0.0027, abs=5e-5)


def test_with_a_margin_of_nothing_nothing_is_equivalent():
    assert statistics.tost_p([0.1, -0.1, 0.1, -0.1], margin=0.0) == 0.5
    assert statistics.tost_p(np.zeros(6), margin=0.0) == 1.0


def test_overlapping_folds_get_the_corrected_variance_of_nadeau_and_bengio():
    d = np.array([0.01, 0.03, 0.02, 0.04, 0.00, 0.02, 0.03, 0.01, 0.02, 0.02])
    overlap = 1 / 9  # ten folds
    error = d.std(ddof=1) * math.sqrt(1 / 10 + 1 / 9)
    found = statistics.paired_interval(d, overlap=overlap)
    assert (found.high - found.mean) / error == pytest.approx(scipy_stats.t.ppf(0.975, 9))
    assert statistics.corrected_p(d, overlap=overlap) == pytest.approx(2 * scipy_stats.t.sf(0.02 / error, 9))
    assert statistics.corrected_p(d, overlap=0.0) == pytest.approx(scipy_stats.ttest_1samp(d, 0).pvalue)
    assert statistics.tost_p(d, margin=0.05, overlap=overlap) == pytest.approx(scipy_stats.t.sf(0.03 / error, 9))
    assert statistics.corrected_p([0.0] * 6, overlap=overlap) == 1.0
    assert math.isnan(statistics.corrected_p([0.1], overlap=overlap))
