import numpy as np
import pytest

from ablate.analysis.importance.noise_level import LEVEL, above_noise


def test_what_no_shuffle_reaches_has_the_smallest_p_there_is():
    shuffled = np.tile([[0.1, 0.2], [0.2, 0.1]], (10, 1))[:19]
    tested = above_noise(np.array([0.9, 0.1]), shuffled)
    assert tested.p.tolist() == [1 / 20, 1.0]


def test_the_largest_of_all_importances_decides():
    # Each of 40 shuffles puts one of two factors high: a factor as high as its own highest is nothing special.
    rng = np.random.default_rng(0)
    shuffled = rng.chisquare(1, size=(199, 2))
    alone = above_noise(np.array([4.0]), shuffled[:, :1]).p[0]
    beside = above_noise(np.array([4.0, 0.1]), shuffled).p[0]
    assert alone < beside


def test_a_factor_is_above_noise_just_where_it_exceeds_its_level():
    rng = np.random.default_rng(1)
    shuffled = rng.chisquare([1, 5, 20], size=(100, 3))
    for found in rng.chisquare([3, 10, 40], size=(50, 3)):
        tested = above_noise(found, shuffled)
        assert ((tested.p <= LEVEL) == (found > tested.level)).all()


def test_what_is_always_the_same_is_not_above_noise():
    tested = above_noise(np.array([0.0, 3.0]), np.tile([0.0, 3.0], (100, 1)))
    assert tested.p.tolist() == [1.0, 1.0]
    assert tested.level == pytest.approx([0.0, 3.0])


def test_of_noise_one_in_twenty_rises_however_different_the_factors_are():
    rng, rose = np.random.default_rng(2), 0
    for _ in range(600):
        drawn = rng.chisquare([1, 4, 30, 2], size=(101, 4)) * [1, 10, 1, 0.01]
        rose += above_noise(drawn[0], drawn[1:]).p.min() <= LEVEL
    assert rose / 600 == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / 600) ** 0.5)
