"""What a program minimizes and counts: the loss of a batch, and sums over batches from which metrics are made.

`ClassObjective` is that of one class an example, judged by cross-entropy and accuracy. All other tasks have a
`CompiledObjective` (`ablate.training.engine.compiled_objective`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias, final

import keras
import numpy as np
from keras import ops

from ablate.data.array import Tensor
from ablate.models.layers import NOISE_STATE, last_name
from ablate.models.outputs import Outputs
from ablate.training.engine import backend

Tally: TypeAlias = tuple[Tensor, ...]  # sums over batches, of fixed shapes and types
Trees: TypeAlias = Any  # a tensor, or tensors by name
# The loss with penalties, the frozen state after it, the outputs.
Forward: TypeAlias = tuple[Tensor, list[Tensor], Trees]
# "shift" and "scale" of the inputs, maybe "target_shift" and "target_scale", "weights" of all examples, and
# "class_weights" of the places of masks.
ScalingTree: TypeAlias = Mapping[str, Trees]
_SCORING = 0x5C0E  # separates the noise of scoring from that of training


class Objective(Protocol):
    """The loss and the counts of one trial; in a program for several, it is mapped over them."""

    is_exact: bool  # evaluation must have no padding
    has_classes: bool  # evaluation gives a class for each example

    def forward(
        self,
        weights: Sequence[Tensor],
        frozen: Sequence[Tensor],
        x: Trees,
        y: Trees,
        w: Tensor | None,
        scaling: ScalingTree,
    ) -> Forward:
        """The loss of a training batch. `w` are the weights of its examples or places; None: all count equally."""
        ...

    def count(self, tally: Tally, y: Trees, outputs: Trees, w: Tensor | None, scaling: ScalingTree) -> Tally:
        """The tally with one more training batch, whose outputs were made before its step."""
        ...

    def score(
        self,
        state: tuple[Tensor, Tensor],
        tally: Tally,
        x: Trees,
        y: Trees,
        w: Tensor | None,
        scaling: ScalingTree,
        *,
        counted: Tensor,
        place: Tensor,
    ) -> tuple[Tally, Tensor]:
        """The tally with one more evaluated chunk, and the class of each of its examples (0 without classes).

        `counted` is false for padding. `place` numbers the chunks, so that each has noise of its own.
        """
        ...

    def start(self) -> Tally:
        """The tally of training before the first batch."""
        ...

    def start_scores(self) -> Tally:
        """The tally of an evaluation before the first chunk."""
        ...

    def trained(self, tally: Tally, n: int) -> dict[str, float]:
        """The metrics of `n` training examples, all but the loss."""
        ...

    def scored(self, tally: Tally, n: int) -> dict[str, float]:
        """The metrics of `n` evaluated examples, the loss first."""
        ...

    def spread(self, tally: Tally, n: int) -> float:
        """The mean SD of a predicted class' probability over several passes; 0 with a single pass."""
        ...

    def predictions(self, outputs: Trees, scaling: ScalingTree) -> Trees:
        """A model's outputs by target as the metrics take them, amounts in the unit of the targets."""
        ...

    def traced(
        self, copy: keras.Model, state: Sequence[Sequence[Tensor]], x: Trees, y: Trees, scaling: ScalingTree
    ) -> tuple[Tensor, list[Tensor]]:
        """The loss of a `copy` of the model on its layers, and the other outputs of the copy, which come first."""
        ...


