"""Scale amounts that a network predicts, inside the graph: losses see scaled targets, metrics their own unit.

The scaling has "target_shift" and "target_scale" by target, fitted on a training split; other targets have none.
"""

from collections.abc import Collection, Mapping

from keras import ops

from ablate.data.trees import leaves, to_tree
from ablate.study.task import Target
from ablate.training.engine.objective import ScalingTree, Trees

SHIFT, SCALE = "target_shift", "target_scale"


def scaled_targets(y: Trees, scaling: ScalingTree) -> Trees:
    """Targets as the loss sees them."""
    shift, scale = scaling.get(SHIFT, {}), scaling.get(SCALE, {})
    made = leaves(y)
    return to_tree(made | {name: (ops.cast(made[name], "float32") - shift[name]) * scale[name] for name in shift})


def unscaled_outputs(outputs: Trees, scaling: ScalingTree) -> Trees:
    """Outputs in the unit of the targets."""
    shift, scale = scaling.get(SHIFT, {}), scaling.get(SCALE, {})
    made = leaves(outputs)
    return to_tree(made | {name: ops.cast(made[name], "float32") / scale[name] + shift[name] for name in shift})


def columns_of(targets: Mapping[str, Target]) -> frozenset[str]:
    """The names of the targets that the data hold as (n, 1)."""
    return frozenset(name for name, target in targets.items() if target.is_column)


def as_held(y: Trees, columns: Collection[str]) -> Trees:
    """Targets as a model's own code takes them: those named in `columns` as (n, 1), as the data hold them."""
    return to_tree({name: tensor[:, None] if name in columns else tensor for name, tensor in leaves(y).items()})
