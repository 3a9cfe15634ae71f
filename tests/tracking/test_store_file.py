"""What a file is called, and that looking at it changes nothing, in whatever state another program has left it."""

import os
import sqlite3
import stat
import subprocess
import sys
import zipfile
from contextlib import closing

import optuna
import pytest
from folder_state import state_of
from mlflow_store import fresh_store, optuna_storage

from ablate.tracking.store_file import look_at, sides_left, unchanged


def text(path):
    path.write_text("my notes\n")


def long_text(path):
    path.write_text("ä" * 3000)  # a character is cut where the look at its start ends


def empty(path):
    path.touch()


def archive(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", "1")


def parquet(path):
    path.write_bytes(b"PAR1\x15\x04\x15" + bytes(100))


def binary(path):
    path.write_bytes(bytes(range(256)))


def journal(path):
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    optuna.create_study(storage=storage)


def folder(path):
    path.mkdir()


def pipe(path):
    os.mkfifo(path)


def loop(path):
    path.symlink_to(path.name)


def link_into_nothing(path):
    path.symlink_to("nowhere/mlflow.db")


def rest_of_a_store(path):
    path.with_name(f"{path.name}-wal").write_bytes(b"x")


def tables(*names):
    def make(path):
        with closing(sqlite3.connect(path)) as database:
            for name in names:
                database.execute(f'CREATE TABLE "{name}" (x)')

    return make


def no_tables(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE x (y)")
        database.execute("DROP TABLE x")


def cut_short(path):
    fresh_store(path.parent)
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE params")


def damaged(path):
    fresh_store(path.parent)
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (text, "is not an SQLite database, but text"),
        (long_text, "is not an SQLite database, but text"),
        (empty, "is an empty file"),
        (archive, "is not an SQLite database, but a zip archive (such as .zip, .npz, .keras or .xlsx)"),
        (parquet, "is not an SQLite database, but a Parquet table"),
        (binary, "is not an SQLite database, but a binary file"),
        (journal, "is not an SQLite database, but an Optuna journal"),
        (folder, "is a folder"),
        (pipe, "is not a regular file"),
        (loop, "is a link to itself"),
        (link_into_nothing, "is a link into the folder {0}/nowhere, which does not exist"),
        (rest_of_a_store, "does not exist, but mlflow.db-wal does: "
         "it is left over from a store that was moved or deleted"),
        (tables("a"), "is an SQLite database with the table a, but not an MLflow store"),
        (tables(*"cab"), "is an SQLite database with the tables a, b, c, but not an MLflow store"),
        (tables(*"abcdefgh"), "is an SQLite database with the tables a, b, c, d, e, f and 2 more, "
         "but not an MLflow store"),
        (tables("a\nb"), "is an SQLite database with the table a\\nb, but not an MLflow store"),
        (tables("experiments", "runs", "params", "metrics", "tags"),  # of another tool, with the same names
         "is an SQLite database with the tables experiments, metrics, params, runs, tags, but not an MLflow store"),
        (no_tables, "is an SQLite database without tables, but not an MLflow store"),
        (optuna_storage, "is an Optuna storage (3 trials)"),
        (cut_short, "is an MLflow store whose setup was interrupted (it lacks params)"),
        (damaged, "cannot be read: database disk image is malformed"),
    ],
)  # fmt: skip
def test_what_is_there_is_named_and_left_as_it_is(tmp_path, make, said):
    path = tmp_path / "mlflow.db"
    make(path)
    before = state_of(tmp_path)
    found = look_at(path)
    assert (found.state, found.said) == ("other", said.format(tmp_path))
    assert state_of(tmp_path) == before


def test_a_file_below_a_file_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    assert look_at(tmp_path / "file" / "mlflow.db").said == "cannot be read: Not a directory"
    assert look_at(tmp_path / "\0").state == "other"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_is_named_as_such(tmp_path):
    path = tmp_path / "mlflow.db"
    optuna_storage(path)
    path.chmod(0)
    assert look_at(path).said == "cannot be read: Permission denied"


