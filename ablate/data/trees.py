"""Handle the arrays of examples with one input or several: one array, or arrays by name."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from ablate.data.array import Array

T = TypeVar("T")
Tree: TypeAlias = Array | Mapping[str, Array]  # the first axis of every array counts the examples
ONLY = ""  # name of the array that stands alone


def leaves(tree: "T | Mapping[str, T]") -> dict[str, T]:
    """The arrays by name; the name of an array that stands alone is ""."""
    return dict(tree) if isinstance(tree, Mapping) else {ONLY: tree}


def to_tree(arrays: Mapping[str, T]) -> "T | Mapping[str, T]":
    """The inverse of `leaves`."""
    return arrays[ONLY] if set(arrays) == {ONLY} else arrays


def map_tree(function: Callable[..., T], *trees: Any) -> "T | Mapping[str, T]":  # Any: trees of arrays, shapes or flags
    """Call a function on the arrays of the same name; all trees have the same names."""
    parts: list[dict[str, Any]] = [leaves(tree) for tree in trees]
    return to_tree({name: function(*(part[name] for part in parts)) for name in parts[0]})


def n_examples(tree: Tree) -> int:
    """The number of examples."""
    return len(next(iter(leaves(tree).values())))


def rows_of(tree: Tree, indices: "Array | slice") -> Tree:
    """The examples with these indices."""
    return map_tree(lambda array: array[indices], tree)


def example_shape(tree: Tree) -> "tuple[int, ...] | Mapping[str, tuple[int, ...]]":
    """Shape of one example, by name if there are several arrays."""
    return map_tree(lambda array: tuple(array.shape[1:]), tree)
