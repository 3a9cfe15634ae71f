"""Tell from a loss's name what kind of targets it takes."""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

# "classes": whole numbers that count classes; "one-hot": a 1 for the class, or probabilities; "flags": 0 and 1, or
# probabilities; "overlap": flags in an axis of their own; "margins": -1 and 1, or 0 and 1; "amounts": any numbers;
# "own": the loss does not tell.
LossFamily: TypeAlias = Literal["classes", "one-hot", "flags", "overlap", "margins", "amounts", "own"]
_FAMILIES: Mapping[str, LossFamily] = {
    "sparse_categorical_crossentropy": "classes",
    "categorical_crossentropy": "one-hot",
    "categorical_focal_crossentropy": "one-hot",
    "categorical_generalized_cross_entropy": "classes",
    "categorical_hinge": "one-hot",
    "kl_divergence": "one-hot",
    "binary_crossentropy": "flags",
    "binary_focal_crossentropy": "flags",
    "dice": "overlap",
    "tversky": "overlap",
    "hinge": "margins",
    "squared_hinge": "margins",
    "mean_squared_error": "amounts",
    "mean_absolute_error": "amounts",
    "mean_absolute_percentage_error": "amounts",
    "mean_squared_logarithmic_error": "amounts",
    "huber": "amounts",
    "log_cosh": "amounts",
    "poisson": "amounts",
    "cosine_similarity": "amounts",
}
_SHORT: Mapping[str, str] = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "logcosh": "log_cosh",
}


def canonical_loss(loss: str) -> str:
    """Keras' long name of a loss: "mse", "MeanSquaredError" and "keras.losses.MSE" are "mean_squared_error"."""
    name = re.sub(r"^(keras\.)?(losses\.)?", "", loss.strip())
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return _SHORT.get(name, name)


def family_of(loss: str) -> LossFamily:
    """What kind of targets the loss takes; "own" for a function of the user's and losses that tell nothing."""
    return _FAMILIES.get(canonical_loss(loss), "own")
