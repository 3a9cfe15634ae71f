"""Read runs from whatever a user hands over: a table or a study in memory, a file, a folder of logs, a database."""

import os
import sys
from pathlib import Path

import pandas as pd

from ablate.analysis.sources.frame import read_frame_runs
from ablate.analysis.sources.optuna_storage import is_storage_url, read_optuna_runs, read_optuna_study
from ablate.analysis.sources.runs import Runs
from ablate.analysis.sources.table_file import read_file_runs
from ablate.errors import DataError
from ablate.text import printable

KNOWN = (
    "give a pandas DataFrame, an optuna.Study, a path to a table or to a folder of logs, the URL of an Optuna "
    "storage, or mlflow:EXPERIMENT"
)


def open_source(source: object, *, study: str | None = None) -> Runs:
    """The runs of a DataFrame, an `optuna.Study`, a file or folder by its path, or an Optuna storage by its URL.

    `study` selects a study of an Optuna storage. Nothing is written, and no pickle is opened. MLflow's runs are read
    in `tracking`. Raises `DataError` if the source is of another kind, or cannot be read.
    """
    if isinstance(source, pd.DataFrame):
        return read_frame_runs(source)
    if (optuna := sys.modules.get("optuna")) and isinstance(source, optuna.Study):  # imported by who has a study
        return read_optuna_study(source)
    if isinstance(source, str) and is_storage_url(source):
        return read_optuna_runs(source, study=study)
    if isinstance(source, str | os.PathLike):
        return read_file_runs(_path(source), study=study)
    raise DataError(f"cannot read runs from {_shown(source)}\n  {KNOWN}")


def is_in_memory(source: object) -> bool:
    """Whether a source has no path and no address."""
    return not isinstance(source, str | os.PathLike)


def _path(source: "str | os.PathLike[str]") -> Path:
    name = os.fspath(source)
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise DataError(f"{_shown(name)} is not the path of a file or folder\n  {KNOWN}")
    return Path(name)


def _shown(source: object) -> str:
    return (
        f'"{printable(source)}"' if isinstance(source, str) else f"a value of type {printable(type(source).__name__)}"
    )
