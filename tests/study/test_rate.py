import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.errors import StudyError
from ablate.study.rate import Rate, format_rate, parse_rate, rate_of, with_rate


@pytest.mark.parametrize(
    ("level", "rate"),
    [
        ("find", Rate(None)),
        ("find*0.3", Rate(None, 0.3)),
        ("find * 3", Rate(None, 3.0)),
        ("find*1e-2", Rate(None, 0.01)),
        (0.001, Rate(0.001)),
        (1, Rate(1.0)),
    ],
)
def test_a_level_says_a_rate(level, rate):
    assert parse_rate(level) == rate


@pytest.mark.parametrize(
    "level",
    [
        "", "0.001", "Find", "find*", "find*-1", "find*0", "find*1.2.3", "find*inf", "find*1e999",
        "find/3", 0, -1e-3, math.inf, math.nan, True, 10**400,
    ],
)  # fmt: skip
def test_anything_else_is_no_rate(level):
    with pytest.raises(StudyError, match="learning rate"):
        parse_rate(level)


def test_a_rate_is_written_short():
    assert format_rate(Rate(None)) == "find"
    assert format_rate(Rate(None, 1.00001)) == "find"
    assert format_rate(Rate(None, 0.123456)) == "find*0.1235"
    assert format_rate(Rate(3e-4)) == 3e-4


@given(st.floats(1e-6, 1e6))
def test_a_written_multiplier_reads_back_to_four_digits_and_is_then_stable(multiplier):
    level = format_rate(Rate(None, multiplier))
    assert parse_rate(level).multiplier == pytest.approx(multiplier, rel=5e-4)
    assert format_rate(parse_rate(level)) == level


def test_rates_are_multiplied_to_four_digits():
    assert format_rate(parse_rate("find*0.5").times(10**0.5)) == "find*1.581"
    assert format_rate(parse_rate("find*0.5").times(2)) == "find"
    assert format_rate(parse_rate(0.001).times(10**-0.5)) == 0.0003162
    assert parse_rate("find").times(10**0.5) == Rate(None, 3.162)  # as it is once written and read


def test_a_number_is_found_anew_and_a_multiple_stays():
    assert [format_rate(parse_rate(level).found()) for level in (0.01, "find", "find*0.3")] == [
        "find", "find", "find*0.3",
    ]  # fmt: skip
    assert [parse_rate(level).is_found for level in (0.01, "find", "find*0.3")] == [False, True, True]


def test_a_configuration_has_a_rate_and_takes_another_one():
    factors = {"optimizer": "sgd", "learning_rate": "find*0.3"}
    assert rate_of(factors) == Rate(None, 0.3)
    assert with_rate(factors, Rate(0.01)) == {"optimizer": "sgd", "learning_rate": 0.01}
    assert with_rate(factors, rate_of(factors)) == factors
