"""Create SQLite stores, and check that a database is MLflow's before MLflow opens it.

MLflow creates its tables in any database, even another tool's; so only a new file gets them.
"""

import glob
import os
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from ablate.storage.files.atomic import ASIDE, name_aside, name_new, remove_abandoned
from ablate.tracking.address import check_form, refusal, shown_uri, sqlite_path
from ablate.tracking.store_file import OF_MLFLOW, SECONDS_TO_REACH, StoreFile, look_at, unchanged

_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_SECONDS_TO_MIGRATE = 120.0  # a new store takes 1.5–5 s; a second process waits this long for the first


def check_file(uri: str) -> StoreFile | None:
    """What lies at the address; None if it is no SQLite store. Creates nothing, and does not import MLflow.

    Raises `AblateError` if no study could be stored there: it is another tool's file, a folder, a text, ….
    """
    found = _found(uri)
    if found is not None and found.said:
        raise refusal(uri, found.said, found.way_out)
    return found


def prepare(uri: str) -> None:
    """Check that MLflow may open the store, and create a missing SQLite file.

    One process at a time creates it: two that migrate the same new file break each other ("duplicate column name:
    step"). Raises `AblateError` if anything else is there, and leaves it as it is.
    """
    check_form(uri)
    if (path := sqlite_path(uri)) is not None and look_at(path).state != "store":
        with _lock(path):
            found = check_file(uri)  # created by the process that held the lock before
            if found is not None and found.state == "missing":
                _make(found.path)
        check_file(uri)
    check_schema(uri)


def check_schema(uri: str) -> None:
    """Raise `AblateError` if MLflow would create or migrate tables in a database that is not new."""
    tables = _tables(uri)
    if not tables:
        return
    import mlflow.store.db.utils  # noqa: F401  # it names all tables to `Base`
    from mlflow.store.db.base_sql_model import Base

    if not OF_MLFLOW & tables and "alembic_version" in tables:
        raise refusal(uri, "another tool uses this database", "MLflow needs its own database")
    if tables >= OF_MLFLOW and (lacks := sorted(set(Base.metadata.tables) - tables)):
        said = "another MLflow version created it, or its setup was interrupted"
        raise refusal(
            uri,
            f"{said}: it lacks {', '.join(lacks[:3])}{'' if len(lacks) < 4 else f' and {len(lacks) - 3} more tables'}",
            f"back it up, then run: mlflow db upgrade {shown_uri(uri)}",
            "if it holds no runs, delete it",
        )


def is_begun(uri: str) -> bool:
    """Whether MLflow's tables exist already: reading a store would create them. A server has tables of its own."""
    if (found := _found(uri)) is not None:
        return found.state == "store"
    tables = _tables(uri)
    return tables is None or tables >= OF_MLFLOW


@contextmanager
def untouched(uri: str) -> Iterator[str]:
    """An address by which MLflow reads an SQLite store but cannot write to it; any other address unchanged."""
    path = sqlite_path(uri)
    if path is None:
        yield uri
        return
    with unchanged(look_at(path).path) as address:
        yield f"sqlite+pysqlite:///{address}&uri=true"  # for "sqlite:///file:…", MLflow would create a folder "file:"


def _found(uri: str) -> StoreFile | None:
    check_form(uri)
    path = sqlite_path(uri)
    if path is None:
        return None
    found = look_at(path)
    if found.state == "other":
        raise refusal(uri, found.said, found.way_out)
    return found


def _tables(uri: str) -> frozenset[str] | None:
    """The names of a database's tables, empty if it is new; None for an MLflow server."""
    _check_host(uri)
    if (path := sqlite_path(uri)) is not None:
        with unchanged(look_at(path).path) as address, closing(sqlite3.connect(address, uri=True)) as database:
            rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return frozenset(str(row[0]) for row in rows)
    if _backend(uri) not in _DATABASE_PORTS:
        return None
    from sqlalchemy import create_engine, inspect

    engine = create_engine(uri)
    try:
        return frozenset(inspect(engine).get_table_names())
    finally:
        engine.dispose()


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    # The lock file stays, empty: removing it would break processes that wait for it.
    name = sha256(os.path.realpath(path).encode(errors="surrogateescape")).hexdigest()[:16]
    lock_file = Path(tempfile.gettempdir()) / f"ablate-{getattr(os, 'getuid', str)()}-{name}.lock"
    with closing(sqlite3.connect(lock_file, timeout=_SECONDS_TO_MIGRATE, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


def _make(path: Path) -> None:
    """Create the tables in a temporary file first: a migration that is cut short breaks its file for good."""
    from mlflow.tracking import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent.glob(f"{ASIDE}*-{glob.escape(path.name)}*"))  # left by a dead holder of the lock
    aside = name_aside(path.parent, path.name)
    try:
        MlflowClient(f"sqlite:///{aside}").search_experiments(max_results=1)
        with suppress(FileExistsError):  # another program was faster: its file stays, and is checked next
            name_new(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _backend(uri: str) -> str:
    return uri.partition(":")[0].partition("+")[0]


def _check_host(uri: str) -> None:
    """Check quickly whether a database server answers: MLflow tries for 100 s."""
    from sqlalchemy import make_url

    if _backend(uri) not in _DATABASE_PORTS:
        return
    url = make_url(uri)
    if url.host:
        port = url.port or _DATABASE_PORTS[url.get_backend_name()]
        socket.create_connection((url.host, port), timeout=SECONDS_TO_REACH).close()
