"""Read the table [data] of a study file, and check that its settings fit the kind of source and each other."""

from collections.abc import Mapping

from ablate.study.catalog import DATA_SETS
from ablate.study.data_formats import format_of_name
from ablate.study.data_ref import SourceKind, is_function, source_kind
from ablate.study.settings import NO_DATA, Data
from ablate.study.tables import check_classes
from ablate.study.tree import Layered, shown
from ablate.study.validation import read_section

BALANCED = "balanced"  # the level of data.weights that names no column
_WHAT: Mapping[SourceKind, str] = {
    "known": "a bundled data set", "npz": "an .npz file", "table": "a table", "images": "a folder of images",
    "function": "a function", "path": "no table",
}  # fmt: skip
_OF_TABLES = ("target", "features", "columns")  # keys about the columns of a table
_PER_EXAMPLE = ("groups", "order", "weights")  # keys that name a column or an array


def read_data(layered: Layered, most: Mapping[tuple[str, str], int], *, may_miss: bool = False) -> Data:
    """The table [data]; `most` as in `read_section`. Raises `StudyError` if a key does not fit the source.

    A table that `may_miss` and does gives a record without a name: the trials bring their own data.
    """
    if may_miss and "data" not in layered.tree:
        return NO_DATA
    data = read_section(Data, "data", layered, most)
    if not data.name:
        raise layered.error(("data", "name"), "is missing", hint="write it as name = ... in [data]")
    kind = source_kind(data.name)
    _check_name(layered, data, kind)
    _check_columns(layered, data, kind)
    _check_parts(layered, data, kind)
    if data.classes is not None:
        check_classes(layered, ("data", "classes"), data.classes)
    return data


def _check_name(layered: Layered, data: Data, kind: SourceKind) -> None:
    key, name = ("data", "name"), data.name
    if kind == "function":
        if not is_function(name):
            hint = f'write the function\'s name after a colon, as "{name.rpartition(".py")[0]}.py:load"'
            raise layered.error(key, f"{shown(name)} names no function", hint=hint)
        return
    if kind != "images" and (found := format_of_name(name)):
        raise layered.error(key, f"{shown(name)} is {found.what}", hint=found.way_out())
    if kind == "known" and name not in DATA_SETS:
        known = (*DATA_SETS, "FOLDER/FILE.npz", "FILE.csv", "FILE.parquet", "FOLDER/ of images", "FILE.py:FUNCTION")
        raise layered.unknown(key, name, known=known, kind="data set")


def _check_columns(layered: Layered, data: Data, kind: SourceKind) -> None:
    for field in _OF_TABLES:
        if kind not in ("table", "function") and getattr(data, field):
            hint = f"remove {field}: only a table has columns (.csv, .parquet, or a function that returns a DataFrame)"
            raise layered.error(("data", field), f"does not fit: {shown(data.name)} is {_WHAT[kind]}", hint=hint)
    for field in _PER_EXAMPLE:
        named = getattr(data, field)
        if kind in ("known", "images") and named is not None and (field, named) != ("weights", BALANCED):
            rule = f"names {shown(named)}, but {shown(data.name)} is {_WHAT[kind]} and holds inputs and labels only"
            raise layered.error(("data", field), rule, hint=f"remove {field}, or keep the data in a table or .npz file")
    if kind == "table" and not data.target:
        hint = 'name the column to predict, e.g. target = "price", or several in a list'
        raise layered.error(("data", "target"), "is missing: a table does not say what to predict", hint=hint)
    _check_roles(layered, data)


def _check_roles(layered: Layered, data: Data) -> None:
    """Each column is named once, and no target is a feature."""
    for field in ("target", "features"):
        names = getattr(data, field) or ()
        if len(set(names)) < len(names):
            raise layered.error(("data", field), f"each name may appear only once, got {shown(list(names))}")
    targets = data.target or ()
    for field in ("features", *_PER_EXAMPLE):
        named = getattr(data, field) or ()
        if both := [name for name in ((named,) if isinstance(named, str) else named) if name in targets]:
            hint = f"remove it from {field}: a network that sees its target learns nothing else"
            hint = hint if field == "features" else "give each its own column"
            raise layered.error(("data", field), f"{shown(both[0])} is data.target too", hint=hint)


def _check_parts(layered: Layered, data: Data, kind: SourceKind) -> None:
    if data.image_size is not None and kind not in ("images", "path"):
        hint = 'remove image_size; a folder of images is named with a slash at its end, as "photos/"'
        raise layered.error(("data", "image_size"), f"does not fit: {shown(data.name)} is {_WHAT[kind]}", hint=hint)
    if data.validation == "given" and kind in ("known", "table"):
        hint = "write a number or a share of examples, e.g. validation = 0.2"
        rule = f'"given" does not fit: {shown(data.name)} is {_WHAT[kind]}, without a validation part of its own'
        raise layered.error(("data", "validation"), rule, hint=hint)
