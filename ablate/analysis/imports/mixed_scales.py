"""Refuse a score whose scale another column decides: fractions at one level, percents at another."""

import pandas as pd

from ablate.analysis.sources import Runs
from ablate.errors import DataError
from ablate.text import printable

LEAST_PERCENT = 10  # scores of 1 to 10 may be fractions or percents
CLOSE = 0.5  # share of the smallest percent that every fraction, times 100, has: a collapsed run has less
PERCENTS = frozenset(("", "points", "%", "percent", "percents", "fraction", "fractions"))  # units of such a score


def check_split(runs: Runs, score: str, values: "pd.Series[float]") -> None:
    """Reject fractions and percents if one column tells them apart: their difference would be read as its effect."""
    known = values.dropna().abs()
    small, large = known[(known > 0) & (known <= 1)], known[(known > LEAST_PERCENT) & (known <= 100)]
    is_parted = len(small) + len(large) + int((known == 0).sum()) == len(known)
    if small.empty or large.empty or not is_parted:
        return
    if small.nunique() < 2 or small.min() * 100 < large.min() * CLOSE:
        return
    of_run = pd.concat([pd.Series("small", index=small.index), pd.Series("large", index=large.index)])
    for name in (str(name) for name in runs.table if str(name) != score):
        scales = of_run.groupby(runs.table[name].loc[of_run.index]).agg(["first", "nunique"])
        if (scales["nunique"] == 1).all() and len(scales) * 2 <= len(of_run):
            raise _split(runs, score, name, scales["first"], (float(small.iloc[0]), float(large.iloc[0])))


def _split(runs: Runs, score: str, name: str, scales: "pd.Series[str]", seen: tuple[float, float]) -> DataError:
    fractions, percents = (printable(str(scales.index[scales == scale][0]), 30) for scale in ("small", "large"))
    column = printable(name)
    return DataError(
        f'{runs.place}: "{printable(score)}" seems to mix fractions and percents: it is {seen[0]:g} where {column} is '
        f"{fractions}, and {seen[1]:g} where {column} is {percents}\n  write all values in one way"
    )
