"""How a store is made, and what MLflow is kept from: whatever is there already stays."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from folder_state import state_of
from mlflow_store import fresh_store, optuna_storage

from ablate.errors import AblateError
from ablate.storage.files import atomic
from ablate.storage.files.atomic import name_aside
from ablate.tracking import database
from ablate.tracking.database import check_file, check_schema, is_begun, prepare, untouched


@pytest.fixture
def quick_to_make(monkeypatch, tmp_path):
    """MLflow takes seconds to set up a store; here an empty one is copied to where it would make its own."""
    (made := tmp_path / "made").mkdir()
    fresh_store(made)

    class Client:
        def __init__(self, uri):
            self.path = Path(uri.removeprefix("sqlite:///"))

        def search_experiments(self, **_):
            assert not self.path.exists()
            self.path.write_bytes((made / "mlflow.db").read_bytes())

    monkeypatch.setattr("mlflow.tracking.MlflowClient", Client)
    return (made / "mlflow.db").read_bytes()


def test_a_store_is_made_whole_where_no_file_is_and_nothing_else_stays(tmp_path, quick_to_make):
    folder = tmp_path / "new" / "folder"
    prepare(f"sqlite:///{folder}/mlflow.db")
    assert state_of(folder) == {"mlflow.db": quick_to_make}
    prepare(f"sqlite:///{folder}/mlflow.db")
    assert state_of(folder) == {"mlflow.db": quick_to_make}


def test_a_link_stays_and_its_target_is_made(tmp_path, quick_to_make):
    for name in ("here", "disk"):
        (tmp_path / name).mkdir()
    (tmp_path / "here" / "mlflow.db").symlink_to(tmp_path / "disk" / "runs.db")
    prepare(f"sqlite:///{tmp_path}/here/mlflow.db")
    assert (tmp_path / "here" / "mlflow.db").readlink() == tmp_path / "disk" / "runs.db"
    assert state_of(tmp_path / "disk") == {"runs.db": quick_to_make}
    assert list(state_of(tmp_path / "here")) == ["mlflow.db"]


@pytest.mark.usefixtures("quick_to_make")
@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_appears_while_the_store_is_made_is_not_lost(tmp_path, monkeypatch, has_links):
    path = tmp_path / "mlflow.db"

    def appear(folder, name):
        optuna_storage(path)
        return name_aside(folder, name)

    monkeypatch.setattr(database, "name_aside", appear)
    if not has_links:
        monkeypatch.setattr(atomic.os, "link", no_links)
    with pytest.raises(AblateError, match=r"is an Optuna storage \(3 trials\)"):
        prepare(f"sqlite:///{path}")
    optuna_storage(tmp_path / "same")
    assert path.read_bytes() == (tmp_path / "same").read_bytes()
    assert not list(tmp_path.glob(".aside-*"))


def no_links(*_):
    raise OSError(95, "Operation not supported")


def test_without_hard_links_the_file_is_copied_and_a_copy_that_fails_is_taken_away(
    tmp_path, quick_to_make, monkeypatch
):
    monkeypatch.setattr(atomic.os, "link", no_links)
    prepare(f"sqlite:///{tmp_path}/mlflow.db")
    assert (tmp_path / "mlflow.db").read_bytes() == quick_to_make

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space"):
        prepare(f"sqlite:///{tmp_path}/other.db")
    assert not (tmp_path / "other.db").exists()


@pytest.mark.usefixtures("quick_to_make")
def test_only_what_a_dead_process_of_ours_left_is_cleared_away(tmp_path):
    dead = name_aside(tmp_path, "mlflow.db").name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-")
    mine = [".aside-mine-mlflow.db", ".aside-00000000-1-mlflow.db", "mlflow.db.bak", ".aside-notes"]
    for name in (dead, f"{dead}-journal", *mine):
        (tmp_path / name).write_text("x")
    prepare(f"sqlite:///{tmp_path}/mlflow.db")
    assert {path.name for path in tmp_path.iterdir()} == {*mine, "mlflow.db", "made"}


def test_a_store_of_another_version_is_not_migrated(tmp_path):
    uri = fresh_store(tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.execute("DROP TABLE webhooks")
    before = state_of(tmp_path)
    with pytest.raises(AblateError, match=r"lacks webhooks\n  back it up, then run: mlflow db upgrade sqlite:") as told:
        check_schema(uri)
    assert "if it holds no runs, delete it" in str(told.value)
    with pytest.raises(AblateError, match="lacks webhooks"):
        prepare(uri)
    # In a process of its own, where nobody has imported MLflow's tables before.
    code = f"from ablate.tracking.database import check_schema; check_schema({uri!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "lacks webhooks" in done.stderr
    assert state_of(tmp_path) == before


def test_tables_of_others_beside_those_of_mlflow_are_no_fault(tmp_path):
    uri = fresh_store(tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.execute("CREATE TABLE mine (x)")
    prepare(uri)
    assert is_begun(uri)


def test_a_server_s_database_with_another_tool_s_tables_is_left_alone(monkeypatch):
    found = set()
    monkeypatch.setattr(database, "_tables", lambda _: found and frozenset(found))
    uri = "postgresql://me@host/db"
    assert not is_begun(uri)
    check_schema(uri)  # a new database is MLflow's to set up
    found |= {"mine"}
    check_schema(uri)  # and so is one whose tables are not in its way
    assert not is_begun(uri)
    found |= {"alembic_version", "studies"}  # Optuna's, which keeps its version where MLflow keeps its own
    with pytest.raises(AblateError, match="another tool uses this database"):
        check_schema(uri)


def test_reading_leaves_no_way_to_write(tmp_path):
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import OperationalError

    uri = fresh_store(tmp_path)
    with untouched(uri) as address:
        engine = create_engine(address)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM experiments")).scalar() == 1
            with pytest.raises(OperationalError, match="readonly"):
                connection.execute(text("DELETE FROM experiments"))
        engine.dispose()
    with untouched("http://127.0.0.1:1") as address:
        assert address == "http://127.0.0.1:1"


def test_a_folder_that_cannot_be_written_is_said_before_a_study(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(AblateError, match=f"cannot be created: the folder {tmp_path} is not writable"):
        check_file(f"sqlite:///{tmp_path}/mlflow.db")
    assert not is_begun(f"sqlite:///{tmp_path}/mlflow.db")  # who reads is told that there are no runs
