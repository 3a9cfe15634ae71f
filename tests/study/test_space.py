import math
import pickle

import pytest

from ablate.errors import StudyError
from ablate.study.space import Choice, Float, Int, RateSpan, Space

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
        (lambda: Choice(("a", "b", "a")), "once, but 'a'"),
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


# Momentum counts for two of three optimizers, its schedule only where there is a momentum to schedule.
CONDITIONAL = Space(
    {
        "schedule": Choice(("constant", "cyclic")),
        "momentum": Float(0.5, 0.99, ablate=(0.5, 0.9)),
        "optimizer": Choice(("adam", "sgd", "nesterov")),
        "dropout": Choice((0.0, 0.1)),
    },
    conditions={
        "schedule": {"momentum": (0.5, 0.9)},
        "momentum": {"optimizer": ("sgd", "nesterov")},
    },
    inactive_levels={"schedule": "constant", "momentum": 0.9},
)
WITH_ADAM = {"schedule": "constant", "momentum": 0.9, "optimizer": "adam", "dropout": 0.0}
WITH_SGD = {**WITH_ADAM, "optimizer": "sgd"}


def test_a_factor_counts_only_where_all_that_its_condition_names_counts_and_has_a_listed_level():
    assert CONDITIONAL.is_active("dropout", WITH_ADAM)
    assert not CONDITIONAL.is_active("momentum", WITH_ADAM)
    assert CONDITIONAL.is_active("momentum", WITH_SGD)
    assert CONDITIONAL.is_active("schedule", WITH_SGD)
    assert not CONDITIONAL.is_active("schedule", {**WITH_SGD, "momentum": 0.7})
    assert not CONDITIONAL.is_active("schedule", WITH_ADAM)  # momentum rests at a listed level, but does not count


def test_settling_puts_what_does_not_count_back_to_where_it_rests():
    busy = {"schedule": "cyclic", "momentum": 0.5, "optimizer": "sgd", "dropout": 0.1}
    assert CONDITIONAL.settled(busy) == busy
    assert CONDITIONAL.settled({**busy, "optimizer": "adam"}) == {**WITH_ADAM, "dropout": 0.1}
    assert CONDITIONAL.settled({**busy, "momentum": 0.7}) == {**busy, "momentum": 0.7, "schedule": "constant"}
    assert list(CONDITIONAL.settled({**busy, "optimizer": "adam"})) == list(busy)
    assert SPACE.settled(POINT) == POINT


def test_the_neighbours_of_a_point_leave_out_what_does_not_count_and_settle_the_rest():
    assert [(factor, level) for factor, level, _ in CONDITIONAL.neighbours(WITH_ADAM)] == [
        ("optimizer", "sgd"),
        ("optimizer", "nesterov"),
        ("dropout", 0.1),
    ]
    neighbours = {(factor, level): point for factor, level, point in CONDITIONAL.neighbours(WITH_SGD)}
    assert list(neighbours)[:2] == [("schedule", "cyclic"), ("momentum", 0.5)]
    moved = {**WITH_SGD, "momentum": 0.5, "schedule": "cyclic"}
    away = [point for factor, level, point in CONDITIONAL.neighbours(moved) if (factor, level) == ("optimizer", "adam")]
    assert away == [WITH_ADAM]


def test_factors_come_after_those_that_their_conditions_name_and_else_as_in_the_file():
    assert CONDITIONAL.needs("schedule") == ["optimizer", "momentum"]
    assert CONDITIONAL.needs("optimizer") == []
    assert CONDITIONAL.in_order() == ["optimizer", "momentum", "schedule", "dropout"]
    assert SPACE.in_order() == list(SPACE.dimensions)
    elsewhere = Space({"a": Choice((1, 2))}, conditions={"a": {"fixed": (1,)}}, inactive_levels={"a": 1})
    assert elsewhere.in_order() == ["a"]


def test_a_factor_is_crossed_at_its_own_level_first_and_then_at_every_other_that_is_ablated():
    assert SPACE.crossed("width", POINT) == (100, 32, 64)
    assert SPACE.crossed("dropout", POINT) == (0.0, 0.1, 0.3)
    assert SPACE.crossed("decay", POINT) == (1e-4,)


@pytest.mark.parametrize(
    ("conditions", "inactive_levels", "rule"),
    [
        ({"a": {"b": (1,)}, "b": {"a": (1,)}}, {"a": 1, "b": 1}, "circular: [ab] needs [ab] needs [ab]$"),
        ({"a": {"a": (1,)}}, {"a": 1}, "circular: a needs a$"),
        ({"c": {"a": (1,)}}, {"c": 1}, "c has a condition, but no dimension"),
        ({"a": {"b": (1,)}}, {}, "a has a condition, but no dimension or no default level"),
    ],
)
def test_impossible_conditions_cannot_be_built(conditions, inactive_levels, rule):
    with pytest.raises(StudyError, match=rule):
        Space({"a": Choice((1, 2)), "b": Choice((1, 2))}, conditions=conditions, inactive_levels=inactive_levels)


def test_a_space_with_conditions_survives_the_way_to_another_process():
    assert pickle.loads(pickle.dumps(CONDITIONAL)) == CONDITIONAL


def test_a_long_chain_and_a_broad_lattice_of_conditions_are_read_in_time():
    """Recursion would end at a thousand links; counting every way would take 2 ** 60 steps."""
    chain = {f"f{i}": {f"f{i - 1}": (1,)} for i in range(1, 3000)}
    levels = dict.fromkeys((f"f{i}" for i in range(3000)), 1)
    space = Space({name: Choice((1, 2)) for name in levels}, chain, dict.fromkeys(chain, 1))
    assert space.needs("f2999") == [f"f{i}" for i in range(2999)]
    assert space.is_active("f2999", levels)
    assert not space.is_active("f2999", {**levels, "f0": 2})
    lattice = {f"{side}{i}": {f"a{i - 1}": (1,), f"b{i - 1}": (1,)} for i in range(1, 60) for side in "ab"}
    levels = {f"{side}{i}": 1 for i in range(60) for side in "ab"}
    space = Space({name: Choice((1, 2)) for name in levels}, lattice, dict.fromkeys(lattice, 1))
    assert space.is_active("a59", levels)
    assert not space.is_active("a59", {**levels, "b0": 2})


def test_a_circle_of_many_is_named_by_its_first():
    circle = {f"f{i}": {f"f{(i + 1) % 50}": (1,)} for i in range(50)}
    with pytest.raises(StudyError, match=r"circular: f\d+( needs f\d+){7} needs …$"):
        Space({name: Choice((1, 2)) for name in circle}, circle, dict.fromkeys(circle, 1))
