"""Bring the groups and times of examples into the form that splits take."""

import numpy as np

from ablate.data.array import Array
from ablate.errors import DataError


def group_numbers(groups: Array | None, given: Array | None, *, n: int, n_given: int, source: str) -> Array | None:
    """(n + n_given,) int32: equal for examples of one group, counted from 0. None without groups.

    `given` are the groups of the source's validation part; without them each of its examples is a group of its own.
    """
    if groups is None:
        return None
    trained = _column(groups, "groups", n=n, source=source)
    named = (
        trained if given is None else _joined(trained, _column(given, "groups_validation", n=n_given, source=source))
    )
    numbers = np.unique(named.astype(str) if named.dtype.kind == "O" else named, return_inverse=True)[1]
    alone = np.arange(0 if given is not None else n_given) + numbers.max() + 1
    return np.concatenate([numbers, alone]).astype(np.int32)


def common_groups(groups: Array | None, tested: Array | None) -> tuple[int, int]:
    """How many groups are trained and tested, and how many are tested."""
    if groups is None or tested is None:
        return 0, 0
    of_test = np.unique(tested.astype(str))
    return int(np.isin(of_test, groups.astype(str)).sum()), len(of_test)


def times(order: Array | None, given: Array | None, *, n: int, n_given: int, source: str) -> Array | None:
    """(n + n_given,) float64, later is larger: dates as microseconds. None without an order.

    Without times of its own the source's validation part is the latest.
    """
    if order is None:
        return None
    trained = _as_times(_column(order, "order", n=n, source=source), "order", source=source)
    if given is None:
        return np.concatenate([trained, np.full(n_given, trained.max())])
    column = _column(given, "order_validation", n=n_given, source=source)
    return np.concatenate([trained, _as_times(column, "order_validation", source=source)])


def _column(values: Array, name: str, *, n: int, source: str) -> Array:
    column = values.reshape(-1) if values.ndim == 2 and values.shape[1] == 1 else values
    if column.shape != (n,):
        raise DataError(
            f"{source}: {name} must hold one value for each example, shape ({n},), got shape {values.shape}\n"
            "  save it in the order of the examples"
        )
    return column


def _joined(one: Array, other: Array) -> Array:
    alike = one.dtype.kind == other.dtype.kind
    return np.concatenate([one, other] if alike else [one.astype(str), other.astype(str)])


def _as_times(column: Array, name: str, *, source: str) -> Array:
    try:
        if column.dtype.kind in "SUO":
            column = _from_text(column.astype(str))
        is_missing = np.isnat(column) if column.dtype.kind == "M" else ~np.isfinite(column)
    except (TypeError, ValueError) as err:
        raise DataError(
            f"{source}: {name} must hold numbers or dates, got {column.dtype}\n"
            '  write dates as year-month-day, "2026-11-30"'
        ) from err
    if is_missing.any():
        raise DataError(
            f"{source}: {name} is missing for example {int(np.argmax(is_missing)):,} (from 0)\n  fill it in"
        )
    exact = column.astype("datetime64[us]").astype(np.int64) if column.dtype.kind == "M" else column
    return exact.astype(np.float64)


def _from_text(column: Array) -> Array:
    """Numbers if all texts are numbers, otherwise dates."""
    try:
        return column.astype(np.float64)
    except ValueError:
        return column.astype("datetime64[us]")
