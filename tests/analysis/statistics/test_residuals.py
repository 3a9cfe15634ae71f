import math

import pytest

from ablate.analysis.statistics.residuals import by_predicted, fit_of


def test_the_fit_by_hand():
    found = fit_of([1, 2, 3, 6], [2, 2, 2, 2])  # mean 3, variance 3.5; residuals -1, 0, 1, 4
    assert found.r2 == pytest.approx(1 - 4.5 / 3.5)
    assert (found.bias, found.mae, found.rmse) == (1, 1.5, pytest.approx(4.5**0.5))
    assert fit_of([1, 2, 3], [1, 2, 3]).r2 == 1
    assert math.isnan(fit_of([2, 2], [1, 3]).r2)


def test_bias_is_the_mean_of_target_minus_prediction_from_low_to_high_predictions():
    low, high = by_predicted([5, 1, 2, 8], [10, 1, 0, 12], groups=2)
    assert (low.predicted, low.bias, low.n) == (0.5, 1, 2)
    assert low.sd == pytest.approx(2**0.5)
    assert (high.predicted, high.bias) == (11, -4.5)


def test_few_examples_make_few_groups():
    groups = by_predicted([1.0, 2.0, 4.0], [1.0, 1.0, 1.0])
    assert [group.n for group in groups] == [1, 1, 1]
    assert all(math.isnan(group.sd) for group in groups)
