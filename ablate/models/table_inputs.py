"""The columns of a table as inputs of a Keras model: numbers as they are, categories as text."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from ablate.data.array import Tensor
from ablate.data.raw_columns import by_feature, key_of, levels_of
from ablate.data.source import FeatureColumn

_OTHER = "[other]"


def column_inputs(columns: Sequence[FeatureColumn]) -> tuple[dict[str, Tensor], Tensor]:
    """An input for each column of the table, (batch,), and the numbers and flags made from them, (batch, k).

    A text that is none of a category's levels sets none of its flags. A missing number is NaN, a missing text "".
    """
    inputs: dict[str, Tensor] = {}
    parts: dict[str, Tensor] = {}
    features = by_feature(columns)
    for feature, own in features.items():
        key = key_of(feature, features)
        inputs[key] = x = keras.Input((), name=key, dtype="float32" if own[0].kind == "number" else "string")
        parts |= _number(x, own) if own[0].kind == "number" else _flags(x, own, name=key)
    made = [parts[column.name] for column in columns]
    return inputs, layers.Concatenate()(made) if len(made) > 1 else made[0]


def _number(x: Tensor, own: Sequence[FeatureColumn]) -> dict[str, Tensor]:
    x = ops.expand_dims(x, -1)
    return {own[0].name: x, **{column.name: ops.cast(ops.isnan(x), "float32") for column in own[1:]}}


def _flags(x: Tensor, own: Sequence[FeatureColumn], *, name: str) -> dict[str, Tensor]:
    levels = levels_of(own)
    other = _OTHER
    while other in levels:
        other = f"[{other}]"
    known = layers.StringLookup(
        vocabulary=[*levels], mask_token=None, oov_token=other, output_mode="one_hot", name=f"levels_{name}"
    )(x)
    return {column.name: known[:, n : n + 1] for n, column in enumerate(own, 1)}  # the first is that of other texts
