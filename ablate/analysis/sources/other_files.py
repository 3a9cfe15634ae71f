"""Recognize files and folders that are no tables, and say how to export their runs."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from ablate.errors import DataError
from ablate.study.data_formats import PARQUET, SQLITE
from ablate.text import printable

MOST_SEEN = 1_000  # entries examined at each level of a folder
FOLDERS = "folders that are read: logs of KerasTuner, TensorBoard and Weights & Biases; of others give a table"
OPTUNA, MLFLOW = {"studies", "trials"}, {"experiments", "runs"}
TO_CSV = 'python -c "import pandas; pandas.{reader}({name!r}).to_csv({csv!r}, index=False)"'
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".dill")
RAY = """\
import json, pathlib, pandas
files = [p for p in pathlib.Path({name!r}).rglob("result.json") if p.stat().st_size]
last = [json.loads(p.read_text().splitlines()[-1]) for p in files]
pandas.json_normalize(last, sep="/").to_csv("trials.csv", index=False)"""
SACRED = """\
import json, pathlib, pandas
runs = [json.loads(p.read_text()) | {{"config": json.loads((p.parent / "config.json").read_text())}}
        for p in pathlib.Path({name!r}).rglob("run.json")]
pandas.json_normalize(runs).to_csv("runs.csv", index=False)"""


def kind_of(path: Path) -> str:
    """ "folder", "sqlite", "parquet", or "" for a possible table of text. Raises `DataError` for other files."""
    if path.is_dir():
        return "folder"
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        return ""  # reading it gives the reason
    if start.startswith(SQLITE):
        return "sqlite"
    if start.startswith(PARQUET):
        return "parquet"
    if why := _what_file(path, start):
        raise DataError(f"{printable(str(path), 300)}: {why}")
    return ""


def without_reader(path: Path) -> bool:
    """Whether the folder is a study's own, or of a tool whose logs are not read: some write event files, too."""
    names = {file.name for file in _files(path)}
    return (
        (path / "results.csv").is_file()
        or bool({"result.json", "meta.yaml"} & names)
        or any(name.startswith("experiment_state") for name in names)
        or {"run.json", "config.json"} <= names
    )


def refuse_folder(path: Path) -> DataError:
    """Reject a folder: name its content by the files that tools leave in it, and say how to get a table."""
    name = printable(str(path), 300)
    seen = list(_files(path))
    names = {file.name for file in seen}
    if "results.csv" in names and (path / "results.csv").is_file():
        return DataError(f"{name}: is a folder\n  analyze its table: ablate analyze {name}/results.csv")
    if "result.json" in names or any(file.startswith("experiment_state") for file in names):
        return _with_lines(f"{name}: is a Ray Tune results folder", RAY.format(name=str(path)), "trials.csv")
    if {"run.json", "config.json"} <= names:
        return _with_lines(f"{name}: is a folder of Sacred runs", SACRED.format(name=str(path)), "runs.csv")
    if "meta.yaml" in names or path.name == "mlruns":
        return _mlruns(path, seen)
    tables = sorted(file.name for file in path.glob("*.csv"))
    shown = ", ".join(printable(file) for file in tables[:8]) or "none"
    return DataError(f"{name}: is a folder, not a table\n  tables in it: {shown}\n  {FOLDERS}")


def refuse_sqlite(path: Path, *, tables: set[str]) -> DataError:
    """Reject an SQLite file that is no Optuna storage: name its content, and say how to get a table."""
    name = printable(str(path), 300)
    if tables >= MLFLOW:
        return DataError(
            f"{name}: is an MLflow store\n"
            f"  ablate analyze mlflow:EXPERIMENT --tracking-uri sqlite:///{name}; {_experiments(path)}"
        )
    shown = ", ".join(printable(table) for table in sorted(tables)[:8]) or "no tables"
    return DataError(f"{name}: is an SQLite file, but not from Optuna or MLflow ({shown})\n  export a table as CSV")


