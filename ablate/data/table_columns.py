"""Tell what kind of values a column of a table holds, and turn feature columns into numbers and flags."""

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from ablate.data.array import Array
from ablate.data.source import FeatureColumn
from ablate.errors import DataError
from ablate.text import first_of, number_of, printable

Column: TypeAlias = "pd.Series[str]"  # of any type, as pandas read it
ValueKind: TypeAlias = Literal["number", "bool", "text", "date", "other"]
Declared: TypeAlias = Literal["number", "category"] | None  # as [data.columns] says
Encoded: TypeAlias = tuple[FeatureColumn, Array]  # the array (n,) float32

MOST_LEVELS = 50  # more different texts are no category
FEW = 20  # so few different values repeat, however few the rows
_MOSTLY = 0.8  # share of numbers among texts from which the other texts look like marks of missing cells
_HEADER = 2  # row of a file that holds the first example, counted from 1
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T]\d{1,2}:\d{2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})([ T]\d{1,2}:\d{2}.*)?"
)
_LIKE_NUMBER = re.compile(r"[+-]?[$€£]?\s?\d[\d.,' ]*([eE][+-]?\d+)?\s?[%€$£]?")  # "1.234,5", "1 000", "12 %"
_EXACT = 2**24  # whole numbers up to here are exact in float32


