"""A table into CSV in which no cell is a formula, whatever program opens it."""

import re

import pandas as pd

# What spreadsheets take for the start of a formula, their wide forms too; and what they skip before it.
_FORMULA = re.compile(r"[\s\0]*[=+\-@＝＋－＠]|[\t\r]")


def to_inert_csv(table: pd.DataFrame) -> str:
    """The table as CSV; text that a spreadsheet would run has an apostrophe before it, numbers stay as they are."""
    inert = table.apply(_inert_column) if len(table) else table
    return inert.set_axis([inert_text(str(name)) for name in table.columns], axis=1).to_csv(
        index=False, lineterminator="\n"
    )


def inert_text(text: str) -> str:
    """`text`, with an apostrophe before it where it begins as a formula does and is no number."""
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def _inert_column(column: "pd.Series[str]") -> "pd.Series[str]":
    if pd.api.types.is_numeric_dtype(column):
        return column
    return column.map(lambda cell: inert_text(cell) if isinstance(cell, str) else cell)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
