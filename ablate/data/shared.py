"""Save a `Dataset` as plain arrays in a folder that several processes map into memory at once, and load it."""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from ablate.data.dataset import ARRAYS, Dataset
from ablate.errors import DataError

_ABOUT = "dataset.json"
_BEFORE = "pretraining"  # the subfolder of the pretraining task, if there is one
_FIELDS = ("name", "n_classes", "stand_in", "source", "digest")
_NAME = 50  # characters of the data set's name used in the folder's name


def save_arrays(data: Dataset, folder: Path) -> Path:
    """Write `data` to `folder`/NAME-DIGEST and return that path; only the first caller writes."""
    target = folder / f"{data.name[:_NAME]}-{data.digest[:16]}"
    if _is_whole(target, data):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=folder, prefix=f".{target.name}."))
    try:
        _write(data, aside)
        aside.chmod(0o755)
        _move(aside, target, data)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target


def load_arrays(folder: Path) -> Dataset:
    """Load the output of `save_arrays` from this folder as read-only memory maps, with the stored digest."""
    try:
        about = json.loads((folder / _ABOUT).read_text())
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
        before = load_arrays(folder / _BEFORE) if about[_BEFORE] else None
        return Dataset(**arrays, **{name: about[name] for name in _FIELDS}, pretraining=before)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as err:
        raise DataError(
            f"{folder}: cannot be read as saved arrays: {err}\n  remove the folder; ablate creates it again"
        ) from err


def _write(data: Dataset, folder: Path) -> None:
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", getattr(data, name), allow_pickle=False)
    if data.pretraining is not None:
        (folder / _BEFORE).mkdir()
        _write(data.pretraining, folder / _BEFORE)
    about = {name: getattr(data, name) for name in _FIELDS} | {_BEFORE: data.pretraining is not None}
    (folder / _ABOUT).write_text(json.dumps(about, indent=1))


def _is_whole(target: Path, data: Dataset) -> bool:
    try:
        return load_arrays(target).digest == data.digest
    except DataError:
        return False


def _move(aside: Path, target: Path, data: Dataset) -> None:
    """Rename; if another process was first, its folder has the same content and stays."""
    try:
        aside.replace(target)
    except OSError:
        if _is_whole(target, data):
            return
        shutil.rmtree(target)  # an incomplete folder, e.g. after a full disk
        aside.replace(target)
