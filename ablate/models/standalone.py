"""Wrap a trained model so that it takes examples as the data hold them and predicts in the unit of the targets.

Around the model stand Keras' own layers only, so that Keras alone can load it. What comes out of it is equal to what a
compiled program computes from the same weights, up to the rounding of another order of operations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import layers, ops

from ablate.data.array import Array, Tensor
from ablate.data.raw_columns import key_of
from ablate.data.source import FeatureColumn
from ablate.data.trees import ONLY, leaves, to_tree
from ablate.models.table_inputs import column_inputs

EndTensors: TypeAlias = Any  # tensors of Keras in the structure that a model takes or returns


@dataclass(frozen=True, slots=True)
class LinearScaling:
    """Subtract, then multiply; float32, shape of one example, or of its last axes."""

    shift: Array
    scale: Array

    def is_plain(self) -> bool:
        """Whether it changes nothing."""
        return bool(np.all(self.shift == 0) and np.all(self.scale == 1))


@dataclass(frozen=True, slots=True)
class RawExamples:
    """The examples that the data hold, and how a model's inputs are made from them; mappings are by input."""

    shapes: Mapping[str, tuple[int, ...]]
    scaling: Mapping[str, LinearScaling] = field(default_factory=dict)  # inputs without one stay as they are
    columns: Sequence[FeatureColumn] = ()  # of a table, whose columns become inputs of their own
    fills: bool = False  # missing numbers become 0 after scaling
    order: Sequence[str] = ()  # of the inputs of a model that takes a list


def standalone(
    model: keras.Model,
    examples: RawExamples,
    *,
    targets: Mapping[str, LinearScaling],
    names: Sequence[str],
    name: str,
) -> keras.Model:
    """A model around `model` that scales raw examples itself.

    `targets` has the scaling of the amounts that were scaled for the loss, by target; `names` are the targets in the
    order of the model's outputs. Classes and tags come out as the model returns them. The result shares the weights of
    `model`, and is not compiled.
    """
    inputs, raw = _inputs(model, examples)
    made = {of: _scaled(x, examples.scaling.get(of), fills=examples.fills, name=of) for of, x in raw.items()}
    outputs = model([made[of] for of in examples.order] if examples.order else to_tree(made))
    return keras.Model(inputs, _unscaled(outputs, targets, names), name=name)


def _inputs(model: keras.Model, examples: RawExamples) -> tuple[EndTensors, dict[str, Tensor]]:
    """The inputs of the outer model, and the examples by the inputs of the inner one."""
    if examples.columns:
        inputs, joined = column_inputs(examples.columns)
        return inputs, {ONLY: joined}
    keys = {of: key_of(of, examples.shapes) for of in examples.shapes}
    made = {
        of: keras.Input(shape, name=keys[of] or "examples", dtype=_dtype(model, of, examples))
        for of, shape in examples.shapes.items()
    }
    return to_tree({keys[of]: x for of, x in made.items()}), made


def _dtype(model: keras.Model, name: str, examples: RawExamples) -> str:
    """What a model takes unscaled keeps the type of its input; everything else becomes float32, as in training."""
    taken = getattr(model, "inputs", None) or []
    at = list(examples.order).index(name) if name in examples.order else 0
    own = taken[at] if len(taken) == 1 or examples.order else next((one for one in taken if one.name == name), None)
    scaling = examples.scaling.get(name)
    if own is None or (scaling is not None and not scaling.is_plain()):
        return "float32"
    return str(keras.backend.standardize_dtype(own.dtype))


def _scaled(x: Tensor, scaling: LinearScaling | None, *, fills: bool, name: str) -> Tensor:
    """Two layers, so that large means lose no digits: first the difference, then its product."""
    if scaling is not None and (scaling.shift != 0).any():
        x = layers.Rescaling(1.0, offset=_compact(-scaling.shift), dtype="float32", name=_named("center", name))(x)
    if scaling is not None and (scaling.scale != 1).any():
        x = layers.Rescaling(_compact(scaling.scale), dtype="float32", name=_named("scale", name))(x)
    return ops.where(ops.isnan(x), 0.0, x) if fills else x


def _unscaled(outputs: EndTensors, targets: Mapping[str, LinearScaling], names: Sequence[str]) -> EndTensors:
    """Outputs with amounts in their own unit, in the structure in which the model returns them."""
    listed = isinstance(outputs, list | tuple)
    made = dict(zip(names, outputs, strict=True)) if listed else leaves(outputs)
    if not listed and ONLY in made:
        made = {names[0]: made[ONLY]}
    for of, scaling in targets.items():
        if of in made and not scaling.is_plain():
            times, plus = 1 / scaling.scale.astype(np.float64), scaling.shift
            layer = layers.Rescaling(_compact(times), offset=_compact(plus), dtype="float32", name=_named("unit", of))
            made[of] = layer(made[of])
    if listed:
        return [made[of] for of in names]
    return made if isinstance(outputs, Mapping) else made[names[0]]


def _named(what: str, end: str) -> str:
    """The name of a layer at an end of the model; Keras takes no slash."""
    return f"{what}_{end}".replace("/", "_") if end else what


def _compact(values: Array) -> Any:  # Any: a number or an array, as Keras takes it
    """One number if all are equal, one a channel if all pixels have the same, else the array."""
    flat = values.reshape(-1)
    if (flat == flat[0]).all():
        return float(flat[0])
    channels = values.reshape(-1, values.shape[-1])
    return channels[0] if (channels == channels[0]).all() else values
