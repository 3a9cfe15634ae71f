"""Choose the compile policy for a structure and device: with XLA or not, and the number of trials per program."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeVar

import keras
from pydantic import Field, TypeAdapter

from ablate.errors import AblateError, reason_of, text_of
from ablate.storage.files.atomic import write_once
from ablate.storage.files.kept import keep, load_kept
from ablate.text import listed, printable
from ablate.training.engine.backend import ALWAYS_XLA, is_out_of_memory

MOST = 32  # trials in one program
T = TypeVar("T", bool, int)
YES_OR_NO = TypeAdapter(bool)
SIZE: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=MOST)])
_LACKING = re.compile(r"No registered '(\w+)' OpKernel for XLA")
_REASON = 200  # characters
WORTHWHILE = 1.1  # minimum speed-up per trial when the trials in a program double
_DENSE = frozenset({
    "Activation", "Add", "AlphaDropout", "Average", "BatchNormalization", "Concatenate", "Dense", "Dropout", "ELU",
    "Flatten", "GaussianDropout", "GaussianNoise", "ImageAugmentation", "InputLayer", "LayerNormalization", "LeakyReLU",
    "Multiply", "Normalization", "PReLU", "RandomFlip", "ReLU", "Rescaling", "Reshape", "Softmax", "Subtract",
    "UnitNormalization",
})  # fmt: skip
# These layers use an operation that XLA lacks (ImageProjectiveTransformV3).
_REFUSED = frozenset({"RandomPerspective", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom"})


def uses_xla(model: keras.Model, *, on_gpu: bool) -> bool | None:
    """Whether to use XLA for this model on this device; None if it has to be measured.

    Always on JAX. On TensorFlow no if XLA has no kernel for a layer, and otherwise yes on a GPU. On a CPU, yes for
    dense layers (20 of them train 1.7 times as fast on two cores) and no for convolutions (six of them train 50 times
    as slowly). Recurrent, attention and users' own layers vary.
    """
    if ALWAYS_XLA:
        return True
    kinds = {type(layer).__name__ for layer in leaves(model)}
    if kinds & _REFUSED:
        return False
    if on_gpu:
        return True
    if any("Conv" in kind or "Pooling" in kind for kind in kinds):
        return False
    return True if kinds <= _DENSE else None


def faster_with_xla(seconds: Callable[[bool], float]) -> bool:
    """Whether a step takes fewer `seconds` with XLA than without; a graph that XLA rejects runs without it."""
    try:
        with_xla = seconds(True)
    except Exception as err:  # whatever the compiler raises: the graph without XLA decides
        if is_out_of_memory(err):
            raise
        return False
    return with_xla <= seconds(False)


def rejected(compiled: Callable[[], object]) -> str:
    """Why XLA cannot compile a program, in a line; "" if it can. Layers do not tell: losses and metrics may be own."""
    try:
        compiled()
    except AblateError:
        raise
    except Exception as err:  # whatever the compiler raises: the graph without XLA shows whether the fault is its own
        if is_out_of_memory(err):
            raise
        lacking = sorted(set(_LACKING.findall(text_of(err))))
        return f"no kernel for {listed(lacking)}" if lacking else printable(reason_of(err), _REASON)
    return ""


def best_size(seconds: Callable[[int], float], *, most: int) -> int:
    """The number of trials that one program should train, doubling from 1 while each gets faster by `WORTHWHILE`.

    `seconds` is the time of one step of a program for a number of trials.
    """
    size, each = 1, seconds(1)
    while 2 * size <= most:
        try:
            doubled = seconds(2 * size) / (2 * size)
        except Exception:  # out of memory, or an operation that cannot be mapped over trials
            return size
        if doubled * WORTHWHILE > each:
            return size
        size, each = 2 * size, doubled
    return size


def remembered(path: Path | None, decide: Callable[[], T], *, kind: TypeAdapter[T]) -> T:
    """The decision of an earlier run or another process stored at `path`, otherwise the result of `decide`, stored.

    The first stored decision stands. A file not of the `kind` is overwritten; if the disk fails, each process decides.
    """
    if path is None:
        return decide()
    known = load_kept(path, kind)
    if known is not None:
        return known
    mine = decide()
    with suppress(OSError, ValueError):  # a disk that fails, or a file that cannot be read
        write_once(path, json.dumps(mine))
    first = load_kept(path, kind)  # this decision, or that of another process
    if first is None:
        keep(path, json.dumps(mine))
        return mine
    return first


def leaves(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers of a model and of the models nested in it, in order; for a layer, itself."""
    inner = getattr(layer, "layers", None)
    if not isinstance(layer, keras.Model) or inner is None:
        yield layer
        return
    for part in inner:
        yield from leaves(part)
