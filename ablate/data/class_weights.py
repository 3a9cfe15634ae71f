"""Weigh examples in the loss: by a column of the source, or classes by their rarity."""

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import Dataset
from ablate.data.split_sizes import target_of
from ablate.data.trees import leaves
from ablate.errors import DataError
from ablate.study.settings import Data
from ablate.study.task import Target

BALANCED = "balanced"


def check_weights(data: Dataset, settings: Data) -> None:
    """Raise `DataError` if the weights that the settings ask for cannot be had for these targets."""
    if settings.weights is None:
        return
    if settings.weights != BALANCED:
        if data.weights_train is None:
            raise DataError(
                f'data.weights: the source of {data.name} has no weights named "{settings.weights}"\n'
                '  name a column or an array of example weights, or write weights = "balanced" for classes'
            )
        return
    if len(data.targets) > 1:
        raise DataError(
            f'data.weights = "balanced" is for one output, but {data.name} has {len(data.targets)}\n'
            "  name a column or an array of example weights instead"
        )
    _check_kind(target_of(data))


def class_weights(y: Array, target: Target) -> Array:
    """n / (k · count) of each of k classes among the targets `y`, (k,) float32; 0 for a class without an example.

    Of masks, places are counted. Raises `DataError` if the targets are no classes.
    """
    _check_kind(target)
    k = target.n_classes
    if target.kind == "one-hot":
        counts = y.reshape(-1, k).sum(axis=0, dtype=np.float64)
    else:
        counts = np.bincount(y.reshape(-1), minlength=k).astype(np.float64)
    weights = np.where(counts > 0, counts.sum() / (k * np.maximum(counts, 1e-300)), 0)
    return weights.astype(np.float32)


def split_weights(data: Dataset, settings: Data, rows: Array) -> tuple[Array | None, Array | None]:
    """Weights of all training examples for the loss, and of the classes of places; None each if all count equally.

    Balanced classes are weighted by their numbers among the `rows`. The weight of an example with one class contains
    that of its class; where each example has many, as a mask has, the classes have weights of their own, (k,).
    """
    check_weights(data, settings)
    if settings.weights != BALANCED:
        return data.weights_train, None
    y, target = next(iter(leaves(data.y_train).values())), target_of(data)
    by_class = class_weights(y[rows], target)
    if target.is_dense:
        return data.weights_train, by_class
    weights: Array = y @ by_class if target.kind == "one-hot" else by_class[y]
    return weights.astype(np.float32) * (1 if data.weights_train is None else data.weights_train), None


def _check_kind(target: Target) -> None:
    if target.kind in ("classes", "one-hot"):
        return
    if target.kind == "tags":
        raise DataError(
            'data.weights = "balanced" is for classes, but the targets are tags, of which an example can have several\n'
            '  leave it out, and judge by a metric for rare tags: [metric] name = "pr_auc"'
        )
    what = "numbers" if target.kind == "numbers" else "none: the model makes its own loss"
    raise DataError(
        f'data.weights = "balanced" is for classes, but the targets are {what}\n'
        "  leave it out, or name a column or an array of example weights"
    )
