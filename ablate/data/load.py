"""Load the examples that a study names: from a file, a folder or a function, downloaded, or as a stand-in."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import ARRAYS, Dataset, to_dataset
from ablate.data.fetch import FetchError, fetch_from_keras
from ablate.data.image_folder import read_images
from ablate.data.npz import STAND_IN_MARK, read_npz, write_npz
from ablate.data.npz_source import read_npz_source
from ablate.data.source import Source
from ablate.data.split import draw_by_class
from ablate.data.stand_in import STAND_IN_VERSION, draw_stand_in
from ablate.data.user_source import load_from_function
from ablate.errors import DataError, known_names
from ablate.study.catalog import DATA_SETS
from ablate.study.data_factors import DataFactors
from ablate.study.data_formats import format_of_name
from ablate.study.data_ref import SourceKind, source_kind
from ablate.study.given_functions import GivenFunction
from ablate.study.model_ref import ModelRef
from ablate.study.names import is_path
from ablate.study.settings import Data
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
    settings: Data | None = None,
    loss: str | None = None,
    may_compile: bool = False,
    seed: int = 0,
    factors: DataFactors | None = None,
    given: GivenFunction | None = None,
    fetch: Callable[[str, Path], None] = fetch_from_keras,
    announce: Callable[[str], None] = lambda _: None,
) -> Dataset:
    """The data set that `load_source` finds, checked as `to_dataset` does; what its source says once is announced."""
    settings = Data(name=name) if settings is None else settings
    source = load_source(
        settings,
        data_dir=data_dir,
        explicit=explicit,
        base=base,
        loss=loss,
        seed=seed,
        factors=factors,
        given=given,
        fetch=fetch,
        announce=announce,
    )
    for note in source.notes:
        announce(note)
    data = to_dataset(_dataset_name(name), source, loss=loss, may_compile=may_compile)
    return replace(data, factors=factors.read()) if factors else data


def load_source(
    settings: Data,
    *,
    data_dir: Path | None,
    explicit: bool,
    base: Path,
    loss: str | None = None,
    seed: int = 0,
    factors: DataFactors | None = None,
    given: GivenFunction | None = None,
    fetch: Callable[[str, Path], None] = fetch_from_keras,
    announce: Callable[[str], None] = lambda _: None,
) -> Source:
    """The examples that [data] names: a set of `DATA_SETS`, a file, a folder of images, or a user's function.

    Paths start from `base`; a known set is NAME.npz in `data_dir` (None: `default_data_dir()`). A set that is not there
    is fetched once and written there; where that fails its stand-in is drawn, and kept as NAME@stand-in.npz. With
    `explicit` (the user named the folder), and for a path, neither happens: a missing file is an error. "digits" comes
    with scikit-learn, without a file. `loss` is training.loss, which tells amounts from classes in a table; `seed` the
    study's and `factors` a configuration's, for a function that lists them; `given` that function, where no file
    has it. `announce` is called with a line for each
    slow step. Raises `DataError`.
    """
    match source_kind(settings.name):
        case "known":
            return _known(settings, data_dir=data_dir, explicit=explicit, fetch=fetch, announce=announce)
        case "function":
            return load_from_function(settings, base=base, seed=seed, loss=loss, factors=factors, given=given)
        case kind:
            return _at_path(settings, base / _expanded(settings.name), kind, loss=loss)


def _at_path(settings: Data, path: Path, kind: SourceKind, *, loss: str | None) -> Source:
    origin, size = _shown(path), settings.image_size
    if not _is_there(path):
        raise DataError(f"{origin}: no such file or folder\n  give its path relative to the study file")
    if path.is_dir() and kind in ("images", "path"):
        return read_images(path, size, is_given=settings.validation == "given", origin=origin)
    if kind == "images" or (size is not None and kind == "path"):
        raise DataError(f"{origin}: is a file, not a folder of images\n  remove the slash at its end, and image_size")
    if kind == "table":
        from ablate.data.table import read_table  # needs pandas, which is slow to import

        return read_table(path, settings, loss=loss, origin=origin)
    return read_npz_source(path, settings, origin=origin)


def _known(
    settings: Data,
    *,
    data_dir: Path | None,
    explicit: bool,
    fetch: Callable[[str, Path], None],
    announce: Callable[[str], None],
) -> Source:
    name = settings.name
    if name not in DATA_SETS:
        if found := format_of_name(name):
            raise DataError(f'data.name: "{printable(name)}" is {found.what}\n  {found.way_out()}')
        known = known_names(name, DATA_SETS)
        raise DataError(f'data.name: unknown data set "{name}", and not a path to a file or folder\n  {known}')
    if name == "digits":
        return _load_digits()
    folder = default_data_dir() if data_dir is None else data_dir
    path = folder / f"{name}.npz"
    if _is_there(path):
        return read_npz_source(path, settings, origin=_shown(path))
    if path.is_symlink():  # the link stays, its target is created
        path = Path(os.path.realpath(path))
    if explicit:
        raise DataError(
            f"{_shown(path)}: no such file; with --data-dir, ablate looks in that folder only\n"
            "  put the file there, or leave out --data-dir to download it"
        )
    try:
        return _fetch(settings, path, fetch=fetch, announce=announce)
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


def _dataset_name(name: str) -> str:
    """The name of the data set that data.name names: of a path its last part, of a function its file."""
    return Path(ModelRef.of(name).file or name).stem if is_path(name) else name


def _fetch(
    settings: Data, path: Path, *, fetch: Callable[[str, Path], None], announce: Callable[[str], None]
) -> Source:
    name = settings.name
    announce(f"{name} is not in {_shown(path.parent)}: downloading it once with keras.datasets")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            aside = Path(folder) / path.name
            fetch(name, aside)
            fetched = read_npz_source(aside, settings, origin=_shown(aside))
            to_dataset(name, fetched)
            aside.replace(path)
    except OSError as err:
        raise DataError(f"{_shown(path)}: cannot be written: {err}\n  choose another folder with --data-dir") from err
    return replace(fetched, origin="keras.datasets")


def _stand_in(name: str, folder: Path, *, reason: str, announce: Callable[[str], None]) -> Source:
    path = folder / f"{name}@stand-in.npz"
    arrays = _kept_stand_in(path)
    if arrays is None:
        announce(f"generating synthetic data to stand in for {name}, because {reason}")
        arrays = draw_stand_in(name) | {STAND_IN_MARK: np.array(STAND_IN_VERSION)}
        try:
            write_npz(path, arrays)
        except OSError as err:
            announce(f"{_shown(path)}: cannot be written, so the synthetic data will be generated again: {err}")
    x_train, y_train, x_test, y_test = (arrays[part] for part in ARRAYS)
    return Source(x_train, y_train, x_test, y_test, origin=f"built-in synthetic data ({reason})", stand_in=True)


def _kept_stand_in(path: Path) -> dict[str, Array] | None:
    """The stand-in drawn before; None if there is none, or from another version, or if the file is damaged."""
    try:
        arrays = read_npz(path)
    except DataError:
        return None
    return arrays if np.array_equal(arrays.get(STAND_IN_MARK, np.array(0)), STAND_IN_VERSION) else None


def _load_digits() -> Source:
    """scikit-learn's 1,797 handwritten digits, 8 × 8 × 1 in 0 … 16; the same fifth is always the test set."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    images = x.reshape(-1, 8, 8, 1).astype(np.uint8)
    labels = y.astype(np.int32)
    test = draw_by_class(labels, _DIGITS_TEST, rng=np.random.default_rng(_DIGITS_SEED))
    train = np.setdiff1d(np.arange(len(labels)), test)
    return Source(images[train], labels[train], images[test], labels[test], origin="scikit-learn")


def _shown(path: Path) -> str:
    """The path as shown in a report that may be mailed: relative to the working folder if it lies inside."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)
