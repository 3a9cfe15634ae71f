"""Prepare stored examples for a model inside the graph: scale numbers, fill in missing ones, leave ids as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from ablate.data.array import Tensor
from ablate.data.trees import leaves, to_tree
from ablate.training.engine.objective import Trees


@dataclass(frozen=True, slots=True)
class Preparation:
    """How the inputs of a model are made from stored examples."""

    unscaled: frozenset[str] = frozenset()  # inputs whose whole numbers the model looks up
    fills: bool = False  # missing numbers become 0 after scaling
    as_list: bool = False  # the model takes several inputs by their order

    def __call__(self, x: Trees, shift: Trees, scale: Trees) -> Trees:
        """The inputs of a batch; `shift` and `scale` have the names of `x`."""
        shifts, scales = leaves(shift), leaves(scale)
        made = {
            name: tensor if name in self.unscaled else self._scaled(tensor, shifts[name], scales[name])
            for name, tensor in leaves(x).items()
        }
        return list(made.values()) if self.as_list else to_tree(made)

    def _scaled(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        made = scaled(x, shift, scale)
        return ops.where(ops.isnan(made), 0.0, made) if self.fills else made


PLAIN = Preparation()


def scaled(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Convert examples from their compact type to the model's input."""
    return (ops.cast(x, "float32") - shift) * scale


def takes_list(model: keras.Model, x: Any) -> bool:  # Any: an array, or arrays by name
    """Whether a model of several inputs takes them by their order, as none has the name of an array."""
    if not isinstance(x, Mapping):
        return False
    try:
        names = {tensor.name for tensor in keras.tree.flatten(model.input)}
    except (AttributeError, ValueError):  # not built from keras.Input
        return False
    return not isinstance(model.input, dict) and not set(x) >= names
