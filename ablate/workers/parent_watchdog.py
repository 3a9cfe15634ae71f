"""Kill this worker when its parent process dies."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.process import BaseProcess

SAFE_PATH = "PYTHONSAFEPATH"  # Python's own: with any value, modules are not searched in the working folder
OURS = "ablate"  # the value while a worker starts
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def end_with_parent() -> None:
    """Make this process end when its parent does; must be called first. Does nothing in a process without a parent.

    A thread waits for the parent's end, on every system. It cannot run while native code holds the interpreter, so on
    Linux the kernel is asked to kill this process, too. The kernel does so when the parent's *thread* ends, so workers
    must be started from a thread that outlives them.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    threading.Thread(target=_end_after, args=(parent,), name="lifeline", daemon=True).start()
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # a C library without prctl
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent.pid:  # the parent died before the kernel was asked
            os._exit(1)


def leave_safe_path() -> None:
    """Restore the module search path, so that processes started by a user's model search for modules as usual."""
    if os.environ.get(SAFE_PATH) == OURS:
        del os.environ[SAFE_PATH]


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
