"""Check what a source says of each example besides inputs and target: its group, its time, its weight."""

from datetime import UTC, datetime

import numpy as np

from ablate.data.array import Array
from ablate.errors import DataError
from ablate.text import number_of, printable

_AS_DATES = 'write dates as year-month-day, e.g. "2026-11-30" or "2026-11-30 10:30", or as numbers'


def to_groups(values: Array, *, place: str, n: int) -> Array:
    """(n,) text or numbers, as they are. Raises `DataError`, naming `place`, if a group is missing."""
    groups = _column(values, place=place, n=n)
    _check_missing(groups, place=place, way_out="give every example its group, or remove these examples")
    groups = groups.astype(str) if groups.dtype.kind == "O" else groups
    if len(np.unique(groups)) < 2:
        raise DataError(f"{place}: all examples are of one group, so none can be held out\n  leave groups out")
    return groups


def to_order(values: Array, *, place: str, n: int) -> Array:
    """(n,) float64, later is larger; from numbers, datetimes or dates as text, as "2026-11-30 10:30".

    Raises `DataError`, naming `place`.
    """
    order = _column(values, place=place, n=n)
    _check_missing(order, place=place, way_out="give every example its time, or remove these examples")
    if order.dtype.kind in "OSU":
        order = _dates(order, place=place)
    if order.dtype.kind == "M":
        order = order.astype("datetime64[us]").astype(np.int64)
    if order.dtype.kind not in "buif":
        raise DataError(f"{place}: must be numbers or dates, got {order.dtype}\n  {_AS_DATES}")
    times: Array = order.astype(np.float64)
    if not np.isfinite(times).all():
        raise DataError(f"{place}: must be finite, got {times[~np.isfinite(times)][0]}")
    if times.min() == times.max():
        raise DataError(f"{place}: all examples are of one time, so none is the latest\n  leave order out")
    return times


def to_weights(values: Array, *, place: str, n: int) -> Array:
    """(n,) float32, 0 or more. Raises `DataError`, naming `place`."""
    weights = _column(values, place=place, n=n)
    _check_missing(weights, place=place, way_out="fill in the missing weights, e.g. with 1")
    if weights.dtype.kind not in "buif":
        raise DataError(f'{place}: weights must be numbers, got {weights.dtype}\n  or write weights = "balanced"')
    with np.errstate(over="ignore"):
        exact: Array = weights.astype(np.float32)
    wrong = ~np.isfinite(exact) | (exact < 0)
    if wrong.any():
        said = f"got {weights[wrong][0]}, in {number_of(int(wrong.sum()), 'example')} of {n:,}"
        raise DataError(f"{place}: weights must be finite and not below 0, {said}")
    if not exact.any():
        raise DataError(f"{place}: all weights are 0, so no example would count")
    return exact


def is_missing(values: Array) -> Array:
    """(n,) bool: None, NaN, or no date."""
    if values.dtype.kind in "fc":
        return np.isnan(values)
    if values.dtype.kind in "Mm":
        return np.isnat(values)
    if values.dtype.kind == "O":
        return np.array([value is None or value != value for value in values], dtype=bool)
    return np.zeros(len(values), dtype=bool)


def _column(values: Array, *, place: str, n: int) -> Array:
    column = values.reshape(-1) if values.ndim == 2 and values.shape[1] == 1 else values
    if column.ndim != 1:
        raise DataError(f"{place}: must be one value for each example, shape ({n},), got shape {values.shape}")
    if len(column) != n:
        raise DataError(f"{place}: must have a value for each of the {n:,} examples, got {len(column):,}")
    return column


def _check_missing(values: Array, *, place: str, way_out: str) -> None:
    if missing := int(is_missing(values).sum()):
        raise DataError(f"{place}: is missing for {number_of(missing, 'example')} of {len(values):,}\n  {way_out}")


def _dates(values: Array, *, place: str) -> Array:
    """Seconds of dates as text; without a time zone they count as UTC. Numbers as text stay those numbers."""
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        return np.array([_seconds(value, place=place) for value in values])


def _seconds(value: object, *, place: str) -> float:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    try:
        time = datetime.fromisoformat(text.strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as err:
        raise DataError(f'{place}: "{printable(text, 40)}" is neither a number nor a date\n  {_AS_DATES}') from err
