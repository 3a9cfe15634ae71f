import math
from dataclasses import replace

import numpy as np
import pytest

from ablate.study.catalog import SCHEDULES
from ablate.study.trial import RateTest
from ablate.training.range_test import (
    average_curves,
    minimum_tenth,
    ramp,
    rate_for,
    read_curve,
    steps_to_run,
    stop_index,
    valley,
)

RATES = ramp(1e-6, 10.0, steps_per_decade=25)
GOLDEN_RATES = 1e-7 * 1e8 ** (np.arange(100) / 100)


def sigmoid_curve(rates, drop=1.8):
    """A plateau, a descent around 1e-3 and a blow-up above 0.3."""
    x = np.log10(rates)
    return 2.3 - drop / (1 + np.exp(-(x + 3) / 0.35)) + 10 ** (2.5 * (x + 0.5))


GOLDEN = sigmoid_curve(GOLDEN_RATES)


def test_a_ramp_is_even_in_log_rate_and_has_both_ends():
    assert ramp(0.01, 1.0, steps_per_decade=2) == pytest.approx([0.01, 10**-1.5, 0.1, 10**-0.5, 1.0])
    assert len(RATES) == 176


def test_the_golden_curve_stops_where_it_passes_four_times_its_minimum():
    assert stop_index(GOLDEN) == 83
    assert GOLDEN_RATES[83] == pytest.approx(0.4365, rel=1e-4)


def test_the_rules_pick_the_golden_rates():
    rates, losses = GOLDEN_RATES[:83][10:-5], GOLDEN[:83][10:-5]
    assert valley(rates, losses) == pytest.approx(1.318e-4, rel=1e-3)
    assert minimum_tenth(rates, losses) == pytest.approx(4.786e-3, rel=1e-3)


def test_the_golden_curve_is_determined_and_half_its_knee_suggested():
    reading = read_curve(GOLDEN_RATES, GOLDEN, fallback=0.5)
    assert reading.rules == pytest.approx(
        {
            "knee / 2": 0.0079245,  # the knee is at 10**-1.8, the first rate within 2 % of the fall from the minimum
            "steepest": 1e-3,
            "valley": 1.2023e-3,
            "minimum": 4.786e-2,
            "minimum / 10": 4.786e-3,
            "divergence": 0.43652,
        },
        rel=1e-3,
    )
    assert reading.suggestion == reading.rules["knee / 2"]
    assert (reading.verdict, reading.reason) == ("determined", "")


def test_nothing_is_read_behind_the_first_basin():
    # A network that died at a high rate has a loss of chance, here below that of the basin.
    dead = np.where(RATES > 0.5, 0.2, sigmoid_curve(RATES))
    whole = read_curve(RATES[:140], sigmoid_curve(RATES)[:140], fallback=0.5)
    reading = read_curve(RATES, dead, fallback=0.5)
    assert sigmoid_curve(RATES)[140] > 1.0  # it has risen again
    assert reading.rules["minimum"] == whole.rules["minimum"]
    assert reading.suggestion == whole.suggestion
    assert reading.verdict == "determined"


def test_on_a_flat_bottom_the_knee_does_not_move_with_its_lowest_point():
    x = np.log10(RATES)
    flat = 2.3 - 1.8 / (1 + np.exp(-(x + 3) / 0.2)) + 10 ** (2.5 * (x - 0.5))
    tilts = [read_curve(RATES, flat + tilt * np.clip(x + 2, 0, 1.5), fallback=0.5) for tilt in (-0.01, 0.01)]
    assert tilts[0].rules["minimum"] > 10 * tilts[1].rules["minimum"]
    assert tilts[0].suggestion == pytest.approx(tilts[1].suggestion, rel=0.5)


def test_1cycle_rises_to_the_bottom_of_the_basin_and_other_schedules_begin_at_the_suggestion():
    test = RateTest("k", (), (), {"minimum": 0.03}, 0.004, "determined", "", 0.0)
    assert rate_for(test, "1cycle") == 0.03
    assert {rate_for(test, name) for name in SCHEDULES if name != "1cycle"} == {0.004}
    assert rate_for(replace(test, rules={"minimum": None}), "1cycle") == 0.004
    assert rate_for(replace(test, rules={"minimum": 9.0}), "1cycle") == pytest.approx(0.04)  # a flat bottom


def test_smoothing_has_no_lag_that_moves_the_steepest_point():
    # An exponential average moves it by a factor of 5; the descent's centre is at 1e-3.
    reading = read_curve(RATES, sigmoid_curve(RATES), fallback=0.5)
    assert reading.rules["steepest"] == pytest.approx(1e-3, rel=0.1)


