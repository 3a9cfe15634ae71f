"""Measure statistics of a model's hidden layers on some examples: activations, gradients and distinct units.

Dense and convolutional layers count, in the model's order; the last of these gives the outputs and is left
out, of several outputs each layer after which none of these follows. The activations of layers inside nested models,
which other calls may share, are unknown. All examples count equally.

Noise is off: dropout, augmentation. Batch normalization uses the given examples, as in training: the
running averages of an untrained network mean nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, final

import keras
import numpy as np
from keras import layers, ops

from ablate.data.array import Floats32, Integers, Tensor
from ablate.models.layers import Dropout
from ablate.models.outputs import by_last_layer
from ablate.study.catalog import ACTIVATIONS
from ablate.training.engine import backend
from ablate.training.engine.compiling import leaves
from ablate.training.engine.inputs import PLAIN, Preparation
from ablate.training.engine.objective import ClassObjective, Objective, ScalingTree, Trees

KINDS = (layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D)
_FUNCTIONS = frozenset(name.replace("_", "") for name in ACTIVATIONS)  # in the spelling of layers and operations
_LEAST = 1e-37  # above 0 in single precision


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """A hidden layer on some examples; NaN for unknown values."""

    kind: str
    mean: float  # of its activations, over examples and units, after the activation function
    sd: float
    gradient_norm: float  # of the gradient of the loss, penalties included, by the kernel
    kernel: Floats32  # (incoming, units)


@dataclass(frozen=True, slots=True)
class _Call:
    by: keras.Operation
    taken: Sequence[Tensor]
    given: Tensor


@final
class Probe:
    """Measures layers in trials of one structure, one trial at a time; its one graph is traced at first use."""

    def __init__(self, model: keras.Model, *, objective: Objective | None = None, prepare: Preparation = PLAIN) -> None:
        self._objective = objective or ClassObjective(model, by_last_layer(model))
        self._prepare = prepare
        copy, calls = _without_noise(model)
        several = [leaf for leaf in leaves(model) if isinstance(leaf, KINDS)]
        self._hidden = several[:-1] if len(copy.outputs) == 1 else [one for one in several if _leads_on(one, calls)]
        found = {place: _activated(layer, calls) for place, layer in enumerate(self._hidden)}
        seen = {place: tensor for place, tensor in found.items() if tensor is not None}
        self._seen = tuple(seen)  # indices of the layers whose activations are known
        self._model = keras.Model(
            copy.input if len(copy.inputs) > 1 else copy.inputs[0], [*seen.values(), *copy.outputs]
        )
        # Its variables are the model's own, possibly in another order.
        self._variables = model.trainable_variables, model.non_trainable_variables
        self._graph: backend.Compiled | None = None

    def look(
        self,
        state: tuple[Sequence[Tensor], Sequence[Tensor]],
        examples: tuple[Trees, Trees],
        scaling: ScalingTree,
        *,
        rows: Integers,
    ) -> list[LayerStatistics]:
        """The hidden layers of a trial with these weights, trainable and frozen, on the examples of these `rows`."""
        if not self._hidden:
            return []
        arguments = (state, *examples, dict(scaling), backend.resident(rows))
        self._graph = self._graph or backend.compiled(self._look, arguments, loose={4: (0,)}, xla=False)
        means, sds, norms = (np.asarray(numbers) for numbers in self._graph(*arguments))
        kernels = [self._of(layer.kernel, state) for layer in self._hidden]
        together = zip(self._hidden, means, sds, norms, kernels, strict=True)
        return [
            LayerStatistics(type(layer).__name__, float(mean), float(sd), float(norm), _by_unit(kernel))
            for layer, mean, sd, norm, kernel in together
        ]

    def _look(
        self, state: Any, x: Trees, y: Trees, scaling: ScalingTree, rows: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:  # Any: as in `look`
        """Means, SDs and gradient norms, each (hidden layers,)."""
        weights, frozen = state
        inputs = self._prepare(backend.rows_of(x, rows), scaling["shift"], scaling["scale"])
        labels = backend.rows_of(y, rows)

        def loss(weights: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
            mine = [[self._of(v, (weights, frozen)) for v in some]
                    for some in (self._model.trainable_variables, self._model.non_trainable_variables)]  # fmt: skip
            return self._objective.traced(self._model, mine, inputs, labels, scaling)

        found, inner = backend.gradients(loss, list(weights), xla=False)
        means, sds = [np.nan] * len(self._hidden), [np.nan] * len(self._hidden)
        for place, tensor in zip(self._seen, inner, strict=True):
            means[place], sds[place] = _moments(tensor)
        norms = [self._norm(layer.kernel, found) for layer in self._hidden]
        return ops.stack(means), ops.stack(sds), ops.stack(norms)

    def _norm(self, kernel: keras.Variable, gradients: Sequence[Tensor]) -> Tensor:
        """Norm of the gradient with respect to a kernel; NaN if it is frozen."""
        place = _place_of(kernel, self._variables[0])
        return np.float32(np.nan) if place is None else _norm(gradients[place])

    def _of(self, variable: keras.Variable, state: Any) -> Tensor:
        for variables, values in zip(self._variables, state, strict=True):
            place = _place_of(variable, variables)
            if place is not None:
                return values[place]
        raise AssertionError(f"{variable.path} is no variable of the model")


def count_distinct(kernel: Floats32) -> int:
    """The number of distinct columns: two differ if any entry does by over a millionth of the larger one."""
    columns = kernel.T.astype(np.float64)
    direction = np.random.default_rng(0).normal(size=columns.shape[1])
    columns = columns[np.argsort(columns @ direction, kind="stable")]
    largest = np.abs(columns).max(axis=1)
    apart = np.abs(np.diff(columns, axis=0)).max(axis=1)
    return 1 + int(np.sum(apart > 1e-6 * np.maximum(largest[1:], largest[:-1])))


def _without_noise(model: keras.Model) -> tuple[keras.Model, list[_Call]]:
    """A copy of the model's graph on its own layers, without noise layers, and its steps in order."""
    calls: list[_Call] = []

    def call(layer: keras.Operation, *args: Any, **kwargs: Any) -> Tensor:  # Any: Keras' own
        if isinstance(layer, Dropout):  # this package's Dropout may be active in evaluation, too
            return args[0]
        if "training" in signature(layer.call).parameters:
            kwargs["training"] = isinstance(layer, layers.BatchNormalization)
        given = layer(*args, **kwargs)
        calls.append(_Call(layer, keras.tree.flatten((args, kwargs)), given))
        return given

    def itself(layer: keras.layers.Layer) -> keras.layers.Layer:
        return layer

    outputs = model.outputs if len(model.outputs) > 1 else model.outputs[0]
    plain = keras.Model(_inputs(model), outputs)  # a Sequential model cannot be copied this way
    return keras.models.clone_model(plain, clone_function=itself, call_function=call), calls


