"""The folder of a study: the paths of its files, its lock, and the check that it belongs to this study."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.storage.conditions import Conditions
from ablate.storage.files.atomic import opening, sweep, write_aside
from ablate.storage.files.foreign_files import check_folder, is_own
from ablate.storage.files.lock import FolderLock
from ablate.storage.journal import Journal
from ablate.storage.preregistration import FROZEN
from ablate.storage.resume import (
    ResumeCheck,
    StageReached,
    StartingConditions,
    judge_settings,
    notes_on,
    read_starting_conditions,
    refusal,
    resume_checks,
    with_notes,
)
from ablate.study.data_formats import SQLITE_SIDES
from ablate.study.settings import StudySettings
from ablate.study.toml import to_toml
from ablate.study.trial import Phase
from ablate.study.user_code import code_said


class _File:
    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: "StudyFolder", _: type) -> Path:
        return folder.path / self._name


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """reports/NAME and its files."""

    path: Path

    study_file = _File("study.toml")  # the resolved study
    basis = _File("begun.json")  # the starting conditions of the results, and their changes since
    frozen = _File(FROZEN)  # the preregistration
    journal = _File("trials.jsonl")  # one line per trial, as it ended
    search_storage = _File("search.db")  # Optuna's SQLite file
    results = _File("results.csv")  # the results table
    epochs = _File("epochs.csv")  # the learning curves
    layers = _File("layers.csv")  # layer statistics of trials, if requested
    lr_tests = _File("lr_tests.json")  # the range tests, one per entry
    predictions = _File("test_predictions.npz")  # the predictions of the test set, if its trials have any
    provenance = _File("provenance.json")  # the provenance of the results
    parent_run = _File("parent_run.txt")  # the tracker's id of the study's run, which a resumed study continues
    trials = _File("trials")  # folders of trials that a user's function or program trains
    worker_log = _File("worker")  # output of the workers' libraries, with -0.log and so on added

    @contextmanager
    def lock(self, *, fresh: bool = False) -> Iterator["Held"]:
        """Hold the folder against other processes; the lock ends with this process, however it ends.

        `fresh`: keep the folder under another, dated name and start the study from scratch. Raises `AblateError` if
        another process holds the folder, if it cannot be written to, or if it holds files that ablate did not write.
        """
        with opening(self.path):
            check_folder(self.path)
            held = FolderLock(self.path)
            aside = None
            if fresh and is_own(self.path):  # a folder with nothing but a user's notes stays where it is
                aside = _free_name(self.path)
                held.rename(self.path, aside)
                held = FolderLock(self.path)
            sweep(self.path)
        left = f"the earlier process ({held.left_by}) crashed; resuming from its saved trials"
        try:
            yield Held(aside, (left,) if held.left_by and aside is None else ())
        finally:
            held.release()

    def claim(self, study: StudySettings, *, data: str, conditions: Conditions, go_on: bool = False) -> list[str]:
        """Make this the folder of `study`, whose data have the fingerprint `data`; the changes since, to be shown.

        `go_on`: accept a changed study if its trials so far are valid for it, too. Otherwise raises `StudyError` with
        every change, and `AblateError` if the folder cannot be written to.
        """
        with opening(self.path):
            before, now, notes = None, StartingConditions(conditions, data), list[str]()
            journal = Journal(self.journal)
            if _has_trials(journal):
                before = read_starting_conditions(self.basis)
                changes = self._changes(study, before, now, journal)
                if any(one.against for one in changes) or (changes and not go_on):
                    raise refusal(self.path, changes)
                notes = [one.change for one in changes] + list(notes_on(before, now) if before else ())
            else:
                self._forget_plans(study)
            write_aside(self.basis, with_notes(now, *(before.notes if before else ()), *notes).to_text())
            write_aside(self.study_file, to_toml(study))
        return notes

    def notes(self) -> list[str]:
        """The changes since the first run of the study that were accepted: they belong to the results' provenance."""
        basis = read_starting_conditions(self.basis)
        return list(basis.notes) if basis else []

    def changes(self, study: StudySettings, *, data: str, conditions: Conditions) -> list[ResumeCheck]:
        """What of the study changed since its trials here were started; [] if there are none. Reads only."""
        journal = Journal(self.journal)
        if not _has_trials(journal):
            return []
        before = read_starting_conditions(self.basis)
        return self._changes(study, before, StartingConditions(conditions, data), journal)

    def _changes(
        self, study: StudySettings, before: StartingConditions | None, now: StartingConditions, journal: Journal
    ) -> list[ResumeCheck]:
        phases = {entry.spec.label.phase for entry in journal.entries.values()}
        old, new = self._settings(), tomllib.loads(to_toml(study))
        changes, data_is_told = list[ResumeCheck](), False
        if old is not None and repr(old) != repr(new):  # without a study file, results are accepted as they are
            changes = judge_settings(old, new, self._stage(phases))
            data_is_told = old.get("data") != new.get("data") or old.get("seed") != new.get("seed")
        if before is not None:
            changes += resume_checks(before, now, code=code_said(study), data_is_told=data_is_told)
        return changes

    def _stage(self, phases: set[Phase]) -> StageReached:
        searched = "search" in phases or self.search_storage.exists()
        return StageReached(searched=searched, compared=bool(phases - {"search"}), frozen=self.frozen.exists())

    def _settings(self) -> dict[str, Any] | None:  # Any: TOML
        """The study file here; None if there is none. Raises `StudyError` if it cannot be read."""
        try:
            return tomllib.loads(self.study_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as err:
            raise StudyError(
                f"{self.study_file}: is damaged, so it is not clear which study these results belong to: {err}\n"
                "  --fresh starts again and keeps the old folder under another name"
            ) from err

    def _forget_plans(self, study: StudySettings) -> None:
        """Remove preregistration and search: no trial has begun, so no result rests on them."""
        self.frozen.unlink(missing_ok=True)
        if self.study_file.exists() and self.study_file.read_bytes() != to_toml(study).encode():
            for end in ("", *SQLITE_SIDES):
                Path(f"{self.search_storage}{end}").unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Held:
    """A folder that this process holds."""

    set_aside: Path | None  # where the former results are kept, if a fresh start was requested and there were any
    notes: tuple[str, ...]  # notices about the previous run


def _has_trials(journal: Journal) -> bool:
    return bool(journal.attempts() or journal.unreadable)


def _free_name(folder: Path) -> Path:
    dated = folder.with_name(f"{folder.name}~{datetime.now():%Y-%m-%d-%H%M%S}")
    names = (dated.with_name(f"{dated.name}{end}") for end in ("", *(f"-{n}" for n in range(2, 100))))
    return next(name for name in names if not name.exists())
