"""Build the graphs of a training step, on whole batches or micro-batches, and of the scores of examples.

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
from ablate.models.layers import NOISE_STATE, last_name
from ablate.models.outputs import Outputs, by_last_layer
from ablate.training.engine import backend
from ablate.training.engine.batches import equal_parts
from ablate.training.engine.head import Head, TrainingState, VariableValues
from ablate.training.engine.settings import HEAD_ONLY

_SCORING = 0x5C0E  # separates the noise of scoring from that of training
# Gradients; the loss, the frozen state after it, the outputs.
Gradients: TypeAlias = tuple[list[Tensor], tuple[Tensor, list[Tensor], Tensor]]


@final
class Step:
    """One training step of a trial. With more than one of `parts`, a batch's length must be known in the graph."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        parts: int = 1,
        xla: bool = True,
        stacked: bool = False,
        outputs: Outputs | None = None,
    ) -> None:
        self._model, self._optimizer, self._parts, self._xla, self._stacked = model, optimizer, parts, xla, stacked
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        self._rate = place_of(inner._learning_rate, optimizer.variables)
        self._head = Head(model)
        alone = inner.settings.get(HEAD_ONLY)  # missing if no trial of the study freezes layers
        self._alone = None if alone is None else place_of(alone, optimizer.variables)
        self._from_logits = (outputs or by_last_layer(model)) == "logits"

    def __call__(
        self, state: TrainingState, images: Tensor, labels: Tensor, shift: Tensor, scale: Tensor, rate: Tensor
    ) -> tuple[TrainingState, Tensor, Tensor]:
        """The state after the step; the loss in nats and the number of correct examples before it."""
        weights, frozen, slots = state
        state = weights, frozen, (*slots[: self._rate], rate, *slots[self._rate + 1 :])
        if self._parts > 1:
            return self._part_by_part(state, images, labels, shift, scale)
        images = scaled(images, shift, scale)
        gradients, (loss, after, outputs) = self._gradients(state, images, labels)
        return self._updated(state, gradients, after), loss, ops.sum(_hits(labels, outputs))

    def _part_by_part(
        self, state: TrainingState, images: Tensor, labels: Tensor, shift: Tensor, scale: Tensor
    ) -> tuple[TrainingState, Tensor, Tensor]:
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
        self, sums: Any, state: TrainingState, some: Sequence[Tensor], shift: Tensor, scale: Tensor, *, share: float
    ) -> Any:  # Any: the sums of gradients, the frozen state, the sums of losses and hits
        """The sums with micro-batches of one size, (parts, size, ...), each a `share` of the batch."""
        weights, _, slots = state
        images, labels = some

        def body(i: Tensor, gradients: list[Tensor], frozen: tuple[Tensor, ...], loss: Tensor, correct: Tensor) -> Any:
            part = scaled(images[i], shift, scale)
            found, (value, after, outputs) = self._gradients((weights, frozen, slots), part, labels[i], share=share)
            hits = ops.sum(_hits(labels[i], outputs))
            return i + 1, backend.added(gradients, found), tuple(after), loss + share * value, correct + hits

        # In sequence: TensorFlow would start several at once, for which memory is short.
        start = (ops.zeros((), "int32"), *sums)
        return backend.loop(lambda i, *_: i < images.shape[0], body, start, at_once=1)[1:]

    def _gradients(self, state: TrainingState, images: Tensor, labels: Tensor, *, share: float = 1.0) -> Gradients:
        """The gradients of a `share` of the loss; and the whole loss, the frozen state after it, the outputs."""
        if self._alone is None:
            return self._gradients_by_all(state, images, labels, share=share)
        found: Gradients = backend.either(
            state[2][self._alone] > 0,
            lambda: self._gradients_by_head(state, images, labels, share=share),
            lambda: self._gradients_by_all(state, images, labels, share=share),
            both=self._stacked,
        )
        return found

    def _gradients_by_head(self, state: TrainingState, images: Tensor, labels: Tensor, *, share: float) -> Gradients:
        """The same if only the head trains, as in Keras; the gradients of all other weights are 0."""
        model, slots = self._model, state[2]
        trained, others = model.trainable_variables, model.non_trainable_variables
        values = VariableValues([*trained, *others], [*state[0], *state[1]])
        with self._head.alone():
            inner = (values.of(model.trainable_variables), values.of(model.non_trainable_variables), slots)
            by_head, (total, after, outputs) = self._gradients_by_all(inner, images, labels, share=share)
            gradients = VariableValues(trained, [ops.zeros_like(weight) for weight in state[0]])
            gradients.set(model.trainable_variables, by_head)
            values.set(model.non_trainable_variables, after)
        return list(gradients.of(trained)), (total, list(values.of(others)), outputs)

    def _gradients_by_all(self, state: TrainingState, images: Tensor, labels: Tensor, *, share: float) -> Gradients:
        weights, frozen, slots = state

        def loss(weights: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, list[Tensor], Tensor]]:
            outputs, after, penalties = self._model.stateless_call(
                weights, frozen, images, training=True, return_losses=True
            )
            total = sum(penalties, start=ops.mean(cross_entropy(labels, outputs, from_logits=self._from_logits)))
            shared = total if share == 1 else share * total
            return self._optimizer.stateless_scale(slots, shared), (total, after, outputs)

        return backend.gradients(loss, weights, xla=self._xla)

    def _updated(self, state: TrainingState, gradients: list[Tensor], frozen: Sequence[Tensor]) -> TrainingState:
        weights, _, before = state
        new, slots = self._optimizer.stateless_apply(list(before), gradients, list(weights))
        if self._alone is not None:  # weight decay, momentum and constraints change weights without gradients
            new = self._head.updated(new, weights, alone=before[self._alone] > 0)
        return tuple(new), tuple(frozen), tuple(slots)


