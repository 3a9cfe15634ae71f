"""Read a table of examples, from a .csv or .parquet file or a DataFrame, as a `Source`."""

from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from ablate.data.array import Array
from ablate.data.per_example import to_groups, to_order, to_weights
from ablate.data.repeated_ids import repeated_ids
from ablate.data.source import FeatureColumn, Source
from ablate.data.table_columns import Column, Declared, Encoded, encode_feature, kind_of_values
from ablate.data.table_target import read_target
from ablate.errors import DataError, known_names
from ablate.study.csv_text import SEPARATORS, check_rows, guess_separator, named_separator, read_csv_text
from ablate.study.data_table import BALANCED
from ablate.study.settings import Data
from ablate.system import memory_bytes
from ablate.text import listed, number_of, printable

_DECIMAL_COMMA = r"[+-]?\d*(,\d+)?([eE][+-]?\d+)?"
_NAMELESS = ("", "Unnamed: 0", "index")  # columns in which pandas writes the numbers of the rows


def read_table(path: Path, settings: Data, *, loss: str | None, origin: str) -> Source:
    """The examples in a table file; `loss` is training.loss, `origin` the path as shown. Raises `DataError`."""
    categories = [name for name, kind in settings.columns.items() if kind == "category"]
    return table_source(_read(path, categories, origin=origin), settings, loss=loss, origin=origin)


def column_names(path: Path, *, origin: str) -> list[str]:
    """The columns of a table file, `origin` as shown. Raises `DataError` if it cannot be read."""
    return [str(name) for name in _cleaned(_read(path, [], origin=origin), origin=origin)[0]]


def table_source(table: pd.DataFrame, settings: Data, *, loss: str | None, origin: str) -> Source:
    """The examples in a DataFrame, a row each. Raises `DataError`."""
    table, notes = _cleaned(table, origin=origin)
    target = settings.target
    if target is None:
        raise DataError(f'{origin}: data.target is missing\n  name the column to predict, e.g. target = "price"')
    _check_names(table, settings, origin=origin)
    per_example = _per_example(table, settings, origin=origin)
    predicted = read_target(table, target, declared=settings.columns, loss=loss, origin=origin)
    others = [str(name) for name in table if name not in {*target, *_named(settings)}]
    columns, inputs = _inputs(table, settings.features or others, settings.columns, origin=origin)
    return Source(
        inputs,
        predicted.values,
        groups=per_example.get("groups"),
        order=per_example.get("order"),
        weights=per_example.get("weights"),
        columns=columns,
        class_names=predicted.class_names,
        target_names=predicted.target_names,
        origin=origin,
        notes=(*notes, *predicted.notes),
        group_notes=() if settings.groups else _unused_groups(table, target),
    )


def _read(path: Path, categories: Sequence[str], *, origin: str) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{origin}: {'is a folder, not a table' if path.is_dir() else 'no such file'}")
    is_parquet = path.suffix.lower() == ".parquet"
    return _parquet(path, origin=origin) if is_parquet else _csv(path, categories, origin=origin)


def _csv(path: Path, categories: Sequence[str], *, origin: str) -> pd.DataFrame:
    separator, text = named_separator(read_csv_text(path))
    separator = separator or guess_separator(text, SEPARATORS, path)
    text, n_blank = _without_blank_rows(text, separator)
    names = [name.strip() for name in check_rows(text, path, separator=separator)]
    _check_unique(names, origin=origin)
    table = _parsed(text, names, separator, ".", categories, origin=origin)
    table.attrs["notes"] = [f"{origin}: {number_of(n_blank, 'blank row')} left out"] if n_blank else []
    if separator == "," or not any(_has_decimal_comma(table[name]) for name in names):
        return table
    again = _parsed(text, names, separator, ",", categories, origin=origin)
    for name in names:
        if table[name].dtype.kind == "f" and again[name].dtype.kind not in "fi":
            raise DataError(
                f'{origin}: column "{printable(name)}" has decimal points, other columns have decimal commas\n'
                "  write all numbers in one way"
            )
    again.attrs = table.attrs
    return again


