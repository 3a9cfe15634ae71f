"""Load a study file with overrides as a checked `Study`, including the rules that concern several fields."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ablate.errors import StudyError
from ablate.study.catalog import MODELS
from ablate.study.data_factors import lists_factors
from ablate.study.data_sources import check_several, data_sources
from ablate.study.data_table import read_data
from ablate.study.factors import LevelReader, read_factors
from ablate.study.model_ref import ModelRef
from ablate.study.names import NAME_RULE, is_safe_name
from ablate.study.objectives import read_objectives
from ablate.study.own_trial import ENGINE_TABLES, check_own_trial, named_role, read_own_trial, with_modes
from ablate.study.pruning import check_pruning
from ablate.study.read_task import check_judging
from ablate.study.settings import (
    Data,
    Inspect,
    Limits,
    LrTest,
    MetricTable,
    ModelTable,
    Retries,
    Schedule,
    Search,
    StudySettings,
    Training,
)
from ablate.study.split_keys import check_seeds, check_split
from ablate.study.tables import read_ablation, read_recipes, read_transfer, transfer_levels
from ablate.study.tree import Layered, read_layers, shown
from ablate.study.trial import Factors
from ablate.study.validation import read_section, read_table, validated

# The limits that --quick sets if a study has no [quick] table of its own.
QUICK = {
    ("data", "train"): 4000,
    ("training", "epochs"): 2,
    ("lr_test", "seeds"): 1,
    ("search", "trials"): 4,
    ("transfer", "train"): 4000,
    ("transfer", "epochs"): 2,
    ("transfer", "frozen_epochs"): 1,
    ("ablation", "seeds"): 2,
}
_TOP = ("title", "name", "seed")
_TABLES = (
    "data", "model", "training", "metric", "schedule", "transfer", "lr_test", "baseline", "space", "recipes", "search",
    "ablation", "inspect", "limits", "retries", "quick",
)  # fmt: skip


def load_study(path: Path, *, overrides: Sequence[str], quick: bool) -> StudySettings:
    """Load a study file, with "dotted.key=value" overrides; raises `StudyError` if a rule is broken.

    Command line beats [quick] (used if `quick`) beats file beats default. An override's value is read as TOML, and
    as text if it is not TOML.
    """
    if not quick:  # an error in [quick] is reported now, not on the day on which it is used
        _checked(read_layers(path, overrides=overrides, quick=True), path, quick=True)
    return _checked(read_layers(path, overrides=overrides, quick=quick), path, quick=quick)


def study_of_tables(layered: Layered, *, base: Path) -> StudySettings:
    """The study of tables that a script hands over, by the rules of a file; paths in it start from `base`."""
    return _checked(layered, base / "study.toml", quick=False)


def _checked(layered: Layered, path: Path, *, quick: bool) -> StudySettings:
    """The study; of several data sets, one that is valid on each of them."""
    sources = data_sources(layered)
    if sources is None:
        return _on_one(layered, path, quick=quick)
    data_sets: dict[str, Data] = {}
    for name, alone in sources.items():
        try:
            study = _on_one(alone, path, quick=quick)
        except StudyError as err:
            raise StudyError(f"{err}\n  (on data set {name})") from err
        check_several(layered, study.ablation)
        if twin := next((other for other, data in data_sets.items() if data == study.data), ""):
            hint = "remove one of them: the same examples twice would count as two data sets"
            raise layered.error(("data",), f"{twin} and {name} are the same data set", hint=hint)
        data_sets[name] = study.data
    first = next(iter(data_sets.values()))
    return study.model_copy(update={"data": first, "data_sets": data_sets})


def _on_one(layered: Layered, path: Path, *, quick: bool) -> StudySettings:
    for name in layered.tree:
        if name not in (*_TOP, *_TABLES) or name == "quick":
            raise layered.unknown((name,), name, known=(*_TOP, *_TABLES), kind="key")
    model = _model(layered)
    most = _limits_of_quick(model) if quick and not layered.has_quick else {}
    named = layered.tree.get("data")
    data_name = named.get("name") if isinstance(named, dict) else None
    takes_factors = lists_factors(data_name, base=path.absolute().parent, given=layered.functions)
    levels = LevelReader(layered, model.catalog_name, takes_factors)
    baseline, space = read_factors(levels)
    model = _with_options(levels, model, factors=baseline)
    name = _name(layered, path)
    title = layered.tree.get("title", name)
    if not isinstance(title, str) or len(title) > 200:
        raise layered.error(("title",), f"must be text of at most 200 characters, got {shown(title)}")
    search = read_section(Search, "search", layered, most)
    data = _as_it_takes(read_data(layered, most, may_miss=model.trains_itself), model, layered)
    check_split(layered, data)
    training = read_section(Training, "training", layered, most)
    metric = read_section(MetricTable, "metric", layered, most)
    recipes = read_recipes(levels, baseline=baseline, space=space)
    ablation = read_ablation(layered, most, space=space, baseline=baseline, recipes=recipes, search=search)
    ablation = with_modes(ablation, layered, model)
    check_own_trial(layered, model, data=data, baseline=baseline, ablation=ablation)
    check_seeds(layered, data, ablation)
    transferred = transfer_levels(baseline, space, recipes)
    check_judging(metric, training, ablation, layered.error, model=model)
    search = read_objectives(search, metric, training, layered.error)
    check_pruning(search, training, layered.error, quick=quick)
    return StudySettings(
        name=name,
        title=title,
        seed=_seed(layered),
        data=data,
        model=model,
        training=training,
        metric=metric,
        schedule=_schedule(layered, most),
        transfer=read_transfer(layered, most, levels=transferred, data=data, epochs=None if quick else training.epochs),
        lr_test=_lr_test(layered, most),
        baseline=baseline,
        space=space,
        recipes=recipes,
        search=search,
        ablation=ablation,
        inspect=read_section(Inspect, "inspect", layered, most),
        limits=read_section(Limits, "limits", layered, most),
        retries=read_section(Retries, "retries", layered, most),
        quick=quick,
        source=layered.file,
        base=path.absolute().parent,
        functions=layered.functions,
    )


def _limits_of_quick(model: ModelRef) -> Mapping[tuple[str, str], int]:
    """The limits that --quick sets; none of the engine's where a study's trials train themselves."""
    return {key: most for key, most in QUICK.items() if key[0] not in ENGINE_TABLES or not model.trains_itself}


def _name(layered: Layered, path: Path) -> str:
    name = layered.tree.get("name", path.stem)
    if isinstance(name, str) and is_safe_name(name):
        return name
    rule = f"a study's name has {NAME_RULE}, got {shown(name)}"
    if "name" in layered.tree:
        raise layered.error(("name",), rule)
    raise layered.error((), rule, hint='rename the file, or write name = "..." at its top')


def _seed(layered: Layered) -> int:
    seed = layered.tree.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise layered.error(("seed",), f"must be a whole number from 0 to 4294967295, got {shown(seed)}")
    return seed


def _model(layered: Layered) -> ModelRef:
    key = ("model",)
    table = dict(read_table(layered, key))
    if (role := named_role(layered, table)) != "build":
        return read_own_trial(layered, role, table)
    name = table.pop("name", None)
    whole = {"options": table} if name is None else {"name": name, "options": table}
    read = validated(ModelTable, whole, layered, key)
    model = ModelRef.of(read.name, read.options, given=layered.functions.get(read.name))
    if model.registered not in MODELS:
        if not (model.file.endswith(".py") and model.function.isidentifier()):
            hint = f'known: {", ".join(MODELS)}; or your own model, as "my_models.py:build"'
            raise layered.error((*key, "name"), f"unknown model {shown(model.name)}", hint=hint)
        for option in model.options:
            if not option.isidentifier():
                raise layered.error((*key, option), f"must be a valid name for an argument of {model.function}")
    return model


def _with_options(levels: LevelReader, model: ModelRef, *, factors: Factors) -> ModelRef:
    """A registered model with every option checked, or at its default; options used as factors are left out."""
    if model.registered is None:
        return model
    layered, known = levels.layered, MODELS[model.registered].options
    options = {name: option.default for name, option in known.items() if name not in factors}
    for name, value in model.options.items():
        if name not in known:
            raise layered.unknown(("model", name), name, known=("name", *known), kind="key")
        if name in factors:
            hint = "remove it from [model], or remove the factor from [baseline]"
            raise layered.error(
                ("model", name),
                "is a factor of this study; factors have their levels in [baseline] and [space]",
                hint=hint,
            )
        options[name] = levels.ruled(("model", name), known[name], value)
    return replace(model, options={name: value for name, value in options.items() if value is not None})


def _as_it_takes(data: Data, model: ModelRef, layered: Layered) -> Data:
    """[data] with its examples left as they are, if the model looks them up as ids, or scales them by itself."""
    if model.trains_itself:
        return data if "scaling" in data.model_fields_set else data.model_copy(update={"scaling": "none"})
    reason = MODELS[model.name].inapplicable.get("scaling") if model.name in MODELS else None
    if reason is None or data.scaling == "none":
        return data
    if "scaling" in data.model_fields_set:
        rule = f"does not apply to model {model.name}: {reason}"
        raise layered.error(("data", "scaling"), rule, hint='remove it, or set scaling = "none"')
    return data.model_copy(update={"scaling": "none"})


def _lr_test(layered: Layered, most: Mapping[tuple[str, str], int]) -> LrTest:
    test = read_section(LrTest, "lr_test", layered, most)
    if not 10 * test.low <= test.high:
        raise layered.error(("lr_test",), f"high must be at least 10 times low, got low={test.low} high={test.high}")
    return test


def _schedule(layered: Layered, most: Mapping[tuple[str, str], int]) -> Schedule:
    schedule = read_section(Schedule, "schedule", layered, most)
    steps, values = schedule.boundaries, schedule.values
    if list(steps) != sorted(set(steps)) or not all(0 < step < 1 for step in steps):
        raise layered.error(
            ("schedule", "boundaries"), f"must increase and lie between 0 and 1, got {shown(list(steps))}"
        )
    if len(values) != len(steps) + 1 or not all(0 < value < math.inf for value in values):
        rule = f"must be {len(steps) + 1} positive numbers, one more than boundaries, got {shown(list(values))}"
        raise layered.error(("schedule", "values"), rule)
    return schedule
