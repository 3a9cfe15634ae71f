import numpy as np
import pytest
from scipy import stats

from ablate.models.layers import uniform


def draw(seed: int, step: int, shape=(300, 400)) -> np.ndarray:
    return np.asarray(uniform(shape, state=np.array([seed, step], np.uint32)))


def test_the_numbers_are_uniform_in_zero_to_one():
    numbers = draw(1, 0)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 0.001


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5])
def test_the_shares_below_a_rate_scatter_as_a_binomial(rate):
    """Over 200 steps of a layer of 32 × 100: mean and spread of the dropped share."""
    shares = np.array([(draw(7, step, (32, 100)) < rate).mean() for step in range(200)])
    error = np.sqrt(rate * (1 - rate) / 3200)
    assert abs(shares.mean() - rate) < 4 * error / np.sqrt(200)
    assert 0.85 < shares.std() / error < 1.15


def test_steps_seeds_rows_and_columns_are_not_correlated():
    base = draw(1, 0)
    others = [draw(1, 1), draw(1, 2), draw(2, 0), draw(3, 1)]
    pairs = [(base, other) for other in others] + [(base[1:], base[:-1]), (base[:, 1:], base[:, :-1])]
    for one, two in pairs:
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 4 / np.sqrt(one.size)


def test_a_unit_is_dropped_independently_over_steps():
    dropped = np.stack([draw(5, step, (32,)) < 0.5 for step in range(700)]).astype(float)
    lags = [np.corrcoef(dropped[:-lag, unit], dropped[lag:, unit])[0, 1] for lag in (1, 2, 3) for unit in range(32)]
    assert np.max(np.abs(lags)) < 4.5 / np.sqrt(700)


def test_the_same_state_gives_the_same_numbers():
    assert np.array_equal(draw(9, 4), draw(9, 4))
