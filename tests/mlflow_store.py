"""MLflow stores for tests, and an Optuna storage: setting one up takes seconds, copying one does not."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from ablate.clock import now_ms
from ablate.storage.journal import Entry, Journal
from ablate.study.trial import Epoch, Outcome, TrialSpec
from ablate.tracking import Tracker


class Followed:
    """A study of one process: its journal in `folder`, and the tracker that follows it whenever a test says so."""

    def __init__(self, tracker: Tracker, folder: Path) -> None:
        self.tracker, self.journal = tracker, Journal(Path(tempfile.mkdtemp(dir=folder)) / "trials.jsonl")
        self._specs: dict[str, TrialSpec] = {}
        self._epochs: dict[str, list[Epoch]] = {}

    def __getattr__(self, name: str) -> Any:  # Any: whatever the tracker has
        return getattr(self.tracker, name)

    @property
    def parent(self) -> str:
        """The id of the study's run."""
        return self.tracker._own.run_id

    def follow(self) -> None:
        """One pass of the tracker, as its thread makes it."""
        self.tracker.reconcile(self.journal.so_far(), again=False)

    def open_trial(self, spec: TrialSpec, *, at: int | None = None) -> str:
        """A trial begins; the id of its run, "" where it has none."""
        self._specs[spec.trial], self._epochs[spec.trial] = spec, []
        attempt = self.journal.begin(spec, at=at or now_ms())
        self.follow()
        return self.tracker.run_ids.get((spec.trial, attempt), "")

    def log_epoch(self, epoch: Epoch, *, at: int | None = None) -> None:
        """An epoch passes, without a pass of the tracker."""
        self.journal.note(epoch, at=at or now_ms())
        self._epochs[epoch.trial].append(epoch)

    def close_trial(self, outcome: Outcome, *, at: int | None = None) -> None:
        """A trial ends."""
        spec, epochs, ended = self._specs[outcome.trial], self._epochs[outcome.trial], at or now_ms()
        began = self.journal.began(outcome.trial) or ended
        self.journal.append(Entry(spec, outcome, tuple(epochs), "", began, ended))
        self.follow()

    def close_study(self, status: str, **ending: Any) -> None:  # Any: as `Tracker.close_study` has it
        """The study ends."""
        self.tracker.close_study(self.journal.so_far(), status, **ending)


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
