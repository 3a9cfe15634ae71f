"""Read runs from a pandas DataFrame, in memory or as a Parquet file holds it: every cell becomes text."""

import hashlib

import numpy as np
import pandas as pd

from ablate.analysis.sources.json_text import texts
from ablate.analysis.sources.runs import Runs
from ablate.errors import DataError

PLACE, NAME = "the DataFrame", "table"


def read_frame_runs(table: pd.DataFrame) -> Runs:
    """The runs of a table in memory, which stays as it is. Raises `DataError` if it has no rows or a name twice."""
    text = text_table(table, place=PLACE)
    return Runs(text, place=PLACE, name=NAME, fingerprint=hashlib.sha256(text.to_csv().encode()).hexdigest())


def text_table(table: pd.DataFrame, *, place: str) -> pd.DataFrame:
    """The table as text, "" where a value is missing; an index with a name is a column, several header rows are one.

    ("params", "lr") becomes params_lr, as in a table that Optuna exports without header rows.
    """
    named = any(name is not None for name in table.index.names)
    table = table.reset_index(allow_duplicates=True) if named else table
    names = [_column(name) for name in table]
    if len(set(names)) < len(names):
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise DataError(f'{place}: two columns are called "{twice}"\n  rename one of them')
    plain = (table.iloc[:, at].astype(object) for at in range(len(names)))
    columns = {name: texts([_value(cell) for cell in column]) for name, column in zip(names, plain, strict=True)}
    try:
        return pd.DataFrame(columns, dtype=str)
    except UnicodeEncodeError as err:
        reason = f"a text with half a character, {err.object[err.start]!a}, which no file can hold"
        raise DataError(f"{place}: has {reason}\n  replace it") from err


def _column(name: object) -> str:
    return "_".join(str(part) for part in name if str(part)) if isinstance(name, tuple) else str(name)


def _value(cell: object) -> object:
    """A cell without the types of NumPy and pandas, None if it is missing."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, np.ndarray):
        return cell.tolist()
    return None if cell is pd.NA or cell is pd.NaT else cell
