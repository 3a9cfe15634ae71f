"""Find the columns that vary besides the factors, and tell settings and circumstances of runs from their results."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.imports.exports import Export, recognize
from ablate.analysis.imports.factors import INDEX
from ablate.analysis.imports.naming import is_called
from ablate.analysis.imports.words import (
    COMMENTS,
    LEARNING,
    MACHINES,
    SETTINGS,
    Codes,
    coded,
    decides,
    has_spread,
    n_levels,
    reads_as_result,
)
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers
from ablate.study.score_words import words_of

LENGTHS = frozenset(("epoch", "epochs", "step", "steps", "iteration", "iterations", "iter", "iters"))
AMOUNTS = frozenset(("batch", "data", "dataset", "samples", "examples", "images", "tokens", "classes"))
CONSEQUENCES = frozenset(("time", "seconds", "best", "elapsed", "duration", "model", "file", "checkpoint", "peak"))
CODE = frozenset(("commit", "sha"))
CIRCUMSTANCES = MACHINES | CODE | frozenset(
    ("gpu", "gpus", "cuda", "cpu", "device", "os", "python", "version", "driver", "date", "day", "cluster", "partition",
     "hardware", "framework")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bystander:
    """A column that varies and is no factor."""

    name: str
    codes: Codes  # the level of each run, shape (n_runs,)
    is_setting: bool  # chosen like a factor, rather than a circumstance such as the machine
    numbers: NDArray[np.float64] | None = None  # of a setting whose numbers hardly repeat

    def levels(self, column: "pd.Series[str]") -> list[str]:
        """The text of each level, by its number."""
        _, first = np.unique(self.codes, return_index=True)
        return column.iloc[first].tolist()


def find_bystanders(
    runs: Runs, taken: Collection[str], factors: Collection[str], *, named: bool, ignored: Collection[str] = ()
) -> list[Bystander]:
    """The columns besides those `taken` and the `factors` that vary and may decide the score: no results, no names.

    `named`: whether the user named the factors. Otherwise another column that varied on purpose is a factor, too,
    unless it is `ignored`.
    """
    export = recognize(map(str, runs.table))
    names = [str(name) for name in runs.table if str(name) not in {*taken, *factors, *runs.results}]
    cells = _cells(runs, factors)
    found = [_seen(runs, export, name, cells, named=named or name in ignored) for name in names]
    return [each for each in found if each is not None and not repeats_factor(runs, each.name, factors)]


def repeats_factor(runs: Runs, name: str, factors: Collection[str]) -> bool:
    """Whether a column copies a factor, or spells its levels out."""
    return _spells(runs, name, factors) or _copies(runs, name, factors)


def _cells(runs: Runs, factors: Collection[str]) -> Codes:
    return pd.factorize(pd.MultiIndex.from_frame(runs.table[list(factors)]))[0]


def _seen(runs: Runs, export: Export, name: str, cells: Codes, *, named: bool) -> Bystander | None:
    column, kind, words = runs.table[name], export.kinds.get(name), words_of(export.name(name))
    codes, numbers = coded(column), to_numbers(column)
    if n_levels(codes) < 2 or _is_name(name, words):
        return None
    hardly_repeats = n_levels(codes) > len(codes) / 2
    if numbers is not None and set(words) & CONSEQUENCES:
        return None
    if set(words) & CIRCUMSTANCES:
        return None if hardly_repeats else Bystander(name, codes, is_setting=False)
    if (
        kind == "factor"
        or name in runs.factors
        or name in export.of_role("budget")
        or (_is_setting(words) and (kind != "bookkeeping" or "dataset" in words))
    ):
        if not hardly_repeats:
            return Bystander(name, codes, is_setting=True)
        return None if numbers is None else Bystander(name, codes, True, np.asarray(numbers, dtype=np.float64))
    if hardly_repeats or kind is not None or reads_as_result(name) or column.map(has_spread).any():
        return None
    is_constant = decides(cells, codes)  # the same in all runs of a configuration
    if numbers is not None and set(words) & LENGTHS and not is_constant:
        return None  # the epoch at which each run stopped is a result
    return Bystander(name, codes, named) if named or not is_constant else None


def _is_name(name: str, words: tuple[str, ...]) -> bool:
    last = words[-1] if words else ""
    return last not in CODE and (is_called(name) or last in COMMENTS or INDEX.fullmatch(name) is not None)


def _is_setting(words: tuple[str, ...]) -> bool:
    """Whether a name is that of a setting, even if it has the word of a result: batch_size, n_train_samples."""
    is_chosen = words[-1:] != () and (words[-1] in SETTINGS or bool(set(words) & (LEARNING | AMOUNTS)))
    return is_chosen and not set(words) & CONSEQUENCES


def _spells(runs: Runs, column: str, factors: Collection[str]) -> bool:
    """Whether each cell of a column of words contains the level of a factor: "adam, 3 layers"."""
    if to_numbers(runs.table[column]) is not None:
        return False
    cells = runs.table[column].str.lower()
    return any(
        to_numbers(runs.table[name]) is None
        and all(level and level in cell for cell, level in zip(cells, runs.table[name].str.lower(), strict=True))
        for name in factors
    )


def _copies(runs: Runs, column: str, factors: Collection[str]) -> bool:
    """Whether a column repeats a factor, cell by cell, as params that an export lists twice do."""
    return any(_same(runs.table[column], runs.table[name]) for name in factors)


def _same(one: "pd.Series[str]", other: "pd.Series[str]") -> bool:
    filled = one != ""
    numbers = to_numbers(one), to_numbers(other)
    if numbers[0] is not None and numbers[1] is not None:
        return bool((numbers[0][filled] == numbers[1][filled]).all())
    return bool((one[filled] == other[filled]).all())
