"""Read and write raw arrays in .npz files: no pickles, and no more than the memory holds."""

import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import ARRAYS
from ablate.errors import DataError
from ablate.study.data_formats import EXCEL, FOLDER, format_of_content, format_of_name
from ablate.system import memory_bytes
from ablate.text import printable

STAND_IN_MARK = "stand_in"  # a file with this array holds synthetic images, whatever its name
_MOST_NAMED = 8  # members named in a message
_BEGINNING = 4096  # bytes by which another file format is recognized
_PARTS: Mapping[str, Sequence[str]] = {"train": ("train", "training", "tr"), "test": ("test", "testing", "te", "tst")}
_LIKE_TEST = ("val", "valid", "validation", "dev")  # names used if there is no test set
_KINDS: Mapping[str, Sequence[str]] = {
    "x": ("x", "image", "img", "input", "feature", "data", "sample", "example", "sequence"),
    "y": ("y", "label", "lbl", "target", "class", "classe", "output"),
}
_TARGETS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path, *, also: Callable[[Sequence[str]], Sequence[str]] = lambda _: ()) -> dict[str, Array]:
    """The arrays of `ARRAYS`, `STAND_IN_MARK` if the file has it, and those that `also` picks of all names.

    A file may do without a test part. Several inputs are arrays with "/" in their names, as "x_train/left". Nothing
    else in the file is read. Raises `DataError` if the file is missing, is no complete .npz, lacks an
    array, holds Python objects (they are never unpickled) or would take more than half of the machine's memory.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder, not an .npz file\n  {FOLDER.way_out()}")
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        file = path.open("rb")
    except OSError as err:
        raise DataError(f"{path}: cannot be opened: {err.strerror}") from err
    with file:
        if not zipfile.is_zipfile(file):
            raise _no_npz(file, path)
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return {name: _read_array(arrays, name, path) for name in _names(arrays.zip, path, also)}
        except DataError:
            raise
        except MemoryError as err:
            raise DataError(f"{path}: its arrays do not fit into memory") from err
        except Exception as err:  # a damaged file: zipfile, its decompressors and numpy raise a dozen kinds
            raise DataError(f"{path}: is damaged: {printable(str(err), 200)}\n  {_way_out()}") from err


def has_validation(path: Path) -> bool:
    """Whether a file has validation examples of its own; no for a file that is no .npz."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = [member.removesuffix(".npy") for member in archive.namelist()]
    return all(members_of(base, names) for base in ("x_validation", "y_validation"))


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write the arrays uncompressed (CIFAR-10 then loads in 0.1 s, compressed 1.1 s): aside, then renamed to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        aside = Path(folder) / "arrays.npz"
        np.savez(aside, **dict(arrays))  # type: ignore[arg-type]  # its stubs take any name for `allow_pickle`
        aside.replace(path)


def _no_npz(file: IO[bytes], path: Path) -> DataError:
    file.seek(0)
    found = format_of_content(file.read(_BEGINNING)) or format_of_name(path.name)
    if found is None:
        return DataError(f"{path}: is not a complete .npz file\n  {_way_out()}")
    return DataError(f"{path}: is not a complete .npz file: it looks like {found.what}\n  {found.way_out()}")


def _names(archive: zipfile.ZipFile, path: Path, also: Callable[[Sequence[str]], Sequence[str]]) -> list[str]:
    there = archive.namelist()
    arrays = [member.removesuffix(".npy") for member in there if member.endswith(".npy")]
    if not arrays and (found := EXCEL if "xl/workbook.xml" in there else format_of_name(path.name)):
        raise DataError(f"{path}: is not an .npz file: it looks like {found.what}\n  {found.way_out()}")
    if missing := _missing(arrays):
        held = ", ".join(map(_shown, there[:_MOST_NAMED])) or "nothing"
        raise DataError(f"{path}: lacks {', '.join(missing)}; it holds {held}\n  {how_to_rename(arrays) or _way_out()}")
    for base in ARRAYS:
        if base in (held_by := members_of(base, arrays)) and len(held_by) > 1:
            both = f"both {base} and {printable(held_by[1] if held_by[0] == base else held_by[0], 40)}"
            raise DataError(f"{path}: holds {both}\n  save one array, or several with names after the slash")
    named = [name for base in (*ARRAYS, STAND_IN_MARK) for name in members_of(base, arrays)]
    names = list(dict.fromkeys([*named, *also([name for name in arrays if name != STAND_IN_MARK])]))
    total, memory = sum(archive.getinfo(f"{name}.npy").file_size for name in names), memory_bytes()
    if memory and total > memory // 2:
        raise DataError(
            f"{path}: its arrays would take {total:,} bytes unpacked, more than the limit of {memory // 2:,}\n"
            '  return them as a numpy.memmap from a function, as data.name = "my.py:load"'
        )
    return names