def sqlite_tables(path: Path) -> set[str]:
    """The names of the tables; the file is opened read-only. Raises `DataError` if it cannot be read."""
    return {str(row[0]) for row in _rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing, not even beside the file; a file in use is read with its journal."""
    beside = path.with_name(f"{path.name}-wal").exists()
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{'' if beside else '&immutable=1'}", uri=True)


def _rows(path: Path, query: str) -> list[tuple[object, ...]]:
    try:
        with closing(read_only(path)) as database:
            return list(database.execute(query))
    except sqlite3.Error as err:
        raise DataError(f"{printable(str(path), 300)}: cannot be read as an SQLite file: {err}") from err


def _experiments(path: Path) -> str:
    rows = _rows(path, "SELECT name FROM experiments WHERE lifecycle_stage = 'active' ORDER BY name LIMIT 8")
    return f"experiments: {', '.join(printable(str(row[0])) for row in rows) or 'none'}"


def _what_file(path: Path, start: bytes) -> str:
    """A description of a file by its first bytes and its name; "" if it may be text."""
    suffix, csv = path.suffix.lower(), f"{path.stem}.csv"
    command = {"name": path.name, "csv": csv}
    if suffix in PICKLES or re.match(rb"\x80[\x02-\x05]", start):
        return (
            "may contain a pickle, which can run code, so it is not opened\n  export the table as CSV where it was made"
        )
    if (start.startswith(b"PK") and suffix in (".xlsx", ".xlsm", ".ods", ".numbers")) or suffix == ".xls":
        made = TO_CSV.format(reader="read_excel", **command)
        return f"is a spreadsheet\n  save the sheet as “CSV UTF-8”, or: {made}"
    if start.startswith((b"ARROW1", b"FEA1")):
        return f"is a Feather file\n  {TO_CSV.format(reader='read_feather', **command)}"
    if ".tfevents." in path.name:
        return "is one event file of TensorBoard\n  analyze the folder that holds the logs of all runs"
    if suffix == ".wandb" or start.startswith(b":W&B"):
        return "is W&B's binary log of a run, which is not read\n  analyze the folder wandb, or the runs' table as CSV"
    if start.startswith(b"\x89HDF"):
        return "is an HDF5 file, not a table of runs\n  export the table as CSV where it was made"
    if start.startswith(b"\x93NUMPY") or suffix == ".npz":
        return "holds arrays, not a table of runs\n  export the table as CSV where it was made"
    return ""


def _files(folder: Path) -> Iterator[Path]:
    """The first files of each level of a folder, down to the fourth level, upper levels first."""
    for pattern in ("*", "*/*", "*/*/*", "*/*/*/*"):
        try:
            yield from (path for path in islice(folder.glob(pattern), MOST_SEEN) if path.is_file())
        except OSError:
            return


def _with_lines(what: str, lines: str, table: str) -> DataError:
    indented = "\n".join(f"    {line}" for line in lines.splitlines())
    return DataError(
        f"{what}\n  export its runs as a table with the lines below, then run: ablate analyze {table}\n{indented}"
    )


def _mlruns(path: Path, seen: list[Path]) -> DataError:
    """A message on MLflow's store of plain folders, which MLflow itself no longer opens."""
    names = set()
    for meta in (file for file in seen if file.name == "meta.yaml"):
        text = meta.read_text(encoding="utf-8", errors="replace")
        if "artifact_location:" in text and (found := re.search(r"^name: *['\"]?(.+?)['\"]?$", text, re.MULTILINE)):
            names.add(found[1])
    shown = ", ".join(printable(name) for name in sorted(names)[:8])
    name = printable(str(path), 300)
    return DataError(
        f"{name}: is an MLflow file store, which MLflow no longer opens\n"
        f"  mlflow migrate-filestore --source {name} --target sqlite:///migrated.db\n"
        f"  ablate analyze mlflow:EXPERIMENT --tracking-uri sqlite:///migrated.db"
        + (f"; experiments: {shown}" if shown else "")
    )
