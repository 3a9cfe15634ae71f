"""Write a `Study` as TOML with every default, and as flat settings for a tracker."""

import json
import re
from collections.abc import Iterator, Mapping

from ablate.study.settings import StudySettings, StudyTable
from ablate.study.space import Choice, Condition, Dimension, Float, Int, RateSpan


def to_toml(study: StudySettings) -> str:
    """The resolved study; `load_study` of it, with the same `quick`, gives an equal one."""
    lines = []
    for name, value in _tables(_tree(study)):
        if isinstance(value, dict):
            lines += ["", f"[{name}]", *(f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items())]
        else:
            lines.append(f"{name} = {toml_value(value)}")
    if study.quick:
        lines += ["", "[quick]", "# The budget above is already reduced, so --quick changes nothing here."]
    return "\n".join([*lines, ""])


def settings(study: StudySettings) -> dict[str, str]:
    """Every setting as text under its dotted key, e.g. {"training.epochs": "20"}."""
    return {**dict(_flat(_tree(study))), "quick": _text(study.quick)}


def _tree(study: StudySettings) -> dict[str, object]:
    of_engine = not study.model.trains_itself  # the settings of the engine are refused elsewhere
    return {
        "name": study.name,
        "title": study.title,
        "seed": study.seed,
        **_data(study),
        "model": _model(study),
        "training": _table(study.training) if of_engine else {"epochs": study.training.epochs},
        "metric": _table(study.metric),
        **({"schedule": _table(study.schedule)} if of_engine else {}),
        **({"transfer": _table(study.transfer)} if study.transfer else {}),
        **({"lr_test": _table(study.lr_test)} if of_engine else {}),
        "baseline": dict(study.baseline),
        "space": {
            name: _value(dimension, study.space.conditions.get(name, {}))
            for name, dimension in study.space.dimensions.items()
        },
        "recipes": {name: dict(recipe) for name, recipe in study.recipes.items()},
        "search": _table(study.search),
        "ablation": _table(study.ablation),
        **({"inspect": _table(study.inspect)} if of_engine else {}),
        "limits": _table(study.limits),
        "retries": _table(study.retries) if of_engine else {"killed": study.retries.killed},
    }


def _data(study: StudySettings) -> dict[str, object]:
    if study.data_sets:
        return {"data": {"sources": {name: _table(data) for name, data in study.data_sets.items()}}}
    return {"data": _table(study.data)} if study.data.name else {}


def _model(study: StudySettings) -> dict[str, object]:
    model = study.model
    match model.role:
        case "build":
            return {"name": model.name, **model.options}
        case "train":
            return {"train": model.name, **model.options}
        case "command":
            return {"command": model.command}


def _table(section: StudyTable) -> dict[str, object]:
    # TOML has no null: settings without a value are left out.
    return {name: list(value) if isinstance(value, tuple) else value for name, value in section if value is not None}


def _tables(tree: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        if name == "data" and isinstance(value, dict) and isinstance(value.get("sources"), dict):
            yield from ((f"data.sources.{toml_key(source)}", table) for source, table in value["sources"].items())
        elif name == "recipes" and isinstance(value, dict):  # each has a table of its own
            yield from ((f"recipes.{toml_key(recipe)}", levels) for recipe, levels in value.items())
        else:
            yield name, value


def _value(dimension: Dimension, condition: Condition) -> object:
    when = {"when": {other: list(levels) for other, levels in condition.items()}} if condition else {}
    match dimension:
        case Float() | Int():
            table: dict[str, object] = {"low": dimension.low, "high": dimension.high, "log": dimension.log}
        case Choice():
            if not (dimension.ablate or when):
                return list(dimension.options)
            table = {"levels": list(dimension.options)}
        case RateSpan():
            table = {"around": "find", "span": list(dimension.span)}
    ablate = {"ablate": list(dimension.ablate)} if dimension.ablate else {}
    return {**table, **ablate, **when}


def toml_value(value: object) -> str:
    """A level, a list or a table as TOML has it, on one line."""
    # Written here because the order of [space] counts, and a library that writes sub-tables puts them last.
    match value:
        case dict():
            return f"{{ {', '.join(f'{toml_key(key)} = {toml_value(item)}' for key, item in value.items())} }}"
        case list():
            return f"[{', '.join(map(toml_value, value))}]"
        case str() | bool():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return repr(value)


def toml_key(name: str) -> str:
    """A key as TOML has it, in quotes if it needs them."""
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _flat(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
