"""The tables [baseline] and [space]: conditions, under which a factor counts."""

import pytest
from study_texts import GOOD, OWN_MODEL

from ablate.study.catalog import MODELS
from ablate.study.load import load_study
from ablate.study.space import Choice, Float
from ablate.study.toml import settings, to_toml

WITH_MOMENTUM = GOOD.replace("dropout = 0\n", "dropout = 0\nmomentum = 0.9\n").replace(
    "[training]",
    'momentum = { low = 0.5, high = 0.99, ablate = [0.5], when = { optimizer = ["sgd", "nadam"] } }\n[training]',
)


def conditional(when, factor="momentum = { low = 0.5, high = 0.99"):
    """WITH_MOMENTUM with another condition of momentum, or of what `factor` begins."""
    start, end = WITH_MOMENTUM.split('momentum = { low = 0.5, high = 0.99, ablate = [0.5], when = { optimizer = ["sgd"')
    return f"{start}{factor}, {when} }}{end[end.index(chr(10)) :]}"


def test_a_condition_says_at_which_levels_of_others_a_factor_counts(load):
    space = load(WITH_MOMENTUM).space
    assert space.dimensions["momentum"] == Float(0.5, 0.99, ablate=(0.5,))
    assert space.conditions == {"momentum": {"optimizer": ("sgd", "nadam")}}
    assert space.inactive_levels == {"momentum": 0.9}


def test_every_kind_of_dimension_takes_a_condition_and_one_level_needs_no_list(load):
    text = GOOD.replace(
        'normalization = ["none", "batch"]', 'normalization = { levels = ["none", "batch"], when = { dropout = 0 } }'
    ).replace("ablate = [0.3] }", 'ablate = [0.3], when = { optimizer = ["adam", "nadam"] } }')
    space = load(text).space
    assert space.dimensions["normalization"] == Choice(("none", "batch"))
    assert space.conditions == {
        "normalization": {"dropout": (0.0,)},
        "learning_rate": {"optimizer": ("adam", "nadam")},
    }
    assert settings(load(text))["space.normalization.when.dropout"] == "[0.0]"
    assert load(to_toml(load(text))) == load(text)


def test_conditions_come_through_writing_and_reading(load):
    study = load(WITH_MOMENTUM)
    assert load(to_toml(study)) == study
    assert 'when = { optimizer = ["sgd", "nadam"] } }' in to_toml(study)


def test_a_condition_can_be_set_for_one_run(load):
    study = load(WITH_MOMENTUM, 'space.momentum.when.optimizer=["adam"]')
    assert study.space.conditions == {"momentum": {"optimizer": ("adam",)}}


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("when = 3", "x.toml: space.momentum.when: must be a table, got 3"),
        ("when = {}", "x.toml: space.momentum.when: must name the factor on which momentum depends\n  remove it if"),
        ("when = { optimiser = ['sgd'] }", 'x.toml: space.momentum.when.optimiser: unknown factor of [baseline] "opti'),
        ("when = { momentum = [0.9] }", "x.toml: space.momentum.when.momentum: a factor cannot depend on itself"),
        ("when = { optimizer = ['sdg'] }", 'x.toml: space.momentum.when.optimizer: unknown level "sdg"'),
        ("when = { optimizer = ['lion'] }", "when.optimizer: a level of a condition must lie in the space, got"),
        ("when = { optimizer = [] }", "x.toml: space.momentum.when.optimizer: a list of levels must not be empty"),
        ("when = { optimizer = ['sgd', 'sgd'] }", "when.optimizer: each level may appear only once, but 'sgd' appears"),
        ("when = { optimizer = [['sgd']] }", "x.toml: space.momentum.when.optimizer: a level must be text"),
        ("when = { optimizer = { a = 1 } }", "x.toml: space.momentum.when.optimizer: a level must be text"),
        ("when = { activation = ['selu'] }", 'when.activation: activation is always "elu", so momentum would '
         "never be active\n  add activation to [space]"),
        ("wehn = {}", "x.toml: space.momentum.wehn: unknown key\n  known: ablate, high, log, low, when       did you"),
    ],
)  # fmt: skip
def test_a_broken_condition_is_refused_with_place_rule_and_way_out(when, message, complaint):
    assert message in complaint(conditional(when))


