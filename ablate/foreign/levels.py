"""The cells of a column as levels, coded by whole numbers."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.sources.runs import to_numbers

Codes = NDArray[np.intp]


def coded(column: "pd.Series[str]") -> Codes:
    """The number of each cell's level, shape (n_runs,); numbers are one level however they are written."""
    numbers = to_numbers(column)
    codes, _ = pd.factorize(column if numbers is None else numbers, use_na_sentinel=False)
    return codes


def n_levels(codes: Codes) -> int:
    """How many levels there are."""
    return int(codes.max(initial=-1)) + 1


def crossed(codes: list[Codes], n_runs: int) -> Codes:
    """The number of each run's combination of levels, shape (n_runs,), counted in the order of first appearance."""
    found = np.zeros(n_runs, dtype=np.intp)
    for column in codes:
        found = paired(found, column)
    return found


def paired(one: Codes, other: Codes) -> Codes:
    """A code for each distinct pair of codes, counted in the order of first appearance."""
    codes, _ = pd.factorize(one * (int(other.max(initial=0)) + 1) + other)
    return codes


def decides(one: Codes, other: Codes) -> bool:
    """Whether runs that agree in `one` agree in `other` too."""
    return n_levels(paired(one, other)) == n_levels(one)
