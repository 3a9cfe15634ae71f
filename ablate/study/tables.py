"""Check the tables [ablation] and [transfer], recipes and conditions against the rest of a study."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod

from ablate.study.factors import LevelReader
from ablate.study.names import PLAIN_RULE, is_plain_name
from ablate.study.settings import Ablation, Data, Search, Transfer
from ablate.study.space import Choice, Space
from ablate.study.tree import Key, Layered, shown
from ablate.study.trial import Factors, Level
from ablate.study.validation import read_section, read_table

MOST_FACTORIAL_TRIALS = 10_000
_LARGEST_MARGIN = 0.5  # absurd as a fraction: the user meant points
TABLE, FACTOR, NONE, FREEZING = "transfer", "transfer", "none", "frozen_then_unfrozen"


def read_ablation(
    layered: Layered,
    most: Mapping[tuple[str, str], int],
    *,
    space: Space,
    baseline: Factors,
    recipes: Mapping[str, Factors],
    search: Search,
) -> Ablation:
    """The table, checked against the rest of the study; `most` as in `read_section`. Raises `StudyError`."""
    ablation = read_section(Ablation, "ablation", layered, most)
    for field in ("design", "factorial", "learning_rate", "factors"):
        names = getattr(ablation, field) or ()
        if len(set(names)) < len(names):
            raise layered.error(("ablation", field), f"each name may appear only once, got {shown(names)}")
    if ablation.margin is not None and ablation.margin >= _LARGEST_MARGIN:
        rule = f"must be below {_LARGEST_MARGIN}, got {shown(ablation.margin)}"
        raise layered.error(("ablation", "margin"), rule, hint="it is a fraction: 0.005 is half a point of accuracy")
    if ablation.factors == () and not recipes:
        raise layered.error(("ablation", "factors"), "must not be empty", hint="to skip the ablation, write seeds = 0")
    _check_factors(ablation, layered, space=space, baseline=baseline)
    _check_factorial(ablation, layered, space=space, baseline=baseline)
    _check_search(ablation, layered, search)
    return ablation


def _check_factors(ablation: Ablation, layered: Layered, *, space: Space, baseline: Factors) -> None:
    key = ("ablation", "factors")
    for factor in ablation.factors or ():
        if factor not in space.dimensions:
            raise layered.unknown(key, factor, known=space.dimensions, kind="factor of [space]")
        if ablation.reference == "baseline" and not space.is_active(factor, baseline):
            hint = f"change the baseline, or space.{factor}.when"
            raise layered.error(
                key, f"{factor} is inactive in the baseline, so no other level can be compared", hint=hint
            )
        # The best configuration's level is not known yet: any level may differ from it.
        levels = space.dimensions[factor].levels()
        if not levels or (ablation.reference == "baseline" and levels == (baseline[factor],)):
            rule = f"{factor} has no other level to compare"
            raise layered.error(key, rule, hint=f"add ablate = [...] to space.{factor}")


def _check_factorial(ablation: Ablation, layered: Layered, *, space: Space, baseline: Factors) -> None:
    key, crossed = ("ablation", "factorial"), ablation.factorial
    if "factorial" not in ablation.design:
        if crossed is not None:
            hint = 'list it: design = ["one-factor", "factorial"], or leave factorial out'
            raise layered.error(key, 'design has no "factorial", so nothing would be crossed', hint=hint)
        return
    if crossed is None or len(crossed) < 2:
        hint = 'e.g. factorial = ["normalization", "activation"]'
        raise layered.error(key, 'design "factorial" needs the names of at least two factors to cross', hint=hint)
    for factor in crossed:
        if factor not in space.dimensions:
            raise layered.unknown(key, factor, known=space.dimensions, kind="factor of [space]")
        if len(space.crossed(factor, baseline)) < 2:
            rule = f"{factor} has only one level, so it cannot be crossed"
            raise layered.error(key, rule, hint=f"add ablate = [...] to space.{factor}")
    counts = [len(space.crossed(factor, baseline)) for factor in crossed]
    seeds, upto = (ablation.max_seeds, "up to ") if ablation.seeds == "auto" else (ablation.seeds, "")
    if (trials := prod(counts) * seeds) > MOST_FACTORIAL_TRIALS:
        rule = f"{' × '.join(map(str, counts))} cells × {upto}{seeds} seeds make {upto}{trials:,} trials"
        hint = "cross fewer factors, list fewer levels under ablate = [...], or use fewer seeds"
        raise layered.error(key, f"{rule}, more than {MOST_FACTORIAL_TRIALS:,}", hint=hint)


def _check_search(ablation: Ablation, layered: Layered, search: Search) -> None:
    if search.trials or ablation.seeds == 0:
        return
    hint = "run a search, or set ablation.{}"
    if "path" in ablation.design:
        rule = 'must be above 0: ablation.design "path" needs the best configuration of a search'
        raise layered.error(("search", "trials"), rule, hint=hint.format('design = "one-factor"'))
    if ablation.reference != "baseline":
        rule = f'must be above 0: ablation.reference "{ablation.reference}" needs the best configuration of a search'
        raise layered.error(("search", "trials"), rule, hint=hint.format('reference = "baseline"'))


def read_recipes(levels: LevelReader, *, baseline: Factors, space: Space) -> Mapping[str, Factors]:
    """Every recipe's levels under its name. Raises `StudyError`, also if a recipe would change nothing."""
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
        hint = "ablation.learning_rate decides how each variant gets its rate"
        raise layered.error((*key, "learning_rate"), "a recipe must not set the learning rate", hint=hint)
    if len(table) < 2:
        hint = "a single level needs no recipe: list it in [space]"
        raise layered.error(key, f"must set at least two factors, got {len(table)}", hint=hint)
    recipe = {
        factor: levels.inside(
            (*key, factor), factor, value, dimension=space.dimensions.get(factor), whose="a recipe's level"
        )
        for factor, value in table.items()
    }
    if all(baseline[factor] == level for factor, level in recipe.items()):
        raise layered.error(key, "sets the levels of the baseline, so there is nothing to compare")
    _check_conditions(layered, key, recipe, baseline=baseline, space=space)
    return recipe


