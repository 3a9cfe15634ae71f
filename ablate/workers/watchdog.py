"""The end of a process that started this one into the end of this one, whatever it is doing."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.process import BaseProcess

SAFE_PATH = "PYTHONSAFEPATH"  # Python's own: with any value it does not look for modules in the working folder
OURS = "ablate"  # the value while a worker starts
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def end_with_parent() -> None:
    """Make this process end when its parent does; call it first of all. Does nothing in a process without a parent.

    A thread waits for the parent's end, on every system. It cannot run while foreign code holds the interpreter, so
    Linux is asked as well to kill this process. That it does when the *thread* ends that started it, which must
    therefore be one that outlives its workers.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    threading.Thread(target=_end_after, args=(parent,), name="lifeline", daemon=True).start()
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # a C library without it
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent.pid:  # it ended before it was asked for
            os._exit(1)


def leave_safe_path() -> None:
    """Let what a user's model starts look for modules as ever, where that was only kept from this process."""
    if os.environ.get(SAFE_PATH) == OURS:
        del os.environ[SAFE_PATH]


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
