"""Small models of the built-in kinds, for tests: a level or an option of [model] by its name."""

import keras

from ablate.models.build import BUILT_IN, build_model
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import ModelData, classification

BASE = {"normalization": "none", "activation": "relu", "initializer": "he_normal", "dropout": 0.0}
SIZE = {
    "mlp": {"depth": 2, "width": 8},
    "cnn": {"stages": 2, "convolutions": 1, "filters": 3, "units": "6"},
    "text": {"dim": 5, "units": "6"},
    "unet": {"stages": 2, "convolutions": 1, "filters": 3},
    "resnet": {"blocks": 1},
}


def small(kind: str, *, replicate=1, shape=(8, 8, 1), classes=3, **changes) -> keras.Model:
    """The model of the base configuration for some classes, with some levels changed."""
    return built(kind, classification(shape, classes), replicate=replicate, **changes)


def built(kind: str, data: ModelData, *, replicate=1, **changes) -> keras.Model:
    """The model of the base configuration with some levels changed; what is an option is given as one."""
    known = BUILT_IN[kind].options
    options = {**SIZE[kind], **{name: value for name, value in changes.items() if name in known}}
    seeds = LayerSeeds(0, replicate)
    return build_model(BUILT_IN[kind], levels(kind, **changes), data, layer_seeds=seeds, options=options)


def levels(kind: str, **changes) -> dict:
    """The base configuration with some levels changed."""
    return {**BASE, **{name: value for name, value in changes.items() if name not in BUILT_IN[kind].options}}


def kinds(model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers[1:]]


def weighted(model) -> list[keras.layers.Layer]:
    """The dense and convolutional layers."""
    kernels = keras.layers.Dense | keras.layers.Conv2D | keras.layers.Conv2DTranspose
    return [layer for layer in model.layers if isinstance(layer, kernels)]
