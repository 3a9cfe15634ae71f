"""Write workers' output to log files of limited size, and read their last lines."""

import faulthandler
import io
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, final

from ablate.text import printable_lines

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


MOST_BYTES = 64 * 2**20  # of a log
KEPT_BYTES = 2**20  # kept from the end of a longer log
ASKED_SECONDS = 0.1  # for a process to print its stack traces


def print_to(path: Path) -> None:
    """Redirect all output of this process, native code included, to the end of a file; printing never fails.

    If the file cannot be opened, the output is discarded: a study matters more than its logs. A process that is ended
    by a signal, or asked to, prints the stack traces of all its threads.
    """
    try:
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        log = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    sys.stdout, sys.stderr = patient(1), patient(2)
    faulthandler.enable(2)
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1, file=2)


def patient(descriptor: int) -> io.TextIOWrapper:
    """A line-buffered text stream that accepts any text, and drops what its file does not accept."""
    buffered = io.BufferedWriter(_Patient(descriptor))
    return io.TextIOWrapper(buffered, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def ask_where(pid: int) -> None:
    """Let a process that has called `print_to` print its stack traces, even if it hangs in native code."""
    if hasattr(signal, "SIGUSR1"):
        with suppress(OSError):
            os.kill(pid, signal.SIGUSR1)
            time.sleep(ASKED_SECONDS)


def log_tail(path: Path, *, most: int = 100, longest: int = 300) -> str:
    """The last `most` lines of a log, each cut to `longest` printable characters; "" if the log cannot be read.

    Python lists all libraries after a crash, in one long line that would hide the stack trace.
    """
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 64 * 2**10))
            text = log.read(64 * 2**10).decode(errors="replace")
    except OSError:
        return ""
    return printable_lines("\n".join(line[:longest] for line in text.splitlines()[-most:]))


def cut(path: Path, *, most: int = MOST_BYTES, kept: int = KEPT_BYTES) -> bool:
    """Shorten a log of more than `most` bytes to its last `kept` bytes, under a line that says so.

    Returns whether the log was shortened. Made for files that other processes append to: their output between reading
    and cutting is lost.
    """
    try:
        size = path.stat().st_size
        if size <= most:
            return False
        with path.open("rb") as log:
            log.seek(size - kept)
            last = log.read(kept)
        os.truncate(path, 0)
        with path.open("ab") as log:
            log.write(f"[{size - kept:,} bytes were cut here: a log keeps {most:,} at most]\n".encode() + last)
    except OSError:  # a disk error, which the code that writes results reports
        return False
    return True


@final
class _Patient(io.RawIOBase):
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """The file descriptor, for native code."""
        return self._descriptor

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return os.write(self._descriptor, data)
        except OSError:
            return memoryview(data).nbytes
