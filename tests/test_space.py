import math
import pickle

import pytest

from ablate.errors import StudyError
from ablate.space import Choice, Float, Int, RateSpan, Space

SPACE = Space(
    {
        "activation": Choice(("relu", "elu", "selu")),
        "dropout": Float(0.0, 0.4, ablate=(0.0, 0.1, 0.3)),
        "width": Int(16, 256, log=True, ablate=(32, 64)),
        "decay": Float(1e-6, 1e-2, log=True),
        "learning_rate": RateSpan((0.1, 3.0), ablate=(0.3, 1.0)),
    }
)
POINT = {
    "activation": "elu", "dropout": 0.0, "width": 100, "decay": 1e-4, "learning_rate": "find", "optimizer": "adam",
}  # fmt: skip


def test_the_neighbours_of_a_point_are_every_other_level_one_at_a_time_in_the_order_of_the_file():
    neighbours = SPACE.neighbours(POINT)
    assert [(factor, level) for factor, level, _ in neighbours] == [
        ("activation", "relu"),
        ("activation", "selu"),
        ("dropout", 0.1),
        ("dropout", 0.3),
        ("width", 32),
        ("width", 64),
        ("learning_rate", "find*0.3"),
    ]
    assert all(factors == {**POINT, factor: level} for factor, level, factors in neighbours)


def test_a_choice_with_levels_to_ablate_is_ablated_at_those_only():
    space = Space({"activation": Choice(("relu", "elu", "selu", "gelu"), ablate=("elu", "gelu"))})
    assert [level for _, level, _ in space.neighbours({"activation": "elu"})] == ["gelu"]


def test_a_point_outside_any_dimension_is_outside_the_space():
    assert SPACE.contains(POINT)
    for factor, level in {
        "activation": "gelu",
        "dropout": 0.5,
        "width": 100.0,
        "decay": math.nan,
        "learning_rate": "find*4",
    }.items():
        assert not SPACE.contains({**POINT, factor: level}), factor
    assert not SPACE.contains({name: level for name, level in POINT.items() if name != "width"})


def test_membership_writes_a_level_as_its_dimension_does():
    assert repr(Float(0, 1).member(1)) == "1.0"
    assert Int(0, 3).member(True) is None
    assert repr(Choice((1, 2)).member(1.0)) == "1"
    assert Choice((0, 1)).member(True) is None
    assert Choice((False, True)).member(False) is False
    assert RateSpan((0.1, 3.0)).member("find * 0.30") == "find*0.3"
    assert RateSpan((0.1, 3.0)).member(0.3) is None
    assert RateSpan((2.0, 3.0)).member("find") is None


def test_a_multiplier_rounded_to_four_digits_stays_in_its_span():
    assert RateSpan((0.123456, 3.0)).member("find*0.1235") == "find*0.1235"
    assert RateSpan((0.123449, 3.0)).member("find*0.1234") == "find*0.1234"


@pytest.mark.parametrize(
    ("build", "rule"),
    [
        (lambda: Float(0.5, 0.1), "low must be below high, got low=0.5 high=0.1"),
        (lambda: Float(0.1, 0.1), "low must be below high"),
        (lambda: Float(0.0, 1.0, log=True), "low must be above 0"),
        (lambda: Float(0.0, math.inf), "finite"),
        (lambda: Float(math.nan, 1.0), "finite"),
        (lambda: Float(0.0, 1.0, ablate=(2.0,)), "must lie in the space"),
        (lambda: Int(0, 3, log=True), "low must be above 0"),
        (lambda: Int(3, 1), "low must be below high"),
        (lambda: Choice(()), "must not be empty"),
        (lambda: Choice(("a", "b", "a")), "once, 'a'"),
        (lambda: Choice((1, 1.0)), "once"),
        (lambda: Choice((1, "1")), "once"),
        (lambda: Choice(("a", "b"), ablate=("c",)), "must lie in the space"),
        (lambda: RateSpan((3.0, 0.1)), "low must be below high"),
        (lambda: RateSpan((0.0, 1.0)), "low must be above 0"),
        (lambda: RateSpan((0.1, 1.0), ablate=(2.0,)), "must lie in the span"),
        (lambda: RateSpan((0.1, 1.0), ablate=(0.5, 0.5)), "once"),
    ],
)
def test_an_impossible_dimension_cannot_be_built(build, rule):
    with pytest.raises(StudyError, match=rule):
        build()


def test_a_space_survives_the_way_to_another_process():
    assert pickle.loads(pickle.dumps(SPACE)) == SPACE
