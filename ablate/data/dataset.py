"""Check what a source holds and turn it into a `Dataset` with a digest."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from ablate.data.array import Array
from ablate.data.example_facts import common_groups, group_numbers, times
from ablate.data.inputs import check_parts, to_inputs, with_channel_axis
from ablate.data.large import joined, pieces
from ablate.data.outputs import readings, to_outputs
from ablate.data.per_example import to_weights
from ablate.data.source import FeatureColumn, Source
from ablate.data.trees import ONLY, Tree, leaves, n_examples, to_tree
from ablate.errors import DataError
from ablate.study.losses import family_of
from ablate.study.task import Target
from ablate.study.trial import Level
from ablate.text import number_of

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples with their targets, split into training and test; checked by `to_dataset`."""

    name: str
    x_train: Array  # (n, …) uint8, int32 or float32, C-contiguous; or a mapping of such arrays, for several inputs
    # (n, …) int32 for classes, float32 otherwise, (n, 0) without targets; or a mapping of such arrays
    y_train: Array
    x_test: Array  # without rows until examples are set aside, if the source has no test part
    y_test: Array
    n_classes: int  # of the first target; 0 for numbers
    stand_in: bool  # synthetic data of this package, not the named data set
    source: str  # origin, for the report
    digest: str  # SHA-256 of `digest_of`, and of `pretraining`, hexadecimal
    pretraining: "Dataset | None" = None  # the pretraining task, if there is one
    groups: tuple[str, ...] = ()  # groups in the file that the split ignores, a sentence each
    targets: Mapping[str, Target] = field(default_factory=dict)  # by output; "" for the only one
    n_given: int = 0  # the last of the training examples that are the source's own validation part
    group_of: Array | None = None  # (n_train,) int32 number of each training example's group, if splits keep groups
    time_of: Array | None = None  # (n_train,) float64, if splits follow an order
    weights_train: Array | None = None  # (n_train,) float32
    weights_test: Array | None = None
    columns: tuple[FeatureColumn, ...] = ()  # of a table, in the order of the inputs
    notes: tuple[str, ...] = ()  # on what was read as what, said once
    is_test_drawn: bool = False  # whether the test examples were set aside from the source's training examples
    factors: Mapping[str, Level] = field(default_factory=dict)  # levels that the user's function read to load them
    variants: Mapping[str, str] = field(default_factory=dict)  # digests for other levels, by the levels as JSON


def no_examples() -> Dataset:
    """The data set of a study whose trials bring their own data: no examples, no targets."""
    none = np.zeros((0, 0), np.float32)
    data = Dataset("", none, none, none, none, n_classes=0, stand_in=False, source="", digest="")
    return replace(data, digest=digest_of(data))


def to_dataset(name: str, source: Source, *, loss: str | None = None, may_compile: bool = False) -> Dataset:
    """Check what a source holds, convert it to the form that `Dataset` promises, and digest it.

    Whole numbers in 0 … 255 become uint8, other whole numbers int32, the rest float32; grey images get a channel axis.
    A validation part is appended to the training examples. Without a test part, the test arrays have no rows. What
    kind of targets there are is told from `y`, and where that leaves a choice from the `loss` of the study, or from its
    model, which `may_compile` its own. Raises
    `DataError`, naming the source's origin, the array and the rule that it breaks.
    """
    said = source.origin
    x, y = _parts(source)
    check_parts(x, y, loss_is_set=loss is not None and family_of(loss) == "amounts", source=said)
    inputs = to_inputs(x, may_miss=bool(source.columns), source=said)
    targets, outputs = to_outputs(x, y, loss=loss, source=source, may_compile=may_compile)
    if set(inputs["train"]) == {ONLY}:
        shaped = {part: with_channel_axis(of[ONLY], list(targets.values())) for part, of in inputs.items()}
        inputs = {part: {ONLY: array} for part, array in shaped.items()}
    n = n_examples(x["train"])
    n_given = n_examples(x["validation"]) if "validation" in x else 0
    data = Dataset(
        name=name,
        x_train=_trained(inputs),
        y_train=_trained(outputs),
        x_test=_tested(inputs),
        y_test=_tested(outputs),
        n_classes=next(iter(targets.values())).n_classes,
        stand_in=source.stand_in,
        source=said,
        digest="",
        groups=(*source.group_notes, *_shared_groups(source)),
        targets=targets,
        n_given=n_given,
        group_of=group_numbers(source.groups, source.groups_validation, n=n, n_given=n_given, source=said),
        time_of=times(source.order, source.order_validation, n=n, n_given=n_given, source=said),
        weights_train=_weights(source, n=n, n_given=n_given),
        weights_test=_weights_of_test(source, n=n_examples(x["test"]) if "test" in x else 0),
        columns=tuple(source.columns),
        notes=(*source.notes, *readings(targets)),
    )
    return replace(data, digest=digest_of(data))


