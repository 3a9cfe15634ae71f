"""Reduce a table with a row per epoch or step of each run to one row per run: the last."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import Export, recognize
from ablate.analysis.imports.replicates import is_replicate, own_words
from ablate.analysis.imports.scores import find_score, listed
from ablate.analysis.imports.words import Codes, coded, crossed, n_levels, paired, reads_as_result
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import has_no_score, to_numbers
from ablate.errors import DataError
from ablate.study.score_words import words_of
from ablate.text import number_of, printable

# "epoch", "global_step", "epoch_idx": where a run is; "epochs", "max_steps": how long it may take, a factor.
_KIND = r"(epoch|step|iteration|iter|update|round|timestep|minibatch|batch_(?:idx|index|number|no)|generation|episode)"
_OF = (
    r"(?:(?:global|current|cur|train|training|trainer|eval|val|validation|valid|env|environment|comm|communication|"
    r"gradient|grad|optimizer|optim|opt|time|log|ckpt|checkpoint|agent|model)_)*"
)
COUNTER = re.compile(rf"{_OF}{_KIND}(?:_(?:number|no|num|nr|idx|index|id|count))?")
BUDGET = re.compile(
    rf"(?:n_|num_|total_|max_|nb_)*{_OF}{_KIND}s?(?:_(?:total|seen|done|trained))?|(?:samples|images|examples|tokens)_seen"
)
RUN_NAME = re.compile(r"(^|_)(run|uid|uuid|guid|trial|job)(_(id|name|uid|uuid|hash|key))?$|^(id|logdir)$")
FEWEST = 3  # values of a step that are no design: two may be two budgets
CLEAR = 5  # evenly spaced values of an "epoch" that nobody varies on purpose
CLEAR_BUDGET = 8  # the same of "epochs"
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


def last_rows(runs: Runs, asked: ImportOptions) -> Runs:
    """The last row of each run with a score, where rows are epochs or steps of runs; else the table as it is.

    Columns that change along a run are left out, except results; notes say so. Raises `DataError` where
    the steps may as well have been varied on purpose.
    """
    export = recognize(map(str, runs.table))
    steps = _steps(runs, asked, export)
    if not steps:
        return runs
    score = find_score(runs, asked, export)
    kept = _scored(runs, steps, score)
    for step in steps:
        found = _history(kept, asked, export, step=step, score=score, others=steps)
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


def _steps(runs: Runs, asked: ImportOptions, export: Export) -> list[str]:
    """The columns named like a step, with several numbers; that with the most values first."""
    taken = {*asked.factors, *runs.factors, asked.score, runs.score, *map(str.strip, asked.seed.split(","))}
    named = [name for name in map(str, runs.table) if name not in taken and _is_step(own_words(export, name))]
    levels = {name: n_levels(coded(runs.table[name])) for name in named if _counted(runs, name) is not None}
    return sorted((name for name in levels if levels[name] > 1), key=lambda name: (-levels[name], _is_budget(name)))


def _is_step(own: str) -> bool:
    return bool(COUNTER.fullmatch(own) or BUDGET.fullmatch(own))


def _is_budget(name: str) -> bool:
    return COUNTER.fullmatch("_".join(words_of(name))) is None


def _counted(runs: Runs, name: str) -> NDArray[np.float64] | None:
    """The numbers of a step, "epoch 3" as 3; None if a cell has no number, or is not whole."""
    cells = runs.table[name]
    numbers = to_numbers(cells)
    if numbers is None:
        numbers = to_numbers(cells.str.extract(r"^\D*(\d+)$", expand=False).fillna(""))
    if numbers is None or numbers.isna().any() or not (numbers % 1 == 0).all():
        return None
    return np.asarray(numbers, dtype=np.float64)


def _scored(runs: Runs, steps: Sequence[str], score: str) -> Runs:
    """Without the rows of steps at which no run has a score: a log may hold other measures there."""
    is_blank = has_no_score(runs.table[score])
    at = runs.table[steps[0]]
    is_kept = at.isin(set(at[~is_blank]))
    return replace(runs, table=runs.table[is_kept]) if is_kept.any() else runs


def _history(
    runs: Runs, asked: ImportOptions, export: Export, *, step: str, score: str, others: Sequence[str]
) -> History | None:
    """The runs that the columns tell apart, else those that follow each other; None if neither explains the rows.

    A number may change along a run, as a learning rate does: numbers tell runs apart only as far as needed.
    """
    numbers = _counted(runs, step)
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
    clear = [each for each in explained if each.is_named or _is_regular(each)]
    if explained:
        return (clear or explained[-1:])[0]
    resumed = [each for each in every if _is_regular(each) and _is_resumed(each, blank)]
    return resumed[0] if resumed else _in_order(step, numbers, keys[-1]) or _uncertain(every[-1])


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


def _is_regular(found: History) -> bool:
    """Whether each run has the first of the table's steps, at least three, without a gap."""
    grid = np.unique(found.numbers)
    places = pd.Series(np.searchsorted(grid, found.numbers)).groupby(found.runs)
    lengths = places.nunique()
    return len(grid) >= FEWEST and bool((places.max() + 1 == lengths).all()) and lengths.mean() >= LONG


def _is_resumed(found: History, blank: NDArray[np.bool_]) -> bool:
    """Whether runs have two scores at a step only as resumed runs do: after the first step, and at fewer than half."""
    rows = pd.DataFrame({"run": found.runs, "at": found.numbers})[~blank]
    n_more = rows.groupby(["run", "at"]).size() - 1
    is_first = n_more.index.get_level_values("at") == found.numbers.min()
    return not n_more[is_first].any() and bool((n_more.gt(0).groupby("run").mean() < MOST_REPEATED).all())


def _uncertain(found: History) -> History | None:
    """Runs with several rows at a step, in whatever order: whether they are histories is a question."""
    return replace(found, is_certain=False) if _is_regular(found) else None


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


def _is_history(runs: Runs, export: Export, found: History) -> bool:
    """Whether rows are steps of runs. Raises `DataError` if the step may have been varied on purpose."""
    of_run = pd.Series(found.numbers).groupby(found.runs).nunique()
    if of_run.mean() < LONG:
        return False
    if found.is_certain and (found.is_named or export.kinds.get(found.step) == "bookkeeping"):
        return True
    grid = np.unique(found.numbers)
    gaps, is_budget = np.diff(grid), _is_budget(export.name(found.step))
    is_even = bool((gaps == gaps[0]).all()) and grid[0] <= gaps[0]
    is_clear = is_even and _is_regular(found)
    is_counted = grid[0] == 0 and "epoch" in own_words(export, found.step)  # nobody trains for 0 epochs
    if found.is_certain and is_clear and not is_budget and (is_counted or len(grid) >= CLEAR):
        return True
    if len(grid) < (CLEAR_BUDGET if is_budget else FEWEST if is_clear else CLEAR):
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
    at = _counted(runs, ends)
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
