"""One array and arrays by name are handled alike."""

import numpy as np

from ablate.data.trees import example_shape, leaves, map_tree, n_examples, rows_of, to_tree

X = np.arange(12).reshape(6, 2)


def test_an_array_that_stands_alone_has_no_name():
    assert leaves(X) == {"": X}
    assert to_tree({"": X}) is X
    assert to_tree({"a": X}) == {"a": X}
    assert leaves({"a": X, "": X}) == {"a": X, "": X}


def test_functions_and_indices_reach_every_array():
    both = {"a": X, "b": X[:, 0]}
    assert rows_of(X, np.array([5, 0])).tolist() == [[10, 11], [0, 1]]
    assert {name: part.tolist() for name, part in rows_of(both, slice(2)).items()} == {
        "a": [[0, 1], [2, 3]],
        "b": [0, 2],
    }
    assert map_tree(lambda one, other: one + other, {"a": 1, "b": 2}, {"b": 20, "a": 10}) == {"a": 11, "b": 22}
    assert (n_examples(X), n_examples(both)) == (6, 6)
    assert (example_shape(X), example_shape(both)) == ((2,), {"a": (2,), "b": ()})
