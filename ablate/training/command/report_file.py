"""Read the lines that a program writes into its report file, each a JSON object of numbers by name."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import final

from ablate.errors import StudyError
from ablate.text import printable

REPORT = "report.jsonl"  # in the trial's folder
VARIABLE = "ABLATE_REPORT"
MOST_BYTES = 64 * 2**20  # of the file
_TAIL = 256  # bytes before the place up to which the file was read: they differ where it was written anew


@final
class ReportFile:
    """The report file of a trial, read as it grows. Raises `StudyError` for a line that is no JSON object."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0  # up to which it was read
        self._tail = b""
        self._changed = -1  # time of its last change
        self._line = 0  # number of the last line

    def new_lines(self, *, is_last: bool = False) -> Iterator[dict[str, object]]:
        """The lines written since the last call; with `is_last`, one without an end, too."""
        text = self._new_text()
        if not is_last:
            text = text[: text.rfind(b"\n") + 1]
        self._place += len(text)
        self._tail = (self._tail + text)[-_TAIL:]
        for line in text.splitlines():
            self._line += 1
            if line.strip():
                yield self._object(line)

    def _new_text(self) -> bytes:
        try:
            state = self._path.stat()
            if state.st_mtime_ns == self._changed and state.st_size <= self._place:
                return b""
            self._changed = state.st_mtime_ns
            if state.st_size > MOST_BYTES:
                raise StudyError(f"${VARIABLE}: the program wrote more than {MOST_BYTES:,} bytes\n  report fewer steps")
            with self._path.open("rb") as file:
                if not self._goes_on(file.fileno()):
                    self._place, self._tail, self._line = 0, b"", 0
                file.seek(self._place)
                return file.read(MOST_BYTES)
        except FileNotFoundError:
            return b""
        except OSError as err:
            raise StudyError(f"${VARIABLE}: {self._path} cannot be read: {err.strerror}") from err

    def _goes_on(self, descriptor: int) -> bool:
        """Whether what was read is still there; a program may write the file anew for each line."""
        return os.pread(descriptor, len(self._tail), self._place - len(self._tail)) == self._tail

    def _object(self, line: bytes) -> dict[str, object]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            text = printable(line.decode(errors="replace").strip(), 80)
            raise StudyError(
                f"${VARIABLE}: line {self._line} is no JSON object: {text}\n"
                '  write lines such as {"epoch": 1, "mae": 0.2}; leave numbers that are unknown out'
            )
        return value
