import math
from itertools import combinations
from statistics import mean

import numpy as np
import pytest

from ablate.analysis import statistics


@pytest.mark.parametrize(("k", "expected"), [(1, 0), (5, 1.163), (10, 1.539), (20, 1.867), (50, 2.249)])
def test_the_best_of_k_normals_is_expected_where_the_tables_say(k, expected):
    assert statistics.expected_normal_maximum(k) == pytest.approx(expected, abs=5e-4)


def test_expected_ranks_are_symmetric():
    ranks = [statistics.expected_normal_maximum(4, rank=rank) for rank in (1, 2, 3, 4)]
    assert ranks == pytest.approx([1.0294, 0.2970, -0.2970, -1.0294], abs=1e-4)


def test_the_best_of_fewer_trials_is_the_mean_over_all_subsets():
    scores = [0.3, 0.9, 0.1, 0.5, 0.5]
    by_hand = [mean(max(subset) for subset in combinations(scores, n)) for n in range(1, 6)]
    assert statistics.expected_best(scores, trials=range(1, 6)) == pytest.approx(by_hand)
    assert math.isnan(statistics.expected_best(scores, trials=[6])[0])


def test_the_best_of_fewer_trials_can_be_told_of_many():
    scores = np.arange(10_000) / 9_999  # the largest of n of them lies near n / (n + 1)
    assert statistics.expected_best(scores, trials=[1, 9, 99, 10_000]) == pytest.approx([0.5, 0.9, 0.99, 1], abs=1e-3)


@pytest.mark.parametrize("rise", [0.0, 3.0])
def test_the_optimism_of_the_best_epoch_is_the_noise_at_the_best(rise):
    rng = np.random.default_rng(0)
    trend = rise * np.log(np.arange(1, 21))
    noise = rng.normal(size=(150, 20))
    true = noise[np.arange(150), (trend + noise).argmax(axis=1)].mean()
    estimate = mean(statistics.best_epoch_optimism(0.01 * row) for row in trend + noise) / 0.01
    assert estimate == pytest.approx(true, rel=0.2)


def test_a_straight_curve_has_no_noise_and_a_short_one_no_estimate():
    assert statistics.best_epoch_optimism(np.zeros(8)) == 0.0
    assert statistics.best_epoch_optimism(np.arange(8) / 8) == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(statistics.best_epoch_optimism([0.1, 0.2, 0.3, 0.4]))
    assert math.isnan(statistics.best_epoch_optimism([0.1, 0.2, math.nan, 0.4, 0.5]))
