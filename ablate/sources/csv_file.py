"""A CSV file into runs; its text is data and never run."""

import hashlib
from io import StringIO
from pathlib import Path

import pandas as pd

from ablate.errors import DataError
from ablate.files.csv_text import check_rows, guess_separator, read_csv_text
from ablate.printable import printable
from ablate.sources.runs import Runs

SEPARATORS = (",", ";", "\t")


def read_csv_runs(path: Path) -> Runs:
    """Read a table separated by commas, semicolons or tabs, compressed or not. Raises `DataError` where it is none."""
    try:
        text = read_csv_text(path)
    except DataError as err:
        if isinstance(err.__cause__, FileNotFoundError):
            raise DataError(f"{printable(str(path), 300)}: no such file\n  {_nearby(path)}") from err
        raise
    separator = guess_separator(text, SEPARATORS, path)
    names = check_rows(text, path, separator=separator)
    table = _read(text, path, separator=separator)
    table.columns = [name.strip() or f"column {number}" for number, name in enumerate(names, start=1)]
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()
    return Runs(table, place=printable(path.name, 300), name=path.name.split(".")[0], fingerprint=fingerprint)


def _read(text: str, path: Path, *, separator: str) -> pd.DataFrame:
    try:
        # header=None: pandas would rename the second of two columns of one name.
        table = pd.read_csv(
            StringIO(text), sep=separator, header=None, dtype=str, keep_default_na=False, skipinitialspace=True,
            skip_blank_lines=True,
        )  # fmt: skip
    except ValueError as err:
        raise DataError(f"{path}: cannot be read as a CSV table: {printable(str(err), 200)}") from err
    return table.iloc[1:].reset_index(drop=True)


def _nearby(path: Path) -> str:
    there = sorted(other.name for other in path.parent.glob("*.csv")) if path.parent.is_dir() else []
    return f"tables in {path.parent}: {', '.join(printable(name) for name in there[:8]) or 'none'}"
