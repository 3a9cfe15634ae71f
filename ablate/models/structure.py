"""A configuration into what of it decides the compiled program: equal structures share one compilation."""

from typing import TypeAlias

from ablate.levels import FREE_FACTORS, MODEL_FACTORS, OPTIMIZER_SETTINGS
from ablate.records import Factors, Level

Structure: TypeAlias = tuple[tuple[str, Level], ...]


def structure_of(factors: Factors, *, model: str) -> Structure:
    """The factors that change the graph of the model named `model`, in the order of their names.

    The learning rate and the optimizer's settings are inputs of every program. Of the registered models, so is what
    changes only values, such as the initializer; dropout enters as present or absent. Of a user's model all else may
    change the graph.
    """
    free = {"learning_rate", *OPTIMIZER_SETTINGS, *FREE_FACTORS.get(model, ())}
    kept = {name: level for name, level in sorted(factors.items()) if name not in free}
    if model in MODEL_FACTORS and "dropout" in kept:
        kept["dropout"] = bool(float(kept["dropout"]) > 0)
    return tuple(kept.items())
