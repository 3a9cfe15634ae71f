"""Divide the processors of a machine among the workers of all studies there: Ray counts them, but pins nothing."""

import fcntl
import os
import random
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import final

from ablate.errors import AblateError


def private_folder(name: str) -> Path:
    """A folder for this user alone, below the system's temporary one; it is created if need be.

    Raises `AblateError` if another user has made a folder of that name.
    """
    folder = Path(tempfile.gettempdir()) / name
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise AblateError(f"{folder}: belongs to another user\n  set the environment variable TMPDIR to another folder")
    folder.chmod(0o700)
    return folder


@final
class ProcessorClaim:
    """Processors that this process holds for its worker, by locks that end with it; none where nothing can be pinned.

    Where others hold so many that too few are left, the rest is shared with them: numbers depend on how many a worker
    sees, not on who else uses them.
    """

    def __init__(self, n: int, *, folder: Path | None = None) -> None:
        self._locks: dict[int, int] = {}  # file descriptor by processor
        self._folder = folder
        own = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if not own or n > len(own):
            self.cpus = frozenset[int]()
            return
        self._folder = folder or private_folder(f"ablate-processors-{os.getuid()}")
        random.shuffle(own)  # several containers of a machine may see the same ones
        for cpu in own:
            if len(self._locks) < n and (lock := _locked(self._folder / f"{cpu}.lock")) is not None:
                os.ftruncate(lock, 0)  # the process of a worker before
                self._locks[cpu] = lock
        shared = [cpu for cpu in own if cpu not in self._locks][: n - len(self._locks)]
        self.cpus = frozenset([*self._locks, *shared])

    def of_worker(self, pid: int) -> None:
        """Note for others which process uses these processors."""
        for lock in self._locks.values():
            with suppress(OSError):
                os.ftruncate(lock, 0)
                os.pwrite(lock, str(pid).encode(), 0)

    def others(self) -> list[int]:
        """The process ids of the workers of others."""
        found = set[int]()
        for path in self._folder.glob("*.lock") if self._folder else ():
            if path.stem.isdigit() and int(path.stem) not in self._locks and not _is_free(path):
                with suppress(OSError, ValueError):
                    found.add(int(path.read_text()))
        return sorted(found)

    def release(self) -> None:
        """Let others have them."""
        for lock in self._locks.values():
            os.close(lock)
        self._locks.clear()


def _locked(path: Path) -> int | None:
    """The descriptor of a file that this process holds now; None if another does."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _is_free(path: Path) -> bool:
    with suppress(OSError):
        if (lock := _locked(path)) is not None:
            os.close(lock)
            return True
    return False
