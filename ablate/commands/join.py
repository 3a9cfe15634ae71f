"""`ablate study --join`: lend workers to the process that runs a study."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from ablate.commands import DONE, INTERRUPTED, UNFINISHED
from ablate.errors import AblateError
from ablate.folder import StudyFolder, differences
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
    try:
        running = folder.study_file.read_text()
    except OSError:  # nothing runs there, as the door will tell
        running = to_toml(study)
    if changes := differences(tomllib.loads(running), tomllib.loads(to_toml(study))):
        raise AblateError(
            f"{folder.path}: what runs there has other settings: {'; '.join(changes[:3])}\n"
            "  --join takes the study as it runs: give the same file and overrides"
        )
    return CODES[join_study(folder.path, workers=workers, announce=announce)]


def _folder(study: Study, out: Path) -> StudyFolder:
    """Where the study runs, be it on the stand-in for its data; else where it would."""
    name = study.name + ("@quick" if study.quick else "")
    return StudyFolder(next((out / n for n in (name, f"{name}@stand-in") if (out / n / PLATE).exists()), out / name))
