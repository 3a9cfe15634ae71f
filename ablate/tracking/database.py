"""A store's address into a database that answers, and a fresh SQLite file into one that is set up whole."""

import glob
import os
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

from ablate.files.whole import ASIDE, name_aside

_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_SECONDS_TO_REACH = 5.0
_SECONDS_TO_MIGRATE = 120.0  # a fresh store takes 1.5–5 s; this is how long a second process waits for the first


def sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite store; None for any other store."""
    if not uri.startswith("sqlite:///"):
        return None
    from sqlalchemy import make_url  # MLflow opens the store with it: the same reading of %20 and ?

    name = make_url(uri).database
    return Path(name) if name and name != ":memory:" else None


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """See quickly whether a database answers (MLflow tries for 100 s), and let one process at a time set it up."""
    path = sqlite_path(uri)
    if path is None:
        _check_host(uri)
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if _is_set_up(path):
        yield
        return
    # Two processes that migrate one fresh file break each other ("duplicate column name: step").
    # The lock stays behind, empty: removing it would break whoever waits for it.
    name = sha256(str(path.resolve()).encode()).hexdigest()[:16]
    lock_file = Path(tempfile.gettempdir()) / f"ablate-{getattr(os, 'getuid', str)()}-{name}.lock"
    with closing(sqlite3.connect(lock_file, timeout=_SECONDS_TO_MIGRATE, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        if not _is_set_up(path):  # by a process that had the lock before
            _set_up(path)
        yield


def _is_set_up(path: Path) -> bool:
    """Whether the file has MLflow's tables. Makes an empty one where there is none."""
    with closing(sqlite3.connect(path, timeout=_SECONDS_TO_REACH)) as database:
        found = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'runs'").fetchone()
    return bool(found[0])


def _set_up(path: Path) -> None:
    """Make the tables in a file beside, then rename it: migrations that a kill cuts short break their file for good."""
    from mlflow.tracking import MlflowClient

    for litter in path.parent.glob(f"{ASIDE}*-{glob.escape(path.name)}*"):  # of whoever had the lock and died
        litter.unlink(missing_ok=True)
    aside = name_aside(path.parent, path.name)
    try:
        MlflowClient(f"sqlite:///{aside}").search_experiments(max_results=1)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _check_host(uri: str) -> None:
    from sqlalchemy import make_url

    if uri.partition(":")[0].partition("+")[0] not in _DATABASE_PORTS:
        return
    url = make_url(uri)
    if url.host:
        port = url.port or _DATABASE_PORTS[url.get_backend_name()]
        socket.create_connection((url.host, port), timeout=_SECONDS_TO_REACH).close()
