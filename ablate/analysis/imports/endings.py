"""Check whether the compared runs of histories ended at the same step: a longer budget is a difference, too."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.imports.bystanders import LENGTHS
from ablate.analysis.imports.configurations import Configurations
from ablate.analysis.imports.confounding import MOST_NAMED, Confounding
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers
from ablate.study.score_words import words_of
from ablate.text import first_of, printable

COMMON = 0.5  # a side has a budget if more than this share of its runs ends at one step
LEAST = 2  # runs of a side with a budget
DECIDING = LENGTHS | frozenset(("batch", "budget", "rounds", "round", "updates", "episodes"))  # words of factors

Ends = NDArray[np.float64]


def find_endings(
    runs: Runs,
    counted: pd.DataFrame,
    found: Configurations,
    *,
    reference: int,
    compared: Sequence[int],
    names: Mapping[int, str],
    ignored: Sequence[str],
) -> Confounding:
    """Spoil comparisons of two budgets: most finished runs of either side end at one step, which differs.

    Other differences may be what a variant does to early stopping, so they are only said. Factors that decide the
    length themselves, such as a number of epochs, are not checked. `counted` are runs with their `configuration`.
    """
    numbers = to_numbers(runs.table[runs.ends]) if runs.ends else None
    if numbers is None:
        return Confounding()
    finished = counted[counted["state"] == "finished"]
    ends = {at: _ends(finished, numbers, at) for at in (reference, *compared)}
    mine = ends[reference]
    free = [at for at in compared if not _decides(found, reference, at) and len(ends[at]) and len(mine)]
    unlike = [at for at in free if not np.array_equal(np.unique(mine), np.unique(ends[at])) or _budgets(mine, ends[at])]
    budgets = [at for at in unlike if _budgets(mine, ends[at]) and runs.ends not in ignored]
    others = [at for at in unlike if at not in budgets]
    name = printable(runs.ends)
    way_out = f"keep the rows up to a common {name}, or add --ignore {name} if a rule stopped the runs early"
    reasons = [f"{_said(name, names, ends, reference, budgets)}: {way_out}"] if budgets else []
    said = [f"T{_said(name, names, ends, reference, others)[1:]}: a difference may come from it"] if others else []
    return Confounding(
        dict.fromkeys(budgets, (runs.ends,)), tuple(reasons), (), tuple(said), tuple(f"{text}." for text in said)
    )


def _ends(finished: pd.DataFrame, numbers: "pd.Series[float]", at: int) -> Ends:
    places = finished.index[finished["configuration"] == at]
    ends = numbers.to_numpy(dtype=np.float64)[places]
    return np.asarray(ends[np.isfinite(ends)], dtype=np.float64)


def _decides(found: Configurations, reference: int, at: int) -> bool:
    """Whether a factor in which two configurations differ decides how many steps a run takes."""
    differs = np.flatnonzero(found.codes[reference] != found.codes[at])
    return any(set(words_of(found.factors[column])) & DECIDING for column in differs)


def _budgets(one: Ends, other: Ends) -> bool:
    """Whether either side has a common last step, and these differ."""
    mine, theirs = _common(one), _common(other)
    return mine is not None and theirs is not None and mine != theirs


def _common(ends: Ends) -> float | None:
    steps, n = np.unique(ends, return_counts=True)
    is_common = len(ends) >= LEAST and n.max() > COMMON * len(ends)
    return float(steps[n.argmax()]) if is_common else None


def _said(
    name: str, names: Mapping[int, str], ends: Mapping[int, Ends], reference: int, places: Sequence[int]
) -> str:  # fmt: skip
    """ "the last epoch differs between optimizer=adam (20) and optimizer=sgd (10)"."""
    others = [f"{names[at]} ({_range(ends[at])})" for at in places]
    return (
        f"the last {name} differs between {names[reference]} ({_range(ends[reference])}) and "
        f"{first_of(others, MOST_NAMED)}"
    )


def _range(ends: Ends) -> str:
    low, high, common = ends.min(), ends.max(), _common(ends)
    if low == high:
        return f"{low:g}"
    return f"{low:g} to {high:g}, {f'mostly {common:g}' if common is not None else f'median {np.median(ends):g}'}"
