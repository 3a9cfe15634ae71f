"""A model and an optimizer into two compiled programs: an epoch of training steps, and a pass of evaluation.

A program trains `size` trials of one structure at a time, each in a slot of its own: all that differs between trials
is an input with the slots as its first dimension. That is everything which does not change the graph: weights,
optimizer state and settings, random generators, dropout rates, the learning rate of each step, the order of examples,
the split and its scaling. So trials of one structure share one compilation, and a learning-rate range test is the
same program with a ramp. This is the one module that speaks to TensorFlow's compiler, loop, map and gradient.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from ablate.models import is_softmax

Tensor: TypeAlias = Any  # TensorFlow has no types
_Compiled: TypeAlias = Callable[..., Any]
Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]
# Trainable, frozen, optimizer: of one trial, or of a program's slots. Several slots are each tensor's first dimension.
State: TypeAlias = tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]

OutOfMemory: type[Exception] = tf.errors.ResourceExhaustedError


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples resident on the device, in their compact type."""

    x: Tensor  # (n, ...) as stored, uint8 for images
    y: Tensor  # (n,) int32

    @classmethod
    def resident(cls, x: np.ndarray[Any, Any], y: Integers) -> "Examples":
        """Copy arrays to the device."""
        return cls(tf.constant(x), tf.constant(y))


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
        self._slots = tuple(tf.constant(v.value) for v in optimizer.variables)
        self._from_logits = not is_softmax(model)
        self._train: _Compiled | None = None
        self._evaluate: _Compiled | None = None

    def initial_state(self, model: keras.Model, settings: Mapping[str, float] | None = None) -> State:
        """The state of a trial that starts from the weights of `model`, which has this program's structure.

        `settings` are values of the settings that the optimizer was made with, such as its weight decay; else 0.
        """
        weights = tuple(tf.constant(v.value) for v in model.trainable_variables)
        frozen = tuple(tf.constant(v.value) for v in model.non_trainable_variables)
        slots = list(self._slots)
        for name, place in self._settings.items():
            slots[place] = tf.constant((settings or {}).get(name, 0.0), tf.float32)
        return weights, frozen, tuple(slots)

    def stacked(self, states: Sequence[State]) -> State:
        """The states of at most `size` trials as the program's slots; the slots left over repeat the first."""
        if self.size == 1:
            return states[0]
        rows = [*states, *[states[0]] * (self.size - len(states))]
        stacked: State = tf.nest.map_structure(lambda *tensors: tf.stack(tensors), *rows)
        return stacked

    def replaced(self, state: State, slot: int, trial: State) -> State:
        """The slots with another trial in one of them."""
        if self.size == 1:
            return trial

        def put(tensor: Tensor, row: Tensor) -> Tensor:
            return tf.tensor_scatter_nd_update(tensor, [[slot]], row[None])

        new: State = tf.nest.map_structure(put, state, trial)
        return new

    def row(self, state: State, slot: int) -> State:
        """The trial in one of the slots."""
        if self.size == 1:
            return state
        trial: State = tf.nest.map_structure(lambda tensor: tensor[slot], state)
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
        limits = (tf.constant(n_steps, tf.int32), tf.constant(max_loss, tf.float32))
        rows = (tf.constant(order), tf.constant(rates))
        arguments = (state, examples.x, examples.y, scaling.shift, scaling.scale, *rows, *limits)
        self._train = self._train or _traced_once(self._run_steps, arguments, varying=(5, 6), xla=self.xla)
        state, losses, done, correct = self._train(*arguments)
        counts, curves = done.numpy(), losses.numpy()
        kept = tuple(curves[: counts[slot], slot] for slot in range(self.size))
        return Steps(state, kept, counts, correct.numpy())

    def evaluate(self, state: State, examples: Examples, scaling: Scaling, *, order: Integers, n: int) -> Scores:
        """Each slot's mean cross-entropy and accuracy over the first `n` of its entries of `order`.

        `order` has shape (chunks, size, chunk), padded. `n=0` compiles for these shapes and does nothing else.
        """
        rows = (tf.constant(order), tf.constant(n))
        arguments = (state[:2], examples.x, examples.y, scaling.shift, scaling.scale, *rows)
        self._evaluate = self._evaluate or _traced_once(self._run_chunks, arguments, varying=(1, 2, 5), xla=self.xla)
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
            return tf.logical_and(i < n_steps, loss <= max_loss)  # false for NaN

        def body(
            i: Tensor, loss: Tensor, state: State, losses: Tensor, done: Tensor, correct: Tensor
        ) -> tuple[Tensor, Tensor, State, Tensor, Tensor, Tensor]:
            going_on, rows = going(i, loss), order[i]
            batch = (tf.gather(x, rows), tf.gather(y, rows), shift, scale, rates[i])
            after, value, hits = self._map(self._step, (state, *batch))
            if self.size > 1:  # a slot that is done stays as it is while others go on
                after = tf.nest.map_structure(lambda new, old: tf.where(_like(going_on, new), new, old), after, state)
            losses = tf.tensor_scatter_nd_update(losses, [[i]], value[None])
            counted = tf.cast(going_on, tf.int32)
            return i + 1, tf.where(going_on, value, loss), after, losses, done + counted, correct + counted * hits

        zero = tf.zeros_like(n_steps)
        start = (tf.constant(0), tf.zeros_like(rates[0]), state, tf.zeros_like(rates), zero, zero)
        _, _, state, losses, done, correct = tf.while_loop(
            lambda i, loss, *_: tf.reduce_any(going(i, loss)), body, start
        )
        done, correct = self._leaving((done, correct), axis=0)
        return state, self._leaving(losses, axis=1), done, correct

    def _step(
        self, state: State, images: Tensor, labels: Tensor, shift: Tensor, scale: Tensor, rate: Tensor
    ) -> tuple[State, Tensor, Tensor]:
        weights, frozen, slots = state
        slots = (*slots[: self._rate], rate, *slots[self._rate + 1 :])
        images = _scaled(images, shift, scale)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            outputs, frozen, penalties = self.model.stateless_call(
                weights, frozen, images, training=True, return_losses=True
            )
            loss = tf.reduce_mean(self._cross_entropy(labels, outputs))
            total = tf.add_n([loss, *penalties]) if penalties else loss
            scaled = self.optimizer.stateless_scale(slots, total)
        gradients = tape.gradient(scaled, weights)
        weights, slots = self.optimizer.stateless_apply(list(slots), gradients, list(weights))
        return (tuple(weights), tuple(frozen), tuple(slots)), total, tf.reduce_sum(_hits(labels, outputs))

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
        width = tf.shape(order)[2]
        shift, scale = self._entering((shift, scale), axis=0)
        order = self._entering(order, axis=1)

        def score(state: State, images: Tensor, labels: Tensor, shift: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
            outputs, _ = self.model.stateless_call(*state, _scaled(images, shift, scale), training=False)
            return self._cross_entropy(labels, outputs), _hits(labels, outputs)

        def body(i: Tensor, loss: Tensor, correct: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            rows = order[i]
            losses, hits = self._map(score, (state, tf.gather(x, rows), tf.gather(y, rows), shift, scale))
            counted = i * width + tf.range(width) < n
            losses, hits = tf.where(counted, losses, 0.0), tf.where(counted, hits, 0)
            return i + 1, loss + tf.reduce_sum(losses, axis=-1), correct + tf.reduce_sum(hits, axis=-1)

        zero = tf.zeros([] if self.size == 1 else [self.size])
        start = (tf.constant(0), zero, tf.cast(zero, tf.int32))
        _, loss, correct = tf.while_loop(lambda i, *_: i * width < n, body, start)
        loss, correct = self._leaving((loss, correct), axis=0)
        return loss, correct

    def _map(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """`function` for each slot. A single slot runs without a map, and its tensors without a first dimension."""
        return function(*arguments) if self.size == 1 else tf.vectorized_map(lambda all_: function(*all_), arguments)

    def _entering(self, tensors: Any, *, axis: int) -> Any:
        return tf.nest.map_structure(lambda t: tf.squeeze(t, axis), tensors) if self.size == 1 else tensors

    def _leaving(self, tensors: Any, *, axis: int) -> Any:
        return tf.nest.map_structure(lambda t: tf.expand_dims(t, axis), tensors) if self.size == 1 else tensors

    def _cross_entropy(self, labels: Tensor, outputs: Tensor) -> Tensor:
        outputs = tf.cast(outputs, tf.float32)  # of a model in mixed precision
        return keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=self._from_logits)


def _traced_once(
    function: Callable[..., Tensor], arguments: tuple[Tensor, ...], *, varying: tuple[int, ...], xla: bool
) -> _Compiled:
    """`function` as a graph that is traced once; XLA compiles it for each shape of the `varying` arguments.

    Of these, the first dimension is loose: rows of an order, examples of a data set. An order's last one is, too.
    """

    def spec(tensor: Tensor) -> tf.TensorSpec:
        tensor = tf.convert_to_tensor(tensor)
        return tf.TensorSpec(tensor.shape, tensor.dtype)

    def loose(tensor: Tensor) -> tf.TensorSpec:
        shape = [None, *tensor.shape[1:].as_list()]
        if tensor.dtype == tf.int32 and len(shape) == 3:
            shape[2] = None
        return tf.TensorSpec(shape, tensor.dtype)

    signature = [
        loose(argument) if place in varying else tf.nest.map_structure(spec, argument)
        for place, argument in enumerate(arguments)
    ]
    compiled: _Compiled = tf.function(function, input_signature=signature, jit_compile=xla, autograph=False)
    return compiled


def _like(flags: Tensor, tensor: Tensor) -> Tensor:
    """Flags (size,) in a shape that broadcasts over the slots of `tensor`."""
    return tf.reshape(flags, [-1] + [1] * (tensor.shape.rank - 1))


def _scaled(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return (tf.cast(x, tf.float32) - shift) * scale


def _hits(labels: Tensor, outputs: Tensor) -> Tensor:
    return tf.cast(tf.argmax(outputs, axis=-1, output_type=tf.int32) == labels, tf.int32)


def _place(variables: list[keras.Variable], wanted: keras.Variable) -> int:
    return next(i for i, variable in enumerate(variables) if variable is wanted)
