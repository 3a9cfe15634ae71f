"""Save a `Dataset` as plain arrays in a folder that several processes map into memory at once, and load it."""

import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import ARRAYS, Dataset
from ablate.data.source import FeatureColumn
from ablate.data.trees import leaves, to_tree
from ablate.errors import DataError
from ablate.study.task import Target

_ABOUT = "dataset.json"
_BEFORE = "pretraining"  # the subfolder of the pretraining task, if there is one
_FIELDS = ("name", "n_classes", "stand_in", "source", "digest", "n_given", "is_test_drawn", "factors", "variants")
_TEXTS = ("groups", "notes")
_PER_EXAMPLE = ("group_of", "time_of", "weights_train", "weights_test")
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


def copied_bytes(folder: Path) -> int:
    """The disk space that the output of `save_arrays` takes, without files that it shares with their owner."""
    found = [path.stat() for path in folder.rglob("*.npy")]
    return sum(one.st_size for one in found if one.st_nlink == 1)


def load_arrays(folder: Path) -> Dataset:
    """Load the output of `save_arrays` from this folder as read-only memory maps, with the stored digest."""
    try:
        return _read(folder, json.loads((folder / _ABOUT).read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as err:
        raise DataError(
            f"{folder}: cannot be read as saved arrays: {err}\n  remove the folder; ablate creates it again"
        ) from err


def _read(folder: Path, about: dict[str, Any]) -> Dataset:  # JSON
    fields: dict[str, Any] = {  # of the data set
        **{name: _load_tree(folder, name, about["arrays"][name], about["views"]) for name in ARRAYS},
        **{name: _load(folder, name, about["views"]) for name in _PER_EXAMPLE if name in about["per_example"]},
        **{name: about[name] for name in _FIELDS},
        **{name: tuple(about[name]) for name in _TEXTS},
    }
    return Dataset(
        **fields,
        targets={leaf: _target(fields) for leaf, fields in about["targets"]},
        columns=tuple(FeatureColumn(**fields) for fields in about["columns"]),
        pretraining=load_arrays(folder / _BEFORE) if about[_BEFORE] else None,
    )


def _target(fields: dict[str, Any]) -> Target:  # JSON
    return Target(**fields | {"shape": tuple(fields["shape"]), "names": tuple(fields["names"])})


def _load_tree(folder: Path, name: str, names: list[str], views: dict[str, Any]) -> object:
    return to_tree({leaf: _load(folder, _file_of(name, k), views) for k, leaf in enumerate(names)})


def _load(folder: Path, name: str, views: dict[str, Any]) -> Array:
    if name in views:
        return _View(**views[name]).of(folder / f"{name}.npy")
    array: Array = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return array


def _file_of(name: str, k: int) -> str:
    """Names of inputs and outputs are the user's: files have numbers."""
    return f"{name}-{k}" if k else name


def _write(data: Dataset, folder: Path) -> None:
    per_example = {name: getattr(data, name) for name in _PER_EXAMPLE if getattr(data, name) is not None}
    named = {
        _file_of(name, k): array for name in ARRAYS for k, array in enumerate(leaves(getattr(data, name)).values())
    }
    views = {name: _save(array, folder / f"{name}.npy") for name, array in (named | per_example).items()}
    if data.pretraining is not None:
        (folder / _BEFORE).mkdir()
        _write(data.pretraining, folder / _BEFORE)
    about = {name: getattr(data, name) for name in (*_FIELDS, *_TEXTS)} | {
        "arrays": {name: list(leaves(getattr(data, name))) for name in ARRAYS},
        "per_example": list(per_example),
        "views": {name: asdict(view) for name, view in views.items() if view is not None},
        "targets": [(leaf, asdict(target)) for leaf, target in data.targets.items()],
        "columns": [asdict(column) for column in data.columns],
        _BEFORE: data.pretraining is not None,
    }
    (folder / _ABOUT).write_text(json.dumps(about, indent=1))


@dataclass(frozen=True, slots=True)
class _View:
    """The part of a file that an array is mapped from."""

    offset: int  # bytes
    shape: Sequence[int]
    dtype: str

    def of(self, path: Path) -> Array:
        """The array, mapped again."""
        return np.memmap(path, np.dtype(self.dtype), "r", self.offset, tuple(self.shape))


def _save(array: Array, path: Path) -> _View | None:
    """Link the file that an array is mapped from, and return its part of it; else write, piece by piece."""
    if (view := _view_of(array)) is not None:
        assert isinstance(array, np.memmap)
        try:
            os.link(str(array.filename), path)
            if np.array_equal(view.of(path)[[0, -1]], array[[0, -1]]):
                return view
            path.unlink()  # another file has taken its name
        except OSError:  # another disk, or one without links
            path.unlink(missing_ok=True)
    np.save(path, array, allow_pickle=False)
    return None


def _view_of(array: Array) -> _View | None:
    """Where the array lies in its file; None if it has none, or may differ from it."""
    if not isinstance(array, np.memmap) or array.filename is None or array.mode == "c" or not array.size:
        return None
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if not isinstance(base, mmap.mmap) or not array.flags.c_contiguous:
        return None
    mapped = np.frombuffer(base, np.uint8)
    begun = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY  # of the file's bytes that are mapped
    offset = begun + array.__array_interface__["data"][0] - mapped.__array_interface__["data"][0]
    return _View(offset, array.shape, array.dtype.str)


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
