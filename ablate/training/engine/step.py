"""Build the graph of a training step, on whole batches or micro-batches.

The loss of a batch is the mean over its examples plus the penalties, and so is that of a micro-batch. Weighted by their
numbers of examples, losses and gradients of micro-batches add up to those of the batch, up to rounding. Exceptions
are layers that normalize by batch statistics, which see a micro-batch, noise, which is drawn for each micro-batch, and
a user's penalty that is a sum over the batch.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias, final

import keras
from keras import ops

from ablate.data.array import Tensor
from ablate.models.outputs import by_last_layer
from ablate.training.engine import backend
from ablate.training.engine.batches import equal_parts
from ablate.training.engine.head import Head, TrainingState, VariableValues
from ablate.training.engine.inputs import PLAIN, Preparation
from ablate.training.engine.objective import ClassObjective, Objective, ScalingTree, Tally, Trees
from ablate.training.engine.settings import HEAD_ONLY
from ablate.training.engine.weighting import weights_of

# Gradients; the loss, the frozen state after it, the outputs.
Gradients: TypeAlias = tuple[list[Tensor], tuple[Tensor, list[Tensor], Trees]]


@final
class Step:
    """One training step of a trial. With more than one of `parts`, a batch's length must be known in the graph."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        objective: Objective | None = None,
        prepare: Preparation = PLAIN,
        parts: int = 1,
        is_padded: bool = False,
        xla: bool = True,
        stacked: bool = False,
    ) -> None:
        self._model, self._optimizer, self._parts, self._xla, self._stacked = model, optimizer, parts, xla, stacked
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        self._rate = place_of(inner._learning_rate, optimizer.variables)
        self._head = Head(model)
        alone = inner.settings.get(HEAD_ONLY)  # missing if no trial of the study freezes layers
        self._alone = None if alone is None else place_of(alone, optimizer.variables)
        self._objective = objective or ClassObjective(model, by_last_layer(model))
        self._prepare, self._is_padded = prepare, is_padded

    def __call__(
        self,
        state: TrainingState,
        tally: Tally,
        x: Trees,
        y: Trees,
        rows: Tensor,
        scaling: ScalingTree,
        rate: Tensor,
        size: Tensor,
    ) -> tuple[TrainingState, Tally, Tensor]:
        """The state after the step, the tally with this batch, whose `rows` are its indices, and its loss before it.

        In a program that is padded, the first `size` examples count.
        """
        weights, frozen, slots = state
        state = weights, frozen, (*slots[: self._rate], rate, *slots[self._rate + 1 :])
        w = _counted(rows, size) if self._is_padded else weights_of(rows, y, scaling)
        if self._parts > 1:
            return self._part_by_part(state, tally, (x, y, w), scaling)
        inputs = self._prepare(x, scaling["shift"], scaling["scale"])
        gradients, (loss, after, outputs) = self._gradients(state, inputs, y, w, scaling)
        return self._updated(state, gradients, after), self._objective.count(tally, y, outputs, w, scaling), loss

    def _part_by_part(
        self, state: TrainingState, tally: Tally, batch: Trees, scaling: ScalingTree
    ) -> tuple[TrainingState, Tally, Tensor]:
        weights, frozen, _ = state
        n, first = keras.tree.flatten(batch)[0].shape[0], 0
        sums = ([ops.zeros_like(weight) for weight in weights], frozen, ops.zeros(()), tally)
        for n_parts, size in equal_parts(n, self._parts):
            end = first + n_parts * size
            some = _mapped(
                lambda t, a=first, b=end, k=n_parts, m=size: ops.reshape(t[a:b], (k, m, *t.shape[1:])), batch
            )
            sums = self._added(sums, state, some, scaling, n_parts=n_parts, share=size / n)
            first = end
        gradients, frozen, loss, tally = sums
        return self._updated(state, gradients, frozen), tally, loss

    def _added(
        self, sums: Any, state: TrainingState, some: Trees, scaling: ScalingTree, *, n_parts: int, share: float
    ) -> Any:  # Any: the sums of gradients, the frozen state, the sum of losses, the tally
        """The sums with micro-batches of one size, (parts, size, ...), each a `share` of the batch."""
        weights, _, slots = state

        def body(i: Tensor, gradients: list[Tensor], frozen: tuple[Tensor, ...], loss: Tensor, tally: Tally) -> Any:
            x, y, w = _mapped(lambda t: t[i], some)
            inputs = self._prepare(x, scaling["shift"], scaling["scale"])
            found, (value, after, outputs) = self._gradients(
                (weights, frozen, slots), inputs, y, w, scaling, share=share
            )
            counted = self._objective.count(tally, y, outputs, w, scaling)
            return i + 1, backend.added(gradients, found), tuple(after), loss + share * value, counted

        # In sequence: TensorFlow would start several at once, for which memory is short.
        start = (ops.zeros((), "int32"), *sums)
        return backend.loop(lambda i, *_: i < n_parts, body, start, at_once=1)[1:]

    def _gradients(
        self, state: TrainingState, x: Trees, y: Trees, w: Tensor | None, scaling: ScalingTree, *, share: float = 1.0
    ) -> Gradients:
        """The gradients of a `share` of the loss; and the whole loss, the frozen state after it, the outputs."""
        if self._alone is None:
            return self._gradients_by_all(state, x, y, w, scaling, share=share)
        found: Gradients = backend.either(
            state[2][self._alone] > 0,
            lambda: self._gradients_by_head(state, x, y, w, scaling, share=share),
            lambda: self._gradients_by_all(state, x, y, w, scaling, share=share),
            both=self._stacked,
        )
        return found

    def _gradients_by_head(
        self, state: TrainingState, x: Trees, y: Trees, w: Tensor | None, scaling: ScalingTree, *, share: float
    ) -> Gradients:
        """The same if only the head trains, as in Keras; the gradients of all other weights are 0."""
        model, slots = self._model, state[2]
        trained, others = model.trainable_variables, model.non_trainable_variables
        values = VariableValues([*trained, *others], [*state[0], *state[1]])
        with self._head.alone():
            inner = (values.of(model.trainable_variables), values.of(model.non_trainable_variables), slots)
            by_head, (total, after, outputs) = self._gradients_by_all(inner, x, y, w, scaling, share=share)
            gradients = VariableValues(trained, [ops.zeros_like(weight) for weight in state[0]])
            gradients.set(model.trainable_variables, by_head)
            values.set(model.non_trainable_variables, after)
        return list(gradients.of(trained)), (total, list(values.of(others)), outputs)

    def _gradients_by_all(
        self, state: TrainingState, x: Trees, y: Trees, w: Tensor | None, scaling: ScalingTree, *, share: float
    ) -> Gradients:
        weights, frozen, slots = state

        def loss(weights: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, list[Tensor], Trees]]:
            total, after, outputs = self._objective.forward(weights, frozen, x, y, w, scaling)
            shared = total if share == 1 else share * total
            return self._optimizer.stateless_scale(slots, shared), (total, after, outputs)

        return backend.gradients(loss, weights, xla=self._xla)

    def _updated(self, state: TrainingState, gradients: list[Tensor], frozen: Sequence[Tensor]) -> TrainingState:
        weights, _, before = state
        new, slots = self._optimizer.stateless_apply(list(before), gradients, list(weights))
        if self._alone is not None:  # weight decay, momentum and constraints change weights without gradients
            new = self._head.updated(new, weights, alone=before[self._alone] > 0)
        return tuple(new), tuple(frozen), tuple(slots)


def place_of(wanted: keras.Variable, variables: Sequence[keras.Variable]) -> int:
    """The index of a variable, by identity."""
    return next(i for i, variable in enumerate(variables) if variable is wanted)


def _counted(rows: Tensor, size: Tensor) -> Tensor:
    """1 for the first `size` examples of a batch, otherwise 0."""
    return ops.cast(ops.arange(ops.shape(rows)[0], dtype="int32") < size, "float32")


def _mapped(function: Any, batch: Trees) -> Any:  # Any: of a tensor
    """A function of every tensor of a batch; no weights stay none."""
    return tuple(None if tree is None else keras.tree.map_structure(function, tree) for tree in batch)