@final
class ClassObjective:
    """One of several classes an example, from logits or probabilities.

    With `samples`, a prediction is the mean probability over that many passes (Monte Carlo dropout: Gal &
    Ghahramani 2016, arXiv 1506.02142) of a model whose dropout stays on in evaluation.
    """

    is_exact, has_classes = False, True

    def __init__(self, model: keras.Model, outputs: Outputs, *, samples: int = 0) -> None:
        self._model, self._samples, self._from_logits = model, samples, outputs == "logits"
        names = map(last_name, model.non_trainable_variables)
        self._noise = [place for place, name in enumerate(names) if name == NOISE_STATE]

    def forward(
        self,
        weights: Sequence[Tensor],
        frozen: Sequence[Tensor],
        x: Trees,
        y: Trees,
        w: Tensor | None,
        scaling: ScalingTree,
    ) -> Forward:
        """The mean cross-entropy in nats and the penalties; `w` is 0 for padding."""
        del scaling
        outputs, after, penalties = self._model.stateless_call(weights, frozen, x, training=True, return_losses=True)
        losses = cross_entropy(y, outputs, from_logits=self._from_logits)
        mean = ops.mean(losses) if w is None else ops.sum(losses * w) / ops.sum(w)
        return sum(penalties, start=mean), after, outputs

    def count(self, tally: Tally, y: Trees, outputs: Trees, w: Tensor | None, scaling: ScalingTree) -> Tally:
        """The number of examples classified correctly, without padding."""
        del scaling
        hits = _hits(y, outputs)
        return (tally[0] + ops.sum(hits if w is None else hits * ops.cast(w, hits.dtype)),)

    def score(
        self,
        state: tuple[Tensor, Tensor],
        tally: Tally,
        x: Trees,
        y: Trees,
        w: Tensor | None,
        scaling: ScalingTree,
        *,
        counted: Tensor,
        place: Tensor,
    ) -> tuple[Tally, Tensor]:
        """The sums of cross-entropy in nats, hits and spreads, and the predicted classes."""
        del w, scaling
        losses, classes, spreads = self.predicted(state, x, y, place)
        hits = ops.cast(classes == y, "int32")
        sums = [ops.sum(ops.where(counted, some, 0), axis=-1) for some in (losses, hits, spreads)]
        return tuple(before + more for before, more in zip(tally, sums, strict=True)), ops.cast(classes, "int32")

    def start(self) -> Tally:
        """No hits."""
        return (ops.zeros((), "int32"),)

    def start_scores(self) -> Tally:
        """The sums of losses, hits and spreads."""
        return ops.zeros(()), ops.zeros((), "int32"), ops.zeros(())

    def trained(self, tally: Tally, n: int) -> dict[str, float]:
        """The share of hits."""
        return {"accuracy": int(tally[0]) / n}

    def scored(self, tally: Tally, n: int) -> dict[str, float]:
        """Mean cross-entropy and accuracy."""
        loss, hits, _ = (np.asarray(total) for total in tally)
        return {"loss": float(loss / max(n, 1)), "accuracy": float(hits / max(n, 1))}

    def spread(self, tally: Tally, n: int) -> float:
        """The mean over the examples."""
        return float(np.asarray(tally[2]) / max(n, 1))

    def predictions(self, outputs: Trees, scaling: ScalingTree) -> Trees:
        """The probabilities of the classes, (n, classes)."""
        del scaling
        outputs = ops.cast(outputs, "float32")
        return ops.softmax(outputs) if self._from_logits else outputs

    def traced(
        self, copy: keras.Model, state: Sequence[Sequence[Tensor]], x: Trees, y: Trees, scaling: ScalingTree
    ) -> tuple[Tensor, list[Tensor]]:
        """The mean cross-entropy in nats and the penalties."""
        del scaling
        found, _, penalties = copy.stateless_call(*state, x, return_losses=True)
        *inner, outputs = found if isinstance(found, list | tuple) else [found]
        return sum(penalties, start=ops.mean(cross_entropy(y, outputs, from_logits=self._from_logits))), inner

    def predicted(
        self, state: tuple[Tensor, Tensor], x: Trees, y: Trees, place: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """For each example: the cross-entropy in nats, the predicted class, and its spread.

        The spread is the SD of the predicted class' probability over the samples; 0 without.
        """
        if not self._samples:
            outputs, _ = self._model.stateless_call(*state, x, training=False)
            losses = cross_entropy(y, outputs, from_logits=self._from_logits)
            return losses, ops.argmax(outputs, axis=-1), ops.zeros_like(losses)
        mean, square = self._moments(state, x, place * self._samples)
        classes = ops.argmax(mean, axis=-1)
        variance = ops.sum(ops.one_hot(classes, mean.shape[-1]) * (square - mean * mean), axis=-1)
        losses = cross_entropy(y, mean, from_logits=False)
        return losses, classes, ops.sqrt(ops.maximum(variance, 0.0))

    def _moments(self, state: tuple[Tensor, Tensor], x: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """The means over the samples of each class' probability and of its square, (examples, classes)."""
        weights, frozen = state

        def body(k: Tensor, total: Tensor, squares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            outputs, _ = self._model.stateless_call(weights, self._drawn(frozen, first + k), x, training=False)
            outputs = ops.cast(outputs, "float32")
            chances = ops.softmax(outputs) if self._from_logits else outputs
            return k + 1, total + chances, squares + chances * chances

        zero = ops.zeros((ops.shape(x)[0], self._model.output_shape[-1]))
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


def cross_entropy(labels: Tensor, outputs: Tensor, *, from_logits: bool) -> Tensor:
    """The cross-entropy of each example, in nats."""
    outputs = ops.cast(outputs, "float32")  # the model may use mixed precision
    return keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=from_logits)


def _hits(labels: Tensor, outputs: Tensor) -> Tensor:
    return ops.cast(ops.argmax(outputs, axis=-1) == labels, "int32")


def by_slot(tally: Tally, slot: int, *, size: int) -> Tally:
    """The tally of one slot of a program."""
    return tuple(tensor[slot] for tensor in tally) if size > 1 else tally
