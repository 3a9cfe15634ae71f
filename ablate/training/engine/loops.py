"""Loop a trial's training steps and scores over batches, for all slots of a program at once: the compiled graphs."""

from collections.abc import Callable
from typing import Any, final

import keras
from keras import ops

from ablate.data.array import Tensor
from ablate.training.engine import backend
from ablate.training.engine.head import TrainingState
from ablate.training.engine.step import Score, Step


@final
class Loops:
    """The graphs of a program for `size` trials. Inputs and outputs have the slots as a dimension."""

    def __init__(self, step: Step, score: Score, *, size: int) -> None:
        self._step, self._score, self._size = step, score, size

    def train(
        self,
        state: TrainingState,
        x: Tensor,
        y: Tensor,
        shift: Tensor,
        scale: Tensor,
        order: Tensor,
        rates: Tensor,
        n_steps: Tensor,
        max_loss: Tensor,
    ) -> tuple[TrainingState, Tensor, Tensor, Tensor]:
        """Run steps over the rows of `order`: the state afterwards, losses (rows, size), steps, correct (size,)."""
        shift, scale, n_steps = self._entering((shift, scale, n_steps), axis=0)
        order, rates = self._entering((order, rates), axis=1)

        def going(i: Tensor, loss: Tensor) -> Tensor:
            return ops.logical_and(i < n_steps, loss <= max_loss)  # false for NaN

        def body(
            i: Tensor, loss: Tensor, state: TrainingState, losses: Tensor, done: Tensor, correct: Tensor
        ) -> tuple[Tensor, Tensor, TrainingState, Tensor, Tensor, Tensor]:
            going_on, rows = going(i, loss), order[i]
            batch = (backend.rows_of(x, rows), backend.rows_of(y, rows), shift, scale, rates[i])
            after, value, hits = self._map(self._step, (state, *batch))
            if self._size > 1:  # a finished slot keeps its state while others continue
                after = keras.tree.map_structure(
                    lambda new, old: ops.where(_like(going_on, new), new, old), after, state
                )
            losses = ops.scatter_update(losses, [[i]], value[None])
            counted = ops.cast(going_on, "int32")
            return i + 1, ops.where(going_on, value, loss), after, losses, done + counted, correct + counted * hits

        zero = ops.zeros_like(n_steps)
        start = (ops.zeros((), "int32"), ops.zeros_like(rates[0]), state, ops.zeros_like(rates), zero, zero)
        _, _, state, losses, done, correct = backend.loop(lambda i, loss, *_: ops.any(going(i, loss)), body, start)
        done, correct = self._leaving((done, correct), axis=0)
        return state, self._leaving(losses, axis=1), done, correct

    def evaluate(
        self, state: tuple[Tensor, Tensor], x: Tensor, y: Tensor, shift: Tensor, scale: Tensor, order: Tensor, n: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The sums of cross-entropy, hits and spreads, each (size,), over the first `n` entries of `order`.

        And the predicted class of each entry, in the shape of `order`; 0 past the chunk of entry `n`.
        """
        width = ops.shape(order)[2]
        shift, scale = self._entering((shift, scale), axis=0)
        order = self._entering(order, axis=1)

        shape = () if self._size == 1 else (self._size,)

        def body(
            i: Tensor, loss: Tensor, correct: Tensor, spread: Tensor, predicted: Tensor
        ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
            rows = order[i]
            labels = backend.rows_of(y, rows)
            batch = (backend.rows_of(x, rows), labels, shift, scale)
            losses, classes, spreads = self._map(self._score, (state, *batch, ops.broadcast_to(i, shape)))
            hits = ops.cast(classes == labels, "int32")
            counted = i * width + ops.arange(width, dtype="int32") < n
            sums = [ops.sum(ops.where(counted, some, 0), axis=-1) for some in (losses, hits, spreads)]
            predicted = ops.scatter_update(predicted, [[i]], ops.cast(classes, "int32")[None])
            return i + 1, loss + sums[0], correct + sums[1], spread + sums[2], predicted

        sums = (ops.zeros(shape), ops.zeros(shape, "int32"), ops.zeros(shape))
        start = (ops.zeros((), "int32"), *sums, ops.zeros_like(order))
        _, *totals, predicted = backend.loop(lambda i, *_: i * width < n, body, start)
        loss, correct, spread = self._leaving(totals, axis=0)
        return loss, correct, spread, self._leaving(predicted, axis=1)

    def _map(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Map `function` over the slots. A single slot runs without a map, its tensors without a first dimension."""
        return function(*arguments) if self._size == 1 else backend.map_trials(function, arguments)

    def _entering(self, tensors: Any, *, axis: int) -> Any:
        return keras.tree.map_structure(lambda t: ops.squeeze(t, axis), tensors) if self._size == 1 else tensors

    def _leaving(self, tensors: Any, *, axis: int) -> Any:
        return keras.tree.map_structure(lambda t: ops.expand_dims(t, axis), tensors) if self._size == 1 else tensors


def _like(flags: Tensor, tensor: Tensor) -> Tensor:
    """Flags (size,) in a shape that broadcasts over the slots of `tensor`."""
    return ops.reshape(flags, [-1] + [1] * (len(tensor.shape) - 1))
