"""A level's name into what is known of it: the levels of the built-in factors, and the learning rate as a level."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ablate.errors import StudyError
from ablate.records import Level

NORMALIZATIONS = ("none", "batch", "layer")
ACTIVATIONS = (
    "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "relu6", "celu", "mish",
    "softplus", "softsign", "hard_sigmoid", "hard_silu", "linear",
)  # fmt: skip
INITIALIZERS = (
    "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform", "random_normal",
    "random_uniform", "truncated_normal", "orthogonal",
)  # fmt: skip
OPTIMIZERS = (
    "sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "adamax", "nadam", "lion",
    "ftrl", "adafactor", "lamb",
)  # fmt: skip
KNOWN: Mapping[str, tuple[str, ...]] = {
    "normalization": NORMALIZATIONS,
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "optimizer": OPTIMIZERS,
}
TRAINING_FACTORS = ("optimizer", "learning_rate")  # understood by the engine, whatever the model
# Likewise, but a study may leave them out: the optimizer then keeps Keras' defaults. Each from 0 to below the bound.
OPTIMIZER_SETTINGS: Mapping[str, float] = {"weight_decay": math.inf, "momentum": 1.0}
MODEL_FACTORS: Mapping[str, tuple[str, ...]] = {"mlp": ("normalization", "activation", "initializer", "dropout")}
WITHOUT_MOMENTUM = ("sgd", "adagrad", "adadelta", "rmsprop", "adafactor", "ftrl")  # as Keras makes them
FREE_FACTORS: Mapping[str, tuple[str, ...]] = {"mlp": ("initializer",)}  # they change values, not the graph
MODEL_OPTIONS: Mapping[str, Mapping[str, int]] = {"mlp": {"depth": 2, "width": 64}}  # hidden layers, units in each
# A whole number written for one of these means the real number.
REAL_FACTORS = ("dropout", "learning_rate", *OPTIMIZER_SETTINGS)

RECIPE = "recipe"  # stands as the factor of levels that are set together
FIND = "find"
_MULTIPLE = re.compile(r"find\s*\*\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)")


@dataclass(frozen=True, slots=True)
class Rate:
    """A learning rate: `value`, or, where that is None, `multiplier` times the rate that a range test finds."""

    value: float | None
    multiplier: float = 1.0

    def __post_init__(self) -> None:
        for number in (self.multiplier, 1.0 if self.value is None else self.value):
            if not (math.isfinite(number) and number > 0):
                raise StudyError(f"a learning rate must be positive and finite, got {number:.4g}")


def parse_rate(level: Level) -> Rate:
    """The learning rate that a level says: a number, "find", or "find*0.3". Raises `StudyError` on anything else."""
    if level == FIND:
        return Rate(None)
    if isinstance(level, str):
        found = _MULTIPLE.fullmatch(level.strip())
        if not found:
            raise StudyError(f'a learning rate is a number, "find", or "find*0.3", got "{level}"')
        return Rate(None, _to_float(found[1]))
    if isinstance(level, bool):
        raise StudyError(f'a learning rate is a number, "find", or "find*0.3", got {str(level).lower()}')
    return Rate(_to_float(level))


def format_rate(rate: Rate) -> Level:
    """The level that says `rate`: a number, "find", or "find*0.3" with the multiplier to four digits."""
    if rate.value is not None:
        return rate.value
    multiplier = f"{rate.multiplier:.4g}"
    return FIND if multiplier == "1" else f"{FIND}*{multiplier}"


def _to_float(number: str | float) -> float:
    try:
        return float(number)
    except (ValueError, OverflowError) as err:  # "1.2.3", 10**400
        raise StudyError(f"a learning rate must be positive and finite, got {str(number)[:20]}") from err
