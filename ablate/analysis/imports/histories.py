"""Reduce a table with a row per epoch or step of each run to one row per run: the last."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import Export, recognize
from ablate.analysis.imports.history_runs import FEWEST, LONG, History, find_history, is_regular
from ablate.analysis.imports.replicate_names import own_words
from ablate.analysis.imports.scores import find_score, listed
from ablate.analysis.imports.steps import counted, find_steps, is_budget
from ablate.analysis.imports.words import coded, n_levels, paired, reads_as_result
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import has_no_score, to_numbers
from ablate.errors import DataError
from ablate.text import number_of, printable

CLEAR = 5  # evenly spaced values of an "epoch" that nobody varies on purpose
CLEAR_BUDGET = 8  # the same of "epochs"


def last_rows(runs: Runs, asked: ImportOptions) -> Runs:
    """The last row of each run with a score, where rows are epochs or steps of runs; else the table as it is.

    Columns that change along a run are left out, except results; notes say so. Raises `DataError` where
    the steps may as well have been varied on purpose.
    """
    export = recognize(map(str, runs.table))
    steps = find_steps(runs, asked, export)
    if not steps:
        return runs
    score = find_score(runs, asked, export)
    kept = _scored(runs, steps, score)
    for step in steps:
        found = find_history(kept, asked, export, step=step, score=score, others=steps)
        if found is not None and _is_history(kept, export, found):
            along = [name for name in steps if _changes(kept, found, name)]
            ends = next((name for name in along if "epoch" in own_words(export, name)), step)
            return _reduced(kept, export, found, score=score, ends=ends, n_rows=len(runs.table))
    _check_run_ids(runs, steps, export.first("run_id"))
    return runs


def _check_run_ids(runs: Runs, steps: Sequence[str], run_id: str) -> None:
    """Reject a table in which runs repeat with another step and that is not reduced."""
    if not run_id or not runs.table[run_id].duplicated().any():
        return
    for name in steps:
        if (runs.table.groupby(run_id)[name].nunique() > 1).any():
            raise DataError(
                f'{runs.place}: several rows per run: "{printable(name)}" changes within run "{printable(run_id)}"\n'
                "  keep the last row of each run"
            )


def _scored(runs: Runs, steps: Sequence[str], score: str) -> Runs:
    """Without the rows of steps at which no run has a score: a log may hold other measures there."""
    is_blank = has_no_score(runs.table[score])
    at = runs.table[steps[0]]
    is_kept = at.isin(set(at[~is_blank]))
    return replace(runs, table=runs.table[is_kept]) if is_kept.any() else runs


def _is_history(runs: Runs, export: Export, found: History) -> bool:
    """Whether rows are steps of runs. Raises `DataError` if the step may have been varied on purpose."""
    of_run = pd.Series(found.numbers).groupby(found.runs).nunique()
    if of_run.mean() < LONG:
        return False
    if found.is_certain and (found.is_named or export.kinds.get(found.step) == "bookkeeping"):
        return True
    grid = np.unique(found.numbers)
    gaps, may_be_budget = np.diff(grid), is_budget(export.name(found.step))
    is_even = bool((gaps == gaps[0]).all()) and grid[0] <= gaps[0]
    is_clear = is_even and is_regular(found)
    is_counted = grid[0] == 0 and "epoch" in own_words(export, found.step)  # nobody trains for 0 epochs
    if found.is_certain and is_clear and not may_be_budget and (is_counted or len(grid) >= CLEAR):
        return True
    if len(grid) < (CLEAR_BUDGET if may_be_budget else FEWEST if is_clear else CLEAR):
        return False
    step = printable(found.step)
    raise DataError(
        f'{runs.place}: is there one row per run, or one row per "{step}" of each run?\n'
        f"  keep the last row of each run; if you varied {step} on purpose, list it in --factors"
    )


def _reduced(runs: Runs, export: Export, found: History, *, score: str, ends: str, n_rows: int) -> Runs:
    """The row of the last step of each run, with a score if there are several, and `ends` if it varies."""
    is_scored = ~has_no_score(runs.table[score])
    rows = pd.DataFrame({"run": found.runs, "at": found.numbers, "scored": is_scored.to_numpy()})
    ordered = rows.sort_values(["at", "scored"], kind="stable")
    last = ordered.drop_duplicates("run", keep="last").sort_index()
    changing = [name for name in map(str, runs.table) if _changes(runs, found, name)]
    left_out = [name for name in changing if export.kinds.get(name) != "bookkeeping" and name != score]
    left_out = [name for name in left_out if not reads_as_result(name) or to_numbers(runs.table[name]) is None]
    kept = runs.table.iloc[last.index].drop(columns=left_out).reset_index(drop=True)
    at = counted(runs, ends)
    last_at = None if at is None else at[last.index]
    if last_at is not None and len(np.unique(last_at)) > 1:
        kept, runs = kept.assign(**{ends: [f"{number:.0f}" for number in last_at]}), replace(runs, ends=ends)
    along = [name for name in left_out if name != found.step]
    note = _note(found, last["at"], along=along, n_rows=n_rows)
    return replace(runs, table=kept, notes=(*runs.notes, note))


def _changes(runs: Runs, found: History, name: str) -> bool:
    return n_levels(paired(found.runs, coded(runs.table[name]))) > n_levels(found.runs)


def _note(found: History, ends: "pd.Series[float]", *, along: list[str], n_rows: int) -> str:
    step, n = printable(found.step), n_levels(found.runs)
    repeated = found.runs[pd.DataFrame({"run": found.runs, "at": found.numbers}).duplicated()]
    rule = f"the row of the last {step} counts, not the best"
    said = f"One row per {step} of each run: {rule} ({number_of(n_rows, 'row')} → {number_of(n, 'run')})"
    said += f"; if you varied {step} on purpose, name it with --factors."
    if len(repeated):
        has = f"{number_of(n_again := len(set(repeated)), 'run')} {'has' if n_again == 1 else 'have'}"
        said += f" {has} the same {step} twice, as a resumed run does: the later row in the table counts."
    if ends.nunique() > 1:
        n_less = int((ends < ends.max()).sum())
        said += f" {number_of(n_less, 'run')} of {n:,} ended before {step} {ends.max():g} and count as they ended."
    return said + (f" Left out, because they change along a run: {listed(along)}." if along else "")
