"""A model and an optimizer into two compiled programs: an epoch of training steps, and a pass of evaluation.

A program trains `size` trials of one structure at a time, each in a slot of its own: all that differs between trials
is an input with the slots as its first dimension. That is everything which does not change the graph: weights,
optimizer state and settings, random generators, dropout rates, the learning rate of each step, the order of examples,
the split and its scaling. So trials of one structure share one compilation, and a learning-rate range test is the
same program with a ramp.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from ablate.engine import backend
from ablate.engine.backend import Compiled, Tensor
from ablate.models import is_softmax

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]
# Trainable, frozen, optimizer: of one trial, or of a program's slots. Several slots are each tensor's first dimension.
State: TypeAlias = tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples resident on the device, in their compact type."""

    x: Tensor  # (n, ...) as stored, uint8 for images
    y: Tensor  # (n,) int32

    @classmethod
    def resident(cls, x: np.ndarray[Any, Any], y: Integers) -> "Examples":
        """Copy arrays to the device."""
        return cls(backend.resident(x), backend.resident(y))


@dataclass(frozen=True, slots=True)
class Scaling:
    """What each slot does to an example inside the graph: subtract, then multiply. Float32, (size, ...example)."""

    shift: Floats
    scale: Floats


@dataclass(frozen=True, slots=True)
class Steps:
    """What a run of training steps gave, by slot. `done` is less than asked where a slot's loss left its bound."""

    state: State
    losses: tuple[Floats, ...]  # each (done,), per batch
    done: Integers  # (size,)
    correct: Integers  # (size,) examples classified correctly, each before the step that it took part in


@dataclass(frozen=True, slots=True)
class Scores:
    """What a pass of evaluation gave, by slot: mean cross-entropy in nats and accuracy, each (size,)."""

    losses: Floats
    accuracies: Floats


