"""Values of a typed source as the text of a table's cells; values that differ stay apart."""

import json
import math
from collections.abc import Iterable, Sequence


def texts(values: Sequence[object]) -> list[str]:
    """One text a value, "" for None and NaN; where 1 and "1" stand in one column, the word is put in quotes."""
    words = {value for value in values if isinstance(value, str)}
    others = {_text(value) for value in values if not isinstance(value, str) and not is_missing(value)}
    clashing = words & others
    return ["" if is_missing(value) else label(value, clashing) for value in values]


def label(value: object, clashing: Iterable[str] = ()) -> str:
    """A value's text; in quotes where it is one of the words that read as another value does."""
    return f'"{value}"' if isinstance(value, str) and value in clashing else _text(value)


def clashing_words(values: Iterable[object]) -> set[str]:
    """The words among a factor's values that read as another one of them, or as nothing."""
    found = list(values)
    words = {value for value in found if isinstance(value, str)}
    return words & {_text(value) for value in found if not isinstance(value, str)} | words & {""}


def is_missing(value: object) -> bool:
    """Whether a cell of a typed table says nothing."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _text(value: object) -> str:
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    return repr(value) if isinstance(value, float) else str(value)
