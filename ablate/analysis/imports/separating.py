"""Find columns that nobody compared, and those of them that tell both sides of a comparison apart in every run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.imports.bystanders import Bystander, repeats_factor
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.factors import INDEX
from ablate.analysis.imports.naming import is_called
from ablate.analysis.imports.words import COMMENTS, coded, n_levels
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers
from ablate.study.score_words import ALSO_HIGHER, ALSO_LOWER, HIGHER_IS_BETTER, LOWER_IS_BETTER, words_of
from ablate.text import first_of, printable

SCORES = HIGHER_IS_BETTER | ALSO_HIGHER | LOWER_IS_BETTER | ALSO_LOWER
LEAST_RUNS = 2  # on each side, for a column to separate them
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class OtherColumns:
    """The varying columns besides roles and factors: those compared, the others, and what separates sides."""

    compared: tuple[str, ...]
    left_out: tuple[str, ...]
    separating: tuple[str, ...]  # sentences


def beside_factors(
    runs: Runs,
    bystanders: Sequence[Bystander],
    counted: pd.DataFrame,
    *,
    roles: tuple[Collection[str], Collection[str]],
    sides: tuple[int, Sequence[int]],
    names: Mapping[int, str],
) -> OtherColumns:
    """Look at the columns that are no `bystanders`; `roles` are the columns taken and the factors.

    `sides` are the reference and the compared configurations of the `counted` runs, `names` these in words. Other
    scores are left out without a look: a large effect separates them as well.
    """
    taken, factors = roles
    compared = tuple(each.name for each in bystanders)
    others = [str(name) for name in runs.table if str(name) not in {*taken, *factors, *compared}]
    others = [name for name in others if _may_matter(runs, name, factors)]
    reference, rest = sides
    said = []
    for name in others:
        apart = [at for at in rest if _separates(runs.table[name], counted, reference, at)]
        if apart and not set(words_of(recognize([name]).name(name))) & SCORES:
            sides_said = f"{names[reference]} from {first_of([names[at] for at in apart], MOST_NAMED)}"
            said.append(f"{printable(name)} separates {sides_said} in every run")
    return OtherColumns(compared, tuple(others), tuple(said))


def _may_matter(runs: Runs, name: str, factors: Collection[str]) -> bool:
    column = runs.table[name]
    names_runs = is_called(name) and words_of(name)[-1] not in COMMENTS
    if n_levels(coded(column)) < 2 or names_runs or INDEX.fullmatch(name) is not None:
        return False
    return not repeats_factor(runs, name, factors)


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
