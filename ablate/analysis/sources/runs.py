"""The common form of runs from every source: a table of text, with what its tool says about the columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from ablate.errors import DataError, known_names
from ablate.text import printable

NOTHING = ("", "na", "n/a", "null")
NO_SCORE = (*NOTHING, "none", "-", "--", "–", "—", "?", "#n/a", "missing")  # of a score; a level may be "none"
NOT_A_NUMBER = ("nan", "+nan", "-nan")


@dataclass(frozen=True, slots=True)
class Runs:
    """A row per run, every cell text as in a CSV file, "" if nothing is recorded; column names are unique."""

    table: pd.DataFrame
    place: str  # for messages and the report, e.g. "sweep.csv"
    name: str  # suggested name of its report
    factors: tuple[str, ...] = ()  # the columns known to be factors; () if unknown
    results: tuple[str, ...] = ()  # the columns known to be results, which are neither settings nor circumstances
    score: str = ""  # the column of the score, "" if unknown
    direction: str = ""  # of the score, "maximize" or "minimize", "" if unknown
    directions: Mapping[str, str] = field(default_factory=dict)  # of other columns that may be the score
    state: str = ""  # the column that says how runs ended
    run_id: str = ""  # the column of the tool's run ids
    fingerprint: str = ""  # SHA-256 of the file
    ends: str = ""  # the column of the step at which each run ended, if the runs of a history ended at several
    notes: tuple[str, ...] = ()  # notices for the reader, as sentences

    def __post_init__(self) -> None:
        if self.table.empty:
            raise DataError(f"{self.place}: has no runs\n  a table needs a header and one row per run")
        twice = self.table.columns[self.table.columns.duplicated()]
        if len(twice):
            raise DataError(f'{self.place}: two columns are called "{printable(twice[0])}"\n  rename one of them')

    def column(self, name: str) -> "pd.Series[str]":
        """The column of that name. Raises `DataError` listing the existing columns."""
        if name not in self.table:
            raise DataError(f'{self.place}: no column "{printable(name)}"\n  {known_names(name, map(str, self.table))}')
        return self.table[name]


def to_numbers(column: "pd.Series[str]") -> "pd.Series[float] | None":
    """The column as numbers, NaN for missing cells; None if a cell is no number, or there are no numbers."""
    numbers = _parsed(column)
    if numbers is None:  # e.g. "nan", which the parser does not know
        words = column.str.strip().str.lower()
        numbers = _parsed(column.mask(words.isin((*NOTHING, *NOT_A_NUMBER)), ""))
    return numbers if numbers is not None and numbers.notna().any() else None


def to_scores(column: "pd.Series[str]") -> "pd.Series[float] | None":
    """Like `to_numbers`, for a score: "none" and a dash are missing, too."""
    numbers = to_numbers(column)
    return to_numbers(column.mask(has_no_score(column), "")) if numbers is None else numbers


def has_no_score(column: "pd.Series[str]") -> "pd.Series[bool]":
    """Which cells hold no score."""
    return column.str.strip().str.lower().isin(NO_SCORE)


def _parsed(column: "pd.Series[str]") -> "pd.Series[float] | None":
    try:
        numbers = pd.to_numeric(column)  # "" becomes NaN
        return numbers.astype(float) if numbers.dtype == object else numbers  # whole numbers beyond 2^64 are objects
    except (ValueError, TypeError, OverflowError):  # OverflowError: a whole number with hundreds of digits
        return None
