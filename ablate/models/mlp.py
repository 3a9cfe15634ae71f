"""Build a multilayer perceptron."""

import keras
from keras import layers

from ablate.models.blocks import Blocks
from ablate.models.layers import LayerSeeds
from ablate.study.trial import Factors


def mlp(
    factors: Factors,
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    layer_seeds: LayerSeeds,
    depth: int,
    width: int,
    units: str,
    dropout_at: str,
) -> keras.Model:
    """A multilayer perceptron of `depth` hidden layers of `width` units, or of the sizes in `units`, then logits.

    Images are augmented first, if at all, then flattened, then normalized. Dropout follows each hidden layer,
    or only the last.
    """
    blocks = Blocks(factors, layer_seeds=layer_seeds)
    inputs = keras.Input(input_shape)
    x = blocks.augmented(inputs)
    x = layers.Flatten()(x) if len(input_shape) > 1 else x
    x = blocks.normalized_input(x)
    for width_of_layer in hidden_units(units) or [width] * depth:
        x = blocks.dense(x, width_of_layer, normalization=blocks.normalization)
        x = blocks.dropped(x) if dropout_at == "each" else x
    x = blocks.dropped(x) if dropout_at == "last" else x
    return keras.Model(inputs, blocks.logits(x, n_classes))


def hidden_units(level: str) -> list[int]:
    """The units of each layer: 300 and 100 for "300-100", none for ""."""
    return [int(units) for units in level.split("-")] if level else []
