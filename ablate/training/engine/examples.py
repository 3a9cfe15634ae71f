"""Hand a study's examples to programs: whole on the device, or piece by piece from arrays larger than the memory.

Training examples come first, then test examples, so that one compiled evaluation serves both.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeAlias, final

import numpy as np

from ablate.data.array import Array, Integers
from ablate.data.trees import Tree, leaves, map_tree
from ablate.training.engine import backend
from ablate.training.engine.objective import Trees

PIECE_BYTES = 2**26  # of a piece: large enough that reading the next one keeps up, small beside a model
Parts: TypeAlias = tuple[Tree, ...]  # the same examples in parts of the data, one after the other


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of an order, with the examples that they need on the device."""

    x: Trees
    y: Trees
    order: Integers  # (rows, slots, batch) indices into these examples
    first: int  # row of the whole order with which it begins
    n_rows: int  # rows that are no padding
    taken: Integers | None = None  # (rows, slots, batch) indices of the whole data; None: `order` has them


class Examples(Protocol):
    """The examples of a study. Random access by index keeps splits and pairing exact."""

    def pieces(self, order: Integers, n_rows: int) -> Iterator[Piece]:
        """The first `n_rows` rows of an order in pieces of one shape; at least one piece."""
        ...

    def shapes(self) -> Sequence[object]:
        """The shapes and types of one example, as JSON."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Resident:
    """Examples on the device, in their compact types."""

    x: Trees  # (n, …), uint8 for images
    y: Trees  # (n, …) int32 or float32

    @classmethod
    def of(cls, x: Parts, y: Parts) -> "Resident":
        """Copy arrays to the device."""
        return cls(*(map_tree(backend.resident, _joined(parts)) for parts in (x, y)))

    def pieces(self, order: Integers, n_rows: int) -> Iterator[Piece]:
        """The whole order."""
        yield Piece(self.x, self.y, order, 0, n_rows)

    def shapes(self) -> Sequence[object]:
        """The shapes of all arrays, with the number of examples."""
        shapes = {name: list(tensor.shape) for name, tensor in leaves(self.x).items()}
        return next(iter(shapes.values())) if len(shapes) == 1 else sorted(shapes.items())


@final
class Streamed:
    """Examples in memory-mapped arrays, of which a thread reads the next piece while the device trains on one."""

    def __init__(self, x: Parts, y: Parts, *, piece_bytes: int = PIECE_BYTES) -> None:
        self._x, self._y, self._piece_bytes = x, y, piece_bytes
        self._ends = np.cumsum([len(next(iter(leaves(part).values()))) for part in x])
        self._bytes = sum(_bytes_of(parts[0]) for parts in (x, y))

    def pieces(self, order: Integers, n_rows: int) -> Iterator[Piece]:
        """Pieces of as many rows as fit, the last one padded."""
        rows = max(1, min(len(order), self._piece_bytes // max(1, self._bytes * order.shape[1] * order.shape[2])))
        starts = list(range(0, max(n_rows, 1), rows))
        with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as reader:
            coming = reader.submit(self._read, order, starts[0], rows)
            for number, first in enumerate(starts):
                x, y, local, taken = coming.result()
                if number + 1 < len(starts):
                    coming = reader.submit(self._read, order, starts[number + 1], rows)
                yield Piece(x, y, local, first, max(0, min(rows, n_rows - first)), taken)

    def shapes(self) -> Sequence[object]:
        """The shapes of one example, and that they are streamed."""
        return ["streamed", sorted((name, list(array.shape[1:])) for name, array in leaves(self._x[0]).items())]

    def _read(self, order: Integers, first: int, rows: int) -> tuple[Trees, Trees, Integers, Integers]:
        """The examples of some rows on the device, in the order of the disk, which is read faster forwards.

        Then the indices of the rows among these examples, and in the whole data.
        """
        taken = np.zeros((rows, *order.shape[1:]), np.int32)
        there = order[first : first + rows]
        taken[: len(there)] = there
        places = np.argsort(taken, axis=None, kind="stable")
        local = np.empty(taken.size, np.int32)
        local[places] = np.arange(taken.size, dtype=np.int32)
        indices = taken.reshape(-1)[places]
        x, y = (map_tree(backend.resident, self._rows(parts, indices)) for parts in (self._x, self._y))
        return x, y, local.reshape(taken.shape), taken

    def _rows(self, parts: Parts, indices: Integers) -> Tree:
        """The examples with these indices, which ascend."""
        bounds = np.searchsorted(indices, self._ends)
        starts = [0, *self._ends[:-1]]

        def gathered(*arrays: Array) -> Array:
            out = np.empty((len(indices), *arrays[0].shape[1:]), arrays[0].dtype)
            begin = 0
            for array, start, end in zip(arrays, starts, bounds, strict=True):
                if end > begin:  # "clip" alone writes to `out` without a copy of its own
                    np.take(array, indices[begin:end] - start, axis=0, out=out[begin:end], mode="clip")
                begin = end
            return out

        return map_tree(gathered, *parts)


def _joined(parts: Parts) -> Tree:
    return map_tree(lambda *arrays: np.concatenate(arrays), *parts)


def _bytes_of(tree: Tree) -> int:
    """Bytes of one example."""
    return sum(int(np.prod(array.shape[1:])) * array.dtype.itemsize for array in leaves(tree).values())
