"""The examples that a user's function gets for a trial, split for its seed; before the freeze without test part."""

from functools import cached_property
from typing import cast, final

import numpy as np

from ablate.data import Dataset, Split, scale_inputs
from ablate.data.array import Array
from ablate.data.trees import Tree, leaves, rows_of, to_tree


@final
class TrialData:
    """Arrays of one trial, each made when it is first read: NumPy arrays, or mappings of them for several inputs.

    They are copies that the function may change. Types and values are the source's, unless [data] asks for a scaling.
    """

    def __init__(self, data: Dataset, split: Split, *, is_scaled: bool, test: bool) -> None:
        self._data, self._split, self._is_scaled, self._test = data, split, is_scaled, test

    @cached_property
    def x_train(self) -> Tree:
        """Inputs for training, (n_train, …)."""
        return self._scaled(rows_of(self._data.x_train, self._split.train))

    @cached_property
    def y_train(self) -> Tree:
        """Targets for training, (n_train, …)."""
        return rows_of(self._data.y_train, self._split.train)

    @cached_property
    def x_validation(self) -> Tree:
        """Inputs held out of training in this trial, (n_validation, …)."""
        return self._scaled(rows_of(self._data.x_train, self._split.validation))

    @cached_property
    def y_validation(self) -> Tree:
        """Targets held out of training in this trial."""
        return rows_of(self._data.y_train, self._split.validation)

    @cached_property
    def x_test(self) -> Tree:
        """Inputs of the test set, (n_test, …); no rows unless the function's argument `test` is true."""
        return self._scaled(self._tested(self._data.x_test))

    @cached_property
    def y_test(self) -> Tree:
        """Targets of the test set; likewise."""
        return self._tested(self._data.y_test)

    @property
    def input_shape(self) -> tuple[int, ...] | dict[str, tuple[int, ...]]:
        """Shape of one example's input; by name for several inputs."""
        shapes = {name: array.shape[1:] for name, array in leaves(self._data.x_train).items()}
        return next(iter(shapes.values())) if set(shapes) == {""} else shapes

    @property
    def n_classes(self) -> int:
        """Number of classes or tags of the first target; 0 for numbers."""
        return self._data.n_classes

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of a table, in the order of the inputs; empty for other sources."""
        return tuple(column.name for column in self._data.columns)

    def _tested(self, array: Array) -> Tree:
        n = None if self._test else 0
        return to_tree({name: np.array(leaf[:n]) for name, leaf in leaves(array).items()})

    def _scaled(self, x: Tree) -> Tree:
        return cast("Tree", scale_inputs(x, self._split)) if self._is_scaled else x
