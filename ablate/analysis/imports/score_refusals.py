"""Refuse a table whose score is no number or not known, and say how to write it."""

import re
from collections.abc import Sequence

import pandas as pd

from ablate.analysis.imports.states import letters
from ablate.analysis.imports.words import LEARNING, MEASURED, SETTINGS, WORDS, has_spread
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_scores
from ablate.errors import DataError, known_names
from ablate.study.score_words import ALSO_HIGHER, ALSO_LOWER, HIGHER_IS_BETTER, LOWER_IS_BETTER, words_of
from ablate.text import first_of, printable

MOST_NAMED = 20  # columns that may be the score
MOST_SPREAD = 3  # columns named of those that hold scores side by side
LEAST_NUMBERED = 3  # columns whose names differ in a number only: fewer may be top-1 and top-5
PERCENT = re.compile(r"[-+−]?\d+\.?\d* ?%")
NUMBER = re.compile(r"\d+")
# A column with such a word is a measure or a setting, rather than a variant with its scores.
OTHER_WORDS = HIGHER_IS_BETTER | ALSO_HIGHER | LOWER_IS_BETTER | ALSO_LOWER | MEASURED | SETTINGS | LEARNING
FOLD = re.compile(r"(?i)fold|split")
OF_RUNS = re.compile(r"(?i)(^|[^a-z])(seed|run|fold|split|rep|repeat|replicate|repetition|trial|try|s)[ _-]?\d+$")


def no_numbers(runs: Runs, name: str) -> DataError:
    """The error for a score column with a cell that is no number, with advice for the first such cell."""
    column = runs.column(name)
    cells = [cell for cell in column if to_scores(pd.Series([cell, "0"])) is None]  # "nan" beside a number is one
    nothing = "and it is empty" if (column.str.strip() == "").all() else "and no run has one"
    got = f', got "{printable(cells[0], 40)}"' if cells else f", {nothing}"
    way_out = _advice(cells[0].strip()) if cells else "write numbers as 1234.5"
    rule = f'the score "{printable(name)}" must hold numbers{got}'
    return DataError(f"{runs.place}: {rule}\n  {way_out}, or choose another column with --score")


def _advice(cell: str) -> str:
    if has_spread(cell):
        return "write one row per run with its score, or the mean alone"
    if PERCENT.fullmatch(cell):
        return f"write {printable(cell.rstrip('% '), 40)} for {printable(cell, 40)}"
    if letters(cell) in WORDS:
        return f'leave the cell empty and write "{printable(cell, 40)}" into a column "state"'
    if not NUMBER.search(cell):
        return "leave the cell empty if the run has no score"
    return "write numbers as 1234.5"


def which_score(runs: Runs, found: Sequence[str]) -> DataError:
    """The question for the score column; `found` are the columns that may be it."""
    which = f"it may be {first_of(list(map(printable, found)), MOST_NAMED)}" if found else ""
    which = which or known_names("score", map(str, runs.table))
    lines = [f"{runs.place}: which column is the score?", f"name it with --score; {which}", *_side_by_side(runs, found)]
    return DataError("\n  ".join(lines))


def _side_by_side(runs: Runs, found: Sequence[str]) -> list[str]:
    """Advice for a table with the scores of several runs in each row."""
    measured = [name for name in map(str, runs.table) if _is_measured(runs.table[name])]
    numbered = _numbered(measured)
    each = "variant" if not numbered else "fold" if any(FOLD.search(name) for name in numbered) else "seed"
    spread = numbered or ([] if found else [name for name in measured if not set(words_of(name)) & OTHER_WORDS])
    if len(spread) < 2:
        return []
    names = first_of(list(map(printable, spread)), MOST_SPREAD)
    rows = f"write one row per run with its {each} in a column and its score in another"
    return [f"if each of {names} holds the scores of one {each}, {rows}"]


def _is_measured(column: "pd.Series[str]") -> bool:
    """Whether a column holds numbers with decimals, as scores do and seeds do not."""
    numbers = to_scores(column)
    return numbers is not None and bool((numbers.dropna() % 1 != 0).any())


def _numbered(names: Sequence[str]) -> list[str]:
    """The columns whose names differ in their last number only, "seed 0" and "seed 1" or "0", "1" and "2"."""
    groups: dict[str, list[str]] = {}
    for name in names:
        if numbers := list(NUMBER.finditer(name)):
            groups.setdefault(f"{name[: numbers[-1].start()]}#{name[numbers[-1].end() :]}", []).append(name)
    largest = max(groups.values(), key=len, default=[])
    is_run = all(OF_RUNS.search(name) or name.strip().isdigit() for name in largest)
    return largest if len(largest) >= (2 if is_run else LEAST_NUMBERED) else []
