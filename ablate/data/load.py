"""Load a data set by name or path: from a file, downloaded through Keras, or as a synthetic stand-in."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import Dataset, to_dataset
from ablate.data.extra import check_extra, group_names, group_sentences, unused
from ablate.data.fetch import FetchError, fetch_from_keras
from ablate.data.npz import STAND_IN_MARK, read_npz, write_npz
from ablate.data.source import to_source
from ablate.data.split import draw_by_class
from ablate.data.stand_in import STAND_IN_VERSION, draw_stand_in
from ablate.errors import DataError, known_names
from ablate.study.catalog import DATA_SETS
from ablate.study.data_formats import format_of_name
from ablate.study.names import is_path
from ablate.text import printable

DATA_DIR_VARIABLE = "ABLATE_DATA_DIR"
_DIGITS_SEED = 0
_DIGITS_TEST = 359  # a fifth of 1,797


def load_dataset(
    name: str,
    *,
    data_dir: Path | None,
    explicit: bool,
    base: Path,
    loss: str | None = None,
    fetch: Callable[[str, Path], None] = fetch_from_keras,
    announce: Callable[[str], None] = lambda _: None,
) -> Dataset:
    """The data set of that name: one of `DATA_SETS`, as NAME.npz in `data_dir`, or a path to an .npz, from `base`.

    `data_dir` None is `default_data_dir()`. A set that is not in `data_dir` is fetched once and written there; where
    that fails its stand-in is drawn, and kept as NAME@stand-in.npz. With `explicit` (the user named the folder), and
    for a path, neither happens: a missing file is an error. "digits" comes with scikit-learn, without a file.
    `loss`, of the study, settles what kind of targets a file holds. `announce` is called with a line for each slow
    step. Raises `DataError`.
    """
    if is_path(name):
        path = base / _expanded(name)
        if not _is_there(path):
            raise DataError(f"{_shown(path)}: no such file\n  give its path relative to the study file")
        return _read(path, name=path.stem, loss=loss, announce=announce)
    if name not in DATA_SETS:
        if found := format_of_name(name):
            raise DataError(f'data.name: "{printable(name)}" is {found.what}\n  {found.way_out()}')
        known = known_names(name, DATA_SETS)
        raise DataError(f'data.name: unknown data set "{name}", and not a path to an .npz file\n  {known}')
    if name == "digits":
        return _load_digits()
    folder = default_data_dir() if data_dir is None else data_dir
    path = folder / f"{name}.npz"
    if _is_there(path):
        return _read(path, name=name, loss=loss, announce=announce)
    if path.is_symlink():  # the link stays, its target is created
        path = Path(os.path.realpath(path))
    if explicit:
        raise DataError(
            f"{_shown(path)}: no such file; with --data-dir, ablate looks in that folder only\n"
            "  put the file there, or leave out --data-dir to download it"
        )
    try:
        return _fetch(name, path, fetch=fetch, announce=announce)
    except FetchError as err:
        return _stand_in(name, folder, reason=f"downloading {name} failed: {err}", announce=announce)


def default_data_dir() -> Path:
    """ABLATE_DATA_DIR; else data/ in the working folder if it is there; else ablate/ in the user's cache."""
    if os.environ.get(DATA_DIR_VARIABLE):
        return _expanded(os.environ[DATA_DIR_VARIABLE])
    if Path("data").is_dir():
        return Path("data")
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if Path(cache).is_absolute() else _expanded("~/.cache")) / "ablate"


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError as err:  # "~somebody" who does not exist
        raise DataError(f"{printable(name)}: no such home folder\n  write the full path") from err


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as err:  # a name that is too long, a folder that may not be read
        raise DataError(f"{printable(_shown(path), 300)}: cannot be read: {err.strerror}") from err


def _read(path: Path, *, name: str, loss: str | None = None, announce: Callable[[str], None]) -> Dataset:
    source = _shown(path)
    there: list[str] = []

    def groups_among(names: Sequence[str]) -> list[str]:
        check_extra(names, source=source)
        there.extend(names)
        return group_names(names)

    arrays = read_npz(path, also=groups_among)
    data = to_dataset(name, to_source(arrays, origin=source, stand_in=STAND_IN_MARK in arrays), loss=loss)
    sizes = (len(data.y_train), len(data.y_test), len(data.y_train) + len(data.y_test))
    groups = {other: arrays[other] for other in group_names(there) if arrays[other].size in sizes}
    if line := unused(other for other in there if other not in groups):
        announce(f"{source}: {line}")
    return replace(data, groups=group_sentences(groups, n_train=sizes[0], n_test=sizes[1]))


def _fetch(name: str, path: Path, *, fetch: Callable[[str, Path], None], announce: Callable[[str], None]) -> Dataset:
    announce(f"{name} is not in {_shown(path.parent)}: downloading it once with keras.datasets")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            aside = Path(folder) / path.name
            fetch(name, aside)
            fetched = _read(aside, name=name, announce=announce)
            aside.replace(path)
    except OSError as err:
        raise DataError(f"{_shown(path)}: cannot be written: {err}\n  choose another folder with --data-dir") from err
    return replace(fetched, source="keras.datasets")


def _stand_in(name: str, folder: Path, *, reason: str, announce: Callable[[str], None]) -> Dataset:
    path = folder / f"{name}@stand-in.npz"
    source = f"built-in synthetic data ({reason})"
    arrays = _kept_stand_in(path)
    if arrays is None:
        announce(f"generating synthetic data to stand in for {name}, because {reason}")
        arrays = draw_stand_in(name) | {STAND_IN_MARK: np.array(STAND_IN_VERSION)}
        try:
            write_npz(path, arrays)
        except OSError as err:
            announce(f"{_shown(path)}: cannot be written, so the synthetic data will be generated again: {err}")
    return to_dataset(name, to_source(arrays, origin=source, stand_in=True))


def _kept_stand_in(path: Path) -> dict[str, Array] | None:
    """The stand-in drawn before; None if there is none, or from another version, or if the file is damaged."""
    try:
        arrays = read_npz(path)
    except DataError:
        return None
    return arrays if np.array_equal(arrays.get(STAND_IN_MARK, np.array(0)), STAND_IN_VERSION) else None


def _load_digits() -> Dataset:
    """scikit-learn's 1,797 handwritten digits, 8 × 8 × 1 in 0 … 16; the same fifth is always the test set."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    images = x.reshape(-1, 8, 8, 1).astype(np.uint8)
    labels = y.astype(np.int32)
    test = draw_by_class(labels, _DIGITS_TEST, rng=np.random.default_rng(_DIGITS_SEED))
    train = np.setdiff1d(np.arange(len(labels)), test)
    arrays: dict[str, Array] = {
        "x_train": images[train], "y_train": labels[train], "x_test": images[test], "y_test": labels[test]
    }  # fmt: skip
    return to_dataset("digits", to_source(arrays, origin="scikit-learn"))


def _shown(path: Path) -> str:
    """The path as shown in a report that may be mailed: relative to the working folder if it lies inside."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)