def test_a_store_is_one_with_other_tables_in_it_behind_a_link_and_in_a_folder_with_an_odd_name(tmp_path):
    odd = tmp_path / "100 %20?#&ä"
    odd.mkdir()
    fresh_store(odd)
    with closing(sqlite3.connect(odd / "mlflow.db")) as database:
        database.execute("CREATE TABLE mine (x)")
    (tmp_path / "link.db").symlink_to(odd / "mlflow.db")
    for path in (odd / "mlflow.db", tmp_path / "link.db"):
        assert look_at(path).state == "store"
        assert look_at(path).path == odd / "mlflow.db"


def test_where_no_file_is_one_can_be_made_behind_a_link_too(tmp_path):
    (tmp_path / "link.db").symlink_to("mlflow.db")
    for name in ("link.db", "mlflow.db"):
        assert (look_at(tmp_path / name).path, look_at(tmp_path / name).state) == (tmp_path / "mlflow.db", "missing")
    assert look_at(tmp_path / "a" / "b" / "mlflow.db").state == "missing"


def test_the_rest_of_a_moved_store_is_seen(tmp_path):
    path = tmp_path / "x.db"
    assert sides_left(path) == []
    rest_of_a_store(path)
    assert sides_left(path) == [tmp_path / "x.db-wal"]


DIES = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute(f"PRAGMA journal_mode = {sys.argv[2]}")
database.execute("PRAGMA cache_size = 1")
database.execute("CREATE TABLE mine (x)")
database.execute("INSERT INTO mine VALUES (1)")
if sys.argv[3] == "begun":
    database.execute("BEGIN")
    database.executemany("INSERT INTO mine VALUES (?)", [("x" * 1000,)] * 2000)
os._exit(9)
"""


@pytest.mark.parametrize(
    ("mode", "left", "sides"),
    [("wal", "committed", {"-wal", "-shm"}), ("wal", "committed", {"-wal"}), ("delete", "begun", {"-journal"})],
)
def test_what_a_killed_program_left_is_read_as_it_was_and_stays(tmp_path, mode, left, sides):
    path = tmp_path / "mine.db"
    subprocess.run([sys.executable, "-c", DIES, path, mode, left], check=False)
    if "-shm" not in sides:
        (tmp_path / "mine.db-shm").unlink(missing_ok=True)
    assert {file.name.removeprefix("mine.db") for file in tmp_path.iterdir()} == {"", *sides}
    before = state_of(tmp_path, but="mine.db-shm")  # where readers note which part of the -wal they read
    assert look_at(path).said == "is an SQLite database with the table mine, but not an MLflow store"
    with unchanged(path) as address, closing(sqlite3.connect(address, uri=True)) as database:
        assert database.execute("SELECT * FROM mine").fetchall() == [(1,)]
    assert state_of(tmp_path, but="mine.db-shm") == before
    assert {file.name.removeprefix("mine.db") for file in tmp_path.iterdir()} == {"", *sides}


def test_a_database_in_wal_mode_gets_no_files_beside_it(tmp_path):
    path = tmp_path / "mine.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE mine (x)")
    before = state_of(tmp_path)
    assert look_at(path).said.endswith("with the table mine, but not an MLflow store")
    assert state_of(tmp_path) == before
    with closing(sqlite3.connect(path)) as database:  # which another program has open
        database.execute("CREATE TABLE more (x)")
        assert look_at(path).said.endswith("with the tables mine, more, but not an MLflow store")


def test_a_file_that_may_not_be_written_is_read(tmp_path):
    path = tmp_path / "mine.db"
    tables("mine")(path)
    path.chmod(stat.S_IRUSR)
    assert look_at(path).said.endswith("with the table mine, but not an MLflow store")
