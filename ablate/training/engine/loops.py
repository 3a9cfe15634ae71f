"""Loop a trial's training steps and scores over batches, for all slots of a program at once: the compiled graphs."""

from collections.abc import Callable
from typing import Any, final

import keras
import numpy as np
from keras import ops

from ablate.data.array import Tensor
from ablate.training.engine import backend
from ablate.training.engine.head import TrainingState
from ablate.training.engine.inputs import PLAIN, Preparation
from ablate.training.engine.objective import Objective, ScalingTree, Tally, Trees
from ablate.training.engine.step import Step
from ablate.training.engine.weighting import weights_of


@final
class Loops:
    """The graphs of a program for `size` trials. Inputs and outputs have the slots as a dimension."""

    def __init__(self, step: Step, objective: Objective, *, size: int, prepare: Preparation = PLAIN) -> None:
        self._step, self._objective, self._size, self._prepare = step, objective, size, prepare

    def train(
        self,
        state: TrainingState,
        tally: Tally,
        x: Trees,
        y: Trees,
        scaling: ScalingTree,
        order: Tensor,
        rates: Tensor,
        sizes: Tensor,
        n_steps: Tensor,
        max_loss: Tensor,
    ) -> tuple[TrainingState, Tally, Tensor, Tensor]:
        """Run steps over the rows of `order`: the state and tally afterwards, losses (rows, size), steps (size,).

        The first of a row's examples count, as many as `sizes` (rows,) says.
        """
        scaling, n_steps, max_loss = self._entering((scaling, n_steps, max_loss), axis=0)
        order, rates = self._entering((order, rates), axis=1)

        def going(i: Tensor, loss: Tensor) -> Tensor:
            return ops.logical_and(i < n_steps, loss <= max_loss)  # false for NaN

        def body(
            i: Tensor, loss: Tensor, state: TrainingState, tally: Tally, losses: Tensor, done: Tensor
        ) -> tuple[Tensor, Tensor, TrainingState, Tally, Tensor, Tensor]:
            going_on, rows = going(i, loss), order[i]
            batch = (backend.rows_of(x, rows), backend.rows_of(y, rows), rows, scaling, rates[i])
            after, counted, value = self._map(self._step, (state, tally, *batch, *self._shared(sizes[i])))
            if self._size > 1:  # a finished slot keeps its state while others continue
                after, counted = keras.tree.map_structure(
                    lambda new, old: ops.where(_like(going_on, new), new, old), (after, counted), (state, tally)
                )
            losses = ops.scatter_update(losses, [[i]], value[None])
            done = done + ops.cast(going_on, "int32")
            return i + 1, ops.where(going_on, value, loss), after, counted, losses, done

        start = (ops.zeros((), "int32"), ops.full_like(rates[0], -np.inf), state, tally, ops.zeros_like(rates))
        zero = ops.zeros_like(n_steps)
        _, _, state, tally, losses, done = backend.loop(
            lambda i, loss, *_: ops.any(going(i, loss)), body, (*start, zero)
        )
        return state, tally, self._leaving(losses, axis=1), self._leaving(done, axis=0)

    def evaluate(
        self,
        state: tuple[Tensor, Tensor],
        tally: Tally,
        x: Trees,
        y: Trees,
        scaling: ScalingTree,
        order: Tensor,
        n: Tensor,
        first: Tensor,
    ) -> tuple[Tally, Tensor]:
        """The tally with the first `n` entries of `order`, and the predicted class of each, in the shape of `order`.

        Classes are 0 past the chunk of entry `n`. `first` is the number of the first chunk in the whole evaluation.
        """
        width = ops.shape(order)[2]
        scaling = self._entering(scaling, axis=0)
        order = self._entering(order, axis=1)

        def body(i: Tensor, tally: Tally, predicted: Tensor) -> tuple[Tensor, Tally, Tensor]:
            rows = order[i]
            counted = i * width + ops.arange(width, dtype="int32") < n
            batch = (backend.rows_of(x, rows), backend.rows_of(y, rows), rows, scaling)
            tally, classes = self._map(self._score, (state, tally, *batch, *self._shared(counted, first + i)))
            return i + 1, tally, ops.scatter_update(predicted, [[i]], classes[None])

        start = (ops.zeros((), "int32"), tally, ops.zeros_like(order))
        _, tally, predicted = backend.loop(lambda i, *_: i * width < n, body, start)
        return tally, self._leaving(predicted, axis=1)

    def _score(
        self,
        state: tuple[Tensor, Tensor],
        tally: Tally,
        x: Trees,
        y: Trees,
        rows: Tensor,
        scaling: ScalingTree,
        counted: Tensor,
        place: Tensor,
    ) -> tuple[Tally, Tensor]:
        inputs, w = self._prepare(x, scaling["shift"], scaling["scale"]), weights_of(rows, y, scaling)
        return self._objective.score(state, tally, inputs, y, w, scaling, counted=counted, place=place)

    def _map(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Map `function` over the slots. A single slot runs without a map, its tensors without a first dimension."""
        return function(*arguments) if self._size == 1 else backend.map_trials(function, arguments)

    def _shared(self, *tensors: Tensor) -> list[Tensor]:
        """Tensors that are the same in all slots."""
        if self._size == 1:
            return list(tensors)
        return [ops.repeat(ops.expand_dims(tensor, 0), self._size, axis=0) for tensor in tensors]

    def _entering(self, tensors: Any, *, axis: int) -> Any:
        return keras.tree.map_structure(lambda t: ops.squeeze(t, axis), tensors) if self._size == 1 else tensors

    def _leaving(self, tensors: Any, *, axis: int) -> Any:
        return keras.tree.map_structure(lambda t: ops.expand_dims(t, axis), tensors) if self._size == 1 else tensors


def _like(flags: Tensor, tensor: Tensor) -> Tensor:
    """Flags (size,) in a shape that broadcasts over the slots of `tensor`."""
    return ops.reshape(flags, [-1] + [1] * (len(tensor.shape) - 1))
