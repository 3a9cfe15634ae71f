from pathlib import Path

import pytest

from ablate.errors import AblateError
from ablate.tracking.address import DEFAULT_URI, VARIABLE, check_form, placed, refusal, shown_uri, sqlite_path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:///mlflow.db", "mlflow.db"),
        ("sqlite:////a/b.db", "/a/b.db"),
        ("sqlite+pysqlite:///mlflow.db", "mlflow.db"),
        ("sqlite:///a.db?timeout=3", "a.db"),
        ("sqlite:///a%20b.db", "a b.db"),
        ("sqlite:///a b.db", "a b.db"),
    ],
)
def test_the_file_of_an_sqlite_address_is_the_one_that_mlflow_opens(uri, path):
    from sqlalchemy import make_url

    assert make_url(uri).database == path
    assert sqlite_path(uri) == Path(path)
    check_form(uri)


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:1", "https://x", "postgresql://a@b/c", "mysql+pymysql://a@b/c", "databricks", "ftp://x"]
)
def test_an_address_that_is_no_file_has_no_form_to_look_at(uri):
    assert sqlite_path(uri) is None
    check_form(uri)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("sqlite://relative.db", r"has two slashes, so it names a host\n  write sqlite:///relative\.db\n"),
        ("sqlite://a/b.db", r"has two slashes, so it names a host\n  write sqlite:///a/b\.db\n"),
        ("sqlite:mlflow.db", r"three slashes\n  write sqlite:///mlflow\.db\n"),
        ("sqlite:/abs/x.db", r"three slashes\n  write sqlite:////abs/x\.db\n"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("SQLITE:///optuna.db", "is not an address that MLflow can open"),
        ("sqlite+aiosqlite:///optuna.db", "is not an address that MLflow can open"),
        ("sqlite:///file:optuna.db?uri=true", "an SQLite URI within an address"),
        ("mlruns", "is a folder, but MLflow no longer writes to plain folders"),
        ("./mlruns", "is a folder, but"),
        ("file:mlruns", "is a folder, but"),
        ("file:///somewhere/mlruns", "is a folder, but"),
        ("runs.db", r"is a path without sqlite:///\n  write sqlite:///runs\.db\n"),
        ("/a/b/mlflow.sqlite", r"is a path without sqlite:///\n  write sqlite:////a/b/mlflow\.sqlite\n"),
        ("", '^"": the address is empty'),
        (" ", "the address is empty"),
    ],
)
def test_what_can_be_no_store_is_refused_by_what_is_wrong_with_it(uri, message):
    with pytest.raises(AblateError, match=message) as told:
        check_form(uri)
    assert str(told.value).splitlines()[-1] == "  choose another store: --tracking-uri sqlite:///mlflow.db"


@pytest.mark.parametrize("uri", ["mlruns", "file:mlruns"])
def test_runs_in_a_folder_have_a_way_into_a_database(uri, tmp_path):
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").write_text("")
    with pytest.raises(AblateError, match=f"\n  mlflow migrate-filestore --source mlruns --target {DEFAULT_URI} moves"):
        check_form(uri)


def test_an_address_from_the_environment_is_said_to_be_from_there_with_the_way_out(monkeypatch):
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:1")
    told = str(refusal("http://127.0.0.1:1", "does not answer", "start it")).splitlines()
    assert told == [
        "http://127.0.0.1:1 (from the environment variable MLFLOW_TRACKING_URI): does not answer",
        "  start it",
        "  unset MLFLOW_TRACKING_URI, or give --tracking-uri sqlite:///mlflow.db",
    ]
    assert placed("http://127.0.0.1:2") == "http://127.0.0.1:2"  # that one was given


def test_nobody_is_sent_from_the_default_store_to_the_default_store(monkeypatch):
    assert str(refusal(DEFAULT_URI, "is empty")).endswith("choose another store: --tracking-uri sqlite:///runs.db")
    monkeypatch.setenv(VARIABLE, DEFAULT_URI)
    assert str(refusal(DEFAULT_URI, "is empty")).endswith("or give --tracking-uri sqlite:///runs.db")


def test_no_message_shows_a_password_however_long_the_address():
    assert shown_uri("mysql://me:secret@host/db") == "mysql://me:***@host/db"
    assert "secret" not in placed(f"mysql://me:{'secret' * 100}@host/db")
