"""Pack what a trial predicts of the test set, in the form that its targets ask for."""

from collections.abc import Mapping

import numpy as np

from ablate.data.array import Array
from ablate.data.predictions import TestPredictions, pack, to_confusion
from ablate.data.trees import ONLY, Tree, leaves, to_tree
from ablate.study.task import Target, Task
from ablate.training.engine.views import OutputKind, probabilities_of


def pack_outputs(task: Task, outputs: Tree, y: Tree, classes: Array | None) -> str:
    """The predictions for all test examples as text; "" for several outputs, or without targets.

    `outputs` are probabilities of classes and tags, or amounts in their unit; `classes` those that were scored.
    """
    if set(task.targets) != {ONLY} or task.target.kind == "none":
        return ""
    found, targets = leaves(outputs)[ONLY], leaves(y)[ONLY]
    return pack(_predictions(task.target, found, targets, classes), targets)


def chances_of(task: Task, kinds: Mapping[str, OutputKind], outputs: Tree) -> Tree:
    """Outputs with logits turned into probabilities; `kinds` are those of the outputs that may be logits."""
    made = leaves(outputs)
    found = {
        name: np.asarray(probabilities_of(task.targets[name], kind, made[name]))
        for name, kind in kinds.items()
        if name in made
    }
    return to_tree({**made, **found})


def _predictions(target: Target, outputs: Array, targets: Array, classes: Array | None) -> TestPredictions:
    match target.kind:
        case "numbers":
            return TestPredictions("numbers", numbers=outputs.reshape(targets.shape).astype(np.float32))
        case "tags":
            return TestPredictions("tags", confidence=outputs)
    chances = _chances(target, outputs)
    chosen = chances.argmax(axis=-1)
    if target.is_dense:
        labels = targets if target.kind == "classes" else targets.argmax(axis=-1)
        counts = to_confusion(labels.reshape(-1), chosen.reshape(-1), n_classes=target.n_classes)
        return TestPredictions("confusion", classes=counts)
    chosen = chosen if classes is None else classes
    confidence = np.take_along_axis(chances, chosen[:, None].astype(np.int64), axis=-1)[:, 0]
    return TestPredictions("classes", classes=chosen.astype(np.int32), confidence=np.clip(confidence, 0, 1))


def _chances(target: Target, outputs: Array) -> Array:
    """A probability for each class; a single output of two classes is that of class 1."""
    if target.is_binary and outputs.shape[-1] != target.n_classes:
        one = outputs.reshape(*outputs.shape[:1], *target.shape) if outputs.ndim > 1 else outputs
        return np.stack([1 - one, one], axis=-1)
    return outputs