def digest_of(data: Dataset) -> str:
    """SHA-256 over the names, shapes, types and bytes of the arrays and all else that decides a number, hexadecimal.

    Of one input and classes for each example it covers the four arrays alone.
    """
    digest = hashlib.sha256()
    for name in ARRAYS:
        for leaf, array in leaves(getattr(data, name)).items():  # a model may take several by their order
            digest.update(f"{name}{leaf and f'[{leaf}]'} {array.shape} {array.dtype.name}\n".encode())
            for piece in pieces(array):
                digest.update(piece.data if piece.size else b"")
    for name in ("group_of", "time_of", "weights_train", "weights_test"):
        if (values := getattr(data, name)) is not None:
            digest.update(f"{name} {values.shape}\n".encode())
            digest.update(values.data if values.size else b"")
    kinds = {leaf: target.kind for leaf, target in data.targets.items()}
    columns = [(column.name, column.kind) for column in data.columns]
    if kinds != {ONLY: "classes"} or columns or data.n_given:
        digest.update(f"{sorted(kinds.items())} {columns} {data.n_given}\n".encode())
    if in_columns := sorted(leaf for leaf, target in data.targets.items() if target.is_column):
        digest.update(f"in columns: {in_columns}\n".encode())
    return digest.hexdigest()


def _parts(source: Source) -> tuple[dict[str, Tree], dict[str, Tree | None]]:
    x = {"train": source.x_train, "validation": source.x_validation, "test": source.x_test}
    y = {"train": source.y_train, "validation": source.y_validation, "test": source.y_test}
    for part in ("validation", "test"):
        if (y[part] is None) != (x[part] is None or y["train"] is None):
            lacks = f"y_{part}" if x[part] is not None and y["train"] is not None else f"x_{part} or y_train"
            raise DataError(
                f"{source.origin}: has a {part} part without {lacks}\n  give all parts both inputs and targets"
            )
    there = {part: tree for part, tree in x.items() if tree is not None}
    return there, {part: y[part] for part in there}


def _trained(parts: Mapping[str, Mapping[str, Array]]) -> Array:
    of = [parts[part] for part in ("train", "validation") if part in parts]
    return cast("Array", to_tree({leaf: joined([arrays[leaf] for arrays in of]) for leaf in parts["train"]}))


def _tested(parts: Mapping[str, Mapping[str, Array]]) -> Array:
    if "test" in parts:
        return cast("Array", to_tree(parts["test"]))
    return cast("Array", to_tree({leaf: array[:0] for leaf, array in parts["train"].items()}))


def _weights(source: Source, *, n: int, n_given: int) -> Array | None:
    if source.weights is None:
        return None
    trained = to_weights(source.weights, place=f"{source.origin}: weights", n=n)
    if source.weights_validation is None:
        return np.concatenate([trained, np.ones(n_given, np.float32)])
    given = to_weights(source.weights_validation, place=f"{source.origin}: weights_validation", n=n_given)
    return np.concatenate([trained, given])


def _weights_of_test(source: Source, *, n: int) -> Array | None:
    if source.weights_test is None or not n:
        return None
    return to_weights(source.weights_test, place=f"{source.origin}: weights_test", n=n)


def _shared_groups(source: Source) -> tuple[str, ...]:
    n, n_tested = common_groups(source.groups, source.groups_test)
    if not n:
        return ()
    return (f"{n:,} of {number_of(n_tested, 'tested group')} {'is' if n == 1 else 'are'} in the training set too",)
