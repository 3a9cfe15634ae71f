"""Build a multilayer perceptron."""

import keras

from ablate.models.blocks import Blocks
from ablate.models.built_in import check_data, finished, inputs_of, joined
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import ModelData
from ablate.study.trial import Factors


def mlp(
    factors: Factors,
    data: ModelData,
    *,
    layer_seeds: LayerSeeds,
    depth: int,
    width: int,
    units: str,
    dropout_at: str,
) -> keras.Model:
    """A multilayer perceptron of `depth` hidden layers of `width` units, or of the sizes in `units`, then the outputs.

    Images are augmented first, if at all, then flattened, then normalized; several inputs are flattened and joined.
    Dropout follows each hidden layer, or only the last.
    """
    check_data("mlp", factors, data)
    blocks = Blocks(factors, layer_seeds=layer_seeds)
    inputs = inputs_of(data)
    x = joined(inputs if data.single_shape is None else blocks.augmented(inputs))
    x = blocks.normalized_input(x)
    for width_of_layer in hidden_units(units) or [width] * depth:
        x = blocks.dense(x, width_of_layer, normalization=blocks.normalization)
        x = blocks.dropped(x) if dropout_at == "each" else x
    x = blocks.dropped(x) if dropout_at == "last" else x
    return finished(inputs, blocks.outputs(x, data), factors, layer_seeds=layer_seeds)


def hidden_units(level: str) -> list[int]:
    """The units of each layer: 300 and 100 for "300-100", none for ""."""
    return [int(units) for units in level.split("-")] if level else []
