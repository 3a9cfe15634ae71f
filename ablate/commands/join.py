"""`ablate study --join`: lend workers to the process that runs a study."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from ablate.commands import DONE, INTERRUPTED, UNFINISHED
from ablate.errors import AblateError
from ablate.folder.changes import differences
from ablate.folder.claim import ALWAYS
from ablate.folder.layout import StudyFolder
from ablate.schedule.greeting import PLATE
from ablate.schedule.guest import Parting, join_study
from ablate.study import Study, to_toml

CODES: Mapping[Parting, int] = {
    "ended": DONE,
    "stopped": INTERRUPTED,
    "deserted": UNFINISHED,
    "given up": UNFINISHED,
}


def run(study: Study, *, out: Path, workers: int | None, announce: Callable[[str], None]) -> int:
    """Find the study's folder under `out`, see that it is this very study, help, and return the exit code."""
    folder = _folder(study, out)
    if changes := _changes(folder, study):
        raise AblateError(
            f"{folder.path}: what runs there has other settings: {'; '.join(changes[:3])}\n"
            "  --join takes the study as it runs: give the same file and overrides"
        )
    return CODES[join_study(folder.path, workers=workers, announce=announce)]


def _changes(folder: StudyFolder, study: Study) -> list[str]:
    """What is asked for otherwise than it runs; nothing where nothing runs, as the door will tell."""
    try:
        running = tomllib.loads(folder.study_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    found = differences(running, tomllib.loads(to_toml(study)))
    return [str(change) for change in found if change.key[0] not in ALWAYS]


def _folder(study: Study, out: Path) -> StudyFolder:
    """Where the study runs, be it on the stand-in for its data; else where it would."""
    name = study.name + ("@quick" if study.quick else "")
    return StudyFolder(next((out / n for n in (name, f"{name}@stand-in") if (out / n / PLATE).exists()), out / name))
