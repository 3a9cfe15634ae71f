"""Feed a split's examples to `model.fit`, scaled as compiled programs scale them, in an order of our own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import keras
import numpy as np

from ablate.data import Dataset, Split, scale_inputs
from ablate.data.array import Floats32, Integers
from ablate.data.trees import leaves, map_tree, n_examples, rows_of, to_tree
from ablate.models.outputs import Reading
from ablate.models.own_training import is_callable
from ablate.models.shapes import output_order
from ablate.training.engine import backend
from ablate.training.engine.learning import list_order
from ablate.training.engine.scaling import with_test
from ablate.training.engine.targets import as_held, columns_of

Order = Callable[[], Sequence[Integers]]  # the examples of each batch of the pass that begins
Batch = Any  # what `train_step` gets: (x,), (x, y) or (x, y, sample_weight), or x alone


@dataclass(frozen=True, slots=True)
class Feeding:
    """The examples of one split as a model takes them; indices count training examples first, then test examples."""

    data: Dataset
    split: Split
    inputs: tuple[str, ...] = ()  # in the order of a model that takes a list
    outputs: tuple[str, ...] = ()  # likewise

    @classmethod
    def of(cls, model: keras.Model, data: Dataset, split: Split, reading: Reading) -> "Feeding":
        """The examples for a model, whose ids stay as they are."""
        inputs = list_order(model, data.x_train) if is_callable(model) else ()
        listed = isinstance(getattr(model, "output", None), list | tuple)
        outputs = (output_order(model, data.targets) or tuple(data.targets)) if listed else ()
        return cls(data, replace(split, unscaled=reading.unscaled), inputs, outputs)

    def dataset(self, order: Order, *, part: Literal["train", "evaluate"]) -> Any:  # Any: a data set of the backend
        """Batches for `fit`, `evaluate` and `predict`; each pass over it asks for the order again.

        All passes have as many batches.
        """
        first, counts = order(), self._weights(part)

        def batches() -> Iterator[Batch]:
            for rows in order():
                yield self._batch(rows, counts)

        return backend.fed(batches, like=self._batch(first[0], counts), n=len(first))

    def _batch(self, rows: Integers, counts: Floats32 | None) -> Batch:
        """Some examples, as `fit` would take them from arrays; `counts` are the weights of all examples."""
        x = leaves(scale_inputs(self._rows(self.data.x_train, self.data.x_test, rows), self.split))
        inputs = tuple(x[name] for name in self.inputs) if self.inputs else to_tree(x)
        y = as_held(self.targets(rows), columns_of(self.data.targets))
        weights = None if counts is None else counts[rows]
        if next(iter(self.data.targets.values())).kind == "none":
            alone = (inputs,) if self.inputs else inputs  # a tuple of inputs would be read as inputs and targets
            return alone if weights is None else (inputs, None, weights)
        goal = tuple(leaves(y)[name] for name in self.outputs) if self.outputs else y
        return (inputs, goal) if weights is None else (inputs, goal, weights)

    def targets(self, rows: Integers) -> Any:  # Any: an array, or arrays by output
        """The targets of some examples."""
        return self._rows(self.data.y_train, self.data.y_test, rows)

    def _rows(self, train: Any, test: Any, rows: Integers) -> Any:  # Any: as above
        """Examples of one part, training or testing, or of both."""
        n = n_examples(self.data.x_train)
        if rows.max() < n:
            return rows_of(train, rows)
        if rows.min() >= n:
            return rows_of(test, rows - n)
        some, others = rows_of(train, rows[rows < n]), rows_of(test, rows[rows >= n] - n)
        place = np.argsort(np.argsort(rows >= n, kind="stable"), kind="stable")
        return map_tree(lambda a, b: np.concatenate([a, b])[place], some, others)

    def _weights(self, part: Literal["train", "evaluate"]) -> Floats32 | None:
        """The weights of all examples: by class in training only, those of examples in evaluation too."""
        trained = self.split.weights if part == "train" else self.data.weights_train
        return None if trained is None else with_test(self.data, trained)


def in_batches(rows: Integers, size: int) -> list[Integers]:
    """Examples in batches, the last one smaller."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
