"""Turn the target columns of a table into classes, tags or numbers, or say why they are unusable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablate.data.array import Array
from ablate.data.table_columns import (
    FEW,
    Column,
    Declared,
    check_words,
    kind_of_values,
    sorted_levels,
    to_floats,
    to_texts,
)
from ablate.errors import DataError
from ablate.text import first_of, number_of, printable

TAG_MARK = "|"  # between the tags of an example
_MOST_SHOWN = 3
# Losses by Keras' names without capitals and "_": whether whole numbers are amounts or classes follows from them.
_OF_AMOUNTS = frozenset((
    "mse", "meansquarederror", "mae", "meanabsoluteerror", "mape", "meanabsolutepercentageerror", "msle",
    "meansquaredlogarithmicerror", "huber", "logcosh", "poisson", "tweedie",
))  # fmt: skip
_OF_CLASSES = frozenset((
    "sparsecategoricalcrossentropy", "categoricalcrossentropy", "binarycrossentropy", "categoricalfocalcrossentropy",
    "binaryfocalcrossentropy", "hinge", "squaredhinge", "categoricalhinge",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableTarget:
    """What is to be predicted, and what it was read as."""

    values: Array  # (n,) int32 classes; (n,) or (n, k) float32 numbers; (n, k) uint8 tags
    class_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()  # of several numbers or tags
    notes: tuple[str, ...] = ()


def read_target(
    table: pd.DataFrame, names: Sequence[str], *, declared: Mapping[str, Declared], loss: str | None, origin: str
) -> TableTarget:
    """The columns `names` of `table`. Raises `DataError`, also if neither they nor `loss` tell classes from amounts."""
    amounts = _says_amounts(loss)
    if len(names) > 1:
        return _several(table, names, amounts=amounts, origin=origin)
    column, place = table[names[0]], f'{origin}: target "{printable(names[0])}"'
    says = declared.get(names[0]) or {True: "number", False: "category", None: None}[amounts]
    match kind_of_values(column):
        case "text" if _holds_tags(column):
            return _tags(column, place=place, amounts=amounts)
        case "text" | "bool" as kind:
            _check_complete(column, place=place)
            if says == "number" and kind == "text" and declared.get(names[0]) is None:
                raise DataError(f'{place}: holds text, but training.loss "{loss}" is for amounts\n  remove the loss')
            if says == "number" and kind == "text":
                return TableTarget(to_floats(column, place=place).astype(np.float32))
            return _words(column, names[0], place=place, is_declared=says == "category", is_bool=kind == "bool")
        case "number":
            _check_complete(column, place=place)
            return _numbers(to_floats(column, place=place), column, names[0], says=says, loss=loss, place=place)
        case kind:
            what = "dates" if kind == "date" else "neither numbers nor text"
            raise DataError(
                f"{place}: holds {what}\n  save it as numbers, e.g. days since a date, or as names of classes"
            )


def _says_amounts(loss: str | None) -> bool | None:
    plain = (loss or "").lower().replace("_", "")
    return True if plain in _OF_AMOUNTS else False if plain in _OF_CLASSES else None


def _check_complete(column: Column, *, place: str) -> None:
    if missing := int(column.isna().sum()):
        name = printable(str(column.name), 40)
        raise DataError(
            f"{place}: is missing in {number_of(missing, 'row')} of {len(column):,}\n  remove these rows, e.g. with "
            f"table.dropna(subset=[{name!r}])"
        )


def _numbers(
    values: Array, column: Column, name: str, *, says: str | None, loss: str | None, place: str
) -> TableTarget:
    whole, levels = bool((values == np.floor(values)).all()), np.unique(values)
    if len(levels) < 2:
        raise DataError(f"{place}: is {levels[0]:g} in all {len(values):,} rows, so there is nothing to learn")
    if says == "number" or (says is None and not whole):
        return TableTarget(values.astype(np.float32))
    few = len(levels) <= max(2, min(FEW, len(values) // 2))
    if says is None and not few and not pd.api.types.is_integer_dtype(column.dtype):
        return TableTarget(values.astype(np.float32))
    if not whole:
        raise DataError(
            f"{place}: holds amounts such as {values[values != np.floor(values)][0]:g}, but "
            f'{_who(loss, name)} is for classes\n  write [training] loss = "mse", or remove it'
        )
    if says is None and not (few and pd.api.types.is_integer_dtype(column.dtype)):
        what = f"{len(levels):,} different whole numbers from {levels[0]:.0f} to {levels[-1]:.0f}"
        raise DataError(
            f"{place}: holds {what}, which may be amounts or classes\n"
            f'  for amounts write [training] loss = "mse", for classes loss = "sparse_categorical_crossentropy"'
        )
    labels = np.searchsorted(levels, values).astype(np.int32)
    counts_from_0 = np.array_equal(levels, np.arange(len(levels)))
    names = () if counts_from_0 else tuple(f"{level:.0f}" for level in levels)
    said = f'target "{printable(name)}" is read as {len(levels)} classes ({levels[0]:.0f} to '
    hint = '[training] loss = "mse" makes it an amount'
    is_said = says is not None or len(levels) == 2
    return TableTarget(labels, names, notes=() if is_said else (f"{said}{levels[-1]:.0f}); {hint}",))


def _who(loss: str | None, name: str) -> str:
    if _says_amounts(loss) is False:
        return f'training.loss "{loss}"'
    return f'[data.columns] "{printable(name)}" = "category"'


def _words(column: Column, name: str, *, place: str, is_declared: bool, is_bool: bool) -> TableTarget:
    texts = to_texts(column)
    if not is_declared and not is_bool:
        check_words(texts, place=place, name=name)
    levels = sorted_levels([text for text in texts if text is not None])
    if len(levels) > max(FEW, len(texts) / 2):
        shown = first_of([f'"{printable(level, 20)}"' for level in levels], _MOST_SHOWN)
        raise DataError(
            f"{place}: holds {len(levels):,} different texts in {len(texts):,} rows ({shown}), too many to be classes\n"
            "  save the class of each example, not its name or text"
        )
    if len(levels) < 2:
        raise DataError(
            f'{place}: is "{printable(levels[0])}" in all {len(texts):,} rows, so there is nothing to learn'
        )
    number = {level: k for k, level in enumerate(levels)}
    return TableTarget(np.array([number[text or ""] for text in texts], np.int32), tuple(levels))


def _holds_tags(column: Column) -> bool:
    return any(TAG_MARK in text for text in to_texts(column) if text is not None)


def _tags(column: Column, *, place: str, amounts: bool | None) -> TableTarget:
    if amounts:
        raise DataError(f"{place}: holds tags, but training.loss is for amounts\n  remove the loss")
    rows = [_parted(text) for text in to_texts(column)]
    names = sorted(set().union(*rows))
    if len(names) > max(FEW, len(rows) / 2):
        raise DataError(
            f"{place}: holds {len(names):,} different tags in {len(rows):,} rows, too many to learn\n"
            "  keep the frequent tags only"
        )
    place_of = {name: k for k, name in enumerate(names)}
    values = np.zeros((len(rows), len(names)), np.uint8)
    for row, tags in enumerate(rows):
        values[row, [place_of[tag] for tag in tags]] = 1
    none = int((values.sum(axis=1) == 0).sum())
    untagged = f"; {number_of(none, 'row')} {'has' if none == 1 else 'have'} none" if none else ""
    name = printable(str(column.name))
    note = f'target "{name}" is read as {number_of(len(names), "tag")} ({first_of(names, _MOST_SHOWN)}){untagged}'
    return TableTarget(values, target_names=tuple(names), notes=(note,))


def _parted(text: str | None) -> set[str]:
    return {tag.strip() for tag in (text or "").split(TAG_MARK)} - {""}


def _several(table: pd.DataFrame, names: Sequence[str], *, amounts: bool | None, origin: str) -> TableTarget:
    columns = []
    for name in names:
        column, place = table[name], f'{origin}: target "{printable(name)}"'
        if kind_of_values(column) not in ("number", "bool"):
            raise DataError(
                f"{place}: several targets must be numbers, or 0 and 1 for tags, and this column holds something else\n"
                '  a single column may hold names of classes, or tags as "a|b"'
            )
        _check_complete(column, place=place)
        columns.append(to_floats(column, place=place))
        if (columns[-1] == columns[-1][0]).all():
            raise DataError(f"{place}: is {columns[-1][0]:g} in all rows, so there is nothing to learn")
    values: Array = np.stack(columns, axis=1)
    flags = bool(np.isin(values, (0, 1)).all()) and not amounts
    if not flags and amounts is False:
        raise DataError(
            f"{origin}: data.target lists {len(names)} columns of amounts, but training.loss is for classes or tags\n"
            '  tags are columns of 0 and 1; for amounts write [training] loss = "mse"'
        )
    return TableTarget(values.astype(np.uint8 if flags else np.float32), target_names=tuple(names))
