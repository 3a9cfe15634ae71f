"""Describe the file at an SQLite store's path, without changing a byte of it or of the files beside it."""

import errno
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from ablate.study.data_formats import PARQUET, SQLITE, SQLITE_SIDES
from ablate.text import number_of, printable

SECONDS_TO_REACH = 5.0  # for which another program may keep the file locked
OF_MLFLOW = frozenset(("experiments", "runs", "params", "metrics", "tags"))
_OF_OPTUNA = frozenset(("studies", "trials", "version_info"))
_MOST_TABLES = 6  # names in a message
_KINDS = (  # how files begin, and their kind
    (b"PK\x03\x04", "a zip archive (such as .zip, .npz, .keras or .xlsx)"),
    (PARQUET, "a Parquet table"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
)
_GONE = (
    "if it was an MLflow store, it is damaged; results.csv and the report do not need it: "
    "move it away, then run the same command to write all runs again"
)


@dataclass(frozen=True, slots=True)
class StoreFile:
    """A file at a store's path."""

    path: Path  # with links resolved
    state: Literal["missing", "store", "other"]  # "store": it has MLflow's tables
    said: str = ""  # a description to follow its name: "is an Optuna storage (40 trials)"; or why it cannot be created
    way_out: str = ""


def look_at(path: Path) -> StoreFile:
    """Look at the file at `path`, or at the target of a link."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return _missing(path)
    except (OSError, ValueError) as err:
        if getattr(err, "errno", None) == errno.ELOOP:
            return _other(path, "is a link to itself", "remove the link")
        return _other(path, f"cannot be read: {getattr(err, 'strerror', None) or err}")
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if stat.S_ISDIR(found.st_mode):
        return _other(path, "is a folder", f"choose a file in it: sqlite:///{path / 'mlflow.db'}")
    if not stat.S_ISREG(found.st_mode):
        return _other(path, "is not a regular file")
    if not found.st_size:
        return _other(path, "is an empty file", "delete it: ablate creates a store only if there is no file")
    try:
        with path.open("rb") as file:
            start = file.read(4096)
        return _by_tables(target) if start.startswith(SQLITE) else _by_start(path, start)
    except OSError as err:
        return _other(path, f"cannot be read: {err.strerror or err}")
    except sqlite3.Error as err:
        way_out = _GONE if "malformed" in str(err) or "not a database" in str(err) else ""
        return _other(path, f"cannot be read: {err}", way_out)


@contextmanager
def unchanged(path: Path) -> Iterator[str]:
    """SQLite's address of a database for reading its current content, without writing anything beside it.

    A reader of a database in WAL mode creates two files and leaves them; a reader that finds an interrupted write has
    to roll it back. Such a database is copied into a temporary folder and read there. Raises `OSError` if that fails.
    """
    shown = quote(str(path.absolute()))
    with path.open("rb") as file:
        is_wal = file.read(20)[18:20] == b"\2\2"
    if is_wal and not _has(path, "-wal"):
        yield f"file:{shown}?mode=ro&immutable=1"
    elif _has(path, "-shm") if is_wal else not _is_cut_short(path):  # with -shm, a program has or had it open
        yield f"file:{shown}?mode=ro"
    else:
        with tempfile.TemporaryDirectory(prefix="ablate-store-") as folder:
            for side in ("", "-wal", "-journal"):
                if (file_beside := Path(f"{path}{side}")).exists():
                    shutil.copyfile(file_beside, Path(folder) / f"copy.db{side}")
            yield f"file:{quote(folder)}/copy.db?mode=rw"


def sides_left(path: Path) -> list[Path]:
    """Side files of a database that is missing itself: SQLite would replay them into a new file of that name."""
    beside = (Path(f"{path}{side}") for side in SQLITE_SIDES)
    return [side for side in beside if os.path.lexists(side)]


def _missing(path: Path) -> StoreFile:
    target = path
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not target.parent.is_dir():
            return _other(
                path, f"is a link into the folder {target.parent}, which does not exist", "create that folder"
            )
    above = next(folder for folder in target.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        return _other(path, f"cannot be created: {above} is not a folder")
    if left := sides_left(target):
        said = f"does not exist, but {left[0].name} does: it is left over from a store that was moved or deleted"
        return _other(path, said, "put both files together again, or move that file away")
    said = "" if os.access(above, os.W_OK) else f"cannot be created: the folder {above} is not writable"
    return StoreFile(target, "missing", said)


def _by_start(path: Path, start: bytes) -> StoreFile:
    kind = next((kind for magic, kind in _KINDS if start.startswith(magic)), "")
    if not kind:
        text = start.decode("utf-8", errors="ignore")
        is_text = "\0" not in text and len(text.encode()) > len(start) - 4  # the last character may be cut off
        kind = "text" if is_text else "a binary file"
        if is_text and '"op_code"' in text:
            kind = "an Optuna journal"
    return _other(path, f"is not an SQLite database, but {kind}", _GONE if kind == "a binary file" else "")


def _by_tables(path: Path) -> StoreFile:
    with unchanged(path) as address, closing(_opened(address)) as database:
        tables = {str(row[0]) for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = {name for name in tables if not name.startswith("sqlite_")}
        if tables >= OF_MLFLOW and "run_uuid" in _columns(database, "runs"):
            return StoreFile(path, "store")
        if "experiments" in tables and "artifact_location" in _columns(database, "experiments"):
            lacks = _named(OF_MLFLOW - tables)
            said = f"is an MLflow store whose setup was interrupted{f' (it lacks {lacks})' if lacks else ''}"
            return _other(path, said, "if it holds no runs, delete the file")
        if tables >= _OF_OPTUNA:
            (n,) = database.execute("SELECT count(*) FROM trials").fetchone()
            return _other(path, f"is an Optuna storage ({number_of(n, 'trial')})", "MLflow needs its own file")
    held = f"with the table{'s' * (len(tables) > 1)} {_named(tables)}" if tables else "without tables"
    return _other(path, f"is an SQLite database {held}, but not an MLflow store", "MLflow needs its own file")


def _other(path: Path, said: str, way_out: str = "") -> StoreFile:
    return StoreFile(path, "other", said, way_out)


def _named(tables: set[str] | frozenset[str]) -> str:
    names = [printable(name, 40) for name in sorted(tables)]
    more = f" and {len(names) - _MOST_TABLES:,} more" if len(names) > _MOST_TABLES else ""
    return ", ".join(names[:_MOST_TABLES]) + more


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[0]) for row in database.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _is_cut_short(path: Path) -> bool:
    """Whether a write was interrupted, which the next program to open the file has to roll back."""
    if not _has(path, "-journal"):
        return False
    try:
        with closing(_opened(f"file:{quote(str(path.absolute()))}?mode=ro")) as database:
            database.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as err:
        return err.sqlite_errorname in ("SQLITE_READONLY_ROLLBACK", "SQLITE_READONLY_CANTINIT", "SQLITE_CANTOPEN")
    return False


def _has(path: Path, side: str) -> bool:
    try:
        return Path(f"{path}{side}").stat().st_size > 0
    except OSError:
        return False


def _opened(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, timeout=SECONDS_TO_REACH)
