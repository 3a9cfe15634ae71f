import pytest

from ablate.study.catalog import (
    ENGINE,
    MODELS,
    Names,
    Numbers,
    is_real,
    known_factor,
    known_factors,
    level_in,
    ramp_factors,
    required_factors,
)

EVERY = {
    **ENGINE,
    **{
        f"{model}.{name}": factor
        for model, kind in MODELS.items()
        for name, factor in (kind.factors | kind.options).items()
    },
}


@pytest.mark.parametrize("name", [name for name, factor in EVERY.items() if isinstance(factor.rule, Names)])
def test_no_level_is_listed_twice(name):
    assert len(set(EVERY[name].rule.known)) == len(EVERY[name].rule.known)


@pytest.mark.parametrize("name", EVERY)
def test_a_default_is_a_level(name):
    rule, default = EVERY[name].rule, EVERY[name].default
    if isinstance(rule, Names):
        assert default is None or default in rule.known
    if isinstance(rule, Numbers):
        assert default is None or rule.has(default)


def test_no_factor_of_a_model_is_one_of_the_engines_too():
    for kind in MODELS.values():
        assert set(kind.factors).isdisjoint(kind.options)
        assert set(ENGINE).isdisjoint(kind.factors | kind.options)


def test_a_study_of_a_registered_model_names_the_required_factors_first():
    assert required_factors("mlp") == [
        "normalization", "activation", "initializer", "dropout", "optimizer", "learning_rate",
    ]  # fmt: skip
    assert known_factors("mlp")[:6] == required_factors("mlp")
    assert required_factors("mine.py:build") == ["learning_rate"]  # build may compile the model with an optimizer


def test_a_users_model_has_the_engines_factors_and_others_of_its_own():
    assert known_factor("schedule", model="mine.py:build") is ENGINE["schedule"]
    assert known_factor("width", model="mine.py:build") is None
    assert known_factor("width", model="mlp") is MODELS["mlp"].options["width"]


def test_whole_numbers_stay_whole_where_the_rule_says_so():
    assert is_real("l2", model="mlp")
    assert not is_real("width", model="mlp")
    assert is_real("dropout", model="mine.py:build")
    assert not is_real("heads", model="mine.py:build")


def test_a_level_that_is_left_out_is_the_default():
    assert level_in({}, "normalization_place") == "before"
    assert level_in({"normalization_place": "after"}, "normalization_place") == "after"


@pytest.mark.parametrize(
    ("rule", "inside", "outside", "said"),
    [
        (Numbers(0, 1, is_open=True), [0, 0.99], [1, -0.1, float("nan")], "a number from 0 to below 1"),
        (Numbers(0, 1, is_above=True), [0.01, 1], [0, 1.01], "a number above 0 to 1"),
        (Numbers(1, 9, whole=True), [1, 9], [0, 10], "a whole number from 1 to 9"),
        (Numbers(0), [0, 1e9], [-1e-9], "a number from 0 up"),
    ],
)
def test_a_range_of_numbers(rule, inside, outside, said):
    assert all(rule.has(number) for number in inside)
    assert not any(rule.has(number) for number in outside)
    assert rule.said() == said


def test_a_ramp_knows_nothing_of_rates_schedules_budgets_and_predictions():
    factors = {"optimizer": "adam", "learning_rate": "find", "schedule": "cosine", "budget": 0.5, "mc_samples": 10}
    assert ramp_factors(factors, model="mlp") == {"optimizer": "adam"}


def test_a_ramp_trains_all_layers_of_what_was_taken_over():
    frozen, whole = ({"transfer": level} for level in ("frozen_then_unfrozen", "unfrozen"))
    assert ramp_factors(frozen, model="mlp") == ramp_factors(whole, model="mlp") == whole
    assert ramp_factors({"transfer": "none"}, model="mlp") == {"transfer": "none"}


def test_a_users_own_factor_of_a_known_name_counts_on_a_ramp():
    assert ramp_factors({"mc_samples": 10}, model="mine.py:build") == {"mc_samples": 10}
