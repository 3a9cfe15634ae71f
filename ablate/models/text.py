"""Build a network for texts: a vector for each word, their summary, then dense layers."""

import keras
from keras import ops

from ablate.data.array import Tensor
from ablate.errors import StudyError
from ablate.models.blocks import Blocks
from ablate.models.built_in import check_data, finished, single_input
from ablate.models.layers import LayerSeeds
from ablate.models.mlp import hidden_units
from ablate.models.model_data import ModelData, Shape
from ablate.study.trial import Factors

PADDING = 0  # the id that fills short texts
_POOLED = ("average", "max")


def text(
    factors: Factors,
    data: ModelData,
    *,
    layer_seeds: LayerSeeds,
    vocabulary: int,
    dim: int,
    encoder: str,
    units: str,
) -> keras.Model:
    """A network for texts of ids (length,), in which 0 is padding that changes nothing.

    Each id has a vector of `dim` numbers. The `encoder` is their "average" or "max" over the text, or the last state of
    a recurrent layer of `dim` units, "gru" or "lstm". Dense layers of `units` follow, then the outputs; dropout follows
    the encoder and each dense layer. There are `vocabulary` ids from 0 on; 0: as many as the data have.
    """
    check_data("text", factors, data)
    shape = _check(data)
    blocks = Blocks(factors, layer_seeds=layer_seeds)
    inputs = keras.Input(shape, dtype="int32")
    n_words, is_pooled = _n_words(data, vocabulary), encoder in _POOLED
    x = blocks.embedded(inputs, n_words, dim, masked=not is_pooled)
    x = _pooled(x, inputs, kind=encoder) if is_pooled else blocks.recurrent(x, dim, kind=encoder)
    x = blocks.dropped(x)
    for n_units in hidden_units(units):
        x = blocks.dropped(blocks.dense(x, n_units, normalization=blocks.normalization))
    return finished(inputs, blocks.outputs(x, data), factors, layer_seeds=layer_seeds)


def _check(data: ModelData) -> Shape:
    shape = single_input("text", data)
    if len(shape) != 1:
        raise StudyError(
            f"model.name: text needs texts as rows of ids (length,), but these examples have shape {shape}\n"
            '  choose model "mlp", or "cnn" for images'
        )
    if data.id_range is None or data.id_range[0] < 0:
        found = "others" if data.id_range is None else f"{data.id_range[0]:,}"
        raise StudyError(
            f"model.name: text needs whole numbers from 0 up, the ids of words, but these data have {found}\n"
            "  save each text as ids counted from 1, filled up with 0 to one length"
        )
    return shape


def _n_words(data: ModelData, vocabulary: int) -> int:
    assert data.id_range is not None
    highest = data.id_range[1]
    if vocabulary and highest >= vocabulary:
        raise StudyError(
            f"model.vocabulary: must be above every id, but the data have ids up to {highest:,}, got {vocabulary:,}\n"
            f"  set it to at least {highest + 1:,}, or to 0 for as many as the data have"
        )
    return vocabulary or highest + 1


def _pooled(x: Tensor, ids: Tensor, *, kind: str) -> Tensor:
    """The average or the maximum over a text's words, (batch, dim); 0 for a text of padding only."""
    is_word = ops.expand_dims(ops.not_equal(ids, PADDING), -1)
    if kind == "average":
        words = ops.cast(is_word, "float32")
        shares = words / ops.maximum(ops.sum(words, axis=1, keepdims=True), 1.0)
        return ops.sum(x * ops.cast(shares, x.dtype), axis=1)
    highest = ops.max(ops.where(is_word, x, ops.full_like(x, -6e4)), axis=1)  # within half precision
    return ops.where(ops.any(is_word, axis=1), highest, ops.zeros_like(highest))
