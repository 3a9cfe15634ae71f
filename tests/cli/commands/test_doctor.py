"""What `ablate doctor` says, with a training that is over at once."""

from types import SimpleNamespace

import pytest
from folder_state import state_of
from mlflow_store import fresh_store, optuna_storage

from ablate.cli.commands import DONE, UNFINISHED, doctor
from ablate.errors import AblateError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("ABLATE_PROGRAM_CACHE", "off")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**40))
    monkeypatch.setattr(doctor, "visible_gpus", lambda _: [])  # a backend takes seconds to start
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
    assert lines[-3:] == [
        "NO    training      fails: TypeError: float32, not float16",
        "FIX                 see a file",
        "1 to fix",
    ]


@pytest.mark.usefixtures("trained")
def test_a_store_that_is_no_store_is_to_fix_and_left_as_it_is(capsys, here):
    optuna_storage(here / "mine.db")
    before = state_of(here)
    code, lines = said(capsys, "sqlite:///mine.db")
    assert (code, lines[-1]) == (UNFINISHED, "1 to fix")
    (line,) = [line for line in lines if line.startswith("NO ")]
    assert line == "NO    MLflow        sqlite:///mine.db: is an Optuna storage (3 trials)"
    assert "--tracking-uri" in lines[lines.index(line) + 1]
    assert state_of(here) == before


@pytest.mark.usefixtures("trained")
def test_a_store_that_is_there_answers_and_is_left_as_it_is(capsys, here):
    uri = fresh_store(here)
    before = state_of(here)
    code, lines = said(capsys, uri)
    assert code == DONE
    assert any(line.endswith(f"{uri} answers") for line in lines)
    assert state_of(here) == before


def backend_of(capsys) -> str:
    (line,) = [line for line in said(capsys)[1] if line[6:].startswith("backend")]
    return line


@pytest.mark.usefixtures("trained")
def test_the_backend_that_a_study_gets_is_told_and_which_other_there_is(capsys, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND")
    fact = "ok    backend       jax (auto), no GPU found: trials run on the CPU; also installed: tensorflow"
    assert backend_of(capsys) == fact
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(doctor, "visible_gpus", lambda backend: [f"{backend} 0"])
    assert backend_of(capsys).endswith("tensorflow (KERAS_BACKEND), GPUs: tensorflow 0; also installed: jax")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert backend_of(capsys).startswith("NO    backend       KERAS_BACKEND=torch: ablate trains on jax or tensorflow")


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("error", [RuntimeError("jaxlib version 0.4 is too old"), ImportError("no module jaxlib")])
def test_a_broken_jax_is_to_fix_and_nothing_trains(capsys, monkeypatch, error):
    def fail(_):
        raise error

    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setattr(doctor, "visible_gpus", fail)
    code, lines = said(capsys)
    assert (code, lines[-1]) == (UNFINISHED, "1 to fix")
    (line,) = [line for line in lines if line.startswith("NO ")]
    assert line == f"NO    backend       jax cannot be imported: {type(error).__name__}: {error}"
    assert lines[lines.index(line) + 1] == (
        'FIX                 pip install --force-reinstall "ablate-keras[jax]", or set training.backend = "tensorflow" '
        "in the study"
    )
    assert not any("training a tiny network" in line for line in lines)


@pytest.mark.usefixtures("trained")
def test_every_problem_has_a_line_below_that_repairs_it(capsys, here, monkeypatch):
    def fail(**_):
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", fail)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    monkeypatch.setenv("ABLATE_PROGRAM_CACHE", str(here / "programs"))
    (here / "programs").mkdir()
    (here / "programs").chmod(0o777)
    monkeypatch.setenv("ABLATE_DATA_DIR", "~no-such-user/data")
    code, lines = said(capsys, "sqlite:mlflow.db")
    assert code == UNFINISHED
    problems = [at for at, line in enumerate(lines) if line.startswith("NO ")]
    assert [lines[at].split()[1] for at in problems] == ["data", "folder", "disk", "programs", "MLflow"]
    assert all(lines[at + 1].startswith("FIX   ") for at in problems)
    assert len([line for line in lines if line.startswith("FIX")]) == len(problems)
    assert lines[-1] == "5 to fix"
    text = "\n".join(lines)
    for repair in (
        "write the full path",
        "--out DIR",
        "ablate gc",
        f"chmod go-w {here / 'programs'}",
        "sqlite:///mlflow.db",
    ):
        assert repair in text