@final
class Score:
    """The scores of some examples of one trial.

    With `samples`, a prediction is the mean probability over that many passes (Monte Carlo dropout: Gal &
    Ghahramani 2016, arXiv 1506.02142) of a model whose dropout stays on in evaluation.
    """

    def __init__(self, model: keras.Model, *, samples: int = 0, outputs: Outputs | None = None) -> None:
        self._model, self._samples = model, samples
        self._from_logits = (outputs or by_last_layer(model)) == "logits"
        names = map(last_name, model.non_trainable_variables)
        self._noise = [place for place, name in enumerate(names) if name == NOISE_STATE]

    def __call__(
        self, state: tuple[Tensor, Tensor], images: Tensor, labels: Tensor, shift: Tensor, scale: Tensor, place: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """For each example: the cross-entropy in nats, the predicted class, and its spread.

        The spread is the SD of the predicted class' probability over the samples; 0 without. `place` numbers the
        calls, so that each has noise of its own.
        """
        images = scaled(images, shift, scale)
        if not self._samples:
            outputs, _ = self._model.stateless_call(*state, images, training=False)
            losses = cross_entropy(labels, outputs, from_logits=self._from_logits)
            return losses, ops.argmax(outputs, axis=-1), ops.zeros_like(losses)
        mean, square = self._moments(state, images, place * self._samples)
        classes = ops.argmax(mean, axis=-1)
        variance = ops.sum(ops.one_hot(classes, mean.shape[-1]) * (square - mean * mean), axis=-1)
        losses = cross_entropy(labels, mean, from_logits=False)
        return losses, classes, ops.sqrt(ops.maximum(variance, 0.0))

    def _moments(self, state: tuple[Tensor, Tensor], images: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """The means over the samples of each class' probability and of its square, (examples, classes)."""
        weights, frozen = state

        def body(k: Tensor, total: Tensor, squares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            outputs, _ = self._model.stateless_call(weights, self._drawn(frozen, first + k), images, training=False)
            outputs = ops.cast(outputs, "float32")
            chances = ops.softmax(outputs) if self._from_logits else outputs
            return k + 1, total + chances, squares + chances * chances

        zero = ops.zeros((ops.shape(images)[0], self._model.output_shape[-1]))
        start = (ops.zeros((), "int32"), zero, zero)
        _, total, squares = backend.loop(lambda k, *_: k < self._samples, body, start)
        return total / self._samples, squares / self._samples

    def _drawn(self, frozen: Sequence[Tensor], number: Tensor) -> list[Tensor]:
        """The frozen state with the noise generators set for a draw of scoring, the same in every epoch."""
        drawn = list(frozen)
        for place in self._noise:
            seed = ops.bitwise_xor(drawn[place][0], ops.cast(_SCORING, drawn[place].dtype))
            drawn[place] = ops.stack([seed, ops.cast(number, seed.dtype)])
        return drawn


def place_of(wanted: keras.Variable, variables: Sequence[keras.Variable]) -> int:
    """The index of a variable, by identity."""
    return next(i for i, variable in enumerate(variables) if variable is wanted)


def scaled(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Convert examples from their compact type to the model's input."""
    return (ops.cast(x, "float32") - shift) * scale


def cross_entropy(labels: Tensor, outputs: Tensor, *, from_logits: bool) -> Tensor:
    """The cross-entropy of each example, in nats."""
    outputs = ops.cast(outputs, "float32")  # the model may use mixed precision
    return keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=from_logits)


def _hits(labels: Tensor, outputs: Tensor) -> Tensor:
    return ops.cast(ops.argmax(outputs, axis=-1) == labels, "int32")
