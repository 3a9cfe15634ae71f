"""Every file that a user could name as store, and every command that takes one: what is not MLflow's stays as it is."""

import sqlite3
import subprocess
import sys
from contextlib import closing, suppress

import optuna
import pytest
from folder_state import state_of
from mlflow_store import fresh_store, optuna_storage

from ablate.cli.commands.study import StudyArguments
from ablate.cli.commands.study import run as run_study
from ablate.errors import AblateError
from ablate.experiment.options import Options
from ablate.tracking import check_store, experiment_rows, mlflow_runs, ui_command
from ablate.tracking.address import VARIABLE
from ablate.tracking.store import connect

NAME = "mlflow.db"


def optuna_journal(path):
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    optuna.create_study(storage=storage)


def somebodys_database(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE runs (id, score)")
        database.execute("INSERT INTO runs VALUES (1, 0.5)")
        database.commit()


def link_to(make, said):
    def link(path):
        make(path.with_name("other"))
        path.symlink_to("other")

    return link, said


def dangling_into_nothing(path):
    path.symlink_to("nowhere/mlflow.db")


OPTUNA = (optuna_storage, "is an Optuna storage (3 trials)")
STRANGERS = {
    "optuna": OPTUNA,
    "link to optuna": link_to(*OPTUNA),
    "database": (somebodys_database, "is an SQLite database with the table runs"),
    "journal": (optuna_journal, "an Optuna journal"),
    "empty": (lambda path: path.touch(), "is an empty file"),
    "text": (lambda path: path.write_text("notes"), "but text"),
    "table": (lambda path: path.write_bytes(b"PAR1\0\0"), "a Parquet table"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "link into nothing": (dangling_into_nothing, "is a link into the folder"),
}


def chosen():
    return StudyArguments("digits_mlp", (), quick=True, as_json=True)


def study(uri, folder):
    run_study(chosen(), Options(out=folder / "reports", tracking_uri=uri, command=""))


COMMANDS = {
    "study": study,
    "a study's tracker": lambda uri, _: connect(uri),
    "doctor": lambda uri, _: check_store(uri),
    "analyze, of ablate's runs": lambda uri, _: experiment_rows(uri, "myexp"),
    "analyze, of anybody's runs": lambda uri, _: mlflow_runs(uri, "myexp"),
    "ui": lambda uri, _: ui_command(uri),
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("stranger", STRANGERS)
def test_no_command_changes_what_is_not_mlflow_s_and_each_says_what_it_is(here, stranger, command):
    make, said = STRANGERS[stranger]
    make(here / NAME)
    before = state_of(here)
    with pytest.raises(AblateError) as told:
        COMMANDS[command](f"sqlite:///{NAME}", here)
    assert said in str(told.value).splitlines()[0]
    assert "--tracking-uri" in str(told.value)
    assert state_of(here) == before


@pytest.mark.parametrize("command", [name for name in COMMANDS if "study" not in name])
@pytest.mark.parametrize("is_link", [False, True])
def test_who_reads_makes_no_store(here, command, is_link):
    if is_link:
        (here / NAME).symlink_to("runs.db")
    before = state_of(here)
    if command == "doctor":
        assert check_store(f"sqlite:///{NAME}") is False
    else:
        with pytest.raises(AblateError, match="no runs yet"):
            COMMANDS[command](f"sqlite:///{NAME}", here)
    assert state_of(here) == before


def with_optuna(path):
    """Both in one file, which Optuna takes where it is not to look at the version."""
    fresh_store(path.parent)
    optuna.storages.RDBStorage(f"sqlite:///{path}", skip_compatibility_check=True).create_new_study(
        [optuna.study.StudyDirection.MINIMIZE], "mine"
    )


def in_wal_mode(path):
    fresh_store(path.parent)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = wal")


@pytest.mark.parametrize("make", [lambda path: fresh_store(path.parent), with_optuna, in_wal_mode])
@pytest.mark.parametrize("command", [name for name in COMMANDS if "study" not in name])
def test_who_reads_a_store_leaves_every_byte_of_it(here, make, command):
    make(here / NAME)
    before = state_of(here)
    with suppress(AblateError):
        COMMANDS[command](f"sqlite:///{NAME}", here)
    assert check_store(f"sqlite:///{NAME}")
    with pytest.raises(AblateError, match='no experiment "myexp"'):
        experiment_rows(f"sqlite:///{NAME}", "myexp")
    assert state_of(here) == before


def test_a_store_that_optuna_shares_takes_runs_and_keeps_optuna_s_study(here):
    with_optuna(here / NAME)
    client = connect(f"sqlite:///{NAME}")
    client.create_run(client.create_experiment("myexp", artifact_location=str(here / "mlruns")))
    storage = optuna.storages.RDBStorage(f"sqlite:///{here / NAME}", skip_compatibility_check=True)
    assert [study.study_name for study in storage.get_all_studies()] == ["mine"]
    assert experiment_rows(f"sqlite:///{NAME}", "myexp") == []
    assert len(client.search_runs(["1"])) == 1


def test_an_address_of_two_slashes_makes_no_store_in_memory():
    with pytest.raises(AblateError, match=r"write sqlite:///mlflow\.db"):
        connect("sqlite://mlflow.db")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["analyze mlflow:myexp", "study digits_mlp --quick", "ui", "doctor"])
@pytest.mark.parametrize("given", ["option", "environment"])
def test_the_command_line_says_what_the_file_is_and_leaves_it(here, monkeypatch, command, given):
    if given == "environment" and command == "doctor":
        pytest.skip("its training takes a while")
    optuna_storage(here / "optuna.db")
    before = state_of(here)
    option = ["--tracking-uri", "sqlite:///optuna.db"] if given == "option" else []
    if not option:
        monkeypatch.setenv(VARIABLE, "sqlite:///optuna.db")
    done = subprocess.run(
        [sys.executable, "-m", "ablate.cli.main", *command.split(), *option],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if command == "doctor" else 2)
    said = done.stdout + done.stderr
    assert "is an Optuna storage (3 trials)" in said
    assert ("unset MLFLOW_TRACKING_URI" in said) == (given == "environment")
    assert state_of(here) == before