def _inputs(model: keras.Model) -> Any:  # Any: symbolic tensors, in any structure
    return model.input if len(model.inputs) > 1 else model.inputs[0]


def _leads_on(layer: keras.layers.Layer, calls: Sequence[_Call]) -> bool:
    """Whether another of the measured layers follows a layer."""
    reached = {id(call.given) for call in calls if call.by is layer}
    for call in calls:  # in order
        if any(id(taken) in reached for taken in call.taken):
            if isinstance(call.by, KINDS):
                return True
            reached.add(id(call.given))
    return not reached  # inside a nested model


def _activated(layer: keras.layers.Layer, calls: Sequence[_Call]) -> Tensor | None:
    """The output of a layer after its activation function, even if that is a later step; None if it is not called."""
    given = next((call.given for call in calls if call.by is layer), None)
    if given is None or layer.activation is not keras.activations.linear:
        return given
    tensor = given
    while True:
        takers = [call for call in calls if any(taken is tensor for taken in call.taken)]
        if len(takers) != 1 or isinstance(takers[0].by, KINDS):
            return given
        tensor = takers[0].given
        if isinstance(takers[0].by, layers.Activation) or type(takers[0].by).__name__.lower() in _FUNCTIONS:
            return tensor


def _moments(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and SD; scaled by the largest number, as squares overflow single precision early."""
    tensor = ops.cast(tensor, "float32")
    largest = ops.maximum(ops.max(ops.abs(tensor)), _LEAST)
    return largest * ops.mean(tensor / largest), largest * ops.std(tensor / largest)


def _norm(tensor: Tensor) -> Tensor:
    """The root of the sum of squares; as above."""
    tensor = ops.cast(tensor, "float32")
    largest = ops.maximum(ops.max(ops.abs(tensor)), _LEAST)
    return largest * ops.sqrt(ops.sum(ops.square(tensor / largest)))


def _by_unit(kernel: Tensor) -> Floats32:
    """A kernel, whose last dimension is the units, as (incoming, units)."""
    numbers: Floats32 = np.asarray(ops.cast(kernel, "float32"))
    return numbers.reshape(-1, numbers.shape[-1])


def _place_of(wanted: keras.Variable, variables: Sequence[keras.Variable]) -> int | None:
    return next((place for place, variable in enumerate(variables) if variable is wanted), None)
