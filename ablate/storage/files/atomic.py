"""Write files atomically: aside first, then renamed into place; disk errors become readable errors of this package."""

import errno
import os
import platform
import secrets
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ablate.errors import AblateError, StorageError

ASIDE = ".aside-"  # name of a file while it is written, followed by its writer's machine and process number
_IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR)


def write_aside(path: Path, content: str | bytes) -> None:
    """Write `content` to a file beside `path`, then rename it over `path`; makes the folder if need be.

    File and name are on disk when this returns, as far as the system promises it. Invalid characters, such as the
    undecodable bytes of an argument, is written as question marks.
    """
    aside = _written(path.parent, content)
    try:
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_once(path: Path, content: str) -> str:
    """Write `content` unless the file exists; the content of the file afterwards, whoever wrote it."""
    with suppress(FileExistsError):
        write_new(path, content)
    return path.read_text(encoding="utf-8", errors="replace")


def write_new(path: Path, content: str) -> None:
    """Write `content` to a new file. Raises `FileExistsError` if a file or a link is there."""
    aside = _written(path.parent, content)
    try:
        name_new(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    _sync_folder(path.parent)


@contextmanager
def made_aside(path: Path) -> Iterator[Path]:
    """A file beside `path`, with its ending, for the block to write; renamed over `path` if the block succeeds.

    File and name are on disk afterwards, as far as the system promises it. Makes the folder if need be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = name_aside(path.parent, f"{secrets.token_hex(6)}{path.suffix}")
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def name_new(aside: Path, path: Path) -> None:
    """Link the content of `aside` to `path` too. Raises `FileExistsError` if something is there, which is kept."""
    try:
        os.link(aside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        _copy_new(aside, path)


def name_aside(folder: Path, name: str) -> Path:
    """A file in `folder` that `sweep` removes once this process is gone."""
    return folder / f"{ASIDE}{_machine()}-{os.getpid()}-{name}"


def sweep(folder: Path) -> None:
    """Remove unfinished files in a folder and below it that dead processes of this machine left."""
    remove_abandoned(folder.rglob(f"{ASIDE}*"))


def remove_abandoned(files: Iterable[Path]) -> None:
    """Remove the given unfinished files if dead processes of this machine left them."""
    of_this_machine = f"{ASIDE}{_machine()}-"
    for litter in files:
        if not litter.name.startswith(of_this_machine):
            continue
        writer = litter.name.removeprefix(of_this_machine).partition("-")[0]
        if writer.isdecimal() and not _lives(int(writer)):
            with suppress(OSError):  # it belongs to another user
                litter.unlink()


@contextmanager
def opening(folder: Path) -> Iterator[None]:
    """Turn disk errors inside the block into an `AblateError`: no study can be kept in this folder."""
    try:
        yield
    except OSError as err:
        reason = "a file is in the place of a folder" if err.errno in _IN_THE_WAY else err.strerror or err
        raise AblateError(f"{folder}: cannot be written: {reason}\n  choose another folder with --out") from err


@contextmanager
def saving(path: Path, what: str) -> Iterator[None]:
    """Turn disk errors inside the block into a `StorageError`: where, why, what is not saved, the way out."""
    try:
        yield
    except OSError as err:
        raise StorageError(
            f"{path}: cannot be written: {err.strerror or err}; {what} is not saved\n"
            "  free some space or make the folder writable, then run the same command to resume"
        ) from err


def _written(folder: Path, content: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    aside = name_aside(folder, secrets.token_hex(6))
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode(errors="replace") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return aside


def _copy_new(aside: Path, path: Path) -> None:
    with aside.open("rb") as source, path.open("xb") as target:
        try:
            shutil.copyfileobj(source, target)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _sync_folder(folder: Path) -> None:
    """Put the new name on disk, too, if the system can sync a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _machine() -> str:
    """Eight hexadecimal digits that identify the machine; a host name may hold any character."""
    return f"{zlib.crc32(platform.node().encode(errors='replace')):08x}"


def _lives(process: int) -> bool:
    """Whether a process of this machine has that number; true if there is no harmless way to find out."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it belongs to another user
        return True
    return True
