"""What a model is built for: shapes of inputs and outputs, targets, and the training examples to adapt layers on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from ablate.data import Dataset, Split, scale_inputs
from ablate.data.trees import Tree, example_shape, leaves, rows_of, to_tree
from ablate.errors import StudyError
from ablate.study.task import Target

Shape: TypeAlias = tuple[int, ...]
Shapes: TypeAlias = Shape | Mapping[str, Shape]
OutputCounts: TypeAlias = int | Mapping[str, int]


def _no_examples() -> Tree:
    raise StudyError("model: build reads data.train, but this model is built without examples")


@dataclass(frozen=True, slots=True)
class ModelData:
    """The data of a study, as a model sees them. With several inputs or outputs, shapes and counts are mappings."""

    input_shape: Shapes  # of one example
    targets: Mapping[str, Target]  # by output; "" for the only one
    examples: Callable[[], Tree] = _no_examples
    ids: Callable[[], tuple[int, int] | None] = lambda: None
    noted: set[str] = field(default_factory=set)  # "train" once the training examples were read

    @property
    def train(self) -> Tree:
        """The training inputs of this split as the model receives them, scaled if the study scales them."""
        self.noted.add("train")
        return self.examples()

    @property
    def n_outputs(self) -> OutputCounts:
        """Numbers that a model returns for each target, or for each place of a mask: one per class, tag or amount."""
        return to_tree({name: target.n_outputs for name, target in self.targets.items()})

    @property
    def n_classes(self) -> OutputCounts:
        """The number of classes or tags; 0 for numbers."""
        return to_tree({name: target.n_classes for name, target in self.targets.items()})

    @property
    def output_shape(self) -> Shapes:
        """Shape of the model's output for one example."""
        return to_tree({name: target.output_shape for name, target in self.targets.items()})

    @property
    def id_range(self) -> tuple[int, int] | None:
        """The smallest and the largest number of all examples, testing included; None unless they are whole."""
        return self.ids()

    @property
    def single_shape(self) -> Shape | None:
        """Shape of the only input; None if there are several."""
        return None if isinstance(self.input_shape, Mapping) else self.input_shape


def model_data(data: Dataset, split: Callable[[], Split]) -> ModelData:
    """What a model is built for; `split` is called if the model reads the training examples."""

    def examples() -> Tree:
        drawn = split()
        return scale_inputs(rows_of(data.x_train, drawn.train), drawn)

    def ids() -> tuple[int, int] | None:
        arrays = [array for tree in (data.x_train, data.x_test) for array in leaves(tree).values()]
        if not all(np.issubdtype(array.dtype, np.integer) for array in arrays):
            return None
        return min(int(array.min()) for array in arrays), max(int(array.max()) for array in arrays)

    targets = data.targets or {"": Target("classes", n_classes=data.n_classes)}
    return ModelData(example_shape(data.x_train), targets, examples, ids)


def classification(input_shape: Shape, n_classes: int) -> ModelData:
    """Whole-number classes of examples of one shape."""
    return ModelData(input_shape, {"": Target("classes", n_classes=n_classes)})
