"""What `ablate doctor` says, with a training that is over at once."""

import pytest
from folder_state import state_of
from mlflow_store import fresh_store, optuna_storage

from ablate.cli.commands import DONE, UNFINISHED, doctor
from ablate.errors import AblateError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(doctor, "visible_gpus", list)  # TensorFlow takes seconds to start
    return tmp_path


@pytest.fixture
def trained(monkeypatch):
    def train(error=None):
        def act():
            if error:
                raise AblateError(error)
            return 7.4

        monkeypatch.setattr("ablate.cli.commands.doctor.train_tiny", act)

    train()
    return train


def said(capsys, uri="sqlite:///mlflow.db"):
    code = doctor.run(uri, data_dir=None)
    return code, capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("trained")
def test_ready_is_said_after_a_training_and_no_file_is_made(capsys, here):
    code, lines = said(capsys)
    assert code == DONE
    assert lines[-3:] == [
        "...   training      training a tiny network, as a study does (about 10 s)",
        "ok    training      a tiny network trains in a worker process (7 s)",
        "ready",
    ]
    assert any("sqlite:///mlflow.db will be created by the first study" in line for line in lines)
    assert list(here.iterdir()) == []


def test_a_training_that_fails_is_to_fix(capsys, trained):
    trained("TypeError: float32, not float16\n  see a file")
    code, lines = said(capsys)
    assert code == UNFINISHED
    assert lines[-2:] == ["FIX   training      fails: TypeError: float32, not float16; see a file", "1 to fix"]


@pytest.mark.usefixtures("trained")
def test_a_store_that_is_no_store_is_to_fix_and_left_as_it_is(capsys, here):
    optuna_storage(here / "mine.db")
    before = state_of(here)
    code, lines = said(capsys, "sqlite:///mine.db")
    assert (code, lines[-1]) == (UNFINISHED, "1 to fix")
    (line,) = [line for line in lines if line.startswith("FIX")]
    assert line.startswith("FIX   MLflow        sqlite:///mine.db: is an Optuna storage (3 trials); ")
    assert state_of(here) == before


@pytest.mark.usefixtures("trained")
def test_a_store_that_is_there_answers_and_is_left_as_it_is(capsys, here):
    uri = fresh_store(here)
    before = state_of(here)
    code, lines = said(capsys, uri)
    assert code == DONE
    assert any(line.endswith(f"{uri} answers") for line in lines)
    assert state_of(here) == before
