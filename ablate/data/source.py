"""What a source of examples holds before it is checked: a file, a folder, a table or a user's function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ablate.data.array import Array
from ablate.data.trees import Tree

# "number": standardized over the training split; "flag": 0 or 1, left as it is, one of a category's columns too; 0 in
# splits whose training part never has a 1 there, so that an unknown category has no 1 at all.
FeatureKind: TypeAlias = Literal["number", "flag"]


@dataclass(frozen=True, slots=True)
class FeatureColumn:
    """A column of the inputs of a table, each category spread over several."""

    name: str  # "age", "city=Oslo", "age is missing"
    kind: FeatureKind
    feature: str  # column of the table


@dataclass(frozen=True, slots=True)
class Source:
    """Examples with their targets, in the parts in which the source has them.

    Everything for each example is in the order of the examples of its part. Without a test part, some training
    examples are set aside later.
    """

    x_train: Tree
    y_train: Tree | None  # None: the model makes its own loss
    x_test: Tree | None = None
    y_test: Tree | None = None
    x_validation: Tree | None = None
    y_validation: Tree | None = None
    groups: Array | None = None  # (n,) of training examples, any type: patients, sites
    groups_validation: Array | None = None
    groups_test: Array | None = None
    order: Array | None = None  # (n,) float64: time
    order_validation: Array | None = None
    order_test: Array | None = None
    weights: Array | None = None  # (n,) ≥ 0, of the training examples
    weights_validation: Array | None = None
    weights_test: Array | None = None
    columns: Sequence[FeatureColumn] = ()  # of a table, in the order of the inputs
    class_names: Sequence[str] = ()
    target_names: Sequence[str] = ()  # of several numbers or tags
    origin: str = ""  # for the report
    stand_in: bool = False
    notes: Sequence[str] = ()  # sentences for the user, said once
    group_notes: Sequence[str] = ()  # groups that the source names but no setting does, a sentence each


def to_source(arrays: Mapping[str, Array], *, origin: str, stand_in: bool = False) -> Source:
    """Of the four arrays x_train, y_train, x_test and y_test."""
    x_train, y_train, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    return Source(x_train, y_train, x_test, y_test, origin=origin, stand_in=stand_in)
