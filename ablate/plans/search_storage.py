"""Store a search's trials in an SQLite file that Optuna can read, and load them to resume a study.

A trial costs three writes, whatever its epochs: when it is asked for, when it is told (its whole curve at once), and
when its round is settled. One write takes 1.3 ms, and 20 ms on a busy machine.
"""

import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from ablate.errors import StorageError
from ablate.study.data_formats import SQLITE_SIDES

CURVE = "curve"  # user attribute of a trial: values by epoch, the pruner's own notes, and where it stopped the trial
STOPPED = "stopped after"  # user attribute of a trial in memory: the epoch after which the pruner stopped it
PATIENCE = 60.0  # seconds for which another program may keep the file locked
ATTEMPT = 1.0  # seconds that SQLite waits per attempt, without any message
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
T = TypeVar("T")


class DamageError(Exception):
    """The file exists, but its content is not what was written to it."""


class SearchFile:
    """The file of one search. Only the parent process opens it.

    A damaged file is put aside, and an empty one is created. Raises `StorageError` if the file cannot be written, or if
    another program keeps it locked for longer than `PATIENCE`; `announce` is told of a damaged or locked file.
    """

    def __init__(
        self,
        path: Path,
        *,
        study: str,
        announce: Callable[[str], None],
        directions: Sequence[StudyDirection] = (StudyDirection.MAXIMIZE,),
    ) -> None:
        self.path, self._name, self._announce = path, study, announce
        self._directions = list(directions)  # of the objectives
        self._ids: dict[int, int] = {}  # trial number -> Optuna's id
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._patiently(lambda: _check(path))
            self._storage, self._study = self._open()
        except DamageError as err:
            self.begin_anew(str(err))

    def begin_anew(self, reason: str) -> None:
        """Put the file aside and open an empty one; `reason` says what is wrong with it."""
        if hasattr(self, "_storage"):
            self._storage.remove_session()
            self._storage.engine.dispose()
        aside = self.path.with_name(f"{self.path.name}~{datetime.now():%Y-%m-%d-%H%M%S}")
        for end in ("", *SQLITE_SIDES):
            if (file := Path(f"{self.path}{end}")).exists():
                file.replace(f"{aside}{end}")
        self._announce(f"{self.path} is damaged ({reason}): it is kept as {aside.name} and rebuilt from the journal")
        self._ids = {}
        self._storage, self._study = self._open()

    def trials(self, *, told: Collection[int], recorded: bool = False) -> list[FrozenTrial]:
        """All trials, by number. Of trials not settled, only those with a number in `told` keep their curve.

        The others are trained again from the start, with new verdicts on their epochs; if verdicts are `recorded`, they
        keep these, too. Raises `DamageError`.
        """
        try:
            trials = self._patiently(lambda: self._storage.get_all_trials(self._study))
            whole = [_with_curve(t, keep=recorded or t.state.is_finished() or t.number in told) for t in trials]
        except (DamageError, StorageError):
            raise
        except Exception as err:  # any error may come from garbled values
            raise DamageError(f"{type(err).__name__}: {err}") from err
        self._ids = {trial.number: trial._trial_id for trial in trials}
        return whole

    def add(self, trial: FrozenTrial) -> None:
        """Write a trial that was asked for."""
        self._ids[trial.number] = self._write(lambda: self._storage.create_new_trial(self._study, trial))

    def keep_curve(self, trial: FrozenTrial) -> None:
        """Write the reported values of a trial, and where it was stopped."""
        stopped = trial.user_attrs.get(STOPPED)
        curve = {"values": list(trial.intermediate_values.items()), "notes": trial.system_attrs, "stopped": stopped}
        number = self._ids[trial.number]
        self._write(lambda: self._storage.set_trial_user_attr(number, CURVE, curve))

    def settle(self, trial: FrozenTrial) -> None:
        """Write the final state of a trial; nothing changes it afterwards."""
        number = self._ids[trial.number]
        self._write(lambda: self._storage.set_trial_state_values(number, trial.state, trial.values))

    def _open(self) -> tuple[optuna.storages.RDBStorage, int]:
        """The storage and the id of its study, which is created if missing."""
        # Not by its URL: characters in a path may have a special meaning there.
        connect = {"creator": lambda: sqlite3.connect(self.path, timeout=ATTEMPT, check_same_thread=False)}
        storage = self._patiently(lambda: optuna.storages.RDBStorage("sqlite:///search.db", engine_kwargs=connect))
        try:
            return storage, self._patiently(lambda: storage.create_new_study(self._directions, self._name))
        except optuna.exceptions.DuplicatedStudyError:
            number = self._patiently(lambda: storage.get_study_id_from_name(self._name))
            if self._patiently(lambda: storage.get_study_directions(number)) != self._directions:
                storage.engine.dispose()
                raise DamageError("it is of a search with other objectives") from None
            return storage, number

    def _write(self, act: Callable[[], T]) -> T:
        try:
            return self._patiently(act)
        except DamageError as err:
            raise StorageError(
                f"{self.path}: is damaged: {err}\n  run the same command to rebuild it and resume"
            ) from err

    def _patiently(self, act: Callable[[], T]) -> T:
        began, has_told = time.monotonic(), False
        while True:
            try:
                return act()
            except Exception as err:  # an error of SQLite, or of one of the two libraries around it
                fault = _fault(err)
                if fault is None:
                    raise
                if fault.sqlite_errorcode & 0xFF in _DAMAGED:
                    raise DamageError(str(fault)) from err
                if fault.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() - began > PATIENCE:
                    raise StorageError(
                        f"{self.path}: cannot be written: {fault}\n  fix this, then run the same command to resume"
                    ) from err
            if not has_told:
                self._announce(f"{self.path} is locked by another program: waiting for up to a minute")
            has_told = True


def _check(path: Path) -> None:
    """Raise `DamageError` if SQLite finds the file corrupt."""
    if path.exists():
        with closing(sqlite3.connect(path, timeout=ATTEMPT)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(1)")]
        if found != ["ok"]:
            raise DamageError(found[0] if found else "it cannot be read at all")


def _fault(err: BaseException | None) -> sqlite3.Error | None:
    """The SQLite error behind `err`; None if another library failed."""
    while err is not None and not hasattr(err, "sqlite_errorcode"):
        err = err.__cause__
    return err if isinstance(err, sqlite3.Error) else None


def _with_curve(trial: FrozenTrial, *, keep: bool) -> FrozenTrial:
    curve = trial.user_attrs.get(CURVE) if keep else None
    whole = copy(trial)
    stopped = curve.get("stopped") if curve else None
    whole.user_attrs = {} if stopped is None else {STOPPED: stopped}
    whole.intermediate_values = dict(curve["values"]) if curve else {}
    whole.system_attrs = curve["notes"] if curve else trial.system_attrs
    return whole
