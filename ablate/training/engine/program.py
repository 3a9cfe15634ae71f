"""Compile a model and an optimizer to a program of two graphs: an epoch of training steps, and an evaluation.

A program trains `size` trials of one structure at a time, each in its own slot: everything that differs between them
is an input with the slots as its first dimension. That is everything that does not change the graph: weights,
optimizer state and settings, random generators, dropout rates, the learning rate of each step, the order of examples,
the split and its scaling. So trials of one structure share one compilation, and a learning-rate range test is the
same program with a ramp.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from ablate.data.array import Floats32, Integers, Tensor
from ablate.models.outputs import Outputs, by_last_layer
from ablate.training.engine import backend
from ablate.training.engine.batches import WHOLE, MicroBatches
from ablate.training.engine.head import TrainingState
from ablate.training.engine.layer_statistics import Probe
from ablate.training.engine.loops import Loops
from ablate.training.engine.step import Score, Step, place_of


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
    """The scaling of each slot's examples in the graph: subtract, then multiply. Float32, (size, ...example)."""

    shift: Floats32
    scale: Floats32


@dataclass(frozen=True, slots=True)
class Steps:
    """The results of a run of training steps, by slot. `done` is less than requested if a loss was out of bounds."""

    state: TrainingState
    losses: tuple[Floats32, ...]  # each (done,), per batch
    done: Integers  # (size,)
    correct: Integers  # (size,) examples classified correctly, each before its training step


@dataclass(frozen=True, slots=True)
class Scores:
    """The results of an evaluation, by slot, each (size,) unless it says otherwise."""

    losses: Floats32  # mean cross-entropy in nats
    accuracies: Floats32
    spreads: Floats32  # mean SD of the predicted class' probability over the samples; 0 with a single pass
    predicted: Tensor  # (chunks, size, chunk) the predicted class of each example, on the device
    n: int  # examples scored; the rest of `predicted` is padding

    def classes(self, slot: int) -> Integers:
        """The predicted class of each example of a slot, (n,)."""
        return np.asarray(self.predicted.numpy()[:, slot].reshape(-1)[: self.n], dtype=np.int32)


class Program:
    """The compiled form of a structure. Stateless: state is passed in and returned."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        size: int = 1,
        xla: bool = True,
        pieces: MicroBatches = WHOLE,
        samples: int = 0,
        outputs: Outputs | None = None,
    ) -> None:
        assert size == 1 or pieces.parts == 1  # programs first train fewer trials before they split batches
        optimizer.build(model.trainable_variables)
        self.model, self.optimizer, self.size, self.xla, self.pieces = model, optimizer, size, xla, pieces
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        self._settings = {name: place_of(v, optimizer.variables) for name, v in inner.settings.items()}
        self._slots = tuple(backend.resident(v.value) for v in optimizer.variables)
        self._outputs = outputs or by_last_layer(model)
        step = Step(model, optimizer, parts=pieces.parts, xla=xla, stacked=size > 1, outputs=self._outputs)
        self._loops = Loops(step, Score(model, samples=samples, outputs=self._outputs), size=size)
        self._train: dict[int | None, backend.Compiled] = {}  # by batch size; None: for any batch size
        self._evaluate: backend.Compiled | None = None

    def initial_state(self, model: keras.Model, settings: Mapping[str, float] | None = None) -> TrainingState:
        """The state of a trial that starts from the weights of `model`, which has this program's structure."""
        weights = tuple(backend.resident(v.value) for v in model.trainable_variables)
        frozen = tuple(backend.resident(v.value) for v in model.non_trainable_variables)
        return weights, frozen, self._optimizer_state(settings or {})

    def restarted(self, trial: TrainingState, settings: Mapping[str, float]) -> TrainingState:
        """A trial with its weights and a fresh optimizer: the effect of compiling a model again in Keras."""
        return trial[0], trial[1], self._optimizer_state(settings)

    def _optimizer_state(self, settings: Mapping[str, float]) -> tuple[Tensor, ...]:
        slots = list(self._slots)
        for name, place in self._settings.items():
            slots[place] = backend.resident(settings.get(name, 0.0), "float32")
        return tuple(slots)

    @cached_property
    def probe(self) -> Probe:
        """The probe of a trial's layers; created at first use."""
        return Probe(self.model, outputs=self._outputs)

    def stacked(self, states: Sequence[TrainingState]) -> TrainingState:
        """The states of at most `size` trials as the program's slots; unused slots repeat the first."""
        if self.size == 1:
            return states[0]
        rows = [*states, *[states[0]] * (self.size - len(states))]
        stacked: TrainingState = backend.stack(rows)
        return stacked

    def replaced(self, state: TrainingState, slot: int, trial: TrainingState) -> TrainingState:
        """The slots with one trial replaced."""
        if self.size == 1:
            return trial
        new: TrainingState = backend.replace_row(state, slot, trial)
        return new

    def row(self, state: TrainingState, slot: int) -> TrainingState:
        """The trial in a slot."""
        if self.size == 1:
            return state
        trial: TrainingState = backend.row_of(state, slot)
        return trial

    def train(
        self,
        state: TrainingState,
        examples: Examples,
        scaling: Scaling,
        *,
        order: Integers,
        rates: Floats32,
        n_steps: Integers,
        max_loss: float,
    ) -> Steps:
        """Run each slot's `n_steps` (size,) training steps; a slot stops after a loss that is NaN or above `max_loss`.

        `order` has shape (rows, size, batch), `rates` (rows, size), with rows ≥ n_steps: only a new shape compiles
        again, so callers pad to one number of rows. `n_steps` of zeros only compiles.
        """
        limits = (backend.resident(n_steps, "int32"), backend.resident(max_loss, "float32"))
        rows = (backend.resident(order), backend.resident(rates))
        arguments = (state, examples.x, examples.y, scaling.shift, scaling.scale, *rows, *limits)
        batch = order.shape[2] if self.pieces.parts > 1 else None  # micro-batches depend on the batch size
        if batch not in self._train:
            loose = {5: (0, 2) if batch is None else (0,), 6: (0,)}
            self._train[batch] = backend.compiled(self._loops.train, arguments, loose=loose, xla=self.xla)
        state, losses, done, correct = self._train[batch](*arguments)
        counts, curves = done.numpy(), losses.numpy()
        kept = tuple(curves[: counts[slot], slot] for slot in range(self.size))
        return Steps(state, kept, counts, correct.numpy())

    def evaluate(
        self, state: TrainingState, examples: Examples, scaling: Scaling, *, order: Integers, n: int
    ) -> Scores:
        """Each slot's mean scores over the first `n` of its entries of `order`, and its predictions for them."""
        rows = (backend.resident(order), backend.resident(n))
        arguments = (state[:2], examples.x, examples.y, scaling.shift, scaling.scale, *rows)
        self._evaluate = self._evaluate or backend.compiled(
            self._loops.evaluate, arguments, loose={1: (0,), 2: (0,), 5: (0, 2)}, xla=self.xla
        )
        *totals, predicted = self._evaluate(*arguments)
        losses, accuracies, spreads = (total.numpy() / max(n, 1) for total in totals)
        return Scores(losses, accuracies, spreads, predicted, n)
