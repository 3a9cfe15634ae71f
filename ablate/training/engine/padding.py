"""Tell whether the last, smaller batch of an epoch may train as a padded one, so that a program has a single shape.

Padding repeats an example whose loss counts nothing. That is exact where each example goes through the model on its
own: not where a layer takes statistics of the batch, draws noise by the shape of the batch, or adds to the loss.
"""

import keras
from keras import layers

from ablate.models.augmentation import ImageAugmentation
from ablate.models.layers import Dropout
from ablate.study.catalog import ACTIVATIONS

_EACH_ALONE = frozenset({
    layers.InputLayer, layers.Dense, layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU,
    layers.Flatten, layers.Reshape, layers.Rescaling, layers.LayerNormalization, layers.Embedding, layers.Conv1D,
    layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.MaxPooling1D, layers.MaxPooling2D,
    layers.AveragePooling1D, layers.AveragePooling2D, layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.Add, layers.Concatenate, Dropout, ImageAugmentation,
})  # fmt: skip

_ACTIVATIONS = (*(name for name in ACTIVATIONS if name != "prelu"), "linear", "softmax")  # functions of Keras


def can_be_padded(model: keras.Model) -> bool:
    """Whether each example of a batch goes through the model on its own, as far as its layers are known."""
    if isinstance(model, keras.Sequential):
        return all(map(_is_alone, model.layers))
    return isinstance(model, keras.Function) and all(map(_is_alone, model.operations))


def _is_alone(part: keras.Operation) -> bool:
    if isinstance(part, keras.Model):
        return can_be_padded(part)
    # A subclass may do anything.
    return type(part) in _EACH_ALONE and part.activity_regularizer is None and _axis_is_own(part) and _is_plain(part)


def _axis_is_own(layer: keras.layers.Layer) -> bool:
    """Whether a layer leaves the axis of the examples alone; negative axes count from the end, where features are."""
    axis = getattr(layer, "axis", -1)
    return all(one not in (0, -len(layer.output.shape)) for one in (axis if isinstance(axis, list | tuple) else [axis]))


def _is_plain(layer: keras.layers.Layer) -> bool:
    """Whether its activation, if it has any, is one of Keras' that take each number on its own."""
    activation = getattr(layer, "activation", None)
    return activation is None or any(activation is keras.activations.get(name) for name in _ACTIVATIONS)
