"""Fit the scaling of inputs, and of numbers to predict, on the training examples of a split."""

from collections.abc import Iterator, Sequence

import numpy as np

from ablate.data.array import Array
from ablate.data.source import FeatureColumn
from ablate.data.trees import Tree, leaves, to_tree
from ablate.study.task import Target

_CHUNK_BYTES = 2**20  # bytes of float64 at once: fits in the processor's cache


def fit_scaling(
    x: Tree,
    rows: Array,
    *,
    scaling: str,
    columns: Sequence[FeatureColumn] = (),
    unscaled: frozenset[str] = frozenset(),
) -> tuple[Tree, Tree]:
    """Shift and scale of each array of `x`, float32, shape of one example, fitted on its `rows`.

    Those of the `unscaled` arrays are 0 and 1, and so are those of a table's flags, whose scale is 0 if no row has a 1
    there. `columns` are those of a table.
    """
    fitted = {
        name: _left_alone(array) if name in unscaled else _fitted(array, rows, scaling=scaling, columns=columns)
        for name, array in leaves(x).items()
    }
    return to_tree({name: shift for name, (shift, _) in fitted.items()}), to_tree({
        name: scale for name, (_, scale) in fitted.items()
    })  # fmt: skip


def fit_target_scaling(y: Array, rows: Array, target: Target, *, scaling: str) -> tuple[Array, Array]:
    """Shift and scale of numbers to predict: mean and 1 / SD over the `rows` and all axes but the last, float32.

    0 and 1 for all other targets, and with `scaling` "none". A constant number is only shifted.
    """
    n = target.shape[-1] if target.shape else 1
    if target.kind != "numbers" or scaling == "none":
        return np.zeros(n, np.float32), np.ones(n, np.float32)
    mean, spread = _moments(y.reshape(len(y), -1, n), rows)
    return _as_shift_and_scale(*_over_pixels(mean, spread), (n,))


def _left_alone(x: Array) -> tuple[Array, Array]:
    return np.zeros(x.shape[1:], np.float32), np.ones(x.shape[1:], np.float32)


def _fitted(x: Array, rows: Array, *, scaling: str, columns: Sequence[FeatureColumn]) -> tuple[Array, Array]:
    if columns:
        return _fitted_table(x, rows, scaling=scaling, columns=columns)
    if scaling == "none":
        return _left_alone(x)
    shift, spread = _extent(x, rows) if scaling == "unit" else _moments(x, rows)
    if scaling == "standardize_channels" and x.ndim > 2:
        shift, spread = _over_pixels(shift, spread)
    return _as_shift_and_scale(shift, spread, x.shape[1:])


def _as_shift_and_scale(shift: Array, spread: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    scale = 1 / np.where(_is_constant(spread), 1, spread)
    return (np.broadcast_to(shift, shape).astype(np.float32), np.broadcast_to(scale, shape).astype(np.float32))


def _is_constant(spread: Array) -> Array:
    """A spread whose inverse overflows float32 is no spread."""
    is_constant: Array = spread < 2 * np.finfo(np.float32).tiny
    return is_constant


def _fitted_table(x: Array, rows: Array, *, scaling: str, columns: Sequence[FeatureColumn]) -> tuple[Array, Array]:
    """Each number by its known values, each flag by whether a row has it; x is (n, columns), NaN where unknown."""
    low, high = _known_extent(x, rows)
    is_flag = np.array([column.kind == "flag" for column in columns])
    if scaling == "none":
        shift, scale = _left_alone(x)
    elif scaling == "unit":
        shift, scale = _as_shift_and_scale(low, high - low, x.shape[1:])
    else:
        shift, scale = _as_shift_and_scale(*_known_moments(x, rows, low), x.shape[1:])
    return np.where(is_flag, np.float32(0), shift), np.where(is_flag, (high > 0).astype(np.float32), scale)


def _known_extent(x: Array, rows: Array) -> tuple[Array, Array]:
    """Smallest and largest known value of each column, 0 if none is known."""
    low = np.fmin.reduce([np.fmin.reduce(chunk, axis=0) for chunk in _chunks(x, rows)], axis=0).astype(np.float64)
    high = np.fmax.reduce([np.fmax.reduce(chunk, axis=0) for chunk in _chunks(x, rows)], axis=0).astype(np.float64)
    return np.nan_to_num(low), np.nan_to_num(high)


def _known_moments(x: Array, rows: Array, origin: Array) -> tuple[Array, Array]:
    """Mean and SD of the known values of each column, summed from the `origin`; 0 and 0 if none is known."""
    total, squares, counts = (np.zeros(len(origin)) for _ in range(3))
    for chunk in _chunks(x, rows):
        is_known = ~np.isnan(chunk)
        differences = np.where(is_known, chunk - origin, 0.0)
        counts += is_known.sum(axis=0)
        total += differences.sum(axis=0)
        squares += np.einsum("ij,ij->j", differences, differences)
    n = np.maximum(counts, 1)
    mean = total / n
    return origin + mean, np.sqrt(np.maximum(squares / n - mean**2, 0))


def _extent(x: Array, rows: Array) -> tuple[Array, Array]:
    """Smallest value and range of the training rows: of each feature of flat examples, of all pixels of images."""
    low = np.min([chunk.min(axis=0) for chunk in _chunks(x, rows)], axis=0).astype(np.float64)
    high = np.max([chunk.max(axis=0) for chunk in _chunks(x, rows)], axis=0).astype(np.float64)
    if x.dtype == np.uint8 and high.max() > 127:
        return np.zeros(()), np.full((), 255.0)
    if x.ndim > 2:
        low, high = low.min(), high.max()
    return low, high - low


def _moments(x: Array, rows: Array) -> tuple[Array, Array]:
    """Mean and SD of each feature over the training rows, shape of one example, float64.

    Sums are of the differences from the first row, so that a constant feature has an SD of exactly 0.
    """
    first = x[rows[0]].astype(np.float64).reshape(-1)
    total, squares = np.zeros_like(first), np.zeros_like(first)
    for chunk in _chunks(x, rows):
        differences = chunk.reshape(len(chunk), -1) - first
        total += differences.sum(axis=0)
        squares += np.einsum("ij,ij->j", differences, differences)
    mean = total / len(rows)
    variance = np.maximum(squares / len(rows) - mean**2, 0)
    return (first + mean).reshape(x.shape[1:]), np.sqrt(variance).reshape(x.shape[1:])


def _over_pixels(means: Array, spreads: Array) -> tuple[Array, Array]:
    """Mean and SD of each channel from those of its pixels, each (…, channels)."""
    pixels = tuple(range(means.ndim - 1))
    mean = means.mean(axis=pixels)
    return mean, np.sqrt((spreads**2 + (means - mean) ** 2).mean(axis=pixels))


def _chunks(x: Array, rows: Array) -> Iterator[Array]:
    step = max(1, _CHUNK_BYTES // (8 * int(np.prod(x.shape[1:]))))
    for start in range(0, len(rows), step):
        yield x[rows[start : start + step]]
