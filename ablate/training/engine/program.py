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
from types import MappingProxyType

import keras
import numpy as np
from keras import ops

from ablate.data.array import Array, Floats32, Integers, Tensor
from ablate.data.trees import leaves, map_tree, to_tree
from ablate.models.outputs import Outputs, by_last_layer
from ablate.training.engine import backend
from ablate.training.engine.batches import WHOLE, MicroBatches
from ablate.training.engine.examples import Examples, Piece
from ablate.training.engine.head import TrainingState
from ablate.training.engine.host_metrics import HostMetric
from ablate.training.engine.inputs import PLAIN, Preparation
from ablate.training.engine.layer_statistics import Probe
from ablate.training.engine.loops import Loops
from ablate.training.engine.objective import ClassObjective, Objective, ScalingTree, Tally, Trees, by_slot
from ablate.training.engine.padding import can_be_padded
from ablate.training.engine.step import Step, place_of
from ablate.training.engine.views import OutputKind

_WEIGHTS: backend.Loose = {"weights": (1,)}
_LOOSE: dict[int, backend.Loose] = {2: (0,), 3: (0,), 4: _WEIGHTS}  # inputs, targets, and weights of some examples


@dataclass(frozen=True, slots=True)
class Scaling:
    """The scaling of each slot's examples in the graph: subtract, then multiply. Float32, (size, ...example).

    With several inputs each is a mapping by input. The other fields are mappings by target, the weights of all
    examples, (size, n), and of the classes of places, (size, classes); None: all count equally.
    """

    shift: Floats32 | Mapping[str, Floats32]
    scale: Floats32 | Mapping[str, Floats32]
    target_shift: Mapping[str, Floats32] | None = None
    target_scale: Mapping[str, Floats32] | None = None
    weights: Floats32 | None = None
    class_weights: Floats32 | None = None

    def tree(self) -> ScalingTree:
        """The tensors of the graph."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in fields.items() if value is not None and not _is_empty(value)}

    def slot(self, slot: int) -> ScalingTree:
        """The tensors of one slot."""
        tree: ScalingTree = keras.tree.map_structure(lambda array: array[slot], dict(self.tree()))
        return tree


@dataclass(frozen=True, slots=True)
class Steps:
    """The results of a run of training steps, by slot. `done` is less than requested if a loss was out of bounds."""

    state: TrainingState
    losses: tuple[Floats32, ...]  # each (done,), per batch
    done: Integers  # (size,)
    tally: Tally  # what the objective has counted so far, for all slots


@dataclass(frozen=True, slots=True)
class Scores:
    """The results of an evaluation, by slot."""

    metrics: tuple[Mapping[str, float], ...]  # the loss first
    spreads: tuple[float, ...]  # mean SD of the predicted class' probability over the samples; 0 with a single pass
    predicted: Tensor  # (chunks, size, chunk) the predicted class of each example, on the device
    n: int  # examples scored; the rest of `predicted` is padding

    def classes_of(self, slot: int) -> Integers | None:
        """The predicted class of each example of a slot, if the objective has classes."""
        return None if self.predicted is None else self.classes(slot)

    def classes(self, slot: int) -> Integers:
        """The predicted class of each example of a slot, (n,)."""
        return np.asarray(np.asarray(self.predicted)[:, slot].reshape(-1)[: self.n], dtype=np.int32)


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
        objective: Objective | None = None,
        prepare: Preparation = PLAIN,
        host: Sequence[HostMetric] = (),
        kinds: Mapping[str, OutputKind] = MappingProxyType({}),
        notes: Sequence[str] = (),
    ) -> None:
        assert size == 1 or pieces.parts == 1  # programs first train fewer trials before they split batches
        optimizer.build(model.trainable_variables)
        self.model, self.optimizer, self.size, self.xla, self.pieces = model, optimizer, size, xla, pieces
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        self._settings = {name: place_of(v, optimizer.variables) for name, v in inner.settings.items()}
        self._slots = tuple(backend.resident(v.value) for v in optimizer.variables)
        self.objective = objective or ClassObjective(model, outputs or by_last_layer(model), samples=samples)
        self._prepare, self.host, self.kinds, self.notes = prepare, tuple(host), kinds, tuple(notes)
        is_classic = isinstance(self.objective, ClassObjective)
        self.is_padded = is_classic and pieces.parts == 1 and can_be_padded(model)  # the last batch of an epoch
        step = Step(
            model,
            optimizer,
            objective=self.objective,
            prepare=prepare,
            parts=pieces.parts,
            is_padded=self.is_padded,
            xla=xla,
            stacked=size > 1,
        )
        self._loops = Loops(step, self.objective, size=size, prepare=prepare)
        self._train: dict[int | None, backend.Compiled] = {}  # by batch size; None: for any batch size
        self._evaluate: backend.Compiled | None = None
        self._outputs: backend.Compiled | None = None

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
        return Probe(self.model, objective=self.objective, prepare=self._prepare)

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

    def trained(self, tally: Tally, slot: int, *, n: int) -> dict[str, float]:
        """The metrics of a slot's `n` training examples, all but the loss."""
        return self.objective.trained(by_slot(tally, slot, size=self.size), n)

    def train(
        self,
        state: TrainingState,
        examples: Examples,
        scaling: Scaling,
        *,
        order: Integers,
        rates: Floats32,
        n_steps: Integers,
        max_loss: float | Floats32,
        sizes: Integers | None = None,
        tally: Tally | None = None,
    ) -> Steps:
        """Run each slot's `n_steps` (size,) training steps; a slot stops after a loss that is NaN or above `max_loss`.

        `order` has shape (rows, size, batch), `rates` (rows, size), with rows ≥ n_steps: only a new shape compiles
        again, so callers pad to one number of rows. `n_steps` of zeros only compiles. `sizes` (rows,) are the
        examples of each batch that count, less than all only if the program `is_padded`; None: all. `tally` is that of
        the steps before; None: there were none.
        """
        left, tally = np.asarray(n_steps, np.int32), self._start(self.objective.start()) if tally is None else tally
        limit = np.broadcast_to(np.asarray(max_loss, np.float32), (self.size,))
        sizes = np.full(len(order), order.shape[2], np.int32) if sizes is None else sizes
        assert self.is_padded or (sizes == order.shape[2]).all()
        curves: list[list[Floats32]] = [[] for _ in range(self.size)]
        for piece in examples.pieces(order, int(left.max(initial=0))):
            there = slice(piece.first, piece.first + len(piece.order))
            now = np.minimum(left, piece.n_rows)
            state, tally, losses, done = self._trained(
                state, tally, piece, scaling, _padded(rates[there], piece), _padded(sizes[there], piece), now, limit
            )
            for slot in range(self.size):
                curves[slot].append(losses[: done[slot], slot])
            last = losses[np.maximum(done, 1) - 1, np.arange(self.size)]
            goes_on = (done == now) & (last <= limit)  # the last row of a piece may be where a slot stops
            left = np.where(goes_on, left - now, 0).astype(np.int32)
            if not left.any():
                break  # nothing is read for slots that have stopped
        kept = tuple(np.concatenate(some) for some in curves)
        return Steps(state, kept, np.array([len(curve) for curve in kept], np.int32), tally)

    def evaluate(
        self, state: TrainingState, examples: Examples, scaling: Scaling, *, order: Integers, n: int
    ) -> Scores:
        """Each slot's mean scores over the first `n` of its entries of `order`, and its predictions for them."""
        tally, predicted = self._start(self.objective.start_scores()), []
        for part, n_of in _exact(order, n) if self.objective.is_exact else [(order, n)]:
            width = part.shape[2]
            for piece in examples.pieces(part, max(1, -(-n_of // width))):
                there = max(0, min(n_of - piece.first * width, len(piece.order) * width))
                tally, classes = self._scored(state, tally, piece, scaling, there)
                predicted.append(classes)
        slots = [by_slot(tally, slot, size=self.size) for slot in range(self.size)]
        return Scores(
            tuple(self.objective.scored(one, n) for one in slots),
            tuple(self.objective.spread(one, n) for one in slots),
            None
            if not self.objective.has_classes
            else predicted[0]
            if len(predicted) == 1
            else backend.joined(predicted),
            n,
        )

    def outputs(self, state: TrainingState, examples: Examples, scaling: Scaling, *, order: Integers, n: int) -> Trees:
        """The outputs of a single trial for the first `n` entries of an order (chunks, 1, chunk), as arrays.

        As the metrics see them: amounts in the unit of the targets.
        """
        found: dict[str, list[Array]] = {}
        for part, n_of in _exact(order, n):
            for piece in examples.pieces(part, n_of // part.shape[2]):
                for chunk in piece.order[: piece.n_rows, 0]:
                    for name, tensor in leaves(self._predict(state, piece, scaling, chunk)).items():
                        found.setdefault(name, []).append(np.asarray(tensor))
        return to_tree({name: np.concatenate(chunks) for name, chunks in found.items()})

    def _start(self, tally: Tally) -> Tally:
        if self.size == 1:
            return tally
        return tuple(ops.broadcast_to(tensor, (self.size, *tensor.shape)) for tensor in tally)

    def _trained(
        self,
        state: TrainingState,
        tally: Tally,
        piece: Piece,
        scaling: Scaling,
        rates: Floats32,
        sizes: Integers,
        n_steps: Integers,
        max_loss: Floats32,
    ) -> tuple[TrainingState, Tally, Floats32, Integers]:
        limits = (backend.resident(n_steps, "int32"), backend.resident(max_loss, "float32"))
        rows = (backend.resident(piece.order), backend.resident(rates), backend.resident(sizes))
        arguments = (state, tally, piece.x, piece.y, _local(scaling, piece), *rows, *limits)
        batch = piece.order.shape[2] if self.pieces.parts > 1 else None  # micro-batches depend on the batch size
        if batch not in self._train:
            loose = _LOOSE | {5: (0, 2) if batch is None else (0,), 6: (0,), 7: (0,)}
            self._train[batch] = backend.compiled(self._loops.train, arguments, loose=loose, xla=self.xla)
        state, tally, losses, done = self._train[batch](*arguments)
        return state, tally, np.asarray(losses), np.asarray(done)

    def _scored(
        self, state: TrainingState, tally: Tally, piece: Piece, scaling: Scaling, n: int
    ) -> tuple[Tally, Tensor]:
        rows = (backend.resident(piece.order), backend.resident(n), backend.resident(piece.first))
        arguments = (state[:2], tally, piece.x, piece.y, _local(scaling, piece), *rows)
        if self._evaluate is None:
            loose = _LOOSE | {5: (0, 2)}
            self._evaluate = backend.compiled(self._loops.evaluate, arguments, loose=loose, xla=self.xla)
        found: tuple[Tally, Tensor] = self._evaluate(*arguments)
        return found

    def _predict(self, state: TrainingState, piece: Piece, scaling: Scaling, chunk: Integers) -> Trees:
        x = map_tree(lambda tensor: backend.rows_of(tensor, backend.resident(chunk)), piece.x)
        arguments = (state[:2], x, _local(scaling, piece))
        if self._outputs is None:
            loose: dict[int, backend.Loose] = {1: (0,), 2: _WEIGHTS}
            self._outputs = backend.compiled(self._called, arguments, loose=loose, xla=False)
        return self._outputs(*arguments)

    def _called(self, state: tuple[Tensor, Tensor], x: Trees, scaling: ScalingTree) -> Trees:
        one = keras.tree.map_structure(lambda tensor: tensor[0], dict(scaling))
        outputs, _ = self.model.stateless_call(*state, self._prepare(x, one["shift"], one["scale"]), training=False)
        return self.objective.predictions(outputs, one)


def _is_empty(value: object) -> bool:
    return isinstance(value, Mapping) and not value


def _local(scaling: Scaling, piece: Piece) -> ScalingTree:
    """The tensors of the graph; with the weights of a piece's own examples."""
    tree = dict(scaling.tree())
    if piece.taken is not None and scaling.weights is not None:
        weights = np.zeros((len(scaling.weights), piece.taken.size), np.float32)
        for slot, own in enumerate(scaling.weights):
            weights[slot, piece.order[:, slot]] = own[piece.taken[:, slot]]
        tree["weights"] = weights
    return tree


def _padded(rows: Array, piece: Piece) -> Array:
    """The rates or sizes of a piece, with zeros for rows that are padding."""
    if len(rows) == len(piece.order):
        return rows
    return np.concatenate([rows, np.zeros((len(piece.order) - len(rows), *rows.shape[1:]), rows.dtype)])


def _exact(order: Integers, n: int) -> list[tuple[Integers, int]]:
    """The first `n` entries as full rows and a row of the rest, without padding."""
    width = order.shape[2]
    full, rest = divmod(n, width)
    parts = [(order[:full], full * width)] if full else []
    return [*parts, *([(order[full : full + 1, :, :rest], rest)] if rest else [])] or [(order[:1, :, :1], 0)]
