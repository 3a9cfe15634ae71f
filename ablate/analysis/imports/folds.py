"""Folds of a cross-validation: how many, how much their training sets overlap, and whether runs share them."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ablate.analysis.imports.words import Codes, n_levels
from ablate.analysis.sources.runs import to_numbers

_WHERE = r"(?:(?:outer|inner|cv|test|val|valid|validation|data|eval)_)*"
_ID = r"(?:_(?:id|idx|index|no|nr|num|number|name))?"
FOLD = re.compile(rf"{_WHERE}(?:k_?)?fold{_ID}|(?:cv|xval|crossval)(?:_(?:iter|iteration))?{_ID}")
SPLIT = re.compile(rf"{_WHERE}split{_ID}")
SPLIT_SCORE = re.compile(r"split(\d+)_test_.+")
MOST_SETTINGS = 50
SHARED = 0.05  # level of the test for scores that differ between the folds


def is_fold(own: str) -> bool:
    """Whether a name, its words joined by "_", is that of a fold: "cv_fold", "fold_id", "split"."""
    return bool(FOLD.fullmatch(own) or SPLIT.fullmatch(own))


def is_inner(own: str) -> bool:
    """Whether a fold divides the training set of an outer fold."""
    return own.startswith("inner_")


def n_folds(column: "pd.Series[str]", own: str) -> int:
    """The least possible number k of folds; 0 if the values of a "split" do not count."""
    numbers = to_numbers(column)
    if numbers is None:
        numbers = to_numbers(column.str.extract(r"^\D*(\d+)$", expand=False).fillna(""))
    values = np.unique([] if numbers is None else numbers.dropna())
    if len(values) and (values % 1 == 0).all() and values[0] in (0, 1):
        k = int(values[-1]) + (values[0] == 0)
        return k if FOLD.fullmatch(own) or k == len(values) else 0
    return column[column != ""].nunique() if FOLD.fullmatch(own) else 0


def split_note(columns: Iterable[str]) -> list[str]:
    """A note on the scores of single splits in scikit-learn's cv_results_, which lie side by side."""
    found = {name: match[1] for name in columns if (match := SPLIT_SCORE.fullmatch(name))}
    n = len(set(found.values()))
    if n < 2:
        return []
    row = "one row per parameter setting and split, with the columns fold and score"
    return [
        f"The scores of the {n} splits ({next(iter(found))} …) are not compared; to compare within splits, write {row}."
    ]


def overlap(k: int) -> float:
    """n_test / n_train of each of k folds: for the corrected variance of Nadeau and Bengio (2003)."""
    return 1 / (k - 1)


def differ(folds: Codes, replicates: Codes, scores: Sequence[float] | NDArray[np.float64]) -> bool:
    """Whether the mean scores of replicates depend on their fold (analysis of variance, p < .05).

    Then the folds are the same for every seed, and runs of one fold are no independent replicates.
    """
    means = pd.DataFrame({"fold": folds, "replicate": replicates, "score": scores}).dropna()
    means = means.groupby(["fold", "replicate"])["score"].mean().reset_index()
    groups = [group.to_numpy() for _, group in means.groupby("fold")["score"]]
    if len(groups) < 2 or len(means) <= len(groups):
        return False
    if all(np.ptp(group) == 0 for group in groups):
        return len({float(group[0]) for group in groups}) > 1
    return bool(stats.f_oneway(*groups).pvalue < SHARED)


def differ_by_setting(folds: Codes, replicates: Codes, settings: Codes, scores: NDArray[np.float64]) -> bool:
    """Whether what a setting does depends on the fold: then, too, runs of one fold are no independent replicates."""
    rows = pd.DataFrame({"fold": folds, "replicate": replicates, "setting": settings, "score": scores}).dropna()
    gains = rows["score"] - rows.groupby("replicate")["score"].transform("mean")
    n = rows["setting"].nunique()
    if not 1 < n <= MOST_SETTINGS:
        return False
    return any(
        len(found := [group.to_numpy() for _, group in gains[of_setting.index].groupby(of_setting["fold"])]) > 1
        and min(map(len, found)) > 1
        and max(map(np.ptp, found)) > 0
        and stats.f_oneway(*found).pvalue < SHARED / n
        for _, of_setting in rows.groupby("setting")
    )


def is_nested(folds: Codes, replicates: Codes) -> bool:
    """Whether a fold has several replicates."""
    return n_levels(folds) < n_levels(replicates)
