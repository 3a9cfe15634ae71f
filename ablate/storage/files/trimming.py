"""Find the files of a cache and choose those to remove: used longest ago, beyond a size or an age.

A file's time of writing is its last use: who reads a cached file sets it again (`load_kept`), since most systems
record no readings.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 2 * 2**30  # of a cache, where nobody says another size


@dataclass(frozen=True, slots=True)
class CacheFile:
    """A file, or a folder that is used and removed as a whole."""

    path: Path
    n_bytes: int
    used: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class CacheLimit:
    """What may stay: at most `most_bytes` together, nothing last used before the time `since`; None: no limit."""

    most_bytes: int | None = MOST_BYTES
    since: float | None = None  # seconds since the epoch


def files_in(folder: Path, is_own: Callable[[str], object], *, depth: int = 0) -> Iterator[CacheFile]:
    """The plain files of which `is_own` knows the name, in a folder, and in folders `depth` below it.

    Links are neither followed nor listed; what cannot be read is left out.
    """
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth:
                yield from files_in(Path(entry.path), is_own, depth=depth - 1)
        elif is_own(entry.name):
            with suppress(OSError):  # another process removed it
                seen = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(seen.st_mode):
                    yield CacheFile(Path(entry.path), seen.st_size, seen.st_mtime)


def surplus(files: Iterable[CacheFile], limit: CacheLimit) -> list[CacheFile]:
    """The files beyond the limit, those used longest ago first."""
    newest, total, beyond = sorted(files, key=lambda file: (-file.used, file.path)), 0, list[CacheFile]()
    for file in newest:
        total += file.n_bytes
        is_too_much = limit.most_bytes is not None and total > limit.most_bytes
        is_too_old = limit.since is not None and file.used < limit.since
        if is_too_much or is_too_old:
            beyond.append(file)
    return beyond[::-1]


def remove_files(files: Iterable[CacheFile]) -> list[CacheFile]:
    """Remove files, each only if it is still the plain file that was found; those that are gone now."""
    removed = []
    for file in files:
        with suppress(OSError):  # another process removed or used it, or it belongs to another user
            seen = file.path.lstat()
            if stat.S_ISREG(seen.st_mode) and seen.st_mtime == file.used:
                file.path.unlink()
                removed.append(file)
    return removed


def total_bytes(files: Sequence[CacheFile]) -> int:
    """The bytes of all files together."""
    return sum(file.n_bytes for file in files)
