"""Find the numbers among the lines that a program prints."""

import re
from collections.abc import Iterator
from typing import final

LONGEST = 4096  # bytes of a line that may be a number; the rest of a longer line is skipped
# A whole line "name: number", as most programs print them; spaces around do not count.
_NUMBER = rb"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|(?i:nan|inf|infinity))"
_LINE = re.compile(rb"(?m)^[ \t]*([A-Za-z_]\w*)[ \t]*:[ \t]*(" + _NUMBER + rb")[ \t]*$")
_ENDS = re.compile(rb"[\r\n]")


def name_in(line: str) -> str:
    """The name in a line that is read as a number; "" for other lines."""
    found = _LINE.fullmatch(line.encode(errors="replace"))
    return found[1].decode() if found else ""


@final
class PrintedNumbers:
    """Reads a program's output chunk by chunk, however its lines are cut; "\\r" ends a line, too."""

    def __init__(self) -> None:
        self._part = b""  # of a line whose end has not come yet
        self._is_skipped = False  # that line is too long

    def read(self, chunk: bytes) -> Iterator[tuple[str, float]]:
        """The names and numbers in the lines that end in this chunk, in their order."""
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        if not end:
            self._keep(self._part + chunk[: LONGEST + 1])
            return
        whole = b"" if self._is_skipped else self._part
        if self._is_skipped:
            first = _ENDS.search(chunk)
            assert first is not None
            chunk, end = chunk[first.end() :], end - first.end()
        self._is_skipped = False
        self._keep(chunk[end : end + LONGEST + 1])
        for found in _LINE.finditer((whole + chunk[:end]).replace(b"\r", b"\n")):
            yield found[1].decode(), float(found[2])

    def rest(self) -> Iterator[tuple[str, float]]:
        """The last line of a program that has ended, where it has no end."""
        yield from self.read(b"\n")

    def _keep(self, part: bytes) -> None:
        self._is_skipped |= len(part) > LONGEST
        self._part = b"" if self._is_skipped else part
