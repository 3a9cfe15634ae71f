"""Lock a folder for one process, say who holds it, and clean up after holders that died.

If the file system can lock a file, the lock ends with its process, however that ends. Elsewhere a file beside it
names process and machine: the lock of a process that is gone from this machine is taken over, another machine's is not.
"""

import errno
import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from ablate.errors import AblateError
from ablate.storage.files.atomic import write_aside
from ablate.text import printable

LOCK, SOFT_LOCK, OWNER = ".lock", ".lock.soft", ".owner"
PATIENCE = 1.0  # seconds that it may take to break the lock of a dead process
_CANNOT_LOCK = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK)
PREFIX = "ablate-run-"
ABANDONED_LOCK = ".lock"  # in a temporary folder: nobody holds it once its run has ended
_YOUNG = 60.0  # seconds for which a folder may exist without its lock


class FolderLock:
    """A folder that this process holds; it is created if need be.

    `left_by` names the holder before, if that process ended without a release, and is "" otherwise. Raises
    `AblateError` if another process holds the folder, and `OSError` if it cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._owner = folder / OWNER
        self._lock = _lock_that_stays(folder)
        try:
            self.left_by = _owner(folder)
            write_aside(self._owner, f"pid {os.getpid()} on {platform.node()}, since {datetime.now():%Y-%m-%d %H:%M}\n")
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Release the folder."""
        with suppress(OSError):  # the error that ended the study is shown, not one of the release
            self._owner.unlink(missing_ok=True)
        with suppress(OSError):
            self._lock.release()

    def rename(self, folder: Path, target: Path) -> None:
        """Rename the folder and release it. A process that opened its lock before sees the new name and looks again."""
        try:
            folder.rename(target)
            with suppress(OSError):
                (target / OWNER).unlink(missing_ok=True)
        finally:
            self._lock.release()


def is_held(folder: Path) -> bool:
    """Whether a process holds the folder now, as far as this machine can tell; changes nothing in it.

    A folder whose holder died is not held. Where the file system cannot lock a file, one that names its holder is.
    """
    if not os.path.lexists(folder / OWNER):
        return False
    if os.path.lexists(folder / SOFT_LOCK) or not (folder / LOCK).is_file():
        return True
    try:
        with FileLock(folder / LOCK, fallback_to_soft=False).acquire(blocking=False):
            return False
    except (Timeout, NotImplementedError, OSError):
        return True


def _lock_that_stays(folder: Path) -> BaseFileLock:
    """The lock of the folder that has this name now: another process may have renamed it during the wait."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # renamed, and not created again yet
            before = folder.stat()
            lock = _locked(folder)
            try:
                if os.path.samestat(before, folder.stat()):
                    return lock
            except OSError:
                lock.release()
                raise
            lock.release()


def _locked(folder: Path) -> BaseFileLock:
    # Without filelock's own fallback, which covers one of the errors below and differs between its major versions.
    lock = FileLock(folder / LOCK, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except Timeout as err:
        raise _refusal(folder, lock) from err
    except (NotImplementedError, OSError) as err:
        if isinstance(err, OSError) and err.errno not in _CANNOT_LOCK:
            raise
        return _locked_softly(folder)
    return lock


def _locked_softly(folder: Path) -> BaseFileLock:
    lock = SoftFileLock(folder / SOFT_LOCK)
    try:
        lock.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 10)
    except Timeout as err:
        raise _refusal(folder, lock) from err
    return lock


def _refusal(folder: Path, lock: BaseFileLock) -> AblateError:
    time.sleep(0.2)  # the holder may have started just now and not written its name yet
    lines = [
        f"{folder}: another process is running this study ({_owner(folder) or 'unknown'})",
        "  wait for it, or choose another folder with --out",
    ]
    if isinstance(lock, SoftFileLock):
        lines.append(f"  if that process and its machine are gone, remove {lock.lock_file}")
    return AblateError("\n".join(lines))


def _owner(folder: Path) -> str:
    """How the folder's holder described itself, in one line; "" if it did not."""
    try:
        return printable((folder / OWNER).read_text(encoding="utf-8", errors="replace").strip(), 200)
    except OSError:
        return ""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new temporary folder; removes those that `kill -9` has left there of other runs, arrays of GBs."""
    sweep_scratch()
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        lock = FileLock(Path(name) / ABANDONED_LOCK)
        lock.acquire(blocking=False)
        try:
            yield Path(name)
        finally:
            lock.release()


def sweep_scratch() -> None:
    """Remove the temporary folders of this user's runs that ended without removing them."""
    if hasattr(os, "getuid"):
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with suppress(OSError):  # it belongs to another user, or another process removes it
                _remove_abandoned(folder, user=os.getuid())


def _remove_abandoned(folder: Path, *, user: int) -> None:
    """Remove a folder of this user whose lock was released, which the system does when a process ends."""
    found = folder.lstat()
    is_ours = (
        stat.S_ISDIR(found.st_mode) and (folder / ABANDONED_LOCK).is_file()
    )  # not a folder that only has such a name
    if found.st_uid == user and is_ours and time.time() - found.st_mtime > _YOUNG:
        with FileLock(folder / ABANDONED_LOCK).acquire(blocking=False):
            shutil.rmtree(folder)
