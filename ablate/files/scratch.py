"""A folder for what one run of a study needs and nobody keeps, gone with it; those of runs that died are swept."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

PREFIX = "ablate-run-"
_LOCK = ".lock"
_YOUNG = 60.0  # seconds in which a folder may be made and not locked yet


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder where the system keeps such. What `kill -9` has left there of other runs, arrays of GBs, is removed.

    Raises `OSError` where there is no room for it.
    """
    root = Path(tempfile.gettempdir())
    if hasattr(os, "getuid"):
        for folder in root.glob(f"{PREFIX}*"):
            with suppress(OSError):  # it is another user's, or another process sweeps it
                _remove_abandoned(folder, user=os.getuid())
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=root, ignore_cleanup_errors=True) as name:
        lock = FileLock(Path(name) / _LOCK)
        lock.acquire(blocking=False)
        try:
            yield Path(name)
        finally:
            lock.release()


def _remove_abandoned(folder: Path, *, user: int) -> None:
    """Remove a folder of this user's whose process has let go of its lock, as the system sees to."""
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and (folder / _LOCK).is_file()  # not a folder that somebody named like one
    if found.st_uid == user and is_ours and time.time() - found.st_mtime > _YOUNG:
        with FileLock(folder / _LOCK).acquire(blocking=False):
            shutil.rmtree(folder)
