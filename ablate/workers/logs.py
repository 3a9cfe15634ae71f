"""What a worker prints into a file: its last words too, and never so much that a disk is full of it."""

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
KEPT_BYTES = 2**20  # of its end, where it grew longer
ASKED_SECONDS = 0.1  # for a process to print where it is


def print_to(path: Path) -> None:
    """Let all that this process prints go to the end of a file, foreign code's words too; never an error of a print.

    Where the file cannot be opened it goes nowhere: a study is worth more than its logs. A process that a signal ends,
    or that is asked to, prints what all its threads were doing.
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
    """A text stream that loses what its file does not take; any text can be printed to it, and goes line by line."""
    buffered = io.BufferedWriter(_Patient(descriptor))
    return io.TextIOWrapper(buffered, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def ask_where(pid: int) -> None:
    """Let a process that has called `print_to` print what it is doing, even if that is foreign code that hangs."""
    if hasattr(signal, "SIGUSR1"):
        with suppress(OSError):
            os.kill(pid, signal.SIGUSR1)
            time.sleep(ASKED_SECONDS)


def log_tail(path: Path, *, most: int = 100, longest: int = 300) -> str:
    """The last `most` lines of a log, `longest` characters of each, as they can be shown; "" where it cannot be read.

    Python lists all libraries after a crash, in one line that would hide where it was.
    """
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 64 * 2**10))
            text = log.read(64 * 2**10).decode(errors="replace")
    except OSError:
        return ""
    return printable_lines("\n".join(line[:longest] for line in text.splitlines()[-most:]))


def cut(path: Path, *, most: int = MOST_BYTES, kept: int = KEPT_BYTES) -> bool:
    """Whether a log had more than `most` bytes: then its last `kept` are what is left, under a line that says so.

    For a file that others append to meanwhile. What they print between the reading and the cutting is lost.
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
    except OSError:  # the disk's fault; whoever writes results there finds it out
        return False
    return True


@final
class _Patient(io.RawIOBase):
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """For those who write to it without Python."""
        return self._descriptor

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return os.write(self._descriptor, data)
        except OSError:
            return memoryview(data).nbytes
