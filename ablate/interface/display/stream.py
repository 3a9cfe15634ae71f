"""Make an output stream safe: encoding errors or a closed terminal must not end a study."""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any, TextIO, cast

from rich.console import Console

from ablate.text import printable_lines

# Characters with a substitute on ASCII terminals: a minus sign must not become a "?".
_IN_ASCII = str.maketrans(
    {
        "−": "-", "–": "-", "±": "+/-", "×": "x", "·": "-", "…": "...", "→": "->", "≥": ">=", "≤": "<=", "δ": "delta",
        "“": "\"", "”": "\"", "’": "'", "≈": "~", "≠": "!=", "²": "^2",
        "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{NON-BREAKING HYPHEN}": "-",
        "█": "#", "░": ".", "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "-", "▆": "=", "▇": "=",
    }
)  # fmt: skip


def lasting(stream: IO[str] | None) -> TextIO:
    """Wrap the stream: characters that it cannot encode become ASCII, and after its first error it discards all output.

    A terminal may be closed, a pipe's reader may exit, the disk of a log may be full. None stands for a standard stream
    that was closed before the program began.
    """
    return cast("TextIO", _Lasting(stream))


class _Lasting:
    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(_encodable(text, self._stream))
            except (OSError, ValueError):  # ValueError: the stream is closed
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

    def __getattr__(self, name: str) -> Any:  # Any: other attributes of the stream
        return getattr(self._stream, name)

    def _fall_mute(self, stream: IO[str]) -> None:
        """Stop writing, and discard the stream's buffer: flushing it at exit would raise an error."""
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
    """Print each line literally: markup, control characters and emoji codes in it have no effect."""
    for line in lines:
        console.print(printable_lines(line), markup=False, emoji=False, soft_wrap=soft_wrap)
