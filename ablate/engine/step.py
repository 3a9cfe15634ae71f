"""A batch of one trial into a training step, whole or part by part, and examples into their scores: parts of a graph.

A whole batch's loss is the mean over its examples plus the penalties. So is each part's, and weighted by the parts'
examples they add up to the whole one's, penalties once: with the gradients it is the same, up to rounding. Not the same
are a layer that normalizes by its batch's statistics, which sees a part, noise, which is drawn anew for each part, and
a penalty of the user's that is a sum over the batch.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias, final

import keras
from keras import ops

from ablate.engine import backend
from ablate.engine.backend import Tensor
from ablate.engine.batches import equal_parts
from ablate.models.build import is_softmax

# Trainable, frozen, optimizer: of one trial, or of a program's slots. Several slots are each tensor's first dimension.
State: TypeAlias = tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]


@final
class Step:
    """One training step of one trial. With more than one of `parts`, a batch's length must be known in the graph."""

    def __init__(
        self, model: keras.Model, optimizer: keras.optimizers.Optimizer, *, parts: int = 1, xla: bool = True
    ) -> None:
        self._model, self._optimizer, self._parts, self._xla = model, optimizer, parts, xla
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        self._rate = place_of(inner._learning_rate, optimizer.variables)
        self._from_logits = not is_softmax(model)

    def __call__(
        self, state: State, images: Tensor, labels: Tensor, shift: Tensor, scale: Tensor, rate: Tensor
    ) -> tuple[State, Tensor, Tensor]:
        """The state after it; before it, the loss in nats and how many examples are classified correctly."""
        weights, frozen, slots = state
        state = weights, frozen, (*slots[: self._rate], rate, *slots[self._rate + 1 :])
        if self._parts > 1:
            return self._part_by_part(state, images, labels, shift, scale)
        images = _scaled(images, shift, scale)
        gradients, (loss, after, outputs) = self._gradients(state, images, labels)
        return self._updated(state, gradients, after), loss, ops.sum(_hits(labels, outputs))

    def _part_by_part(
        self, state: State, images: Tensor, labels: Tensor, shift: Tensor, scale: Tensor
    ) -> tuple[State, Tensor, Tensor]:
        weights, frozen, _ = state
        n, first = images.shape[0], 0
        sums = ([ops.zeros_like(weight) for weight in weights], frozen, ops.zeros(()), ops.zeros((), "int32"))
        for n_parts, size in equal_parts(n, self._parts):
            end = first + n_parts * size
            some = [ops.reshape(t[first:end], (n_parts, size, *t.shape[1:])) for t in (images, labels)]
            sums = self._added(sums, state, some, shift, scale, share=size / n)
            first = end
        gradients, frozen, loss, correct = sums
        return self._updated(state, gradients, frozen), loss, correct

    def _added(
        self, sums: Any, state: State, some: Sequence[Tensor], shift: Tensor, scale: Tensor, *, share: float
    ) -> Any:  # Any: the sums of gradients, what is frozen, the sums of losses and hits
        """The sums with parts of one size, (parts, size, ...), each a `share` of the batch."""
        weights, _, slots = state
        images, labels = some

        def body(i: Tensor, gradients: list[Tensor], frozen: tuple[Tensor, ...], loss: Tensor, correct: Tensor) -> Any:
            part = _scaled(images[i], shift, scale)
            found, (value, after, outputs) = self._gradients((weights, frozen, slots), part, labels[i], share=share)
            hits = ops.sum(_hits(labels[i], outputs))
            return i + 1, backend.added(gradients, found), tuple(after), loss + share * value, correct + hits

        # One after the other: TensorFlow would begin several, and hold at once what memory is short for.
        start = (ops.zeros((), "int32"), *sums)
        return backend.loop(lambda i, *_: i < images.shape[0], body, start, at_once=1)[1:]

    def _gradients(
        self, state: State, images: Tensor, labels: Tensor, *, share: float = 1.0
    ) -> tuple[list[Tensor], tuple[Tensor, list[Tensor], Tensor]]:
        """The gradients of a `share` of the loss; and the whole loss, the frozen state after it, the outputs."""
        weights, frozen, slots = state

        def loss(weights: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, list[Tensor], Tensor]]:
            outputs, after, penalties = self._model.stateless_call(
                weights, frozen, images, training=True, return_losses=True
            )
            total = sum(penalties, start=ops.mean(_cross_entropy(labels, outputs, from_logits=self._from_logits)))
            shared = total if share == 1 else share * total
            return self._optimizer.stateless_scale(slots, shared), (total, after, outputs)

        return backend.gradients(loss, weights, xla=self._xla)

    def _updated(self, state: State, gradients: list[Tensor], frozen: Sequence[Tensor]) -> State:
        weights, _, slots = state
        new, slots = self._optimizer.stateless_apply(list(slots), gradients, list(weights))
        return tuple(new), tuple(frozen), tuple(slots)


@final
class Score:
    """The scores of some examples of one trial."""

    def __init__(self, model: keras.Model) -> None:
        self._model, self._from_logits = model, not is_softmax(model)

    def __call__(
        self, state: tuple[Tensor, Tensor], images: Tensor, labels: Tensor, shift: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The cross-entropy of each, in nats, and 1 for each that is classified correctly, else 0."""
        outputs, _ = self._model.stateless_call(*state, _scaled(images, shift, scale), training=False)
        return _cross_entropy(labels, outputs, from_logits=self._from_logits), _hits(labels, outputs)


def place_of(wanted: keras.Variable, variables: Sequence[keras.Variable]) -> int:
    """The index of that very variable."""
    return next(i for i, variable in enumerate(variables) if variable is wanted)


def _scaled(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return (ops.cast(x, "float32") - shift) * scale


def _cross_entropy(labels: Tensor, outputs: Tensor, *, from_logits: bool) -> Tensor:
    outputs = ops.cast(outputs, "float32")  # of a model in mixed precision
    return keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=from_logits)


def _hits(labels: Tensor, outputs: Tensor) -> Tensor:
    return ops.cast(ops.argmax(outputs, axis=-1) == labels, "int32")
