"""A structure and a device into how its programs are made: through XLA or not, and for how many trials at once."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeVar

import keras
from pydantic import Field, TypeAdapter

from ablate.storage.files.atomic import write_once
from ablate.storage.files.kept import keep, load_kept
from ablate.training.engine.backend import is_out_of_memory

MOST = 32  # trials in one program
T = TypeVar("T", bool, int)
YES_OR_NO = TypeAdapter(bool)
SIZE: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=MOST)])
WORTHWHILE = 1.1  # by so much must twice the trials in a program speed up each of them
_DENSE = frozenset({
    "Activation", "Add", "AlphaDropout", "Average", "BatchNormalization", "Concatenate", "Dense", "Dropout", "ELU",
    "Flatten", "GaussianDropout", "GaussianNoise", "InputLayer", "LayerNormalization", "LeakyReLU", "Multiply",
    "Normalization", "PReLU", "RandomFlip", "ReLU", "Rescaling", "Reshape", "Softmax", "Subtract", "UnitNormalization",
})  # fmt: skip
# They move pixels by an operation that XLA lacks (ImageProjectiveTransformV3).
_REFUSED = frozenset({"RandomPerspective", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom"})


def uses_xla(model: keras.Model, *, on_gpu: bool) -> bool | None:
    """Whether XLA is right for this model on this device; None where only a trial can tell.

    Not where it has no kernel for a layer. On a GPU else it is. On a CPU it is for dense layers (20 of them train 1.7
    times as fast on two cores) and is not for convolutions (six of them train 50 times as slowly). Recurrent, attention
    and users' own layers: either.
    """
    kinds = {type(layer).__name__ for layer in leaves(model)}
    if kinds & _REFUSED:
        return False
    if on_gpu:
        return True
    if any("Conv" in kind or "Pooling" in kind for kind in kinds):
        return False
    return True if kinds <= _DENSE else None


def faster_with_xla(seconds: Callable[[bool], float]) -> bool:
    """Whether a step takes fewer `seconds` with XLA than without; a graph that XLA refuses is one without."""
    try:
        with_xla = seconds(True)
    except Exception as err:  # whatever the compiler says: the graph without it decides
        if is_out_of_memory(err):
            raise
        return False
    return with_xla <= seconds(False)


def best_size(seconds: Callable[[int], float], *, most: int) -> int:
    """How many trials one program should train, doubling from 1 while each gets faster by `WORTHWHILE`.

    `seconds` is the time of one step of a program for so many trials.
    """
    size, each = 1, seconds(1)
    while 2 * size <= most:
        try:
            doubled = seconds(2 * size) / (2 * size)
        except Exception:  # memory, or an operation that cannot be mapped over trials
            return size
        if doubled * WORTHWHILE > each:
            return size
        size, each = 2 * size, doubled
    return size


def remembered(path: Path | None, decide: Callable[[], T], *, kind: TypeAdapter[T]) -> T:
    """What an earlier run or another process decided at `path`, or what `decide` says now: the first word stands.

    A file that is not of the `kind` is written over; where the disk takes none, each process decides for itself.
    """
    if path is None:
        return decide()
    known = load_kept(path, kind)
    if known is not None:
        return known
    mine = decide()
    with suppress(OSError, ValueError):  # a disk that fails, or a file that cannot be read
        write_once(path, json.dumps(mine))
    first = load_kept(path, kind)  # this word, or that of another process
    if first is None:
        keep(path, json.dumps(mine))
        return mine
    return first


def leaves(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers of a model, and of the models within it, in their order; of a layer, itself."""
    inner = getattr(layer, "layers", None)
    if not isinstance(layer, keras.Model) or inner is None:
        yield layer
        return
    for part in inner:
        yield from leaves(part)
