"""Save a `Dataset` as plain arrays in a folder that several processes map into memory at once, and load it."""

import json
import mmap
import os
import shutil
import tempfile
from dataclasses import asdict
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
_FIELDS = ("name", "n_classes", "stand_in", "source", "digest", "n_given")
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
        **{name: _load_tree(folder, name, about["arrays"][name]) for name in ARRAYS},
        **{name: _load(folder, name) for name in _PER_EXAMPLE if name in about["per_example"]},
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


def _load_tree(folder: Path, name: str, names: list[str]) -> object:
    return to_tree({leaf: _load(folder, _file_of(name, k)) for k, leaf in enumerate(names)})


def _load(folder: Path, name: str) -> Array:
    array: Array = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return array


def _file_of(name: str, k: int) -> str:
    """Names of inputs and outputs are the user's: files have numbers."""
    return f"{name}-{k}" if k else name


def _write(data: Dataset, folder: Path) -> None:
    for name in ARRAYS:
        for k, array in enumerate(leaves(getattr(data, name)).values()):
            _save(array, folder / f"{_file_of(name, k)}.npy")
    per_example = {name: getattr(data, name) for name in _PER_EXAMPLE if getattr(data, name) is not None}
    for name, array in per_example.items():
        _save(array, folder / f"{name}.npy")
    if data.pretraining is not None:
        (folder / _BEFORE).mkdir()
        _write(data.pretraining, folder / _BEFORE)
    about = {name: getattr(data, name) for name in (*_FIELDS, *_TEXTS)} | {
        "arrays": {name: list(leaves(getattr(data, name))) for name in ARRAYS},
        "per_example": list(per_example),
        "targets": [(leaf, asdict(target)) for leaf, target in data.targets.items()],
        "columns": [asdict(column) for column in data.columns],
        _BEFORE: data.pretraining is not None,
    }
    (folder / _ABOUT).write_text(json.dumps(about, indent=1))


def _save(array: Array, path: Path) -> None:
    """Link the file that an array is mapped from if it holds just that array; else write, piece by piece."""
    if (file := _own_file(array)) is not None:
        try:
            os.link(file, path)
            return
        except OSError:  # another disk, or one without links
            pass
    np.save(path, array, allow_pickle=False)


def _own_file(array: Array) -> str | None:
    base: object = array.base  # the stubs do not know of maps
    if not isinstance(array, np.memmap) or not isinstance(base, mmap.mmap) or array.filename is None:
        return None
    try:
        there = np.load(array.filename, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):  # raw bytes without a header
        return None
    same = (there.shape, there.dtype, there.offset) == (array.shape, array.dtype, array.offset)
    return str(array.filename) if same and there.flags.c_contiguous else None


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
