import math

import pandas as pd

from ablate.analysis.effects import Metric
from ablate.report.numbers import (
    count,
    decimals_for,
    duration,
    effect_decimals,
    interval,
    number,
    p_value,
    rate,
    score_decimals,
)

ACCURACY = Metric("test_accuracy", "test_accuracy", 1, 100.0, "points", 0.1, 0.005)
LOSS = Metric("test_loss", "test_loss", -1, 1.0, "nats", -2.3, 0.01)


def test_numbers_have_a_true_minus_and_no_negative_zero() -> None:
    assert number(-0.44, 1) == "−0.4"
    assert number(-0.04, 1) == "0.0"
    assert number(3.9, 1, is_signed=True) == "+3.9"
    assert number(0.01, 1, is_signed=True) == "0.0"
    assert number(math.nan, 1) == number(None, 1) == "–"


def test_a_column_has_the_digits_that_its_intervals_support() -> None:
    assert decimals_for([0.008, 0.009], ACCURACY) == 1  # ±0.8 points
    assert decimals_for([0.0008], ACCURACY) == 2
    assert decimals_for([0.2], ACCURACY) == 1
    assert decimals_for([0.01], LOSS) == 3
    assert decimals_for([math.nan, 0.0], ACCURACY) == 1


def test_an_interval_without_ends_is_a_dash() -> None:
    assert interval(3.14, 4.66, 1) == "[3.1, 4.7]"
    assert interval(math.nan, math.nan, 1) == "–"


def test_p_values_have_no_leading_zero_and_a_floor() -> None:
    assert p_value(0.0469) == ".047"
    assert p_value(0.7226) == ".72"
    assert p_value(1.0) == "1.00"
    assert p_value(0.0004) == "< .001"
    assert p_value(math.nan) == "–"


def test_other_numbers_read_as_people_write_them() -> None:
    assert rate(0.00083) == "8.3e-4"
    assert rate(None) == rate(0.0) == "–"
    assert duration(8.24) == "8.2 s"
    assert duration(1072) == "17 min 52 s"
    assert duration(7500) == "2 h 5 min"
    assert count(45000) == "45,000"
    assert count(math.nan) == "–"


def test_without_a_spread_a_score_of_unknown_unit_shows_what_tells_it_apart() -> None:
    mrr = Metric("mrr", "mrr", 1, 1.0, "", 0.0, math.nan)
    assert decimals_for([math.nan, math.nan], mrr, values=[0.29, 0.18]) == 3  # one run a level: "0.290"
    assert decimals_for([0.0], mrr, values=[0.02]) == 4  # two optimizers, the same difference under every seed
    assert decimals_for([0.0, 0.0], mrr, values=[0.29, 0.0003]) == 4  # the smaller one shows as well
    assert decimals_for([0.0], mrr, values=[290.0]) == 0
    assert decimals_for([0.0, 0.0], mrr, values=[0.29, 1e-17]) == 3  # rounding is no difference
    assert decimals_for([5.0, 0.0], mrr, values=[3.0, 0.02]) == 4  # another row's spread says nothing of it
    assert decimals_for([0.0], ACCURACY, values=[0.02]) == 1  # points are known: "2.0"


def test_small_scores_of_an_unknown_unit_show_three_digits() -> None:
    mse = Metric("mse", "mse", -1, 1.0, "", 0.0, math.nan)
    assert score_decimals([-1e-6, -4e-6, math.nan], mse, points=1, others=3) == 8
    assert score_decimals([0.5, 0.0], mse, points=1, others=3) == 3
    assert score_decimals([math.nan], mse, points=1, others=4) == 4
    assert score_decimals([0.00001], ACCURACY, points=1, others=3) == 1
    assert score_decimals([0.00001], LOSS, points=1, others=3) == 3


def test_where_nothing_differs_the_means_show() -> None:
    mrr = Metric("mrr", "mrr", 1, 1.0, "", 0.0, math.nan)
    alike = {"low": [0.0], "high": [0.0], "mean": [0.0], "variant_mean": [0.54]}
    assert effect_decimals(pd.DataFrame(alike), mrr) == 3
