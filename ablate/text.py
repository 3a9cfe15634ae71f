"""Any text into text that a terminal can show as it is: names come out of files, and could steer it."""

import unicodedata


def printable(text: str, length: int = 100) -> str:
    """`text` on one line of at most `length` characters, with what a terminal cannot show escaped."""
    safe = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[: length + 1])
    return safe if len(safe) <= length else f"{safe[: length - 3]}..."


def printable_lines(text: str) -> str:
    """`text` with its line ends and every kind of space, and all else that a terminal cannot show escaped."""
    if text.isprintable():
        return text
    return "".join(char if _is_shown(char) else ascii(char)[1:-1] for char in text)


def _is_shown(char: str) -> bool:
    return char == "\n" or char.isprintable() or unicodedata.category(char) == "Zs"


def number_of(n: int, noun: str) -> str:
    """ "1 seed", "8 seeds", "1,024 runs". For nouns whose plural takes an s."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
