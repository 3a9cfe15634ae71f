"""MLflow stores for tests, and an Optuna storage: setting one up takes seconds, copying one does not."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path


def fresh_store(folder: Path) -> str:
    """The address of an empty SQLite store in `folder`."""
    path = folder / "mlflow.db"
    shutil.copy(_empty(), path)
    return f"sqlite:///{path}"


def optuna_storage(path: Path) -> None:
    """An Optuna storage of three trials, at `path`."""
    shutil.copy(_optuna(), path)


@cache
def _optuna() -> Path:
    import optuna

    path = _folder() / "optuna.db"
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name="mine")
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=3)
    return path


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ablate-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _empty() -> Path:
    from ablate.tracking.store import connect

    folder = _folder()
    connect(f"sqlite:///{folder / 'mlflow.db'}")
    return folder / "mlflow.db"
