"""Weigh the examples of a batch, and the places of masks and series by their class."""

from collections.abc import Mapping

import keras
from keras import ops

from ablate.data.array import Tensor
from ablate.data.trees import leaves
from ablate.errors import StudyError
from ablate.study.task import Target
from ablate.training.engine import backend
from ablate.training.engine.objective import ScalingTree, Trees


def weights_of(rows: Tensor, y: Trees, scaling: ScalingTree) -> Tensor | None:
    """The weights of a batch, whose `rows` are its indices; None: all count equally.

    Of its examples, (batch,); or of their places, (batch, ...), if a mask's classes have weights.
    """
    w = backend.rows_of(scaling["weights"], rows) if "weights" in scaling else None
    if "class_weights" not in scaling:
        return w
    (labels,) = leaves(y).values()
    places = _by_class(labels, scaling["class_weights"])
    return places if w is None else places * _expanded(w, len(places.shape))


def loss_weights(w: Tensor, target: Target) -> Tensor:
    """The weights in the form that a loss takes which has a value for each place of the target, (batch, ...)."""
    return _expanded(w, 1 + n_place_axes(target)) if len(w.shape) == 1 else w


def with_places(y: Tensor, outputs: Tensor, target: Target) -> Tensor:
    """Labels with an axis of their own where the outputs have one: without it, Keras takes the mean over a line."""
    is_flag = target.kind == "classes" and target.is_dense and len(outputs.shape) == len(y.shape) + 1
    return ops.expand_dims(y, -1) if is_flag and outputs.shape[-1] == 1 else y


def n_place_axes(target: Target) -> int:
    """The axes of an example's places: 2 of a mask, 1 of a series of classes, 0 of one class or row of numbers."""
    return len(target.shape) if target.kind == "classes" else max(0, len(target.shape) - 1)


def check_weights(
    model: keras.Model, targets: Mapping[str, Target], x: Trees, y: Trees, outputs: Trees, *, by_place: bool
) -> None:
    """Raise `StudyError` if the loss of a compiled model cannot take the weights, on a few examples.

    `targets` are in the order of the outputs. With weights `by_place`, the loss must have a value for each place.
    """
    losses = [keras.losses.get(loss) for loss in keras.tree.flatten(model.loss) if loss is not None]
    if type(model).compute_loss is not keras.Model.compute_loss or not losses:
        _check_own(model, targets, x, y, outputs)
        return
    if not by_place:
        return
    ((name, target),) = targets.items()
    labels, output = ops.convert_to_tensor(leaves(y)[name]), leaves(outputs)[name]
    labels, shape = with_places(labels, output, target), tuple(output.shape[: 1 + n_place_axes(target)])
    found = losses[0].call(labels, output) if isinstance(losses[0], keras.losses.Loss) else losses[0](labels, output)
    if tuple(found.shape) != shape:
        places = "pixel" if n_place_axes(target) > 1 else "step"
        raise StudyError(
            f'data.weights: "balanced" weighs each {places} by its class, but the loss "{_name(losses[0])}" has no '
            f"value for each {places}\n  leave weights out, or take a cross-entropy"
        )


def _check_own(model: keras.Model, targets: Mapping[str, Target], x: Trees, y: Trees, outputs: Trees) -> None:
    n, is_list = len(next(iter(leaves(y).values()))), len(targets) > 1 and not isinstance(outputs, Mapping)
    goal = [leaves(y)[name] for name in targets] if is_list else y
    some = (ops.ones((n,)), ops.full((n,), 2.0), ops.linspace(1.0, 2.0, n))  # the second changes no weighted mean
    weights = [loss_weights(w, next(iter(targets.values()))) for w in some]
    plain, *others = [float(model.compute_loss(x=x, y=goal, y_pred=outputs, sample_weight=w)) for w in weights]
    if plain != 0 and all(other == plain for other in others):
        raise StudyError(
            "data.weights: the loss that the model makes itself is the same with any sample_weight, so weights would "
            "change nothing\n  multiply each example's loss by sample_weight in compute_loss, or leave weights out"
        )


def _name(loss: object) -> str:
    return str(getattr(loss, "name", None) or getattr(loss, "__name__", None) or type(loss).__name__)


def _by_class(labels: Tensor, weights: Tensor) -> Tensor:
    """The weight of the class of each place; classes are whole numbers, or the last axis."""
    if "int" in keras.backend.standardize_dtype(labels.dtype):
        return ops.take(weights, labels, axis=0)
    return ops.matmul(labels, weights)


def _expanded(w: Tensor, rank: int) -> Tensor:
    return ops.reshape(w, [-1, *[1] * (rank - 1)])
