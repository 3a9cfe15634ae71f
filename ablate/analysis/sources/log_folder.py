"""Read runs from a folder that a tool wrote; a folder of another kind is refused by its content."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from ablate.analysis.sources.keras_tuner import is_project, read_keras_tuner
from ablate.analysis.sources.other_files import MOST_SEEN, refuse_folder, without_reader
from ablate.analysis.sources.runs import Runs
from ablate.analysis.sources.tensorboard import event_files, read_tensorboard
from ablate.analysis.sources.wandb_folder import read_wandb, wandb_folder
from ablate.errors import DataError
from ablate.text import first_of, printable

Reader = Callable[[Path], Runs]
MOST_NAMED = 8


def read_folder_runs(folder: Path) -> Runs:
    """The runs of a KerasTuner project, W&B's folder or TensorBoard's logs. Raises `DataError` for other folders."""
    if is_project(folder):
        return read_keras_tuner(folder)
    if (local := wandb_folder(folder)) is not None:
        return read_wandb(local)
    if without_reader(folder):
        raise refuse_folder(folder)
    projects = [path for path in _below(folder) if is_project(path)]
    others = [path for path in event_files(folder) if not any(project in path.parents for project in projects)]
    if len(projects) == 1 and not others:
        return read_keras_tuner(projects[0])
    if projects:
        found = first_of([f"{printable(project.name)}/" for project in projects], MOST_NAMED)
        also = ", and TensorBoard's logs beside" if others else ""
        raise DataError(
            f"{printable(str(folder), 300)}: holds several studies: KerasTuner's projects {found}{also}\n"
            "  analyze one folder at a time"
        )
    if not others:
        raise refuse_folder(folder)
    return read_tensorboard(folder)


def _below(folder: Path) -> list[Path]:
    return [path for path in islice(sorted(folder.iterdir()), MOST_SEEN) if path.is_dir()]
