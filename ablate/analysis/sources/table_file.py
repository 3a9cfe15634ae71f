"""Read runs from a file or folder of any supported kind; others are rejected by their kind."""

import importlib.util
from pathlib import Path

import pandas as pd

from ablate.analysis.sources.csv_file import file_runs, read_csv_runs
from ablate.analysis.sources.frame import text_table
from ablate.analysis.sources.log_folder import read_folder_runs
from ablate.analysis.sources.optuna_storage import is_journal, read_optuna_journal, read_optuna_runs
from ablate.analysis.sources.other_files import OPTUNA, kind_of, refuse_sqlite, sqlite_tables
from ablate.analysis.sources.runs import Runs
from ablate.errors import DataError
from ablate.text import printable


def read_file_runs(path: Path, *, study: str | None = None) -> Runs:
    """The runs of a file or folder; `study` selects a study of an Optuna storage. No pickle is ever opened."""
    kind = kind_of(path)
    if kind == "folder":
        return read_folder_runs(path)
    if kind == "sqlite":
        if not (tables := sqlite_tables(path)) >= OPTUNA:
            raise refuse_sqlite(path, tables=tables)
        return read_optuna_runs(f"sqlite:///{path}", study=study)
    if kind == "parquet":
        return _parquet(path)
    if is_journal(path):
        return read_optuna_journal(path, study=study)
    return read_csv_runs(path)


def _parquet(path: Path) -> Runs:
    if importlib.util.find_spec("pyarrow") is None:
        raise DataError(f"{printable(str(path), 300)}: is a Parquet file\n  pip install pyarrow, or save it as CSV")
    try:
        table = pd.read_parquet(path)
    except Exception as err:  # a damaged file raises a dozen kinds of errors
        reason = printable(str(err).strip().partition("\n")[0], 200)
        raise DataError(f"{printable(str(path), 300)}: cannot be read as a Parquet file: {reason}") from err
    return file_runs(text_table(table, place=printable(str(path), 300)), path)
