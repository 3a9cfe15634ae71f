"""A configuration into what of it decides the compiled program: equal structures share one compilation."""

from typing import TypeAlias

from ablate.catalog import MODELS, known_factor
from ablate.records import Factors, Level

Structure: TypeAlias = tuple[tuple[str, Level], ...]


def structure_of(factors: Factors, *, model: str) -> Structure:
    """The factors that change the graph of the model named `model`, in the order of their names.

    The learning rate, its schedule and the optimizer's settings are inputs of every program. Of the registered models,
    so is what changes only values, such as the initializer; dropout enters as present or absent. Of a user's model all
    else may change the graph.
    """
    kept = {name: level for name, level in sorted(factors.items()) if not _is_free(name, model)}
    if model in MODELS and "dropout" in kept:
        kept["dropout"] = bool(float(kept["dropout"]) > 0)
    return tuple(kept.items())


def _is_free(factor: str, model: str) -> bool:
    known = known_factor(factor, model=model)
    return factor == "learning_rate" or (known is not None and not known.in_graph)
