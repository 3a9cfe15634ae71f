"""An .npz file into raw arrays and back, trusting nothing in it: no pickles, no sizes beyond a bound."""

import math
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from ablate.datasets.dataset import ARRAYS, Array
from ablate.errors import DataError

MAX_BYTES = 16 * 2**30  # of all arrays of a file together, unpacked
STAND_IN_MARK = "stand_in"  # a file with this array in it holds drawn images, whatever its name
_UNREADABLE = (  # what zipfile and numpy raise on damaged files
    OSError, ValueError, TypeError, EOFError, KeyError, RuntimeError, SyntaxError, MemoryError, struct.error,
    tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_npz(path: Path, *, max_bytes: int = MAX_BYTES) -> dict[str, Array]:
    """The arrays of `ARRAYS`, and `STAND_IN_MARK` where the file has it; nothing else in the file is looked at.

    What each array will take is read from its header first. Raises `DataError` where the file is missing, is no whole
    .npz, lacks an array, holds Python objects (they are never unpickled) or would take more than `max_bytes`.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        file = path.open("rb")
    except OSError as err:
        raise DataError(f"{path}: cannot be opened: {err.strerror}") from err
    with file, _open_archive(file, path) as archive:
        return _read_members(archive, path, max_bytes=max_bytes)


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write the arrays uncompressed (CIFAR-10 is then read in 0.1 s, packed 1.1 s): aside, then renamed over `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        aside = Path(folder) / "arrays.npz"
        with zipfile.ZipFile(aside, "w") as archive:  # numpy.savez, but never a pickle, in every version of numpy
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        aside.replace(path)


def _open_archive(file: IO[bytes], path: Path) -> np.lib.npyio.NpzFile:
    """Opened only: np.load reads an array when it is asked for, and would believe what its header says."""
    if not zipfile.is_zipfile(file):
        raise DataError(f"{path}: this is no whole .npz file: cut short, or something else\n  {_way_out()}")
    file.seek(0)
    try:
        archive = np.load(file, allow_pickle=False)
    except _UNREADABLE as err:
        raise DataError(f"{path}: cannot be read as an .npz file: {err}\n  {_way_out()}") from err
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise DataError(f"{path}: this is no .npz file\n  {_way_out()}")
    return archive


def _read_members(archive: np.lib.npyio.NpzFile, path: Path, *, max_bytes: int) -> dict[str, Array]:
    missing = [name for name in ARRAYS if name not in archive.files]
    if missing:
        # Names come from the file too: what could steer a terminal is shown, not sent.
        shown = [name if name.isprintable() else ascii(name) for name in archive.files[:8]]
        there = ", ".join(name[:40] for name in shown) or "nothing"
        raise DataError(f"{path}: lacks {', '.join(missing)}; it holds {there}\n  {_way_out()}")
    names = [*ARRAYS, *(name for name in archive.files if name == STAND_IN_MARK)]
    total = sum(_declared_bytes(archive, name, path) for name in names)
    if total > max_bytes:
        raise DataError(f"{path}: its arrays would take {total:,} bytes unpacked, more than the bound of {max_bytes:,}")
    try:
        return {name: archive[name] for name in names}
    except _UNREADABLE as err:
        raise DataError(f"{path}: is damaged: {err}\n  {_way_out()}") from err


def _declared_bytes(archive: np.lib.npyio.NpzFile, name: str, path: Path) -> int:
    """What the header of one member says that its array takes; checks that the array holds numbers, all there."""
    zipped = archive.zip
    if zipped is None or f"{name}.npy" not in zipped.namelist():
        raise DataError(f"{path}: {name} is not an array\n  {_way_out()}")
    try:
        with zipped.open(f"{name}.npy") as member:
            version = np.lib.format.read_magic(member)
            if version == (1, 0):
                shape, _, dtype = np.lib.format.read_array_header_1_0(member)
            else:
                shape, _, dtype = np.lib.format.read_array_header_2_0(member)
            header = member.tell()
    except _UNREADABLE as err:
        raise DataError(f"{path}: the header of {name} cannot be read: {err}\n  {_way_out()}") from err
    if dtype.hasobject:
        raise DataError(
            f"{path}: {name} holds Python objects; only plain numbers are read, nothing was unpickled\n  {_way_out()}"
        )
    size = math.prod(shape) * dtype.itemsize
    there = zipped.getinfo(f"{name}.npy").file_size - header
    if size > there:
        raise DataError(f"{path}: {name} is cut short: its header promises {size:,} bytes, {there:,} are there")
    return size


def _way_out() -> str:
    return f"write it with numpy.savez(path, {', '.join(f'{name}=…' for name in ARRAYS)})"