@pytest.mark.parametrize(
    ("losses", "stop"),
    [
        ([], 0),
        ([math.nan, 1.0], 0),
        ([2.0, 1.0, math.inf, 1.0], 2),
        ([2.0, 1.0, 0.5, 0.5, 0.5, 3.0, 9.0, 20.0], 5),  # 3 > 4 x 0.5
        ([2.0, 2.0, 2.0, 50.0, 2.0, 2.0, 2.0], 7),  # a lone bad batch
        ([2.0, 1.5, 1.0], 3),
        ([0.0, 0.0, 0.0], 3),
    ],
)
def test_a_curve_stops_at_divergence_and_not_at_a_lone_bad_batch(losses, stop):
    assert stop_index(losses) == stop


@pytest.mark.parametrize(
    ("losses", "stop"),
    [
        ([1.0] * 3 + [0.5, 0.1, -0.2, -0.6, -1.0, -1.4, -2.0, -3.0], 11),  # falls through zero
        ([-1.0] * 7 + [-2.0] * 3 + [0.0, 0.5, 0.9, 9.0], 13),  # 2.9 falls above the lowest is no divergence, 11 is
        ([-5.0] * 7 + [-5.5] * 3 + [-5.0, -4.5, -4.0, -3.0, 0.0], 13),  # -3 is 5 times the fall of 0.5 above -5.5
        ([-1.0, -1.0, math.nan], 2),
        ([-1.0] * 9, 9),
    ],
)
def test_a_loss_that_falls_below_zero_diverges_where_it_has_risen_by_a_multiple_of_its_fall(losses, stop):
    assert stop_index(losses) == stop
    assert stop_index(np.array(losses) - 1000.0) == stop


@pytest.mark.parametrize("below", [2.0, 5.0, 1000.0])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_curve_below_zero_is_read_as_the_same_curve_above_it(below, noise):
    losses = sigmoid_curve(RATES) + np.random.default_rng(1).normal(0, 1, 176) * noise
    above, under = (read_curve(RATES, some, fallback=0.5) for some in (losses, losses - below))
    assert under.suggestion == pytest.approx(above.suggestion, rel=0.1)
    assert under.rules["minimum"] == pytest.approx(above.rules["minimum"], rel=1e-3)
    assert (under.verdict, under.reason) == ("determined", "")


@pytest.mark.parametrize(
    "losses",
    [np.full(176, -2.3), np.linspace(-2.3, 4.0, 176), -2.3 + np.exp(np.linspace(-9, 3, 176)), np.zeros(176) - 1e-9],
)
def test_a_curve_below_zero_that_does_not_descend_falls_back(losses):
    reading = read_curve(RATES, losses, fallback=0.5)
    assert (reading.verdict, reading.suggestion) == ("undetermined", 0.5)


def test_noise_below_zero_without_a_descent_suggests_nothing():
    curves = -1.0 + np.random.default_rng(0).normal(0, 0.1, (40, 176))
    verdicts = [read_curve(RATES, curve, fallback=99.0).verdict for curve in curves]
    assert verdicts.count("undetermined") >= 38


def test_a_curve_of_a_coarse_ramp_is_smoothed_over_nine_points_and_its_picks_lowered():
    coarse = ramp(1e-6, 10.0, steps_per_decade=8)
    reading = read_curve(coarse, sigmoid_curve(coarse), fallback=0.5)
    lowered = read_curve(coarse, sigmoid_curve(coarse), fallback=0.5, lag=0.5)
    assert reading.rules["steepest"] == pytest.approx(1e-3, rel=0.4)
    assert lowered.suggestion == pytest.approx(reading.suggestion / 2)
    assert lowered.rules["minimum"] == pytest.approx(reading.rules["minimum"] / 2)
    assert lowered.rules["divergence"] == reading.rules["divergence"]


def test_further_curves_run_two_batches_past_the_first_divergence_and_the_average_is_that_of_whole_ones():
    rng = np.random.default_rng(2)
    curves = [sigmoid_curve(RATES) * np.exp(rng.normal(0, 0.3, 176)) for _ in range(20)]
    for first, second in zip(curves[::2], curves[1::2], strict=True):
        n = steps_to_run(first)
        assert n == stop_index(first) + 2
        assert average_curves([first, second[:n]]).tolist() == average_curves([first, second]).tolist()
    assert steps_to_run([2.0, 1.5, 1.0]) == 3


