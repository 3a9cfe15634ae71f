"""The folder and the seed that a trial of a user's function or program gets."""

import hashlib
import shutil
from pathlib import Path

from ablate.errors import StorageError
from ablate.study.names import to_safe_name

_STEP = 100_003  # between the seeds of two studies: no two of them share a replicate's seed


def user_seed(study_seed: int, replicate: int) -> int:
    """The seed that user code gets: the replicate's number in a study with seed 0, 0 … 2³² − 1 in all."""
    return (study_seed * _STEP + replicate) % 2**32


def folder_of(folders: Path, trial: str) -> Path:
    """The folder of a trial inside `folders`; two trials never share one."""
    safe = to_safe_name(trial, otherwise="trial")
    return folders / (safe if safe == trial else f"{safe}-{hashlib.sha256(trial.encode()).hexdigest()[:8]}")


def empty_folder(folders: Path, trial: str) -> Path:
    """The folder of a trial, made anew: a second attempt must not find files of the first."""
    folder = folder_of(folders, trial)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise StorageError(f"{folder}: cannot be made: {err.strerror or err}") from err
    return folder.resolve()
