import math

import numpy as np
import pytest

from ablate.analysis.learning_curves import NEVER, LearningCurve, compare_curves, median_centre


def curve(*scores, second=2.0, is_lost=False):
    values = np.array(scores, dtype=float)
    return LearningCurve(values, second * np.arange(1, len(values) + 1), is_lost=is_lost)


OLD = curve(0.1, 0.3, 0.4, 0.5, 0.45)  # best in epoch 4


def test_a_faster_variant_reaches_the_references_best_earlier():
    found = compare_curves([(OLD, curve(0.2, 0.5, 0.6))] * 3)
    assert (found.n, found.reached, found.returned) == (3, 3, 0)
    assert (found.epochs, found.reference_epochs) == (2, 4)
    # Both reach 0.5, the lower of the two bests: in epochs 2 and 4, 4 s and 8 s after the start.
    assert (found.later.middle, found.seconds_later.middle) == (-2, -4)
    assert math.isnan(found.later.low)


def test_a_variant_that_never_gets_there_is_counted_and_compared_at_its_own_best():
    slow = curve(0.1, 0.1, 0.1, 0.2, 0.4)
    found = compare_curves([(OLD, slow)] * 2 + [(OLD, curve(0.5))])
    assert (found.reached, found.returned, found.epochs) == (1, 3, NEVER)
    assert found.later.middle == 5 - 3  # two of three: 0.4 in epoch 5, the reference in epoch 3


def test_the_mean_score_goes_over_the_epochs_that_both_ran():
    found = compare_curves([(OLD, curve(0.2, 0.5, 0.4))])  # +0.1, +0.2, 0: the fourth epoch has one run
    assert (found.gain.middle, found.n_gain) == (pytest.approx(0.1), 1)
    with_gap = compare_curves([(OLD, curve(0.2, math.nan, 0.4))])
    assert with_gap.gain.middle == pytest.approx(0.05)


def test_a_lost_variant_never_arrives_and_has_no_mean_score():
    lost = curve(0.6, 0.7, is_lost=True)
    found = compare_curves([(OLD, lost), (OLD, curve(is_lost=True)), (OLD, curve(0.5))])
    assert (found.n, found.reached, found.returned, found.n_gain) == (3, 1, 2, 1)
    assert (found.epochs, found.later.middle) == (NEVER, NEVER)


def test_a_pair_whose_reference_was_lost_has_nothing_to_reach():
    found = compare_curves([(curve(0.9, is_lost=True), OLD), (curve(math.nan), OLD)])
    assert (found.n, found.reached) == (0, 0)
    assert math.isnan(found.later.middle)


def test_seconds_that_are_not_known_are_not_compared():
    unknown = LearningCurve(np.array([0.1, 0.5]), np.full(2, math.nan))
    found = compare_curves([(unknown, unknown)] * 6)
    assert math.isnan(found.seconds_later.middle)
    assert (found.later.middle, found.later.low, found.later.high) == (0, 0, 0)


def test_the_interval_of_a_median_lies_between_two_of_the_values_from_six_seeds_on():
    six = median_centre(np.array([3.0, 1.0, 2.0, 6.0, 5.0, 4.0]))
    assert (six.middle, six.low, six.high) == (3.5, 1, 6)  # 1 − 2·½⁶ = 96.9 %
    nine = median_centre(np.array([*range(1, 9), NEVER]))
    assert (nine.middle, nine.low, nine.high) == (5, 2, 8)  # 1 − 2·10·½⁹ = 96.1 %
    assert math.isnan(median_centre(np.arange(5.0)).low)


def test_equal_variants_are_neither_earlier_nor_later():
    rng = np.random.default_rng(0)

    def noisy():
        return curve(*(1 - np.exp(-np.arange(1, 21) / 5) + rng.normal(0, 0.02, 20)))

    pairs = [(noisy(), noisy()) for _ in range(400)]
    found = compare_curves(pairs)
    assert found.later.low <= 0 <= found.later.high
    assert found.gain.low <= 0 <= found.gain.high
    assert found.reached / found.n == pytest.approx(0.5, abs=0.08)