def test_curves_are_averaged_up_to_the_first_divergence_of_any():
    steady = [4.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    breaks = [2.0, 2.0, 1.0, math.nan, math.nan, math.nan]
    assert average_curves([steady, breaks]).tolist() == [3.0, 2.0, 1.5]
    assert average_curves([steady]).tolist() == steady


def test_losses_that_end_before_the_rates_diverged_there():
    losses = sigmoid_curve(RATES)[:120]
    assert read_curve(RATES, losses, fallback=0.5).rules["divergence"] == RATES[120]
    assert read_curve(RATES[:120], losses, fallback=0.5).rules["divergence"] is None


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        (np.full(176, 2.3), "does not descend"),
        (np.linspace(2.3, 4.0, 176), "does not descend"),
        (2.3 + np.random.default_rng(3).normal(0, 0.1, 176), "does not descend"),
        (np.full(176, np.nan), "diverges after 0 batches"),
        (np.array([2.3, 2.2, 2.1, *[np.inf] * 173]), "diverges after 3 batches"),
    ],
)
def test_a_curve_that_does_not_descend_falls_back_and_says_why(losses, reason):
    reading = read_curve(RATES, losses, fallback=0.5)
    assert (reading.verdict, reading.suggestion) == ("undetermined", 0.5)
    assert reason in reading.reason


def test_where_the_steepest_descent_is_far_from_the_knee_a_rate_between_them_is_taken_and_said_to_be_unsure():
    # An early cliff, then a slow descent to a far minimum.
    x = np.log10(RATES)
    reading = read_curve(RATES, 2.3 - 0.9 / (1 + np.exp(-(x + 2.5) / 0.05)) - 0.1 * x, fallback=99.0)
    steepest, half_knee = reading.rules["steepest"], reading.rules["knee / 2"]
    assert reading.verdict == "undetermined"
    assert "disagree by" in reading.reason
    assert steepest < 0.01 < 1.0 < half_knee
    assert reading.suggestion == pytest.approx(math.sqrt(steepest * half_knee))


def test_a_steepest_descent_at_the_start_of_the_ramp_is_not_believed():
    # A deep network's first loss explodes and falls long before anything is learned.
    x = np.log10(RATES)
    losses = 2.3 + 60 * np.exp(-(x + 6) / 0.2) - 1.2 / (1 + np.exp(-(x + 3) / 0.2)) + 10 ** (2.5 * (x + 0.5))
    reading = read_curve(RATES, losses, fallback=99.0)
    assert reading.verdict == "undetermined"
    assert reading.suggestion == reading.rules["knee / 2"]


def test_a_dip_of_noise_before_the_descent_is_neither_basin_nor_knee():
    rng = np.random.default_rng(5)
    noisy = sigmoid_curve(RATES) + rng.normal(0, 0.08, 176) * (RATES < 1e-4)  # quiet where the network fits all
    noisy[40:52] -= 0.15
    reading = read_curve(RATES, noisy, fallback=99.0)
    clean = read_curve(RATES, sigmoid_curve(RATES), fallback=99.0)
    assert reading.rules["minimum"] == pytest.approx(clean.rules["minimum"], rel=0.2)
    assert reading.suggestion == pytest.approx(clean.suggestion, rel=0.5)


def test_the_noise_of_three_averaged_curves_moves_the_suggestion_by_less_than_half_a_decade():
    rng = np.random.default_rng(0)
    clean = read_curve(RATES, sigmoid_curve(RATES), fallback=0.5).suggestion
    curves = [average_curves(sigmoid_curve(RATES) + rng.normal(0, 0.1, (3, 176))) for _ in range(40)]
    decades = np.log10([read_curve(RATES, curve, fallback=99.0).suggestion / clean for curve in curves])
    assert np.mean(np.abs(decades) < 0.5) >= 0.95


def test_noise_without_a_descent_suggests_nothing():
    rng = np.random.default_rng(0)
    curves = 2.3 + rng.normal(0, 0.1, (40, 176))
    verdicts = [read_curve(RATES, curve, fallback=99.0).verdict for curve in curves]
    assert verdicts.count("undetermined") >= 38


@pytest.mark.parametrize("curvature", [0.31, 7.3, 53.0])
def test_gradient_descent_on_a_quadratic_diverges_just_above_two_over_its_curvature(curvature):
    losses, weight = [], 1.0
    for rate in RATES:
        losses.append(curvature * weight**2 / 2)
        weight -= rate * curvature * weight
    divergence = read_curve(RATES, losses, fallback=0.5).rules["divergence"]
    assert 2 / curvature < divergence < 2 / curvature * 10 ** (5 / 25)  # the loss needs a few steps to quadruple
