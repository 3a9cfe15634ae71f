"""Find layers that take whole numbers of the data as names, as an embedding does, and what scaling makes of these."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import layers

from ablate.errors import StudyError

Array: TypeAlias = np.ndarray[Any, Any]

KINDS = (layers.Embedding, layers.IntegerLookup, layers.CategoryEncoding, layers.Hashing)
_LIMITS = ("input_dim", "num_tokens")  # what the kinds call the number of names that they know


@dataclass(frozen=True, slots=True)
class Received:
    """What one of these layers was given in a call."""

    layer: str
    kind: str
    limit_name: str  # "" where it takes any whole number
    limit: int
    values: Array


@contextmanager
def received() -> Iterator[list[Received]]:
    """What layers of these kinds are given inside the block, wherever in a model they are."""
    found: list[Received] = []
    with ExitStack() as undo:
        for kind in KINDS:
            plain = kind.call
            undo.callback(setattr, kind, "call", plain)
            kind.call = _noting(plain, found)
        yield found


def check_ids(taken: Sequence[Received], raw: Array, *, scaling: str) -> None:
    """Raise `StudyError` where layers take the numbers of the data as they are, and cannot: scaled, or out of range.

    `taken` is what they were given on the examples `raw`, unscaled. What a model makes whole numbers of itself, as by
    sorting real numbers into bins, is its own affair.
    """
    for one in taken:
        values = one.values
        if not values.size or not _is_whole(values) or not np.isin(values, raw).all():
            continue
        if scaling != "none":
            raise StudyError(
                f'data.scaling: "{scaling}" changes the whole numbers of the data, and the model\'s layer {one.layer} '
                f"({one.kind}) takes them as they are\n"
                '  set data.scaling = "none", for a factor scaling, too; what else needs scaling, scale in the model'
            )
        low, high = int(values.min()), int(values.max())
        if one.limit_name and not 0 <= low <= high < one.limit:
            raise StudyError(
                f"model: its layer {one.layer} ({one.kind}) takes numbers from 0 to {one.limit - 1:,}, the data hold "
                f"{low:,} to {high:,}\n"
                f"  {'count from 0 in the data' if low < 0 else f'raise {one.limit_name} to {high + 1:,}'}"
            )


def _noting(call: Callable[..., Any], found: list[Received]) -> Callable[..., Any]:  # Any: Keras' own
    def noted(self: layers.Layer, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not keras.backend.is_keras_tensor(inputs):
            limit_name = next((name for name in _LIMITS if getattr(self, name, None)), "")
            limit = int(getattr(self, limit_name)) if limit_name else 0
            values = np.asarray(keras.ops.convert_to_numpy(inputs))
            found.append(Received(self.name, type(self).__name__, limit_name, limit, values))
        return call(self, inputs, *args, **kwargs)

    return noted


def _is_whole(values: Array) -> bool:
    return values.dtype.kind in "ui" or (values.dtype.kind == "f" and bool((values == np.floor(values)).all()))
