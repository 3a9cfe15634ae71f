"""A results or epochs table as somebody may have edited it into one whose columns hold what they must, or an error."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from ablate.errors import DataError
from ablate.printable import printable
from ablate.records import Design, Mode, Phase, State

LARGEST = 1e100  # beyond it a number is taken as not there: squares of such numbers are infinite
WORDS: Mapping[str, Collection[str]] = {
    "phase": get_args(Phase),
    "state": get_args(State),
    "design": ("", *get_args(Design)),
    "mode": ("", *get_args(Mode)),  # figures and files are named by it
}
WHOLE = ("seed", "best_epoch", "epoch", "epochs", "parameters", "attempt", "number", "units", "distinct")
_LARGEST_WHOLE = 2**53  # a float holds every whole number up to here
_MOST_DIGITS = 300


def checked(table: pd.DataFrame, path: Path, *, required: Collection[str], numbers: Collection[str]) -> pd.DataFrame:
    """The table with plain, finite numbers in `numbers`, NaN where there are none. Raises `DataError`, naming the cell.

    Rows are numbered from 1, the header being row 1, as spreadsheets do.
    """
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise DataError(f"{path}: columns {', '.join(missing)} are missing\n  a results table has one row a trial")
    for name in WORDS:
        if name in table.columns:
            _check_words(table[name], path)
    return table.assign(**{name: _number(table[name], path) for name in numbers if name in table.columns})


def coerced(column: "pd.Series[Any]") -> "pd.Series[float]":
    """The column as numbers, NaN where a cell is none, or a whole number of more digits than a float holds."""
    try:
        return pd.to_numeric(column, errors="coerce")
    except OverflowError:
        return pd.to_numeric(column.where(column.astype(str).str.len() < _MOST_DIGITS), errors="coerce")


def _check_words(column: "pd.Series[str]", path: Path) -> None:
    known = WORDS[str(column.name)]
    text = column.astype(str)
    if (wrong := ~text.isin(known)).any():
        rule = f"must be one of {', '.join(word or 'nothing' for word in known)}"
        raise _refused(text, wrong, path, rule)


def _number(column: "pd.Series[str]", path: Path) -> "pd.Series[float]":
    """The column as numbers; infinities, which a diverged run may have, are no numbers."""
    text = column.astype(str)
    found = coerced(text if column.dtype == bool else column)
    is_empty = column.isna() | text.str.strip().str.lower().isin(("", "nan"))
    if (wrong := found.isna() & ~is_empty).any():
        raise _refused(text, wrong, path, "must be a number, or nothing")
    if column.name in WHOLE and (wrong := found.notna() & ~((found % 1 == 0) & (found.abs() <= _LARGEST_WHOLE))).any():
        raise _refused(text, wrong, path, "must be a whole number, or nothing")
    return found.where(np.isfinite(found) & (found.abs() <= LARGEST))


def _refused(text: "pd.Series[str]", wrong: "pd.Series[bool]", path: Path, rule: str) -> DataError:
    row = int(np.argmax(wrong.to_numpy()))
    return DataError(f'{path}: {text.name}: {rule}, got "{printable(text.iloc[row])}" in row {row + 2:,}')
