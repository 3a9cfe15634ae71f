"""Split a model into its head (the last layer with weights) and the layers below, to transfer pretrained weights.

On pretrained weights, the head may train alone, as with Keras' `layer.trainable = False` below it: nothing
there changes, normalization layers use their stored statistics, and dropout stays active.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias, final

import keras
from keras import ops

from ablate.data.array import Array, Tensor
from ablate.errors import StudyError
from ablate.models.layers import is_of_trial
from ablate.training.engine import backend
from ablate.training.engine.compiling import leaves

# Trainable, frozen, optimizer: of a trial, or of a program's slots. Several slots are each tensor's first dimension.
TrainingState: TypeAlias = tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]
_RULE = "transfer: the networks of both tasks must be equal except for the last layer"


@final
class Head:
    """The head of a model, the last layer with weights."""

    def __init__(self, model: keras.Model) -> None:
        layers = [layer for layer in leaves(model) if layer.trainable_variables]
        self._model, self._below = model, layers[:-1]
        self._own = {id(variable) for layer in layers[-1:] for variable in layer.variables}

    def owns(self, variable: keras.Variable) -> bool:
        """Whether a variable belongs to the head."""
        return id(variable) in self._own

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside the block, only the head's variables are trainable."""
        for layer in self._below:
            layer.trainable = False
        try:
            yield
        finally:
            for layer in self._below:
                layer.trainable = True

    def updated(self, new: Sequence[Tensor], old: Sequence[Tensor], *, alone: Tensor) -> list[Tensor]:
        """The model's trainable variables after a step; if the head trains alone, all others keep their values."""
        pairs = zip(self._model.trainable_variables, new, old, strict=True)
        return [after if self.owns(variable) else ops.where(alone, before, after) for variable, after, before in pairs]


@dataclass(frozen=True, slots=True)
class PretrainedWeights:
    """The weights of a trained network, to be used by a network of the same structure except for the head."""

    weights: Sequence[Array]  # in the order of the model's trainable variables
    frozen: Sequence[Array]  # in the order of the model's other variables
    parts: int = 1  # micro-batches per batch in its training, if memory was short for a whole batch


def take_over(model: keras.Model, own: TrainingState, taken: PretrainedWeights) -> TrainingState:
    """A trial's state with the pretrained weights and normalization statistics, except for the head and noise."""
    weights = _merged(model, model.trainable_variables, own[0], taken.weights)
    return weights, _merged(model, model.non_trainable_variables, own[1], taken.frozen), own[2]


def _merged(
    model: keras.Model, variables: Sequence[keras.Variable], own: Sequence[Tensor], taken: Sequence[Array]
) -> tuple[Tensor, ...]:
    if len(variables) != len(taken):
        raise StudyError(f"{_RULE}, got {len(variables)} and {len(taken)} variables")
    head, merged = Head(model), []
    for variable, mine, theirs in zip(variables, own, taken, strict=True):
        is_own = head.owns(variable) or is_of_trial(variable)
        if not is_own and tuple(variable.shape) != theirs.shape:
            raise StudyError(f"{_RULE}, got {tuple(variable.shape)} and {theirs.shape} for {variable.path}")
        merged.append(mine if is_own else backend.resident(theirs, variable.dtype))
    return tuple(merged)


@final
class VariableValues:
    """Tensors by the variables that they represent, readable in any order."""

    def __init__(self, variables: Sequence[keras.Variable], tensors: Sequence[Tensor]) -> None:
        self._tensors: dict[int, Tensor] = {}
        self.set(variables, tensors)

    def of(self, variables: Sequence[keras.Variable]) -> tuple[Tensor, ...]:
        """The tensors of these variables."""
        return tuple(self._tensors[id(variable)] for variable in variables)

    def set(self, variables: Sequence[keras.Variable], tensors: Sequence[Tensor]) -> None:
        """Replace the tensors of these variables."""
        self._tensors.update(zip(map(id, variables), tensors, strict=True))
