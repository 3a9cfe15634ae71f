"""Keep a program's output: the first and the last half megabyte in a file, the last lines for a message."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import final

OUTPUT = "output.txt"  # in the trial's folder
HEAD = TAIL = 2**19  # bytes kept from the start and the end
FLUSH_SECONDS = 2.0  # between two writes of the end of a long output


@final
class LastBytes:
    """The last `most` bytes of a stream, and the number of all its bytes."""

    def __init__(self, most: int) -> None:
        self._most, self._kept = most, bytearray()
        self.total = 0

    def add(self, chunk: bytes) -> None:
        """Append a chunk."""
        self.total += len(chunk)
        self._kept += chunk[-self._most :]
        if len(self._kept) > 2 * self._most:
            del self._kept[: -self._most]

    def bytes(self) -> bytes:
        """What is kept."""
        return bytes(self._kept[-self._most :])

    def lines(self, most: int) -> list[str]:
        """The last lines, without empty ones at the end."""
        return self.bytes().decode(errors="replace").rstrip().splitlines()[-most:]


@final
class OutputFile:
    """The file of a program's output. The start is written at once, the end from time to time.

    A disk error loses output, and nothing else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head = 0
        self._last = LastBytes(TAIL)
        self._flushed, self._is_due = time.monotonic(), False
        with suppress(OSError):
            path.unlink(missing_ok=True)
        self._file: int | None = None
        with suppress(OSError):
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)

    def add(self, chunk: bytes) -> None:
        """Append what the program printed."""
        head, rest = chunk[: HEAD - self._head], chunk[HEAD - self._head :]
        self._write(head, self._head)
        self._head += len(head)
        self._last.add(rest)
        self._is_due |= bool(rest)
        if self._is_due and time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._flush()

    def close(self) -> None:
        """Write the end, and close the file."""
        if self._is_due:
            self._flush()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _flush(self) -> None:
        tail = self._last.bytes()
        left_out = self._last.total - len(tail)
        said = f"\n[{left_out:,} bytes of output were left out here]\n".encode() if left_out else b""
        self._write(said + tail, HEAD)
        self._flushed, self._is_due = time.monotonic(), False

    def _write(self, text: bytes, place: int) -> None:
        with suppress(OSError):
            if self._file is not None:
                os.pwrite(self._file, text, place)
