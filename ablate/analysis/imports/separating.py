"""Find columns that nobody compared, and those of them that tell both sides of a comparison apart in every run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ablate.analysis.imports.bystanders import Bystander, repeats_factor
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.factors import INDEX
from ablate.analysis.imports.naming import is_called
from ablate.analysis.imports.words import COMMENTS, coded, n_levels
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import has_no_score, to_numbers
from ablate.study.score_words import ALSO_HIGHER, ALSO_LOWER, HIGHER_IS_BETTER, LOWER_IS_BETTER, words_of
from ablate.text import first_of, printable

SCORES = HIGHER_IS_BETTER | ALSO_HIGHER | LOWER_IS_BETTER | ALSO_LOWER
LEAST_RUNS = 2  # on each side, for a column to separate them
MOST_NAMED = 4
ALPHA = 0.05  # of the test whether comments are as common on both sides


@dataclass(frozen=True, slots=True)
class OtherColumns:
    """The varying columns besides roles and factors: those compared, the others, and what separates sides."""

    compared: tuple[str, ...]
    left_out: tuple[str, ...]
    separating: tuple[str, ...]  # sentences
    ignored: tuple[str, ...] = ()  # sentences on columns that separate, and that the user said cannot matter

    @property
    def notes(self) -> tuple[str, ...]:
        """The sentences as the terminal prints them, with the way out."""
        way_out = "a difference may come from it; if it cannot change the score, name it with --ignore"
        return (*(f"{said}: {way_out}." for said in self.separating), *(f"{said}." for said in self.ignored))


def beside_factors(
    runs: Runs,
    bystanders: Sequence[Bystander],
    counted: pd.DataFrame,
    *,
    roles: tuple[Collection[str], Collection[str]],
    sides: tuple[int, Sequence[int]],
    names: Mapping[int, str],
    ignored: Collection[str] = (),
) -> OtherColumns:
    """Look at the columns that are no `bystanders`; `roles` are the columns taken and the factors.

    `sides` are the reference and the compared configurations of the `counted` runs, `names` these in words; `ignored`
    are the columns that the user says may differ. Other scores and results are left out without a look: a large effect
    separates them as well.
    """
    taken, factors = roles
    compared = tuple(each.name for each in bystanders)
    others = [str(name) for name in runs.table if str(name) not in {*taken, *factors, *compared}]
    others = [name for name in others if _may_matter(runs, name, factors)]
    looked_at = [name for name in others if not _is_score(name) and name not in runs.results]
    said = {name: _said(runs.table[name], counted, sides, names) for name in looked_at}
    said = {name: sentence for name, sentence in said.items() if sentence}
    trusted = [f"{said[name]} and is ignored as you asked (--ignore)" for name in said if name in ignored]
    separating = tuple(sentence for name, sentence in said.items() if name not in ignored)
    return OtherColumns(
        compared, tuple(others), separating, tuple(f"{each}: a difference may come from it" for each in trusted)
    )


def _is_score(name: str) -> bool:
    return bool(set(words_of(recognize([name]).name(name))) & SCORES)


def _may_matter(runs: Runs, name: str, factors: Collection[str]) -> bool:
    column = runs.table[name]
    names_runs = is_called(name) and words_of(name)[-1] not in COMMENTS
    if n_levels(coded(column)) < 2 or names_runs or INDEX.fullmatch(name) is not None:
        return False
    return not repeats_factor(runs, name, factors)


def _said(
    column: "pd.Series[str]", counted: pd.DataFrame, sides: tuple[int, Sequence[int]], names: Mapping[int, str]
) -> str:
    """What tells the reference from compared configurations; "" if nothing does."""
    (reference, rest), name = sides, printable(str(column.name))
    said = []
    apart = [at for at in rest if _separates(column, counted, reference, at)]
    if apart:
        others = first_of([names[at] for at in apart], MOST_NAMED)
        said.append(f"{name} separates {names[reference]} from {others} in every run")
    written = _written(column, counted, (reference, *(at for at in rest if at not in apart)))
    uneven = [at for at in written if _is_uneven(written[reference], written[at], is_comment=_is_comment(column))]
    if uneven:
        runs_of = {at: f"{int(written[at].sum())} of {len(written[at])} finished runs" for at in (reference, *uneven)}
        others = first_of([f"{runs_of[at]} of {names[at]}" for at in uneven], MOST_NAMED)
        said.append(f"{name} is filled in for {runs_of[reference]} of {names[reference]} and for {others}")
    return ", and ".join(said)


def _is_comment(column: "pd.Series[str]") -> bool:
    return bool(set(words_of(column.name)[-1:]) & COMMENTS)


def _written(column: "pd.Series[str]", counted: pd.DataFrame, places: Sequence[int]) -> dict[int, NDArray[np.bool_]]:
    """Which finished runs of each configuration have words in the column; in one of numbers, nobody wrote words."""
    finished = counted[counted["state"] == "finished"]  # a message on why a run was lost is no setting
    has_words = ~has_no_score(column) & (to_numbers(column) is None)
    of_runs = {at: has_words.loc[finished.index[finished["configuration"] == at]] for at in places}
    return {at: cells.to_numpy(dtype=np.bool_) for at, cells in of_runs.items()}


def _is_uneven(one: NDArray[np.bool_], other: NDArray[np.bool_], *, is_comment: bool) -> bool:
    """Whether one side alone has words, or for a comment, has them more often than by chance (exact test at 5 %)."""
    if min(len(one), len(other)) < LEAST_RUNS:
        return False
    if {one.mean(), other.mean()} == {0, 1}:
        return True
    table = np.array([[side.sum(), (~side).sum()] for side in (one, other)])
    return is_comment and bool(stats.fisher_exact(table).pvalue <= ALPHA)


def _separates(column: "pd.Series[str]", counted: pd.DataFrame, one: int, other: int) -> bool:
    mine, theirs = (column.loc[counted.index[counted["configuration"] == at]] for at in (one, other))
    mine, theirs = mine[mine.str.strip() != ""], theirs[theirs.str.strip() != ""]
    if min(len(mine), len(theirs)) < LEAST_RUNS:
        return False
    numbers = _ordered(pd.concat([mine, theirs]))
    if numbers is not None:
        ours, others = np.split(numbers, [len(mine)])
        return bool(ours.max() < others.min() or others.max() < ours.min())
    is_repeating = (mine.nunique() + theirs.nunique()) * 2 <= len(mine) + len(theirs)
    return is_repeating and not set(mine) & set(theirs)


def _ordered(cells: "pd.Series[str]") -> NDArray[np.float64] | None:
    """The cells as numbers, or as times since a date if each is one."""
    numbers = to_numbers(cells)
    if numbers is not None:
        known = np.asarray(numbers, dtype=np.float64)
        return known if np.isfinite(known).all() else None
    if not cells.str.match(r"\d{4}-\d\d-\d\d").all():
        return None
    times = pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True)
    return None if times.isna().any() else np.asarray(times.astype("int64"), dtype=np.float64)