class Program:
    """The compiled form of one structure. Stateless: state goes in and comes out."""

    def __init__(
        self, model: keras.Model, optimizer: keras.optimizers.Optimizer, *, size: int = 1, xla: bool = True
    ) -> None:
        optimizer.build(model.trainable_variables)
        self.model, self.optimizer, self.size, self.xla = model, optimizer, size, xla
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        self._rate = _place(optimizer.variables, inner._learning_rate)
        self._settings = {name: _place(optimizer.variables, v) for name, v in inner.settings.items()}
        self._slots = tuple(backend.resident(v.value) for v in optimizer.variables)
        self._from_logits = not is_softmax(model)
        self._train: Compiled | None = None
        self._evaluate: Compiled | None = None

    def initial_state(self, model: keras.Model, settings: Mapping[str, float] | None = None) -> State:
        """The state of a trial that starts from the weights of `model`, which has this program's structure.

        `settings` are values of the settings that the optimizer was made with, such as its weight decay; else 0.
        """
        weights = tuple(backend.resident(v.value) for v in model.trainable_variables)
        frozen = tuple(backend.resident(v.value) for v in model.non_trainable_variables)
        slots = list(self._slots)
        for name, place in self._settings.items():
            slots[place] = backend.resident((settings or {}).get(name, 0.0), "float32")
        return weights, frozen, tuple(slots)

    def stacked(self, states: Sequence[State]) -> State:
        """The states of at most `size` trials as the program's slots; the slots left over repeat the first."""
        if self.size == 1:
            return states[0]
        rows = [*states, *[states[0]] * (self.size - len(states))]
        stacked: State = backend.stack(rows)
        return stacked

    def replaced(self, state: State, slot: int, trial: State) -> State:
        """The slots with another trial in one of them."""
        if self.size == 1:
            return trial
        new: State = backend.replace_row(state, slot, trial)
        return new

    def row(self, state: State, slot: int) -> State:
        """The trial in one of the slots."""
        if self.size == 1:
            return state
        trial: State = backend.row_of(state, slot)
        return trial

    def train(
        self,
        state: State,
        examples: Examples,
        scaling: Scaling,
        *,
        order: Integers,
        rates: Floats,
        n_steps: Integers,
        max_loss: float,
    ) -> Steps:
        """Run each slot's `n_steps` (size,) training steps; a slot stops after a loss that is NaN or above `max_loss`.

        `order` has shape (rows, size, batch), `rates` (rows, size), with rows ≥ n_steps: only a new shape compiles
        anew, so callers pad to one number of rows. `n_steps` of zeros compiles and does nothing else.
        """
        limits = (backend.resident(n_steps, "int32"), backend.resident(max_loss, "float32"))
        rows = (backend.resident(order), backend.resident(rates))
        arguments = (state, examples.x, examples.y, scaling.shift, scaling.scale, *rows, *limits)
        self._train = self._train or backend.compiled(self._run_steps, arguments, varying=(5, 6), xla=self.xla)
        state, losses, done, correct = self._train(*arguments)
        counts, curves = done.numpy(), losses.numpy()
        kept = tuple(curves[: counts[slot], slot] for slot in range(self.size))
        return Steps(state, kept, counts, correct.numpy())

    def evaluate(self, state: State, examples: Examples, scaling: Scaling, *, order: Integers, n: int) -> Scores:
        """Each slot's mean cross-entropy and accuracy over the first `n` of its entries of `order`.

        `order` has shape (chunks, size, chunk), padded. `n=0` compiles for these shapes and does nothing else.
        """
        rows = (backend.resident(order), backend.resident(n))
        arguments = (state[:2], examples.x, examples.y, scaling.shift, scaling.scale, *rows)
        self._evaluate = self._evaluate or backend.compiled(
            self._run_chunks, arguments, varying=(1, 2, 5), xla=self.xla
        )
        loss, correct = self._evaluate(*arguments)
        return Scores(loss.numpy() / max(n, 1), correct.numpy() / max(n, 1))

    def _run_steps(
        self,
        state: State,
        x: Tensor,
        y: Tensor,
        shift: Tensor,
        scale: Tensor,
        order: Tensor,
        rates: Tensor,
        n_steps: Tensor,
        max_loss: Tensor,
    ) -> tuple[State, Tensor, Tensor, Tensor]:
        shift, scale, n_steps = self._entering((shift, scale, n_steps), axis=0)
        order, rates = self._entering((order, rates), axis=1)

        def going(i: Tensor, loss: Tensor) -> Tensor:
            return ops.logical_and(i < n_steps, loss <= max_loss)  # false for NaN

        def body(
            i: Tensor, loss: Tensor, state: State, losses: Tensor, done: Tensor, correct: Tensor
        ) -> tuple[Tensor, Tensor, State, Tensor, Tensor, Tensor]:
            going_on, rows = going(i, loss), order[i]
            batch = (backend.rows_of(x, rows), backend.rows_of(y, rows), shift, scale, rates[i])
            after, value, hits = self._map(self._step, (state, *batch))
            if self.size > 1:  # a slot that is done stays as it is while others go on
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

    def _step(
        self, state: State, images: Tensor, labels: Tensor, shift: Tensor, scale: Tensor, rate: Tensor
    ) -> tuple[State, Tensor, Tensor]:
        weights, frozen, slots = state
        slots = (*slots[: self._rate], rate, *slots[self._rate + 1 :])
        images = _scaled(images, shift, scale)

        def loss(weights: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
            outputs, after, penalties = self.model.stateless_call(
                weights, frozen, images, training=True, return_losses=True
            )
            total = sum(penalties, start=ops.mean(self._cross_entropy(labels, outputs)))
            return self.optimizer.stateless_scale(slots, total), (total, after, outputs)

        gradients, (total, frozen, outputs) = backend.gradients(loss, weights, xla=self.xla)
        weights, slots = self.optimizer.stateless_apply(list(slots), gradients, list(weights))
        return (tuple(weights), tuple(frozen), tuple(slots)), total, ops.sum(_hits(labels, outputs))

    def _run_chunks(
        self,
        state: tuple[Tensor, Tensor],
        x: Tensor,
        y: Tensor,
        shift: Tensor,
        scale: Tensor,
        order: Tensor,
        n: Tensor,
    ) -> tuple[Tensor, Tensor]:
        width = ops.shape(order)[2]
        shift, scale = self._entering((shift, scale), axis=0)
        order = self._entering(order, axis=1)

        def score(state: State, images: Tensor, labels: Tensor, shift: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
            outputs, _ = self.model.stateless_call(*state, _scaled(images, shift, scale), training=False)
            return self._cross_entropy(labels, outputs), _hits(labels, outputs)

        def body(i: Tensor, loss: Tensor, correct: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            rows = order[i]
            batch = (backend.rows_of(x, rows), backend.rows_of(y, rows), shift, scale)
            losses, hits = self._map(score, (state, *batch))
            counted = i * width + ops.arange(width, dtype="int32") < n
            losses, hits = ops.where(counted, losses, 0.0), ops.where(counted, hits, 0)
            return i + 1, loss + ops.sum(losses, axis=-1), correct + ops.sum(hits, axis=-1)

        shape = () if self.size == 1 else (self.size,)
        start = (ops.zeros((), "int32"), ops.zeros(shape), ops.zeros(shape, "int32"))
        _, loss, correct = backend.loop(lambda i, *_: i * width < n, body, start)
        loss, correct = self._leaving((loss, correct), axis=0)
        return loss, correct

    def _map(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """`function` for each slot. A single slot runs without a map, and its tensors without a first dimension."""
        return function(*arguments) if self.size == 1 else backend.map_trials(function, arguments)

    def _entering(self, tensors: Any, *, axis: int) -> Any:
        return keras.tree.map_structure(lambda t: ops.squeeze(t, axis), tensors) if self.size == 1 else tensors

    def _leaving(self, tensors: Any, *, axis: int) -> Any:
        return keras.tree.map_structure(lambda t: ops.expand_dims(t, axis), tensors) if self.size == 1 else tensors

    def _cross_entropy(self, labels: Tensor, outputs: Tensor) -> Tensor:
        outputs = ops.cast(outputs, "float32")  # of a model in mixed precision
        return keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=self._from_logits)


def _like(flags: Tensor, tensor: Tensor) -> Tensor:
    """Flags (size,) in a shape that broadcasts over the slots of `tensor`."""
    return ops.reshape(flags, [-1] + [1] * (len(tensor.shape) - 1))


def _scaled(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return (ops.cast(x, "float32") - shift) * scale


def _hits(labels: Tensor, outputs: Tensor) -> Tensor:
    return ops.cast(ops.argmax(outputs, axis=-1) == labels, "int32")


def _place(variables: list[keras.Variable], wanted: keras.Variable) -> int:
    return next(i for i, variable in enumerate(variables) if variable is wanted)
