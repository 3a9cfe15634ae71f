"""The tables [recipes.NAME]: levels that are set together."""

import pytest
from study_texts import GOOD, OWN_MODEL

from ablate.plans.designs import one_factor_cells
from ablate.study.toml import settings, to_toml
from ablate.study.trial import REFERENCE

RECIPE = '[recipes.self-normalizing]\nactivation = "selu"\ninitializer = "lecun_normal"\ndropout = 0.05\n'
WITH_RECIPES = f'{GOOD}{RECIPE}[recipes."v1.0"]\nnormalization = "batch"\ndropout = 0\n'


def changed(old, new):
    """GOOD with a recipe in which one thing is changed."""
    assert RECIPE.count(old) == 1, old
    return GOOD + RECIPE.replace(old, new)


def test_a_recipe_sets_levels_together(load):
    study = load(WITH_RECIPES)
    assert study.recipes == {
        "self-normalizing": {"activation": "selu", "initializer": "lecun_normal", "dropout": 0.05},
        "v1.0": {"normalization": "batch", "dropout": 0.0},
    }
    assert repr(study.recipes["v1.0"]["dropout"]) == "0.0"
    assert load().recipes == {}


def test_recipes_come_through_writing_and_reading_after_the_space(load):
    study = load(WITH_RECIPES)
    text = to_toml(study)
    assert load(text) == study
    headers = [line for line in text.splitlines() if line.startswith("[")]
    assert headers[headers.index("[space]") + 1 :][:2] == ["[recipes.self-normalizing]", '[recipes."v1.0"]']
    assert settings(study)["recipes.self-normalizing.dropout"] == "0.05"
    assert "recipes" not in to_toml(load())


def test_recipes_can_be_compared_alone(load):
    study = load(WITH_RECIPES, "ablation.factors=[]")
    assert load(to_toml(study)).ablation.factors == ()
    cells = one_factor_cells(study, {REFERENCE: study.baseline}, {})
    assert {cell.variant for cell in cells} == {REFERENCE, "recipe=self-normalizing", "recipe=v1.0"}


def test_a_recipe_can_be_changed_for_one_run(load):
    assert load(WITH_RECIPES, "recipes.self-normalizing.dropout=0.1").recipes["self-normalizing"]["dropout"] == 0.1


def test_a_model_of_ones_own_has_recipes_too(load):
    text = f'{OWN_MODEL}[recipes.big]\n"größe" = "groß"\nkernel = 7\n'
    assert load(text).recipes == {"big": {"größe": "groß", "kernel": 7}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed('"selu"', '"sleu"'), 'x.toml: recipes.self-normalizing.activation: unknown level "sleu"\n  known: '),
        (changed("0.05", "0.5"), "recipes.self-normalizing.dropout: a recipe's level must lie in the space, got 0.5\n"
         "  space.dropout: from 0 to 0.4"),
        (changed("0.05", '"a"'), 'recipes.self-normalizing.dropout: must be a number from 0 to below 1, got "a"'),
        (changed("0.05", "[0.1]"), "recipes.self-normalizing.dropout: a level must be text, a number, true or false"),
        (changed("dropout =", "dropuot ="), 'recipes.self-normalizing.dropuot: unknown factor of [baseline] "dropuot"'),
        (changed("dropout = 0.05", "learning_rate = 0.1"), "self-normalizing.learning_rate: a recipe must not set the "
         "learning rate\n  ablation.learning_rate decides"),
        (changed("self-normalizing", '"a b"'), "x.toml: recipes.a b: a recipe's name has letters, digits"),
        (changed("self-normalizing", '""'), "x.toml: recipes.: a recipe's name has letters, digits"),
        (f"{GOOD}[recipes.one]\ndropout = 0.1\n", "recipes.one: must set at least two factors, got 1\n  a single"),
        (f"{GOOD}[recipes.none]\n", "x.toml: recipes.none: must set at least two factors, got 0"),
        (f"{GOOD}[recipes]\nx = 3\n", "x.toml: recipes.x: must be a table, got 3"),
        (f"recipes = 3\n{GOOD}", "x.toml: recipes: must be a table, got 3"),
        (f'{GOOD}[recipes.a]\nactivation = "elu"\ndropout = 0\n', "x.toml: recipes.a: sets the levels of the baseline"),
        (f"{GOOD}{RECIPE}{RECIPE.replace('self-normalizing', 'b')}",
         "x.toml: recipes.b: sets the same levels as recipes.self-normalizing"),
    ],
)  # fmt: skip
def test_a_broken_recipe_is_refused_with_place_rule_and_way_out(text, message, complaint):
    assert message in complaint(text)


def test_a_level_that_would_not_count_is_refused_in_a_recipe(load, complaint):
    text = GOOD.replace("ablate = [0.0, 0.1] }", 'ablate = [0.1], when = { normalization = "none" } }')
    recipe = '[recipes.a]\nnormalization = "batch"\ndropout = 0.1\n'
    refusal = (
        "x.toml: recipes.a.dropout: 0.1 would be inactive in some variants, because of space.dropout.when\n"
        "  set normalization in the recipe too, as the condition requires"
    )
    assert complaint(text + recipe) == refusal
    # It would count in the baseline, and not in a best configuration with batch normalization.
    assert complaint(text + recipe.replace('normalization = "batch"', 'activation = "selu"')) == refusal
    assert load(text + recipe.replace('"batch"', '"none"')).recipes["a"]["dropout"] == 0.1
    assert load(text + recipe.replace("0.1", "0")).recipes["a"]["dropout"] == 0.0  # where it rests it takes no effect
