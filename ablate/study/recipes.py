"""The tables [recipes.NAME] into levels that are set together, to be compared as one variant."""

from collections.abc import Mapping

from ablate.records import Factors
from ablate.space import Space
from ablate.study.layers import Key, Layered, shown
from ablate.study.level import LevelReader
from ablate.study.names import PLAIN_RULE, is_plain_name
from ablate.study.rules import read_table


def read_recipes(levels: LevelReader, *, baseline: Factors, space: Space) -> Mapping[str, Factors]:
    """Every recipe's levels under its name. Raises `StudyError`, also where a recipe would compare nothing."""
    recipes: dict[str, Factors] = {}
    for name in read_table(levels.layered, ("recipes",)):
        key = ("recipes", name)
        if not is_plain_name(name):
            raise levels.layered.error(key, f"a recipe's name has {PLAIN_RULE}")
        recipe = _recipe(levels, key, baseline=baseline, space=space)
        if same := [other for other, known in recipes.items() if known == recipe]:
            raise levels.layered.error(key, f"sets the same levels as recipes.{same[0]}")
        recipes[name] = recipe
    return recipes


def _recipe(levels: LevelReader, key: Key, *, baseline: Factors, space: Space) -> Factors:
    layered, table = levels.layered, read_table(levels.layered, key)
    for factor in table:
        if factor not in baseline:
            raise layered.unknown((*key, factor), factor, known=baseline, kind="factor of [baseline]")
    if "learning_rate" in table:
        hint = "ablation.learning_rate says how each variant comes to its own"
        raise layered.error((*key, "learning_rate"), "a recipe sets no learning rate", hint=hint)
    if len(table) < 2:
        hint = "one level by itself needs no recipe: list it in [space]"
        raise layered.error(key, f"must set at least two factors, got {len(table)}", hint=hint)
    recipe = {
        factor: levels.inside(
            (*key, factor), factor, value, dimension=space.dimensions.get(factor), whose="a recipe's level"
        )
        for factor, value in table.items()
    }
    if all(baseline[factor] == level for factor, level in recipe.items()):
        raise layered.error(key, "sets what the baseline has already, so that there is nothing to compare")
    _check_conditions(layered, key, recipe, baseline=baseline, space=space)
    return recipe


def _check_conditions(layered: Layered, key: Key, recipe: Factors, *, baseline: Factors, space: Space) -> None:
    """Every level must count whatever the recipe is set on: it may be what the search found."""
    for factor in [factor for factor, level in recipe.items() if level != baseline[factor]]:
        needs = [other for other in space.needs(factor) if other in space.dimensions]
        if not (set(needs) <= set(recipe) and space.is_active(factor, {**baseline, **recipe})):
            rule = f"{shown(recipe[factor])} would not always count, because of space.{factor}.when"
            hint = f"set {', '.join(needs)} in the recipe too, as the condition asks" if needs else ""
            raise layered.error((*key, factor), rule, hint=hint)
