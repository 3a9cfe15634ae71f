"""Say what the values of a target array are: whole or real, few or many, flags, probabilities, one-hot rows."""

from dataclasses import dataclass

import numpy as np

from ablate.data.array import Array
from ablate.data.large import extremes, pieces

_MOST_DISTINCT = 2**16  # values kept apart
_EXACT = 2**53  # whole numbers up to here are floats without rounding
_SUM_ERROR = 1e-3  # of the probabilities of an example


@dataclass(frozen=True, slots=True)
class Contents:
    """The values of a finite array of numbers or truth values, with at least one value."""

    low: float
    high: float
    is_whole: bool
    distinct: Array  # ascending; of more than 65,536 values not all
    is_counted: bool  # `distinct` holds all values
    n_not_one_hot: int  # examples (of dense targets: places) without exactly one 1 among zeros; along the last axis
    are_probabilities: bool  # along the last axis

    @property
    def n_distinct(self) -> int:
        """The number of different values, at least."""
        return len(self.distinct)

    def within(self, *values: float) -> bool:
        """Whether there are no other values."""
        return self.is_counted and bool(np.isin(self.distinct, values).all())


def contents_of(y: Array) -> Contents:
    """Look through the array once, piece by piece."""
    low, high = extremes(y)
    is_whole = y.dtype.kind in "bui" or all(bool((piece == np.floor(piece)).all()) for piece in pieces(y))
    is_short = y.dtype.kind in "ui" and high - low < _MOST_DISTINCT and max(high, -low) <= _EXACT
    distinct, is_counted = (_present(y, int(low), int(high)), True) if is_short else _distinct(y)
    is_flat = y.ndim == 1
    return Contents(
        low=low,
        high=high,
        is_whole=is_whole,
        distinct=distinct,
        is_counted=is_counted,
        n_not_one_hot=0 if is_flat else sum(_n_not_one_hot(piece) for piece in pieces(y)),
        are_probabilities=not is_flat and low >= 0 and all(_sum_to_1(piece) for piece in pieces(y)),
    )


def n_missing(y: Array) -> int:
    """The number of values that are NaN or infinite."""
    return sum(int(np.count_nonzero(~np.isfinite(piece))) for piece in pieces(y)) if y.dtype.kind == "f" else 0


def _present(y: Array, low: int, high: int) -> Array:
    """The different whole numbers of a short range; no sorting."""
    is_there = np.zeros(high - low + 1, bool)
    for piece in pieces(y):
        is_there[piece.astype(np.int64).reshape(-1) - low] = True
    return np.flatnonzero(is_there) + low


def _distinct(y: Array) -> tuple[Array, bool]:
    found = np.unique(y[:0])
    for piece in pieces(y):
        found = np.union1d(found, piece)
        if len(found) > _MOST_DISTINCT and y.ndim > 1:
            return found, False
    return found, True


def _n_not_one_hot(piece: Array) -> int:
    ones = np.count_nonzero(piece == 1, axis=-1)
    zeros = np.count_nonzero(piece == 0, axis=-1)
    return int(np.count_nonzero((ones != 1) | (zeros != piece.shape[-1] - 1)))


def _sum_to_1(piece: Array) -> bool:
    return bool(np.allclose(piece.sum(axis=-1, dtype=np.float64), 1, atol=_SUM_ERROR))
