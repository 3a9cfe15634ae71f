"""Targets and outputs of some examples in the forms that metrics take."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from keras import ops

from ablate.data.array import Tensor
from ablate.study.task import Target

OutputKind: TypeAlias = Literal["logits", "probabilities", "numbers"]


@dataclass(frozen=True, slots=True)
class View:
    """Labels or numbers with what a network returns for them; every pixel or step of a dense target is a row.

    `probabilities` has a column per class or tag, and a single column, of class 1, for two classes.
    """

    y: Tensor  # (rows,) classes as int32; (rows, tags) as float32; numbers as float32 in the shape of the outputs
    outputs: Tensor  # float32: (rows, n) as the network returns them; numbers in their own shape
    probabilities: Tensor | None  # (rows, k); None for numbers
    chosen: Tensor | None  # (rows,) the predicted class; (rows, tags) 0 or 1; None for numbers


def view_of(target: Target, kind: OutputKind, y: Tensor, outputs: Tensor) -> View:
    """The view of a batch."""
    outputs = ops.cast(outputs, "float32")
    if target.kind == "numbers":
        y = ops.cast(y, "float32")
        return View(ops.reshape(y, ops.shape(outputs)), outputs, None, None)
    if target.kind == "tags":
        rows, y = _rows(outputs), _rows(ops.cast(y, "float32"))
        chances = _sigmoid(rows, kind)
        chosen = ops.cast(chances > 0.5, "float32")
        return View(y, rows, chances, chosen)
    n_axes = len(target.shape) - (target.kind == "one-hot")  # of the labels, besides that of the examples
    if target.kind == "one-hot":
        y = ops.argmax(y, axis=-1)
    y = ops.cast(ops.reshape(y, [-1]), "int32")
    if target.is_binary and (len(outputs.shape) == 1 + n_axes or outputs.shape[-1] == 1):
        rows = ops.reshape(outputs, [-1, 1])
        chances = _sigmoid(rows, kind)
        return View(y, rows, chances, ops.cast(chances[:, 0] > 0.5, "int32"))
    rows = _rows(outputs)
    chances = ops.softmax(rows) if kind == "logits" else rows
    chances = chances[:, 1:] if target.is_binary else chances
    return View(y, rows, chances, ops.cast(ops.argmax(rows, axis=-1), "int32"))


def probabilities_of(target: Target, kind: OutputKind, outputs: Tensor) -> Tensor:
    """What a network returns, in its shape, with logits turned into probabilities."""
    outputs = ops.cast(outputs, "float32")
    if kind != "logits" or target.kind == "numbers":
        return outputs
    is_one = target.is_binary and (len(outputs.shape) == 1 + len(target.shape) or outputs.shape[-1] == 1)
    return ops.sigmoid(outputs) if target.kind == "tags" or is_one else ops.softmax(outputs)


def _rows(tensor: Tensor) -> Tensor:
    return ops.reshape(tensor, [-1, tensor.shape[-1]])


def _sigmoid(rows: Tensor, kind: OutputKind) -> Tensor:
    return ops.sigmoid(rows) if kind == "logits" else rows
