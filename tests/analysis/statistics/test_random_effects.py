import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from ablate.analysis.statistics.random_effects import heterogeneity, random_effects, seed_variances


def bcg():
    """Log risk ratios of 13 trials of the BCG vaccine and their variances: dat.bcg of the R package metafor."""
    ill, well = [4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27], [
        119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886,
    ]  # fmt: skip
    ill_of_others, well_of_others = [11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29], [
        128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825,
    ]  # fmt: skip
    a, b, c, d = (np.array(counts, dtype=float) for counts in (ill, well, ill_of_others, well_of_others))
    return np.log(a / (a + b)) - np.log(c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def test_the_vaccine_trials_give_the_numbers_of_metafor():
    found = random_effects(*bcg())  # rma(yi, vi, method="PM", test="knha")
    assert found.mean == pytest.approx(-0.7150, abs=5e-5)
    assert found.tau**2 == pytest.approx(0.3181, abs=5e-5)
    assert found.error == pytest.approx(0.1809, abs=5e-5)
    assert found.interval() == pytest.approx((-1.1091, -0.3208), abs=5e-5)
    assert found.p() == pytest.approx(0.0019, abs=5e-5)


def test_the_pooled_mean_is_that_of_statsmodels():
    y, v = np.array([0.2, 0.9, 0.5, 1.4, -0.3]), np.array([0.04, 0.09, 0.02, 0.2, 0.05])
    theirs, ours = combine_effects(y, v, method_re="iterated", use_t=True), random_effects(y, v)
    assert ours.mean == pytest.approx(theirs.mean_effect_re, rel=1e-6)
    assert ours.tau**2 == pytest.approx(theirs.tau2, rel=1e-5)
    assert ours.error == pytest.approx(theirs.sd_eff_w_re_hksj, rel=1e-6)


def test_equal_effects_are_never_pooled_more_surely_than_their_noise_allows():
    found = random_effects([1.0, 1.0, 1.0], [0.09, 0.09, 0.09])
    assert found.tau == 0
    assert found.error == pytest.approx(math.sqrt(0.09 / 3))  # the correction alone would give 0


def test_without_variances_every_data_set_weighs_the_same_as_in_a_t_test():
    y = [1.0, 2.0, 6.0]
    found = random_effects(y, [math.nan, 0.1, 0.1])
    plain = stats.ttest_1samp(y, 0)
    assert (found.mean, found.p()) == (pytest.approx(3.0), pytest.approx(plain.pvalue))
    assert found.interval() == pytest.approx(plain.confidence_interval())


def test_a_variance_of_zero_is_no_infinite_weight():
    assert random_effects([1.0, 3.0], [0.0, 1.0]).mean == pytest.approx(2.0)


def test_one_data_set_has_a_mean_and_no_interval_and_two_have_no_prediction():
    one, two = random_effects([1.5], [0.1]), random_effects([1.0, 2.0], [0.1, 0.1])
    assert one.mean == 1.5
    assert np.isnan([*one.interval(), one.p(), *one.prediction(), *two.prediction()]).all()
    assert np.isnan(random_effects([], []).mean)


def test_a_new_data_set_is_predicted_with_the_spread_between_data_sets():
    found = random_effects([0.0, 1.0, 2.0, 3.0], [1e-12] * 4)  # tau = SD 1.29, error = 1.29 / 2, t(2) = 4.30
    low, high = found.prediction()
    assert high - found.mean == pytest.approx(4.3027 * math.sqrt(5 / 3 + 5 / 12), rel=1e-4)
    assert low == pytest.approx(2 * found.mean - high)


def test_heterogeneity_is_that_of_scipy():
    rng = np.random.default_rng(0)
    samples = [rng.normal(mean, sd, n) for mean, sd, n in ((0, 1, 6), (1, 2, 8), (0.5, 0.3, 7))]
    means, variances = [x.mean() for x in samples], [x.var(ddof=1) / len(x) for x in samples]
    found, theirs = heterogeneity(means, variances, [6, 8, 7]), stats.alexandergovern(*samples)
    assert (found.statistic, found.p) == (pytest.approx(theirs.statistic), pytest.approx(theirs.pvalue))
    assert found.i2 == pytest.approx(max(0.0, 1 - 2 / theirs.statistic))


def test_few_seeds_and_single_data_sets_tell_nothing_of_heterogeneity():
    assert math.isnan(heterogeneity([0.0, 1.0], [0.1, 0.1], [6, 5]).p)
    assert math.isnan(heterogeneity([0.0], [0.1], [6]).p)


def test_effects_without_any_noise_differ_or_are_equal():
    assert heterogeneity([0.0, 1.0], [0.0, 0.0], [6, 6]).p == 0
    assert heterogeneity([1.0, 1.0], [0.0, 0.0], [6, 6]).p == 1


def test_weights_follow_the_seeds_and_not_the_estimated_noise():
    assert seed_variances([1.0, 3.0], [5, 10]) == pytest.approx([1.0, 0.5])
    assert seed_variances([1.0, 1.0], [4, 4], overlap=0.25) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("k", [2, 3, 5, 10])
@pytest.mark.parametrize("tau", [0.5, 2.0])
def test_effects_of_mean_zero_that_differ_between_data_sets_are_rarely_called_an_effect(k, tau):
    rng, n, studies = np.random.default_rng(k), 6, 800
    false = 0
    for _ in range(studies):
        sds = np.exp(rng.uniform(-math.log(4), math.log(4), k))  # of seeds: up to 16 times as noisy
        d = rng.normal(0, tau, k)[:, None] + sds[:, None] * rng.normal(size=(k, n))
        found = random_effects(d.mean(axis=1), seed_variances(d.std(axis=1, ddof=1), np.full(k, n)))
        false += found.p() <= 0.05
    assert false <= stats.binom.ppf(0.999, studies, 0.05)