def members_of(base: str, names: Iterable[str]) -> list[str]:
    """The names of an array that stands alone, or of the arrays of several inputs or outputs."""
    return [name for name in names if name == base or name.startswith(f"{base}/")]


def _missing(names: Sequence[str]) -> list[str]:
    """The needed arrays that a file lacks; those of a test part if half of it is there, or all under other names."""
    tested = [base for base in ("x_test", "y_test") if members_of(base, names)]
    is_tested = tested or any(_meant(name) in ("x_test", "y_test") for name in names)
    needed = ARRAYS if is_tested else ("x_train", "y_train")
    return [base for base in needed if not members_of(base, names)]


def _read_array(file: "np.lib.npyio.NpzFile", name: str, path: Path) -> Array:
    try:
        array = file[f"{name}.npy"]
    except ValueError as err:
        if "Object arrays" not in str(err):
            raise
        raise DataError(
            f"{path}: {printable(name, 40)} holds Python objects, but ablate reads only plain numbers\n"
            f"  {_as_plain(name)}"
        ) from err
    if not isinstance(array, np.ndarray):  # numpy returns this for a member without an array header
        raise DataError(f"{path}: the header of {printable(name, 40)} cannot be read\n  {_way_out()}")
    return array


def _shown(member: str) -> str:
    return printable(member.removesuffix(".npy"), 40) + ("" if member.endswith(".npy") else " (not an array)")


def _as_plain(name: str) -> str:
    if name.startswith("x"):
        return f"save it as numpy.stack({name}).astype(numpy.float32); first cut or pad the examples to equal size"
    return f"save it as numpy.asarray({printable(name, 40)}.tolist()) (whole numbers, or class names)"


def _way_out() -> str:
    return f"write it with numpy.savez(path, {', '.join(f'{name}=…' for name in ARRAYS)})"


def how_to_rename(names: Sequence[str]) -> str:
    """The way out for a file without the usual array names, "" if its names give no hint."""
    if any(re.fullmatch(r"arr_\d+", name) for name in names):
        return (
            "arrays saved without a name become arr_0, arr_1, …: write numpy.savez(path, x_train=x_train, "
            "y_train=y_train, x_test=x_test, y_test=y_test)"
        )
    meant = {name: _meant(name) for name in names}
    found = {target: name for name, target in meant.items() if target}
    tested = {f"{kind}_test" for kind in _KINDS} & set(found)
    validation = {f"{kind}_{part}": name for name in names for kind, part in [_split(name)] if part in _LIKE_TEST}
    if not tested and len(validation) == 2:
        found |= {key[0] + "_test": name for key, name in validation.items()}
    alone = {kind: [name for name in names if _split(name) == (kind, "")] for kind in _KINDS}
    if not found and all(len(some) == 1 for some in alone.values()):
        found = {f"{kind}_train": some[0] for kind, some in alone.items()}
    if len(found) == 4 or set(found) == {"x_train", "y_train"}:
        renamed = ", ".join(f"{target}=old[{found[target]!r}]" for target in sorted(found, key=_TARGETS.index))
        return f"rename them: old = numpy.load(path); numpy.savez(path, {renamed})"
    return ""


def _meant(name: str) -> str:
    kind, part = _split(name)
    return f"{kind}_{part}" if kind and part in _PARTS else ""


def _split(name: str) -> tuple[str, str]:
    """ "train_images" -> ("x", "train"), "Xtest" -> ("x", "test"), "labels" -> ("y", "")."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    words = [part for word in words for part in _apart(word)]
    both = {form for word in words for form in (word, word.removesuffix("s"))}
    kind = next((kind for kind, known in _KINDS.items() if both & set(known)), "")
    every = {**_PARTS, **{word: (word,) for word in _LIKE_TEST}}
    part = next((part for part, known in every.items() if any(word in known for word in words)), "")
    return kind, part


def _apart(word: str) -> Iterable[str]:
    """ "xtrain" -> "x", "train"."""
    found = re.fullmatch(r"([xy])(train|test|val|tr|te)|(train|test|val)([xy])", word)
    return [part for part in found.groups() if part] if found else [word]
