"""Read the targets of one output or several, and say as what they were read."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ablate.data.array import Array
from ablate.data.inputs import array_name
from ablate.data.source import Source
from ablate.data.targets import to_targets
from ablate.data.trees import ONLY, Tree, leaves, n_examples
from ablate.errors import DataError
from ablate.study.task import Target
from ablate.text import number_of


def to_outputs(
    x: Mapping[str, Tree],
    y: Mapping[str, Tree | None],
    *,
    loss: str | None,
    source: Source,
    may_compile: bool = False,
) -> tuple[dict[str, Target], dict[str, dict[str, Array]]]:
    """The targets by output, and the arrays of each part by output.

    The loss of a study cannot settle what each of several outputs is: their types do. A model that `may_compile` takes
    real numbers as they are.
    """
    if y["train"] is None:
        nothing = {part: {ONLY: np.empty((n_examples(tree), 0), np.float32)} for part, tree in x.items()}
        return {ONLY: Target("none")}, nothing
    outputs = {part: leaves(tree) for part, tree in y.items() if tree is not None}
    if any(set(of) != set(outputs["train"]) for of in outputs.values()) or not outputs["train"]:
        raise DataError(f"{source.origin}: y must have the same outputs in all parts\n  give all parts the same names")
    shapes = [array.shape[1:] for array in leaves(x["train"]).values()]
    targets: dict[str, Target] = {}
    made: dict[str, dict[str, Array]] = {part: {} for part in outputs}
    alone = len(outputs["train"]) == 1
    for leaf in outputs["train"]:
        named = {array_name(f"y_{part}", leaf): of[leaf] for part, of in outputs.items()}
        target, arrays = to_targets(
            named, input_shapes=shapes, loss=loss, source=source.origin, asks=alone, may_compile=may_compile
        )
        targets[leaf] = _named(target, source) if alone else target
        for part, array in zip(outputs, arrays.values(), strict=True):
            made[part][leaf] = array
    return targets, made


def readings(targets: Mapping[str, Target]) -> tuple[str, ...]:
    """What the targets were read as, unless they are a class for each example."""
    return tuple(
        f"{array_name('y_train', leaf)} is read as {described(target)}"
        for leaf, target in targets.items()
        if target.kind != "none" and (target.kind != "classes" or target.is_dense)
    )


def described(target: Target) -> str:
    """A target in words: "3 tags for each example"."""
    places = target.shape if target.kind == "classes" else target.shape[:-1]
    of = f"each of {' × '.join(map(str, places))} places" if places else "each example"
    match target.kind:
        case "classes" | "one-hot":
            return f"one of {target.n_classes:,} classes for {of}"
        case "tags":
            return f"{number_of(target.n_classes, 'tag')} for {of}"
        case "numbers":
            return f"{number_of(target.n_outputs, 'real number')} for {of}"
    return "made by the model itself"


def class_of_each(targets: Mapping[str, Target], y: Tree) -> Array | None:
    """(n,) the class of each example if the only output has one, else None."""
    if len(targets) > 1:
        return None
    ((leaf, target),) = targets.items()
    if target.is_dense or target.kind not in ("classes", "one-hot"):
        return None
    labels = leaves(y)[leaf]
    return labels if target.kind == "classes" else labels.argmax(axis=1)


def _named(target: Target, source: Source) -> Target:
    names = tuple(source.class_names if target.kind in ("classes", "one-hot") else source.target_names)
    n = target.n_outputs
    if names and len(names) != n:
        what = "classes" if target.n_classes else "targets"
        raise DataError(
            f"{source.origin}: names {len(names):,} {what}, but y_train has {n:,}\n  name each of them, in their order"
        )
    return replace(target, names=names)