def _without_blank_rows(text: str, separator: str) -> tuple[str, int]:
    """The text without rows of separators alone: with them, whole numbers would be read as other numbers."""
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if line.strip(f"{separator} \t\r\n") or separator not in line]
    return "".join(kept), len(lines) - len(kept)


def _parsed(
    text: str, names: Sequence[str], separator: str, decimal: str, categories: Sequence[str], *, origin: str
) -> pd.DataFrame:
    numbers = {names.index(name): str for name in categories if name in names}  # as text, so that "007" stays
    try:
        table = pd.read_csv(
            StringIO(text), sep=separator, header=0, names=range(len(names)), index_col=False, decimal=decimal,
            dtype=numbers, skipinitialspace=True, skip_blank_lines=True, low_memory=False,
        )  # fmt: skip
    except (ValueError, OverflowError) as err:
        raise DataError(f"{origin}: cannot be read as a table: {printable(str(err), 200)}") from err
    table.columns = pd.Index(names)
    return table


def _has_decimal_comma(column: Column) -> bool:
    if kind_of_values(column) != "text":
        return False
    texts = column.dropna().astype(str).str.strip()
    return bool(texts.str.fullmatch(_DECIMAL_COMMA).all()) and bool(texts.str.contains(",").any())


def _parquet(path: Path, *, origin: str) -> pd.DataFrame:
    try:
        from pyarrow import parquet  # type: ignore[import-untyped]
    except ImportError as err:
        way_out = "pip install pyarrow, or save the table as .csv"
        raise DataError(f"{origin}: reading Parquet files needs pyarrow\n  {way_out}") from err
    memory = memory_bytes()
    try:
        about = parquet.read_metadata(path)
        too_large = memory and 8 * about.num_rows * about.num_columns > memory // 2
        table = None if too_large else pd.read_parquet(path)
    except Exception as err:  # a damaged file raises a dozen kinds of errors
        reason = printable(str(err).strip().partition("\n")[0], 200)
        raise DataError(f"{origin}: cannot be read as a Parquet file: {reason}") from err
    if table is None:
        raise _too_large(origin, about.num_rows, about.num_columns)
    named = [name for name in table.index.names if name is not None]
    return table.reset_index() if named else table


def _cleaned(table: pd.DataFrame, *, origin: str) -> tuple[pd.DataFrame, list[str]]:
    """The table without blank rows and without a nameless column that numbers the rows, and what was left out."""
    notes: list[str] = list(table.attrs.get("notes", ()))
    if isinstance(table.columns, pd.MultiIndex):
        raise DataError(f"{origin}: has several rows of column names\n  keep one name for each column")
    names = [str(name) for name in table.columns]
    _check_unique(names, origin=origin)
    table = table.set_axis(names, axis="columns").reset_index(drop=True)
    if names and names[0] in _NAMELESS and _numbers_rows(table[names[0]]):
        table = table.drop(columns=names[0])
        notes.append(f"{origin}: the first column is not used: it only numbers the rows")
    blank = table.isna().all(axis="columns") if len(table.columns) else pd.Series(False, index=table.index)
    if blank.any() and not blank.all():
        table = table[~blank].reset_index(drop=True)
        notes.append(f"{origin}: {number_of(int(blank.sum()), 'blank row')} left out")
    if table.empty or blank.all():
        raise DataError(f"{origin}: holds no examples\n  a table needs a header and a row for each example")
    return table, notes


def _numbers_rows(column: Column) -> bool:
    values = column.to_numpy()
    return values.dtype.kind in "iu" and bool((np.diff(values.astype(np.int64)) == 1).all()) and values[0] in (0, 1)


def _check_unique(names: Sequence[str], *, origin: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f'{origin}: two columns are called "{printable(name)}"\n  rename one of them')
        seen.add(name)


