"""Append lines to a file so that each is there as a whole or not at all, and read them back."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, final


@final
class LineFile:
    """A file of lines with one writer. A line cut short by a crash or a full disk is removed before the next write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0  # bytes from the start that are complete lines

    def read(self, take: Callable[[bytes], bool]) -> int:
        """Pass each line to `take`; the number of lines that it refused. None if the file does not exist yet."""
        refused = self._end = 0
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            for line in file:
                taken = take(line)
                refused += not taken
                if taken or line.endswith(b"\n"):
                    self._end += len(line)
        return refused

    def append(self, lines: Sequence[str], *, sync: bool) -> None:
        """Write lines; they are on disk (`sync`), or with the operating system, when this returns.

        Raises OSError if they are not. An incomplete line is then removed, at once or before the next write.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._path.open("a+b") as file:
                self._mend(file)
                file.write("".join(f"{line}\n" for line in lines).encode())
                file.flush()
                if sync:
                    os.fsync(file.fileno())
                self._end = file.tell()
        except OSError:
            with suppress(OSError):
                os.truncate(self._path, self._end)
            raise

    def _mend(self, file: BinaryIO) -> None:
        """Remove an incomplete line at the end, and end a complete line that only lacks its line break."""
        self._end = min(self._end, file.seek(0, os.SEEK_END))
        file.seek(self._end)
        if tail := file.read():
            self._end += tail.rfind(b"\n") + 1
            file.truncate(self._end)
        if file.seek(0, os.SEEK_END) and not _ends_a_line(file):
            file.write(b"\n")


def _ends_a_line(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
