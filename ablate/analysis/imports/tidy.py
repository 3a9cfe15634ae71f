"""What a table says twice in two ways, brought into one: blank rows, spaces around words, rounded numbers."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers
from ablate.text import first_of, number_of, printable

MOST_LEVELS = 1_000  # a column with more numbers holds measurements, and no levels
SHOWN = 3  # of the merged levels of a column in a note


def tidied(runs: Runs) -> Runs:
    """The table without blank rows and spaces around cells, and one way of writing each number; a note says what."""
    table, spaced = _stripped(runs.table)
    blank = (table == "").all(axis=1)
    notes = list(runs.notes)
    if n_blank := int(blank.sum()):
        table = table[~blank].reset_index(drop=True)
        notes.append(f"Skipped: {number_of(n_blank, 'blank row')}.")
    if spaced:
        notes.append(f"Removed spaces around words in {', '.join(map(printable, spaced))}.")
    for name in map(str, table):
        if twins := _twins(table[name]):
            table = table.assign(**{name: table[name].replace(twins)})
            said = first_of([f"read {one} as {other}" for one, other in twins.items()], SHOWN)
            notes.append(f"{printable(name)}: {said}: one level, rounded differently.")
    return replace(runs, table=table, notes=tuple(notes))


def _stripped(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The table without spaces around its cells, and the columns in which that makes two levels one."""
    columns, spaced = {}, []
    for name in table:
        kept = table[name].str.strip()
        columns[name] = kept
        if not kept.equals(table[name]) and kept.nunique() < table[name].nunique():
            spaced.append(str(name))
    return pd.DataFrame(columns, index=table.index), spaced


def _twins(column: "pd.Series[str]") -> dict[str, str]:
    """Cells that are another cell's number as a 32-bit float has it, or but for the last digits of a 64-bit one."""
    cells = pd.Series(column.unique())
    if not 1 < len(cells) <= MOST_LEVELS or (numbers := to_numbers(cells)) is None or numbers.dtype == object:
        return {}  # `object`: whole numbers of many digits, which no float holds
    found: dict[str, str] = {}
    short: dict[float, tuple[str, float]] = {}  # the shortest way of writing a number, by its 32-bit form
    for text, number in sorted(zip(cells, numbers.astype(float), strict=True), key=lambda cell: len(cell[0])):
        if not np.isfinite(number) or number % 1 == 0:  # whole numbers may be seeds, which stay apart
            continue
        first, value = short.setdefault(_float32(number), (text, number))
        if number != value and (number == _float32(value) or f"{number:.15g}" == f"{value:.15g}"):
            found[text] = first
    return found


def _float32(number: float) -> float:
    with np.errstate(over="ignore", under="ignore"):
        return float(np.float32(number))