def kind_of_values(column: Column) -> ValueKind:
    """What a column holds, missing cells apart; a column without any value holds numbers."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return kind_of_values(pd.Series(dtype.categories)) if len(dtype.categories) else "number"
    if pd.api.types.is_bool_dtype(dtype):
        return "bool"
    if pd.api.types.is_numeric_dtype(dtype):
        return "other" if pd.api.types.is_complex_dtype(dtype) else "number"
    if pd.api.types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        return "date"
    match pd.api.types.infer_dtype(column, skipna=True):
        case "boolean":
            return "bool"
        case "integer" | "floating" | "mixed-integer-float" | "decimal" | "empty":
            return "number"
        case "date" | "datetime" | "datetime64" | "time" | "timedelta" | "timedelta64" | "period":
            return "date"
        case "string" | "mixed-integer" | "categorical":
            return "date" if _all_dates(column) else "text"
    return "other"


def to_floats(column: Column, *, place: str) -> Array:
    """(n,) float64, NaN where a value is missing. Raises `DataError` if one is no number, infinite or too large."""
    if kind_of_values(column) in ("text", "date", "other"):
        stranger = not_a_number(column)
        if stranger is not None:
            raise DataError(f"{place}: {stranger} is not a number")
    typed = pd.api.types.is_numeric_dtype(column.dtype)
    numbers = column.to_numpy(np.float64, na_value=np.nan) if typed else np.array([*map(_float, to_texts(column))])
    with np.errstate(over="ignore"):
        infinite = np.isinf(numbers.astype(np.float32))
    if infinite.any():
        first = int(np.argmax(infinite))
        what = "infinite" if np.isinf(numbers[first]) else "too large for float32"
        said = f"{number_of(int(infinite.sum()), 'value')} {'is' if infinite.sum() == 1 else 'are'} {what}"
        raise DataError(
            f"{place}: {said}, the first in row {first + _HEADER:,}\n  leave missing cells empty, and cap or rescale "
            "the rest"
        )
    return numbers


def to_texts(column: Column) -> list[str | None]:
    """Each value as text, None where it is missing; 3.0 as "3"."""
    return [None if missing else _text(value) for value, missing in zip(column, column.isna(), strict=True)]


def not_a_number(column: Column) -> str | None:
    """The first value that is no number, with its row; None if there is none."""
    for row, text in enumerate(to_texts(column)):
        if text is not None and not _is_number(text):
            return f'"{printable(text, 30)}" in row {row + _HEADER:,}'
    return None


def check_words(texts: Sequence[str | None], *, place: str, name: str) -> None:
    """Raise `DataError` if nearly all texts are numbers: the others look like marks of missing cells."""
    there = [text for text in texts if text is not None]
    numbers = sum(map(_is_number, there))
    if (alike := sum(_LIKE_NUMBER.fullmatch(text) is not None for text in there)) > numbers and alike >= max(
        1.0, _MOSTLY * len(there)
    ):
        odd = next(text for text in there if not _is_number(text) and _LIKE_NUMBER.fullmatch(text))
        raise DataError(
            f'{place}: holds numbers in a form that is not read, as "{printable(odd, 30)}"\n  write them with a '
            "decimal point, without units and without marks between thousands"
        )
    if numbers < max(1.0, _MOSTLY * len(there)):
        return
    strange = dict.fromkeys(f'"{printable(text, 20)}"' for text in there if not _is_number(text))
    others = f"{number_of(len(there) - numbers, 'cell')} with {first_of(list(strange), 3)}"
    but = f", but also {others}" if strange else " as text"
    raise DataError(
        f"{place}: holds numbers{but}\n  leave missing cells empty, or say what the column is: "
        f'[data.columns] "{printable(name)}" = "category" (or "number")'
    )


def encode_feature(column: Column, name: str, *, declared: Declared, origin: str) -> list[Encoded]:
    """The columns of the inputs that a feature becomes: a number, or a flag for each level; missing cells get a flag.

    Raises `DataError` if the feature tells nothing, or holds dates, free text or anything else without an encoding.
    """
    place, kind = f'{origin}: column "{printable(name)}"', kind_of_values(column)
    if column.isna().all():
        raise DataError(f"{place}: is empty in all {len(column):,} rows\n  {_leave_out(name)}")
    if kind == "other":
        what = pd.api.types.infer_dtype(column, skipna=True)
        raise DataError(f"{place}: holds neither numbers nor text (pandas calls it {what})\n  {_leave_out(name)}")
    if kind == "date" and declared is None:
        raise DataError(
            f"{place}: holds dates, which are no numbers\n  save what of them could matter as columns of its own, e.g. "
            f"the month, or days since the first; or {_leave_out(name)}"
        )
    if declared == "number" or (declared is None and kind == "number"):
        return _number(column, name, place=place)
    return _category(column, name, place=place, is_declared=declared is not None)


def _number(column: Column, name: str, *, place: str) -> list[Encoded]:
    values = to_floats(column, place=place)
    missing = np.isnan(values)
    there = values[~missing]
    if there.min() == there.max() and not missing.any():
        raise DataError(f"{place}: is {there[0]:g} in all {len(values):,} rows\n  {_leave_out(name)}")
    if (there == np.floor(there)).all() and np.abs(there).max() > _EXACT:
        n, kept = len(np.unique(there)), len(np.unique(there.astype(np.float32)))
        if kept < n:
            said = f"{n:,} different whole numbers, of which float32 can tell {kept:,} apart"
            raise DataError(f"{place}: holds {said}\n  subtract the smallest first; or {_leave_out(name)}")
    number = (FeatureColumn(name, "number", name), values.astype(np.float32))
    return [number, *_missing_flag(missing, name)]


def _category(column: Column, name: str, *, place: str, is_declared: bool) -> list[Encoded]:
    texts = to_texts(column)
    if not is_declared:
        check_words(texts, place=place, name=name)
    missing = np.array([text is None for text in texts])
    there = np.array([text for text in texts if text is not None])
    levels = sorted_levels(there)
    if len(levels) > MOST_LEVELS or len(levels) > max(FEW, len(there) / 2):
        shown = ", ".join(f'"{printable(level, 20)}"' for level in levels[:3])
        raise DataError(
            f"{place}: holds {len(levels):,} different texts ({shown}, …) in {len(there):,} rows; a category has at "
            f"most {MOST_LEVELS}, and each level in several rows\n  {_leave_out(name)}; free text needs a model that "
            'reads it: turn it into token numbers in a function, as data.name = "my.py:load"'
        )
    if len(levels) == 1 and not missing.any():
        raise DataError(f'{place}: is "{printable(levels[0])}" in all {len(texts):,} rows\n  {_leave_out(name)}')
    words = np.array([text or "" for text in texts])
    flags = [
        (FeatureColumn(f"{name}={level}", "flag", name), ((words == level) & ~missing).astype(np.float32))
        for level in levels
    ]
    return [*flags, *_missing_flag(missing, name)]


def sorted_levels(texts: Sequence[str] | Array) -> list[str]:
    """The different texts: in the order of their values if all are numbers, else of the alphabet."""
    levels = [str(level) for level in np.unique(np.asarray(texts))]
    return sorted(levels, key=float) if all(map(_is_number, levels)) else levels


def _missing_flag(missing: Array, name: str) -> list[Encoded]:
    column = FeatureColumn(f"{name} is missing", "flag", name)
    return [(column, missing.astype(np.float32))] if missing.any() else []


def _leave_out(name: str) -> str:
    return f'leave "{printable(name, 40)}" out of the features: list the others in features = [...]'


def _all_dates(column: Column) -> bool:
    texts = [text for text in to_texts(column) if text is not None]
    return bool(texts) and all(_DATE.fullmatch(text) for text in texts)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python's own way to write 1000 as 1_000


def _float(text: str | None) -> float:
    return np.nan if text is None else float({"true": 1, "false": 0}.get(text, text))


def _text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()
