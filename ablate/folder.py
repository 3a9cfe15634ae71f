"""A study's folder: what lies where in it, whose study it is, and who may write to it."""

import os
import platform
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ablate.errors import AblateError, StudyError
from ablate.files import write_aside
from ablate.study import Study, to_toml


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """reports/NAME and its files."""

    path: Path

    @property
    def study_file(self) -> Path:
        """The resolved study."""
        return self.path / "study.toml"

    @property
    def journal(self) -> Path:
        """One line a trial, as it ended."""
        return self.path / "trials.jsonl"

    @property
    def search_storage(self) -> Path:
        """Optuna's SQLite file."""
        return self.path / "search.db"

    @property
    def results(self) -> Path:
        """The results table."""
        return self.path / "results.csv"

    @property
    def epochs(self) -> Path:
        """The learning curves."""
        return self.path / "epochs.csv"

    @property
    def lr_tests(self) -> Path:
        """The range tests, one an entry."""
        return self.path / "lr_tests.json"

    @property
    def provenance(self) -> Path:
        """Where the numbers come from."""
        return self.path / "provenance.json"

    @property
    def parent_run(self) -> Path:
        """The tracker's id of the study's run, so that a resumed study goes on in it."""
        return self.path / "parent_run.txt"

    @property
    def worker_log(self) -> Path:
        """What the workers' libraries print, -0.log and so on added."""
        return self.path / "worker"

    def set_aside(self) -> Path | None:
        """Rename the folder, dated, so that the study starts anew and nothing is lost; its new path."""
        if not self.path.exists():
            return None
        aside = self.path.with_name(f"{self.path.name}~{datetime.now():%Y-%m-%d-%H%M%S}")
        self.path.rename(aside)
        return aside

    def claim(self, study: Study) -> None:
        """Make this the folder of `study`. Raises `StudyError` where it holds results of another version of it."""
        resolved = to_toml(study)
        if self.journal.exists() and self.study_file.exists():
            changes = differences(tomllib.loads(self.study_file.read_text()), tomllib.loads(resolved))
            if changes:
                shown = "; ".join(changes[:3]) + (f"; and {len(changes) - 3} more" if len(changes) > 3 else "")
                raise StudyError(
                    f"{self.path}: the study has changed since these results were begun: {shown}\n"
                    "  --fresh starts anew and keeps the old folder under another name"
                )
        write_aside(self.study_file, resolved)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Refuse a second process on the same study; the lock goes with the process, however it ends."""
        self.path.mkdir(parents=True, exist_ok=True)
        owner = self.path / ".owner"
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(blocking=False)
        except Timeout as err:
            holder = owner.read_text() if owner.exists() else "unknown"
            raise AblateError(
                f"{self.path}: another process runs this study ({holder})\n"
                "  wait for it, or give another folder with --out"
            ) from err
        try:
            write_aside(owner, f"pid {os.getpid()} on {platform.node()}")
            yield
        finally:
            lock.release()


def differences(old: Mapping[str, object], new: Mapping[str, object], prefix: str = "") -> list[str]:
    """The settings that differ, as `training.epochs 20 → 30`. Titles do not count."""
    changes = []
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        if before == after or (not prefix and name == "title"):
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            changes += differences(before, after, f"{prefix}{name}.")
        else:
            changes.append(f"{prefix}{name} {_shown(before)} → {_shown(after)}")
    return changes


def _shown(value: object) -> str:
    text = "unset" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
