"""Convert, join and examine arrays piece by piece, so that those mapped from a disk never have to fit into memory."""

import tempfile
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ablate.data.array import Array

_PIECE_BYTES = 2**22  # of an array at once


def pieces(x: Array) -> Iterator[Array]:
    """The array in consecutive pieces of about 4 MiB, at least one example each."""
    step = max(1, _PIECE_BYTES * len(x) // max(1, x.nbytes))
    for start in range(0, len(x), step):
        yield x[start : start + step]


def extremes(x: Array) -> tuple[float, float]:
    """Smallest and largest value, NaN if there is one; of an array that has values."""
    ends = [(piece.min(), piece.max()) for piece in pieces(x) if piece.size]
    low, high = np.min([low for low, _ in ends]), np.max([high for _, high in ends])
    return low.item(), high.item()


def converted(x: Array, dtype: npt.DTypeLike) -> Array:
    """`x` in that type, C-contiguous; the same array if it is so already."""
    if x.dtype == dtype and x.flags.c_contiguous:
        return x
    if not isinstance(x, np.memmap):
        return np.ascontiguousarray(x, dtype=dtype)
    return _filled(x.shape, np.dtype(dtype), pieces(x))


def joined(arrays: Sequence[Array]) -> Array:
    """The arrays one after the other, all of one type and shape of an example."""
    if len(arrays) == 1:
        return arrays[0]
    if not any(isinstance(array, np.memmap) for array in arrays):
        return np.concatenate(arrays)
    shape = (sum(map(len, arrays)), *arrays[0].shape[1:])
    return _filled(shape, arrays[0].dtype, (piece for array in arrays for piece in pieces(array)))


def taken(x: Array, rows: Array) -> Array:
    """The examples with these indices; of an array mapped from a disk on the disk again."""
    if not isinstance(x, np.memmap):
        return x[rows]
    step = max(1, _PIECE_BYTES * len(x) // max(1, x.nbytes))
    some = (x[rows[start : start + step]] for start in range(0, len(rows), step))
    return _filled((len(rows), *x.shape[1:]), x.dtype, some)


def _filled(shape: tuple[int, ...], dtype: "np.dtype[np.generic]", parts: Iterator[Array]) -> Array:
    """An array on the disk, in a file without a name, which goes with the array."""
    with tempfile.TemporaryFile(prefix="ablate-") as file:
        whole = np.memmap(file, dtype=dtype, mode="w+", shape=shape)
    start = 0
    for part in parts:
        whole[start : start + len(part)] = part
        start += len(part)
    return whole