def test_conditions_in_a_circle_are_refused(complaint):
    text = WITH_MOMENTUM.replace(
        'optimizer = { levels = ["adam", "nadam", "sgd"], ablate = ["adam"] }',
        'optimizer = { levels = ["adam", "nadam", "sgd"], ablate = ["adam"], when = { momentum = [0.9] } }',
    )
    rule = "x.toml: space: conditions must not be circular: "
    assert complaint(text).startswith(rule)
    assert complaint(text).removeprefix(rule) in (
        "optimizer needs momentum needs optimizer",
        "momentum needs optimizer needs momentum",
    )


def test_a_condition_on_a_factor_that_stays_put_is_fine_where_it_holds(load):
    space = load(conditional("when = { activation = ['elu'] }")).space
    assert space.is_active("momentum", {"activation": "elu"})


def test_no_factor_may_be_called_as_recipes_are(complaint):
    text = OWN_MODEL.replace("kernel", "recipe")
    assert complaint(text) == "x.toml: baseline.recipe: is the results table's name for recipes: rename the factor"


def test_the_optimizer_of_a_users_model_may_be_that_of_its_compile_but_the_rate_is_the_studys(load, complaint):
    assert "optimizer" not in load(OWN_MODEL.replace('optimizer = "adam"\n', "")).baseline
    without = OWN_MODEL.replace("learning_rate = 0.01\n", "").replace("learning_rate = { low = 1e-4", "#")
    assert complaint(without) == (
        "x.toml: baseline.learning_rate: is missing\n"
        '  write learning_rate = "find" in [baseline], or a number, such as the rate with which build compiles its '
        "optimizer"
    )
    built_in = complaint(GOOD.replace('optimizer = "nadam"\n', ""))
    assert built_in.startswith("x.toml: baseline.optimizer: is missing\n  every factor needs a level")


def of_model(name, more="", data=""):
    """GOOD with another model, with its defaults, further lines of [baseline], and further ones of [data]."""
    named = GOOD.replace('name = "mlp"\ndepth = 3', f'name = "{name}"').replace(
        "dropout = 0\n", f"dropout = 0\n{more}\n"
    )
    return named.replace('name = "digits"\n', f'name = "digits"\n{data}\n')


@pytest.mark.parametrize("name", ["text", "unet"])
def test_a_factor_that_means_nothing_for_a_model_is_refused_with_the_reason(name, complaint):
    for factor, reason in MODELS[name].inapplicable.items():
        said = f"x.toml: baseline.{factor}: does not apply to model {name}: {reason}\n  remove it from [baseline] and"
        assert complaint(of_model(name, f'{factor} = "none"')) == f"{said} [space]"


def test_the_ids_of_a_text_are_left_as_they_are(load, complaint):
    assert load(of_model("text")).data.scaling == load(of_model("text", data='scaling = "none"')).data.scaling == "none"
    assert load(of_model("unet")).data.scaling == load(GOOD).data.scaling == "standardize"
    assert complaint(of_model("text", data='scaling = "unit"')) == (
        "x.toml: data.scaling: does not apply to model text: its examples are ids of words, which stay as they are\n"
        '  remove it, or set scaling = "none"'
    )


def test_that_comes_through_writing_and_reading(load):
    study = load(of_model("text"))
    assert settings(load(to_toml(study))) == settings(study)


def test_a_text_network_has_a_dense_layer_which_its_factors_change(complaint):
    assert complaint(of_model("text").replace('name = "text"', 'name = "text"\nunits = ""')) == (
        'x.toml: model.units: must be whole numbers from 1 to 99999 joined by -, got ""\n'
        '  e.g. "300-100" for two hidden layers'
    )


def test_the_bundled_cifar_study_takes_a_condition(tmp_path):
    from ablate.study.names import find_study

    overrides = ["baseline.momentum=0.9", 'space.momentum={levels=[0.9, 0.99], when={optimizer=["momentum"]}}']
    study = load_study(find_study("cifar_mlp", folder=tmp_path), overrides=overrides, quick=False)
    assert not any(factor == "momentum" for factor, _, _ in study.space.neighbours(study.baseline))
