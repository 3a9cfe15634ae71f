"""Hold the folder of a trial until no process of its program is left."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ablate.training.trial_folder import empty_folder, folder_of

LEAVE_SECONDS = 15.0  # for the processes of an earlier attempt to end


@contextmanager
def held_folder(folders: Path, trial: str) -> Iterator[tuple[Path, int]]:
    """The folder of a trial, made anew, and the descriptor by which the supervisor of its program holds it.

    A supervisor that still holds it is ending an earlier attempt, whose worker was killed. Its processes could write
    here until they are gone, so this waits for them.
    """
    if (folder := folder_of(folders, trial)).is_dir():
        os.close(_locked(folder))
    folder = empty_folder(folders, trial)
    descriptor = _locked(folder)
    try:
        yield folder, descriptor
    finally:
        os.close(descriptor)


def _locked(folder: Path) -> int:
    """A descriptor of a folder, with a lock that lasts as long as a process has the descriptor."""
    import fcntl  # not on Windows, where no program is run

    descriptor = os.open(folder, os.O_RDONLY)
    deadline = time.monotonic() + LEAVE_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.02)
        except OSError:  # a file system without locks
            break
    return descriptor
