"""A stream that may go away or know few letters into one that takes anything: what is shown must not end a study."""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any, TextIO, cast

from rich.console import Console

from ablate.text import printable_lines

# Signs that must not become a "?" where only ASCII is known: a minus would be lost.
_IN_ASCII = str.maketrans(
    {
        "−": "-", "–": "-", "±": "+/-", "×": "x", "·": "-", "…": "...", "→": "->", "≥": ">=", "≤": "<=", "δ": "delta",
        "“": "\"", "”": "\"", "’": "'", "≈": "~", "≠": "!=", "²": "^2",
        "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{NON-BREAKING HYPHEN}": "-",
        "█": "#", "░": ".", "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "-", "▆": "=", "▇": "=",
    }
)  # fmt: skip


def lasting(stream: IO[str] | None) -> TextIO:
    """The stream, made to last: what it cannot encode is said in ASCII, and from its first error on it is mute.

    A terminal may be closed, a pipe's reader may end, the disk of a log may be full. None is a standard stream that
    was closed before the program began.
    """
    return cast("TextIO", _Lasting(stream))


class _Lasting:
    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(_encodable(text, self._stream))
            except (OSError, ValueError):  # ValueError: it is closed
                self._fall_mute(self._stream)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._fall_mute(self._stream)

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:  # Any: whatever else the stream can do
        return getattr(self._stream, name)

    def _fall_mute(self, stream: IO[str]) -> None:
        """Write no more, and send nowhere what the stream still holds: else the program's end trips over it."""
        self._stream = None
        with suppress(OSError, ValueError):
            number, nowhere = stream.fileno(), os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)


def _encodable(text: str, stream: IO[str]) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_IN_ASCII).encode(encoding, "replace").decode(encoding)
    return text


def say(console: Console, lines: Iterable[str], *, soft_wrap: bool = False) -> None:
    """Print each line as it is: neither markup nor control characters nor codes of emoji in it count."""
    for line in lines:
        console.print(printable_lines(line), markup=False, emoji=False, soft_wrap=soft_wrap)
