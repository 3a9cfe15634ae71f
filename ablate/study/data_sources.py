"""Read the data sets of a study that compares its variants on several: a list of names, or a table of sources."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath

from ablate.study.names import NAME_RULE, is_safe_name
from ablate.study.settings import Ablation
from ablate.study.tree import Layered, TomlTree, shown

SOURCES = "sources"
LEAST = 2  # data sets


def data_sources(layered: Layered) -> Mapping[str, Layered] | None:
    """The study file with each of its data sets alone, by the data set's name; None if it has one data set.

    Keys of [data] hold for every source, unless the source has its own; --set and [quick] go before both. Raises
    `StudyError` if the sources are no two or more with different names.
    """
    table = layered.tree.get("data")
    if not isinstance(table, dict) or not (SOURCES in table or isinstance(table.get("name"), list)):
        return None
    shared = {key: value for key, value in table.items() if key not in (SOURCES, "name")}
    named = _listed(layered, table) if SOURCES not in table else _tabled(layered, table)
    if len(named) < LEAST:
        key = SOURCES if SOURCES in table else "name"
        hint = 'for one data set write its name as text: name = "mnist"'
        raise layered.error(("data", key), f"must name two data sets or more, got {len(named)}", hint=hint)
    return {
        name: replace(layered, tree={**layered.tree, "data": _merged(layered, shared, own)})
        for name, own in named.items()
    }


def check_several(layered: Layered, ablation: Ablation) -> None:
    """Raise `StudyError` for settings of the ablation that need one data set."""
    if ablation.reference == "both":
        rule = '"both" needs a search on each data set, but the search runs on the first one alone'
        raise layered.error(("ablation", "reference"), rule, hint='write "baseline" or "best"')
    if "path" in ablation.design:
        rule = '"path" leads to the best of a search on each data set, but the search runs on the first one alone'
        raise layered.error(("ablation", "design"), rule, hint='leave "path" out, or study one data set')
    if ablation.seeds == "auto":
        rule = '"auto" decides on one data set which comparisons get more seeds, but there are several'
        raise layered.error(("ablation", "seeds"), rule, hint="write a number of seeds")


def _listed(layered: Layered, table: Mapping[str, object]) -> dict[str, TomlTree]:
    found: dict[str, TomlTree] = {}
    names = table.get("name")
    for one in names if isinstance(names, list) else ():
        if not isinstance(one, str) or not one:
            raise layered.error(("data", "name"), f"must be a list of texts, got {shown(names)}")
        name = _called(one)
        if name in found or not is_safe_name(name):
            hint = 'name them: [data.sources] with a line for each, as houses = { name = "houses.csv" }'
            rule = f"{shown(one)} would be called {shown(name)} in the results, " + (
                "as another one is" if name in found else f"but a name has {NAME_RULE}"
            )
            raise layered.error(("data", "name"), rule, hint=hint)
        found[name] = {"name": one}
    return found


def _tabled(layered: Layered, table: Mapping[str, object]) -> dict[str, TomlTree]:
    sources = table[SOURCES]
    if "name" in table:
        hint = "remove name: each source has its own"
        raise layered.error(("data", "name"), "does not fit beside [data.sources]", hint=hint)
    if not isinstance(sources, dict):
        raise layered.error(("data", SOURCES), f"must be a table, got {shown(sources)}")
    for name, own in sources.items():
        if not is_safe_name(name):
            raise layered.error(("data", SOURCES, name), f"is no name of a data set: it has {NAME_RULE}")
        if not isinstance(own, dict):
            hint = f'write it as {name} = {{ name = "mnist" }}'
            raise layered.error(("data", SOURCES, name), f"must be a table, got {shown(own)}", hint=hint)
        if SOURCES in own or not isinstance(own.get("name"), str):
            rule = "must have a name of its own, as text"
            raise layered.error(("data", SOURCES, name), rule, hint='e.g. { name = "houses.csv", target = "price" }')
    return dict(sources)


def _called(source: str) -> str:
    """ "mnist", "houses" for "tables/houses.csv", "photos" for "photos/", "load" for "my.py:load"."""
    if ":" in PurePath(source).name:
        return source.rpartition(":")[2]
    return PurePath(source).stem or source


def _merged(layered: Layered, shared: TomlTree, own: TomlTree) -> TomlTree:
    stronger = {key: value for key, value in shared.items() if _is_set_above(layered, key)}
    return {**shared, **own, **stronger}


def _is_set_above(layered: Layered, key: str) -> bool:
    """Whether the command line or [quick] set a key of [data]."""
    return any(set_key[:2] == ("data", key) for set_key in (*layered.overrides, *layered.quick))
