"""Decide whether a study's examples fit into a worker's memory, or are streamed from the disk."""

from dataclasses import dataclass
from math import prod
from typing import final

from ablate.data.dataset import ARRAYS, Dataset
from ablate.data.trees import leaves
from ablate.errors import DataError

SHARE = 0.5  # of a worker's memory: for a moment, copying examples to the device takes twice their size
_GB = 2**30


@final
@dataclass(frozen=True, slots=True)
class Room:
    """The memory of a worker: of the machine or of its GPU, whichever is smaller."""

    n_bytes: int = 0  # 0: unknown
    is_gpu: bool = False

    def said(self) -> str:
        """How much memory it is, and of what."""
        return f"the {self.n_bytes / _GB:.3g} GB of {'GPU memory' if self.is_gpu else 'memory'}"


UNKNOWN = Room()


@final
@dataclass(frozen=True, slots=True)
class Placement:
    """How many bytes examples take, and the memory of the worker that trains on them."""

    total: int  # of all examples with their targets
    one: int  # of a single example
    room: Room
    is_short: bool = False  # copying the examples ran out of memory

    @property
    def is_streamed(self) -> bool:
        """Whether examples are read piece by piece while a trial trains, instead of copied first."""
        return self.is_short or bool(self.room.n_bytes and self.total > SHARE * self.room.n_bytes)

    def said(self) -> str:
        """What is streamed and why; "" if nothing is."""
        if not self.is_streamed:
            return ""
        size = f"{self.total / _GB:.3g} GB"
        if self.is_short:
            return f"examples are streamed from disk: copying their {size} ran out of memory"
        return f"examples are streamed from disk: {size}, more than half of {self.room.said()} for each worker"


def place_data(data: Dataset, room: Room) -> Placement:
    """Where the examples of a data set go. Raises `DataError` if not even a single one fits."""
    arrays = [array for name in ARRAYS for array in leaves(getattr(data, name)).values()]
    of_training = [array for name in ("x_train", "y_train") for array in leaves(getattr(data, name)).values()]
    one = sum(prod(array.shape[1:]) * array.dtype.itemsize for array in of_training)
    if room.n_bytes and one > SHARE * room.n_bytes:
        raise DataError(
            f"data.name: {data.name}: a single example takes {one / _GB:.3g} GB, more than half of {room.said()} "
            "for each worker\n  save smaller examples, or train with fewer workers (--workers 1)"
        )
    return Placement(sum(array.nbytes for array in arrays), one, room)
