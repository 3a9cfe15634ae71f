"""Tell whether a model returns logits or probabilities, by its last layer or from its outputs on a few examples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import keras
import numpy as np

from ablate.data.array import Floats32
from ablate.errors import StudyError
from ablate.study.task import Target

Outputs: TypeAlias = Literal["logits", "probabilities"]
DRAWS = 6  # draws of other weights, if the first weights are inconclusive
CONFIRMED = 3  # draws that must sum to 1: with small weights two sigmoids do so by accident
_TOLERANCE = 1e-2  # of the sum of probabilities: half precision rounds each
_SPREAD = 0.1  # SD of the noise on weights that are all equal, as biases are
NEVER_BELOW_0 = (
    "the outputs are never below 0, as after a ReLU, so as logits they cannot rule out a class: end in a layer without "
    "activation"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """Whether outputs are probabilities, and a notice for the user; "" if there is none."""

    outputs: Outputs
    note: str = ""
    by_output: Mapping[str, Outputs] = field(default_factory=dict)  # with several outputs
    unscaled: frozenset[str] = frozenset()  # inputs whose whole numbers the model looks up

    def outputs_of(self, name: str) -> Outputs:
        """The kind of an output."""
        return self.by_output.get(name, self.outputs)


def is_softmax(model: keras.Model) -> bool:
    """Whether the model's last layer turns logits into probabilities."""
    last = model.layers[-1]
    is_layer = isinstance(last, keras.layers.Softmax)
    return is_layer or getattr(last, "activation", None) is keras.activations.softmax


def by_last_layer(model: keras.Model) -> Outputs:
    """Probabilities after a softmax layer or activation, otherwise logits: true for the models of this package."""
    return "probabilities" if is_softmax(model) else "logits"


def read_outputs(model: keras.Model, examples: Floats32) -> Reading:
    """Whether a model returns logits or probabilities, from scaled examples in inference mode; changes no state.

    Probabilities are not negative and sum to 1 with any weights; logits are negative with some. Only if the first
    weights are inconclusive are others drawn, with seeds of their own. Raises `StudyError` for neither case: numbers in
    [0, 1] that do not sum to 1.
    """
    if is_softmax(model) and _is_output_of(model, model.layers[-1]):
        return Reading("probabilities")
    seen: list[Floats32] = []
    for outputs in _with_other_weights(model, examples):
        if (outputs < 0).any():
            return Reading("logits")
        seen.append(outputs)
        if len(seen) == CONFIRMED and _sum_to_1(seen):
            break
    if seen and _sum_to_1(seen):
        return Reading("probabilities")
    if seen and all((outputs <= 1).all() for outputs in seen):
        raise StudyError(
            "model: outputs must be logits, or probabilities that sum to 1 over the classes; these are between 0 "
            f"and 1 and sum to {float(seen[0][0].sum()):.3g}, as after a sigmoid for each class\n"
            "  end in Dense(n_classes) for logits, or in a softmax"
        )
    return Reading("logits", NEVER_BELOW_0 if seen else "")


def read_each(model: keras.Model, examples: Any, targets: Mapping[str, Target]) -> Reading:  # Any: what it takes
    """Whether each output of classes or tags is a logit or a probability, for targets in the order of the outputs.

    Raises `StudyError` as `read_outputs` does.
    """
    if len(targets) == 1 and _has_columns(model, next(iter(targets.values()))):
        return read_outputs(model, examples)
    seen: dict[str, list[Floats32]] = {name: [] for name in targets}
    for outputs in _with_other_weights(model, examples):
        for name, some in zip(targets, outputs if isinstance(outputs, list) else [outputs], strict=True):
            seen[name].append(some)
    kinds = {name: _kind(target, seen[name]) for name, target in targets.items()}
    return Reading(next(iter(kinds.values())), by_output=kinds)


def _has_columns(model: keras.Model, target: Target) -> bool:
    """Whether a single output has a column for each of several classes."""
    shape = getattr(model, "output_shape", None)
    return target.kind in ("classes", "one-hot") and isinstance(shape, tuple) and shape[-1] == target.n_classes


def _kind(target: Target, seen: Sequence[Floats32]) -> Outputs:
    """Probabilities if no draw of weights gave a number outside of 0 … 1; of several classes they add up to 1 too."""
    if target.kind in ("numbers", "none") or not seen:
        return "logits"
    if any((outputs < 0).any() or (outputs > 1).any() for outputs in seen):
        return "logits"
    adds_up = target.kind in ("classes", "one-hot") and seen[0].shape[-1] == target.n_classes > 1
    return "probabilities" if not adds_up or _sum_to_1(seen) else "logits"


def _is_output_of(model: keras.Model, layer: keras.layers.Layer) -> bool:
    """Whether nothing follows a layer: an operation, such as a logarithm, is not in the model's list of layers."""
    try:
        return model.outputs[0] is layer.output
    except (AttributeError, ValueError):  # the layer was never called in a graph, or more than once
        return False


def _with_other_weights(model: keras.Model, examples: Any) -> Iterator[Any]:  # Any: arrays, several as lists
    """The outputs with the model's own weights, then with drawn weights that grow; without non-finite outputs."""
    frozen = [variable.value for variable in model.non_trainable_variables]
    own = [keras.ops.convert_to_tensor(variable) for variable in model.trainable_variables]
    for draw in range(1 + DRAWS):
        weights = _drawn(own, draw) if draw else own
        outputs, _ = model.stateless_call(weights, frozen, examples, training=False)
        several = keras.tree.flatten(outputs)
        found = [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(some, "float32"))) for some in several]
        if all(np.isfinite(some).all() for some in found):
            yield found if len(found) > 1 else found[0]


def _drawn(own: Sequence[Any], draw: int) -> list[Any]:  # Any: backend tensors
    """The weights plus noise of their own size, times 1, 2, 4, …, each variable with a random sign."""
    rng, scale, drawn = np.random.default_rng(draw), np.float32(2 ** (draw - 1)), []
    for weight in own:
        values = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32")))
        noise = rng.standard_normal(values.shape, np.float32) * np.float32(values.std() or _SPREAD)
        sign = np.float32(rng.choice((-1, 1)))
        drawn.append(keras.ops.cast(scale * (sign * values + noise), weight.dtype))
    return drawn


def _sum_to_1(seen: Sequence[Floats32]) -> bool:
    return all(np.abs(outputs.sum(axis=-1) - 1).max() <= _TOLERANCE for outputs in seen)
