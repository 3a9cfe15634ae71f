"""Prepare stored examples for a model inside the graph: scale numbers, fill in missing ones, leave ids as they are."""

from dataclasses import dataclass

from keras import ops

from ablate.data.array import Tensor
from ablate.data.trees import leaves, to_tree
from ablate.training.engine.objective import Trees


@dataclass(frozen=True, slots=True)
class Preparation:
    """How the inputs of a model are made from stored examples."""

    unscaled: frozenset[str] = frozenset()  # inputs whose whole numbers the model looks up
    fills: bool = False  # missing numbers become 0 after scaling
    order: tuple[str, ...] = ()  # of the inputs of a model that takes a list

    def __call__(self, x: Trees, shift: Trees, scale: Trees) -> Trees:
        """The inputs of a batch; `shift` and `scale` have the names of `x`."""
        shifts, scales = leaves(shift), leaves(scale)
        made = {
            name: tensor if name in self.unscaled else self._scaled(tensor, shifts[name], scales[name])
            for name, tensor in leaves(x).items()
        }
        return [made[name] for name in self.order] if self.order else to_tree(made)

    def _scaled(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        made = scaled(x, shift, scale)
        return ops.where(ops.isnan(made), 0.0, made) if self.fills else made


PLAIN = Preparation()


def scaled(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Convert examples from their compact type to the model's input."""
    return (ops.cast(x, "float32") - shift) * scale