def _check_conditions(layered: Layered, key: Key, recipe: Factors, *, baseline: Factors, space: Space) -> None:
    """Check that every level is active on any base configuration, as that may be the result of the search."""
    for factor in [factor for factor, level in recipe.items() if level != baseline[factor]]:
        needs = [other for other in space.needs(factor) if other in space.dimensions]
        if not (set(needs) <= set(recipe) and space.is_active(factor, {**baseline, **recipe})):
            rule = f"{shown(recipe[factor])} would be inactive in some variants, because of space.{factor}.when"
            hint = f"set {', '.join(needs)} in the recipe too, as the condition requires" if needs else ""
            raise layered.error((*key, factor), rule, hint=hint)


def transfer_levels(baseline: Factors, space: Space, recipes: Mapping[str, Factors]) -> set[Level]:
    """The levels of the factor `transfer` at which trials of a study use pretrained weights."""

    def every() -> Iterator[Level]:
        for factors in (baseline, *recipes.values()):
            yield factors.get(FACTOR, NONE)
        dimension = space.dimensions.get(FACTOR)
        if isinstance(dimension, Choice):
            yield from dimension.options

    return set(every()) - {NONE}


def read_transfer(
    layered: Layered, most: Mapping[tuple[str, str], int], *, levels: set[Level], data: Data, epochs: int | None
) -> Transfer | None:
    """The table, checked against the rest of the study, whose `transfer` factor has `levels`; None without both."""
    if TABLE not in layered.tree:
        if levels:
            hint = "add [transfer] with classes = [...]: the classes used for pretraining"
            used = f"the factor transfer has the level {shown(min(levels, key=str))}"
            raise layered.error((TABLE,), f"is missing, but {used}", hint=hint)
        return None
    transfer = read_section(Transfer, TABLE, layered, most)
    if not levels:
        hint = 'write transfer = "none" in [baseline] and transfer = ["none", "unfrozen"] in [space]'
        raise layered.error((TABLE,), 'has no effect: in every trial the factor transfer is "none"', hint=hint)
    check_classes(layered, (TABLE, "classes"), transfer.classes)
    _check_tasks(layered, transfer, data)
    if FREEZING in levels and epochs is not None and transfer.frozen_epochs >= epochs:
        rule = f"must be below training.epochs, which is {epochs}, got {transfer.frozen_epochs}"
        raise layered.error((TABLE, "frozen_epochs"), rule, hint="after the frozen epochs, all layers train")
    return transfer


def check_classes(layered: Layered, key: Key, classes: Sequence[int]) -> None:
    """Raise `StudyError` if there are too few classes to distinguish, or one is listed twice."""
    if len(classes) < 2:
        raise layered.error(key, f"must list at least two classes, got {shown(classes)}")
    if len(set(classes)) < len(classes):
        raise layered.error(key, f"each class may appear only once, got {shown(classes)}")


def _check_tasks(layered: Layered, transfer: Transfer, data: Data) -> None:
    """Reject a class of both tasks: it would show the network validation examples during pretraining."""
    if data.classes is None:
        hint = "e.g. classes = [5, 6] in [data], the other classes in [transfer]"
        raise layered.error(
            ("data", "classes"), "is missing: [transfer] needs classes that the task does not use", hint=hint
        )
    if shared := sorted({*transfer.classes} & {*data.classes}):
        rule = f"must not share classes with data.classes, got {shared[0]} in both"
        raise layered.error((TABLE, "classes"), rule, hint="otherwise pretraining would see validation examples")
