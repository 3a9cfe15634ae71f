"""Tell which rows of a table of steps are those of one run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import Export
from ablate.analysis.imports.replicate_names import is_replicate, own_words
from ablate.analysis.imports.steps import counted
from ablate.analysis.imports.words import Codes, coded, crossed, n_levels, paired, reads_as_result
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import has_no_score, to_numbers

RUN_NAME = re.compile(r"(^|_)(run|uid|uuid|guid|trial|job)(_(id|name|uid|uuid|hash|key))?$|^(id|logdir)$")
FEWEST = 3  # values of a step that are no design: two may be two budgets
LONG = 2  # least mean rows per run
MOST_REPEATED = 0.5  # of the steps of a run that was resumed; where more repeat, it may be two runs


@dataclass(frozen=True, slots=True)
class History:
    """The column of the step, and the run of each row."""

    step: str
    numbers: NDArray[np.float64]  # shape (n_rows,)
    runs: Codes
    is_named: bool = False  # whether a column names each run
    is_certain: bool = True  # False if runs have two rows at the first step, so that they may be several runs


def find_history(
    runs: Runs, asked: ImportOptions, export: Export, *, step: str, score: str, others: Sequence[str]
) -> History | None:
    """The runs that the columns tell apart, else those that follow each other; None if neither explains the rows.

    A number may change along a run, as a learning rate does: numbers tell runs apart only as far as needed.
    """
    numbers = counted(runs, step)
    if numbers is None:
        return None
    at, n = coded(runs.table[step]), len(numbers)
    blank = has_no_score(runs.table[score]).to_numpy()
    free = [name for name in map(str, runs.table) if name not in (score, *others)]
    codes = {name: coded(runs.table[name]) for name in free}
    ids = [name for name in free if _names_run(runs, export, name) and 1 < n_levels(codes[name]) <= n / LONG]
    first = _first(runs, asked, export, codes, ids)
    more = [name for name in free if name not in first and _may_tell(runs, export, name, codes[name])]
    keys = [crossed([codes[name] for name in first], n)]
    for name in sorted(more, key=lambda name: n_levels(codes[name])):
        keys.append(paired(keys[-1], codes[name]))
    named = {n_levels(codes[name]) for name in ids}
    every = [History(step, numbers, key, is_named=n_levels(key) in named) for key in keys]
    explained = [each for each in every if _explains(paired(each.runs, at), blank)]
    clear = [each for each in explained if each.is_named or is_regular(each)]
    if explained:
        return (clear or explained[-1:])[0]
    resumed = [each for each in every if is_regular(each) and _is_resumed(each, blank)]
    return resumed[0] if resumed else _in_order(step, numbers, keys[-1]) or _uncertain(every[-1])


def is_regular(found: History) -> bool:
    """Whether each run has the first of the table's steps, at least three, without a gap."""
    grid = np.unique(found.numbers)
    places = pd.Series(np.searchsorted(grid, found.numbers)).groupby(found.runs)
    lengths = places.nunique()
    return len(grid) >= FEWEST and bool((places.max() + 1 == lengths).all()) and lengths.mean() >= LONG


def _first(
    runs: Runs, asked: ImportOptions, export: Export, codes: Mapping[str, Codes], ids: Sequence[str]
) -> list[str]:  # fmt: skip
    """Columns that are the same along a run: seeds, names of runs and words."""
    seeds = {name.strip() for name in asked.seed.split(",")}
    words = [name for name in codes if to_numbers(runs.table[name]) is None]
    words = [name for name in words if _may_tell(runs, export, name, codes[name])]
    return [name for name in codes if name in (*seeds, *ids, *words) or is_replicate(export, name)]


def _in_order(step: str, numbers: NDArray[np.float64], key: Codes) -> History | None:
    """Runs below each other, each of which starts at the first step."""
    key = paired(key, np.cumsum(np.diff(numbers, prepend=numbers[0] - 1) <= 0).astype(np.intp))
    starts = pd.Series(numbers).groupby(key).transform("first")
    return History(step, numbers, key) if (starts == numbers.min()).all() else None


def _is_resumed(found: History, blank: NDArray[np.bool_]) -> bool:
    """Whether runs have two scores at a step only as resumed runs do: after the first step, and at fewer than half."""
    rows = pd.DataFrame({"run": found.runs, "at": found.numbers})[~blank]
    n_more = rows.groupby(["run", "at"]).size() - 1
    is_first = n_more.index.get_level_values("at") == found.numbers.min()
    return not n_more[is_first].any() and bool((n_more.gt(0).groupby("run").mean() < MOST_REPEATED).all())


def _uncertain(found: History) -> History | None:
    """Runs with several rows at a step, in whatever order: whether they are histories is a question."""
    return replace(found, is_certain=False) if is_regular(found) else None


def _explains(rows: Codes, blank: NDArray[np.bool_]) -> bool:
    """Whether no run has two scores at one step."""
    return int(np.bincount(rows[~blank]).max(initial=0)) <= 1


def _names_run(runs: Runs, export: Export, name: str) -> bool:
    return name in (export.first("run_id"), runs.run_id) or bool(RUN_NAME.search(own_words(export, name)))


def _may_tell(runs: Runs, export: Export, name: str, codes: Codes) -> bool:
    """Whether a column may tell runs apart: a setting with few enough values, no result."""
    if export.kinds.get(name) in ("result", "bookkeeping") or not 1 < n_levels(codes) <= len(codes) / LONG:
        return False
    return export.kinds.get(name) == "factor" or not (
        reads_as_result(name) and to_numbers(runs.table[name]) is not None
    )