def _named(settings: Data) -> list[str]:
    weights = None if settings.weights == BALANCED else settings.weights
    return [name for name in (settings.groups, settings.order, weights) if name is not None]


def _check_names(table: pd.DataFrame, settings: Data, *, origin: str) -> None:
    weights = () if settings.weights in (None, BALANCED) else (settings.weights,)
    said: Mapping[str, Sequence[str | None]] = {
        "data.target": settings.target or (), "data.features": settings.features or (),
        "data.columns": tuple(settings.columns), "data.groups": (settings.groups,), "data.order": (settings.order,),
        "data.weights": weights,
    }  # fmt: skip
    for key, names in said.items():
        for name in names:
            if name is not None and name not in table:
                known = known_names(name, map(str, table))
                raise DataError(f'{origin}: has no column "{printable(name)}", which {key} names\n  {known}')
    used = {*(settings.features or table), *(settings.target or ())}
    if unused := [name for name in settings.columns if name not in used]:
        raise DataError(
            f'data.columns: says what "{printable(unused[0])}" is, but data.features does not list it\n'
            "  remove it from [data.columns], or add it to features"
        )


def _per_example(table: pd.DataFrame, settings: Data, *, origin: str) -> dict[str, Array]:
    readers = {"groups": to_groups, "order": to_order, "weights": to_weights}
    found = {}
    for field, read in readers.items():
        name = getattr(settings, field)
        if name is not None and (field, name) != ("weights", BALANCED):
            place = f'{origin}: column "{printable(name)}" (data.{field})'
            found[field] = read(_plain(table[name]), place=place, n=len(table))
    return found


def _plain(column: Column) -> Array:
    """Numbers, dates in UTC, or objects with None for missing values."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.to_numpy("datetime64[us]")  # in UTC
    values: Array = column.to_numpy()
    if values.dtype.kind in "buifM":
        return values
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(np.float64, na_value=np.nan)
    return column.astype(object).where(column.notna(), None).to_numpy()


def _inputs(
    table: pd.DataFrame, features: Sequence[str], declared: Mapping[str, Declared], *, origin: str
) -> tuple[tuple[FeatureColumn, ...], Array]:
    """The columns and the (n, k) float32 matrix: numbers first, then flags."""
    if not features:
        raise DataError(
            f"{origin}: no column is left to predict from\n"
            f"  it holds {listed(printable(str(name), 40) for name in table)} only"
        )
    encoded: list[Encoded] = []
    for name in features:
        encoded += encode_feature(table[name], name, declared=declared.get(name), origin=origin)
        memory = memory_bytes()
        if memory and 4 * len(table) * len(encoded) > memory // 4:  # the columns, then the matrix of them
            raise _too_large(origin, len(table), len(features))
    ordered = sorted(encoded, key=lambda one: one[0].kind == "flag")
    _check_unique([column.name for column, _ in ordered], origin=origin)
    return tuple(column for column, _ in ordered), np.stack([values for _, values in ordered], axis=1)


def _too_large(origin: str, n_rows: int, n_columns: int) -> DataError:
    return DataError(
        f"{origin}: {n_rows:,} rows of {n_columns:,} columns take more than half of this machine's memory\n"
        '  list fewer columns in features, or return a numpy.memmap from a function, as data.name = "my.py:load"'
    )


def _unused_groups(table: pd.DataFrame, target: Sequence[str]) -> tuple[str, ...]:
    """A sentence on each column that may name patients or sites with several rows."""
    columns = {str(name): _numbers_or_text(table[name]) for name in table if name not in target}
    return tuple(found.sentence() for found in repeated_ids(columns))


def _numbers_or_text(column: Column) -> Array:
    """Numbers as they are, all else as text."""
    is_number = column.dtype.kind in "iuf" and isinstance(column.dtype, np.dtype)
    return column.to_numpy() if is_number else column.astype(str).to_numpy().astype(str)
