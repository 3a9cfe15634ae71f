"""Files that are whole or not there: written aside, then put in place; what a disk refuses into an error."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ablate.errors import StorageError


def write_aside(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write `content` to a file beside `path`, then rename it over `path`; makes the folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)  # until here only this user can read it
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_once(path: Path, content: str) -> str:
    """Write `content` unless the file is there already; what it holds afterwards, whoever wrote it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(content)
    try:
        os.link(aside, path)  # fails where another process was first
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path.read_text()


@contextmanager
def saving(path: Path, what: str) -> Iterator[None]:
    """Turn what a disk refuses inside the block into a `StorageError`: where, why, what is not saved, the way out."""
    try:
        yield
    except OSError as err:
        raise StorageError(
            f"{path}: cannot be written: {err.strerror or err}; {what} is not saved\n"
            "  free space or make it writable: the same command goes on from what is saved"
        ) from err
