"""Stack the scaling and the weights of splits for the slots of a program."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from ablate.data import Dataset, Split
from ablate.data.array import Floats32, Integers
from ablate.data.class_weights import BALANCED
from ablate.data.trees import Tree, leaves, map_tree, n_examples
from ablate.study.settings import StudySettings
from ablate.training.engine.program import Scaling


def is_weighted(study: StudySettings, data: Dataset) -> bool:
    """Whether examples count by weights in the loss."""
    return study.data.weights is not None or data.weights_train is not None


def weighs_places(study: StudySettings, data: Dataset) -> bool:
    """Whether the places of masks or series count in the loss by the weights of their classes."""
    return study.data.weights == BALANCED and any(target.is_dense for target in data.targets.values())


def stacked_scaling(data: Dataset, splits: Sequence[Split], *, part: Literal["train", "evaluate"]) -> Scaling:
    """The scaling of each slot's examples, fitted on its training split, and their weights.

    Weights by class count in training only, those of examples in evaluation too, as in Keras; which numbers they
    enter, `ablate.training.engine.metrics` says.
    """
    first = splits[0]
    return Scaling(
        shift=map_tree(_stacked, *(split.shift for split in splits)),
        scale=map_tree(_stacked, *(split.scale for split in splits)),
        target_shift=_by_target(data, [split.target_shift for split in splits]),
        target_scale=_by_target(data, [split.target_scale for split in splits]),
        weights=np.stack([_weights(data, split, part) for split in splits])
        if (first.weights is not None if part == "train" else data.weights_train is not None)
        else None,
        class_weights=_by_class(splits) if part == "train" else None,
    )


def evaluated_weights(data: Dataset, rows: Integers) -> Floats32 | None:
    """The weights with which these of all examples, those of training first, count in an evaluation; None: equally."""
    return None if data.weights_train is None else with_test(data, data.weights_train)[rows]


def _stacked(*arrays: Floats32) -> Floats32:
    return np.stack(arrays)


def _by_target(data: Dataset, trees: Sequence[Tree | None]) -> Mapping[str, Floats32] | None:
    found = [tree for tree in trees if tree is not None]
    if not found:
        return None
    stacked = leaves(map_tree(_stacked, *found))
    return {name: array for name, array in stacked.items() if data.targets[name].kind == "numbers"}


def _weights(data: Dataset, split: Split, part: Literal["train", "evaluate"]) -> Floats32:
    """The weights of all examples, those of training first."""
    trained = split.weights if part == "train" else data.weights_train
    assert trained is not None
    return with_test(data, trained)


def with_test(data: Dataset, trained: Floats32) -> Floats32:
    """The weights of training examples, then those of test examples."""
    tested = np.ones(n_examples(data.x_test), np.float32) if data.weights_test is None else data.weights_test
    return np.concatenate([trained, tested]).astype(np.float32)


def _by_class(splits: Sequence[Split]) -> Floats32 | None:
    found = [split.place_weights for split in splits if split.place_weights is not None]
    return np.stack(found) if found else None
