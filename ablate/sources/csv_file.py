"""A CSV file into runs; its text is data and never run."""

import hashlib
from pathlib import Path

import pandas as pd

from ablate.errors import DataError
from ablate.sources.runs import Runs

SEPARATORS = (",", ";", "\t")


def read_csv_runs(path: Path) -> Runs:
    """Read a table separated by commas, semicolons or tabs, compressed or not. Raises `DataError` where it is none."""
    try:
        content = path.read_bytes()
        widths = {sep: pd.read_csv(path, sep=sep, nrows=0, encoding="utf-8-sig").shape[1] for sep in SEPARATORS}
        separator = max(SEPARATORS, key=widths.__getitem__)
        # header=None: pandas would rename the second of two columns of one name.
        table = pd.read_csv(
            path, sep=separator, header=None, dtype=str, keep_default_na=False, skipinitialspace=True,
            encoding="utf-8-sig", skip_blank_lines=True,
        )  # fmt: skip
    except FileNotFoundError as err:
        raise DataError(f"{path}: no such file\n  {_nearby(path)}") from err
    except (OSError, ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as err:
        raise DataError(f"{path}: cannot be read as a CSV table: {err}") from err
    table, names = table.iloc[1:].reset_index(drop=True), table.iloc[0]
    table.columns = [str(name).strip() or f"column {number}" for number, name in enumerate(names, start=1)]
    return Runs(table, place=path.name, name=path.name.split(".")[0], fingerprint=hashlib.sha256(content).hexdigest())


def _nearby(path: Path) -> str:
    there = sorted(other.name for other in path.parent.glob("*.csv")) if path.parent.is_dir() else []
    return f"tables in {path.parent}: {', '.join(there[:8]) or 'none'}"
