"""Format text for people: escape what a terminal cannot show safely, and write numbers of things and lists."""

import unicodedata
from collections.abc import Iterable, Sequence


def printable(text: str, length: int = 100) -> str:
    """`text` on one line of at most `length` characters, with unprintable characters escaped."""
    safe = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[: length + 1])
    return safe if len(safe) <= length else f"{safe[: length - 3]}..."


def printable_lines(text: str) -> str:
    """`text` with its line ends and all kinds of space kept, and all other unprintable characters escaped."""
    if text.isprintable():
        return text
    return "".join(char if _is_shown(char) else ascii(char)[1:-1] for char in text)


def _is_shown(char: str) -> bool:
    return char == "\n" or char.isprintable() or unicodedata.category(char) == "Zs"


def number_of(n: int, noun: str) -> str:
    """ "1 seed", "8 seeds", "1,024 runs". For nouns whose plural takes an s."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def listed(items: Iterable[object], last: str = "and") -> str:
    """ "a, b and c"; "" without items."""
    *most, end = [str(item) for item in items] or [""]
    return f"{', '.join(most)} {last} {end}" if most else end


def first_of(items: Sequence[object], most: int) -> str:
    """ "a, b and 3 more": the first `most` of the items."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more


def clauses(items: Sequence[str], most: int) -> str:
    """ "a; b; and 3 more": the same of clauses that may have commas."""
    more = f"; and {len(items) - most:,} more" if len(items) > most else ""
    return "; ".join(items[:most]) + more


def to_minute(time: str) -> str:
    """An ISO time as "2026-11-30 10:30"; other text as it is."""
    return f"{time[:10]} {time[11:16]}" if time[10:11] == "T" else time
