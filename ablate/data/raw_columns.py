"""Go from the inputs made of a table back to its columns: numbers, and categories as text."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import Dataset
from ablate.data.source import FeatureColumn
from ablate.data.trees import leaves, rows_of

MISSING = ("", "[missing]")  # the text of an empty cell: the first that is no level of its column


def by_feature(columns: Sequence[FeatureColumn]) -> Mapping[str, list[FeatureColumn]]:
    """The inputs that each column of the table became."""
    found: dict[str, list[FeatureColumn]] = {}
    for column in columns:
        found.setdefault(column.feature, []).append(column)
    return found


def key_of(name: str, names: Collection[str]) -> str:
    """The key of an input of a model that is kept, of all the `names`: Keras takes no slash in a name."""
    key = name.replace("/", "_")
    while key != name and key in names:
        key += "_"
    return key


def levels_of(own: Sequence[FeatureColumn]) -> tuple[str, ...]:
    """The texts that a column of the table may hold, in the order of its flags; () for a number."""
    if own[0].kind == "number":
        return ()
    levels = [None if column.name == f"{column.feature} is missing" else _level(column) for column in own]
    missing = next(text for text in MISSING if text not in levels)
    return tuple(missing if level is None else level for level in levels)


def to_columns(x: Array, columns: Sequence[FeatureColumn]) -> dict[str, Array]:
    """The columns of the table (n,) behind inputs (n, k), by the keys of a model: float32, or text as objects."""
    place, features = {column.name: at for at, column in enumerate(columns)}, by_feature(columns)
    found: dict[str, Array] = {}
    for feature, own in features.items():
        flags = x[:, [place[column.name] for column in own]]
        levels, key = levels_of(own), key_of(feature, features)
        found[key] = np.array(levels, dtype=object)[flags.argmax(axis=1)] if levels else flags[:, 0]
    return found


def _level(column: FeatureColumn) -> str:
    return column.name.removeprefix(f"{column.feature}=")


def raw_examples(data: Dataset, n: int) -> dict[str, Array]:
    """The first `n` training examples as a model that is kept takes them, by key; "" for a single input."""
    if data.columns:
        return to_columns(data.x_train[:n], data.columns)
    inputs = leaves(rows_of(data.x_train, slice(0, n)))
    return {key_of(name, inputs): array for name, array in inputs.items()}
