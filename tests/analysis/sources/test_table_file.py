import hashlib
import json
import sqlite3

import optuna
import pandas as pd
import pytest

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import read_file_runs, read_optuna_runs
from ablate.errors import DataError

optuna.logging.set_verbosity(optuna.logging.ERROR)


def rows(choices):
    """Frozen trials, two of each choice."""
    distribution = optuna.distributions.CategoricalDistribution(choices)
    return [
        optuna.trial.create_trial(
            params={"opt": choice}, distributions={"opt": distribution}, value=place / 10, user_attrs={"seed": seed}
        )
        for seed in range(2)
        for place, choice in enumerate(choices)
    ]


def storage_of(path, choices=("sgd", "adam"), name="mine"):
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name=name, direction="maximize")
    study.add_trials(rows(choices))


def snapshot(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture
def db(tmp_path):
    storage_of(tmp_path / "study.db")
    return tmp_path / "study.db"


def test_an_optuna_storage_is_read_by_its_path_and_nothing_is_written(db):
    before = snapshot(db.parent)
    for runs in (read_file_runs(db), read_optuna_runs(f"sqlite:///{db}", study="mine")):
        assert (runs.factors, runs.score, runs.direction) == (("opt",), "value", "maximize")
        assert len(runs.table) == 4
    assert snapshot(db.parent) == before


def test_a_storage_in_use_is_read_with_its_journal(db):
    with sqlite3.connect(db) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("UPDATE studies SET study_name = 'other'")
        writer.commit()
        assert db.with_name("study.db-wal").exists()
        assert read_file_runs(db).name == "other"
    writer.close()


def test_a_storage_of_another_version_stays_as_it_is(db):
    with sqlite3.connect(db) as writer:
        writer.execute("DROP TABLE alembic_version")
        writer.execute("UPDATE version_info SET library_version = '0.0.1', schema_version = 1")
    writer.close()
    before = snapshot(db.parent)
    with pytest.raises(DataError, match="cannot be read as an Optuna storage"):
        read_file_runs(db)
    assert snapshot(db.parent) == before


@pytest.mark.parametrize(("one", "other"), [(1, "1"), (None, "None"), (True, "True"), (0.5, "0.5")])
def test_categories_that_read_alike_are_two_levels(tmp_path, one, other):
    storage_of(tmp_path / "study.db", choices=(one, other, "x"))
    runs = read_file_runs(tmp_path / "study.db")
    assert runs.table["opt"].tolist() == [str(one), f'"{other}"', "x"] * 2
    results = read_imported(runs, ImportOptions()).results
    assert results.query("design == 'one-factor'")["variant"].nunique() == 3


def test_a_study_in_which_all_trials_failed_is_told_as_such(tmp_path):
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.db'}", study_name="mine")
    with pytest.raises(DataError, match=r"mine in sqlite:.*: has no trials\n  run the study first"):
        read_file_runs(tmp_path / "study.db")
    study.add_trials([optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL)] * 3)
    with pytest.raises(DataError, match="all 3 trials failed, so there is no value to compare"):
        read_file_runs(tmp_path / "study.db")


def test_a_journal_is_read_from_a_copy(tmp_path):
    path = tmp_path / "journal.log"
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    storage = optuna.storages.JournalStorage(backend)
    optuna.create_study(storage=storage, study_name="mine", direction="maximize").add_trials(rows(("sgd", "adam")))
    before = snapshot(tmp_path)
    runs = read_file_runs(path)
    assert (runs.factors, len(runs.table)) == (("opt",), 4)
    assert snapshot(tmp_path) == before


def test_an_mlflow_store_is_named_with_its_experiments_and_the_command(tmp_path):
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as store:
        store.execute("CREATE TABLE experiments (name TEXT, lifecycle_stage TEXT)")
        store.execute("CREATE TABLE runs (run_uuid TEXT)")
        store.execute("INSERT INTO experiments VALUES ('sweep', 'active'), ('old', 'deleted')")
    store.close()
    command = "ablate analyze mlflow:EXPERIMENT --tracking-uri sqlite:///"
    with pytest.raises(DataError, match=f"{command}.*experiments: sweep$"):
        read_file_runs(path)


def test_any_other_sqlite_file_is_told_by_its_tables(tmp_path):
    with sqlite3.connect(tmp_path / "my.sqlite") as store:
        store.execute("CREATE TABLE results (acc REAL)")
    store.close()
    before = snapshot(tmp_path)
    with pytest.raises(
        DataError, match=r"is an SQLite file, but not from Optuna or MLflow \(results\)\n  export a table as CSV"
    ):
        read_file_runs(tmp_path / "my.sqlite")
    assert snapshot(tmp_path) == before


def test_a_parquet_table_is_read_with_its_types_and_named_index(tmp_path):
    table = pd.DataFrame({"lr": [0.1, 1e-4], "n": [1, 2], "on": [True, False], "what": ["a", None], "acc": [0.5, None]})
    table.index = pd.Index([7, 8], name="seed")
    table.to_parquet(tmp_path / "runs.parquet")
    found = read_file_runs(tmp_path / "runs.parquet").table.to_dict("list")
    assert found == {
        "seed": ["7", "8"], "lr": ["0.1", "0.0001"], "n": ["1", "2"], "on": ["True", "False"], "what": ["a", ""],
        "acc": ["0.5", ""],
    }  # fmt: skip
    (tmp_path / "bad.parquet").write_bytes(b"PAR1" + b"\0" * 50)
    with pytest.raises(DataError, match="cannot be read as a Parquet file"):
        read_file_runs(tmp_path / "bad.parquet")


def test_a_table_of_text_is_read_as_ever(tmp_path):
    (tmp_path / "runs.csv").write_text("a,acc\n1,2\n")
    (tmp_path / "runs.json").write_text(json.dumps([{"a": 1, "acc": 2}]))
    for name in ("runs.csv", "runs.json"):
        assert read_file_runs(tmp_path / name).table.to_dict("list") == {"a": ["1"], "acc": ["2"]}
