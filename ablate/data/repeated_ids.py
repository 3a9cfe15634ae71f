"""Find columns of a table whose repeated values may name patients, sites or other groups of rows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ablate.data.array import Array
from ablate.text import number_of, printable

_GROUP_WORDS = frozenset((
    "group", "groups", "subject", "patient", "person", "participant", "individual", "user", "customer", "speaker",
    "writer", "author", "session", "recording", "video", "clip", "series", "scene", "site", "hospital", "scanner",
    "device", "animal", "mouse", "plate", "experiment", "household", "school", "firm", "company",
))  # fmt: skip
_ID_WORDS = frozenset(("id", "ids", "nr", "no", "number", "num", "code", "key", "name", "index", "idx"))
_COUNT_WORDS = frozenset(("number", "num", "n", "nr", "no", "count", "total"))
_TIME_WORDS = frozenset(("date", "time", "timestamp", "day", "week", "month", "quarter", "year", "hour", "minute"))
_FEWEST_NAMED = 5  # different values of a column named as groups are: fewer are treatments or kinds
_FEWEST = 20  # different values of an id that only its content gives away: fewer are usually categories
_REPEATS = 2.0  # rows for each value, at least
_EXPECTED = 20.0  # differences that chance would give if a column had nothing to do with the id
_ERRORS = 0.01  # share of those differences that may be there: typing errors
_MOST_ROWS = 20_000  # looked at, from the first: ids often stand together
_SHOWN = 2


@dataclass(frozen=True, slots=True)
class RepeatedId:
    """A column whose equal values may mean rows that belong together."""

    name: str
    n_values: int
    n_rows: int
    constant: tuple[str, ...] = ()  # other columns that have one value for each of its values; (): known by its name

    def sentence(self) -> str:
        """What it may be, and the key that keeps its rows together."""
        name = printable(self.name, 40)
        many = f"{name} has {self.n_values:,} different values in {number_of(self.n_rows, 'row')}"
        torn = "if rows of one value belong together, a random split tears them apart and its scores are too high"
        return f'{many}{self._why()}: {torn}; write groups = "{name}" in [data]'

    def _why(self) -> str:
        if not self.constant:
            return ""
        shown = [printable(name, 40) for name in self.constant[:_SHOWN]]
        names = ", ".join(shown) + (", …" if len(self.constant) > _SHOWN else "")
        return f", and rows with one value of it also agree in {names}"


def repeated_ids(columns: Mapping[str, Array]) -> tuple[RepeatedId, ...]:
    """The column named as groups are, or else the one that determines most of the others; none in most tables.

    `columns` are (n,) whole numbers, real numbers or text, the target left out. A column is known by its name if that
    ends in a word for people, places or things that have several rows, or in that word's number or code ("patient",
    "site_id"; not "patient_age" and "number_of_sessions"), and its values repeat. By its content: whole
    numbers or text of at least 20 values, with two rows each or more, on which other columns depend as a patient's
    sex depends on the patient: they have one value for each of its values, and fewer values in all. A coding of the
    same categories has as many values, and counts and ages determine nothing. Columns named as times are left out.
    """
    rows = {name: column[:_MOST_ROWS] for name, column in columns.items()}
    codes = {name: _codes(column) for name, column in rows.items()}
    may_be = [name for name, column in rows.items() if _may_name(name, column, codes[name])]
    named = [name for name in may_be if is_named_as_group(name) and codes[name].max() + 1 >= _FEWEST_NAMED]
    if named:
        return tuple(RepeatedId(name, *_size(codes[name])) for name in named)
    found = [
        RepeatedId(name, *_size(codes[name]), constant=_constant_in(name, codes))
        for name in may_be
        if codes[name].max() + 1 >= _FEWEST
    ]
    told = [one for one in found if one.constant]
    return (max(told, key=lambda one: (len(one.constant), one.n_values)),) if told else ()


def is_named_as_group(name: str) -> bool:
    """Whether a name is that of groups of rows or of their numbers: "patient", "siteId", "user-nr"."""
    words = _words(name)
    head = words[:-1] if len(words) > 1 and words[-1] in _ID_WORDS else words
    return bool(head) and head[-1] in _GROUP_WORDS and (len(head) == 1 or head[0] not in _COUNT_WORDS)


def _words(name: str) -> list[str]:
    """ "patientID_train" -> ["patient", "id", "train"]."""
    return [part.lower() for part in re.findall(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+", name)]


def _codes(column: Array) -> Array:
    """The number of each row's value, from 0; missing values are one."""
    return np.unique(column.astype(str) if column.dtype.kind == "O" else column, return_inverse=True)[1].reshape(-1)


def _size(codes: Array) -> tuple[int, int]:
    return int(codes.max()) + 1, len(codes)


def _may_name(name: str, column: Array, codes: Array) -> bool:
    """Whether a column is whole numbers or text with repeats, and no time."""
    if not len(codes) or _TIME_WORDS & set(_words(name)):
        return False
    is_whole = column.dtype.kind in "iuSUO" or (column.dtype.kind == "f" and _is_whole(column))
    n_values, n_rows = _size(codes)
    return is_whole and 1 < n_values <= n_rows / _REPEATS


def _is_whole(column: Array) -> bool:
    known = column[~np.isnan(column)]
    return bool((known == np.floor(known)).all())


def _constant_in(name: str, codes: Mapping[str, Array]) -> tuple[str, ...]:
    """The other columns with one value for each value of this one, far beyond chance."""
    own = codes[name]
    order = np.argsort(own, kind="stable")
    is_pair = own[order][1:] == own[order][:-1]
    return tuple(
        other
        for other, values in codes.items()
        if other != name and values.max() < own.max() and _depends(values, order, is_pair)
    )


def _depends(values: Array, order: Array, is_pair: Array) -> bool:
    shares = np.bincount(values) / len(values)
    expected = np.count_nonzero(is_pair) * (1 - float(np.square(shares).sum()))
    differ = np.count_nonzero((values[order][1:] != values[order][:-1]) & is_pair)
    return bool(expected >= _EXPECTED and differ <= _ERRORS * expected)
