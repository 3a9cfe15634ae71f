"""Read runs from a folder that a tool wrote; a folder of another kind is refused by its content."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from ablate.analysis.sources.keras_tuner import is_project, read_keras_tuner
from ablate.analysis.sources.other_files import MOST_SEEN, refuse_folder, without_reader
from ablate.analysis.sources.runs import Runs
from ablate.analysis.sources.tensorboard import event_files, read_tensorboard
from ablate.analysis.sources.wandb_folder import has_runs, read_wandb
from ablate.errors import DataError
from ablate.text import first_of, printable

MOST_NAMED = 8
Reader = Callable[[Path], Runs]


def read_folder_runs(folder: Path) -> Runs:
    """The runs of a KerasTuner project, W&B's folder or TensorBoard's logs, or of the only one of these in `folder`.

    Raises `DataError` for other folders, and where several studies are in one.
    """
    try:
        return _read(folder)
    except OSError as err:
        place = printable(str(err.filename or folder), 300)
        raise DataError(f"{place}: cannot be read: {err.strerror}\n  make it readable, or move it away") from err


def _read(folder: Path) -> Runs:
    if (reader := _reader(folder)) is not None:
        return reader(folder)
    if without_reader(folder):
        raise refuse_folder(folder)
    studies = {path: reader for path in _below(folder) if (reader := _reader(path)) is not None}
    events = [path for path in event_files(folder) if not any(study in path.parents for study in studies)]
    if not studies and not events:
        raise refuse_folder(folder)
    if not studies:
        return read_tensorboard(folder)
    if len(studies) == 1 and not events:
        [(study, reader)] = studies.items()
        return reader(study)
    names = [f"{printable(study.name)}/" for study in studies]
    logs = dict.fromkeys(f"TensorBoard's logs in {printable(path.relative_to(folder).parts[0])}/" for path in events)
    raise DataError(
        f"{printable(str(folder), 300)}: holds several studies: {first_of([*names, *logs], MOST_NAMED)}\n"
        "  analyze one of these folders at a time"
    )


def _reader(folder: Path) -> Reader | None:
    """The reader of a folder that one tool wrote as a whole."""
    if is_project(folder):
        return read_keras_tuner
    return read_wandb if has_runs(folder) else None


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in islice(sorted(folder.iterdir()), MOST_SEEN) if path.is_dir())
