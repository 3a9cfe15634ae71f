"""Find layers that depend on the scaling of inputs: those that look up whole numbers as ids, and rescaling layers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from ablate.data.array import Array
from ablate.errors import StudyError

KINDS = (layers.Embedding, layers.IntegerLookup, layers.CategoryEncoding, layers.Hashing)
SCALERS = (layers.Rescaling, layers.Normalization)
_LIMITS = ("input_dim", "num_tokens")  # the attributes that hold the number of known ids


@dataclass(frozen=True, slots=True)
class Received:
    """The input of such a layer in a call."""

    layer: str
    kind: str
    limit_name: str  # "" if it accepts any whole number
    limit: int
    values: Array


@contextmanager
def received(kinds: Sequence[type[layers.Layer]] = KINDS) -> Iterator[list[Received]]:
    """Record the inputs of layers of these kinds inside the block, also nested ones; none fails for its range."""
    found: list[Received] = []
    with ExitStack() as undo:
        for kind in kinds:
            plain = kind.call
            undo.callback(setattr, kind, "call", plain)
            kind.call = _noting(plain, found)
        yield found


def check_scaled_once(taken: Sequence[Received], scaled: Array, *, scaling: str) -> None:
    """Raise `StudyError` if a rescaling layer received the examples themselves, `scaled` already."""
    for one in taken:
        if scaling != "none" and np.array_equal(one.values.ravel(), scaled.ravel()):
            raise StudyError(
                f'data.scaling: "{scaling}" scales the examples, and the model\'s layer {one.layer} ({one.kind}) '
                'scales them again\n  set data.scaling = "none" (a factor scaling, too), or remove the layer'
            )


def check_ids(taken: Sequence[Received], shifted: Sequence[Received], *, scaling: str) -> None:
    """Raise `StudyError` if layers look up the data's numbers as ids but cannot: scaled, or out of range.

    `taken` are their inputs for unscaled examples, `shifted` for the same examples plus 1: inputs that grew by 1 come
    from the data. Whole numbers that a model computes itself, such as bins of real numbers, are not checked.
    """
    for one, other in zip(taken, shifted, strict=True):
        values = one.values
        if not values.size or not _is_whole(values) or not np.array_equal(values + 1, other.values):
            continue
        if scaling != "none":
            raise StudyError(
                f'data.scaling: "{scaling}" changes the whole numbers in the data, but the model\'s layer {one.layer} '
                f"({one.kind}) needs them unchanged\n"
                '  set data.scaling = "none" (a factor scaling, too); scale other inputs in the model'
            )
        low, high = int(values.min()), int(values.max())
        if one.limit_name and not 0 <= low <= high < one.limit:
            raise StudyError(
                f"model: its layer {one.layer} ({one.kind}) takes numbers from 0 to {one.limit - 1:,}, the data have "
                f"{low:,} to {high:,}\n"
                f"  {'count from 0 in the data' if low < 0 else f'raise {one.limit_name} to {high + 1:,}'}"
            )


def _noting(call: Callable[..., Any], found: list[Received]) -> Callable[..., Any]:  # Any: Keras' own
    def noted(self: layers.Layer, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if keras.backend.is_keras_tensor(inputs):
            return call(self, inputs, *args, **kwargs)
        name = next((name for name in _LIMITS if getattr(self, name, None)), "")
        limit = int(getattr(self, name)) if name else 0
        inputs = keras.ops.convert_to_tensor(inputs)
        found.append(
            Received(self.name, type(self).__name__, name, limit, np.asarray(keras.ops.convert_to_numpy(inputs)))
        )
        return call(self, keras.ops.clip(inputs, 0, limit - 1) if limit else inputs, *args, **kwargs)

    return noted


def _is_whole(values: Array) -> bool:
    return values.dtype.kind in "ui" or (values.dtype.kind == "f" and bool((values == np.floor(values)).all()))
