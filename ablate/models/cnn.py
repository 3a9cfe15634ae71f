"""Build a convolutional network: stages of convolutions and pooling, then dense layers."""

from collections.abc import Mapping
from dataclasses import dataclass

import keras
from keras import layers

from ablate.data.array import Tensor
from ablate.errors import StudyError
from ablate.models.blocks import Blocks
from ablate.models.built_in import check_data, finished, image_shape
from ablate.models.layers import LayerSeeds
from ablate.models.mlp import hidden_units
from ablate.models.model_data import ModelData
from ablate.study.trial import Factors

_POOLINGS: Mapping[str, type[layers.Layer]] = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
_POOL = 2  # pixels along each side; a remaining row or column at an edge is dropped


@dataclass(frozen=True, slots=True)
class _Stages:
    """The convolutional part: options of the model, as `ablate.study.catalog` has them."""

    stages: int
    convolutions: int
    filters: int
    growth: int
    kernel: int
    padding: str
    pooling: str
    bottleneck: int


def cnn(
    factors: Factors,
    data: ModelData,
    *,
    layer_seeds: LayerSeeds,
    stages: int,
    convolutions: int,
    filters: int,
    growth: int,
    kernel: int,
    padding: str,
    pooling: str,
    bottleneck: int,
    units: str,
    dense_normalization: str,
    bias: str,
    dropout_at: str,
) -> keras.Model:
    """A network of `stages`, each of `convolutions` and a pooling, then dense layers of `units`, then the outputs.

    Each stage has `growth` times the filters of the previous stage. With a `bottleneck` the convolutions are those of
    "Network in network" (Lin et al. 2014): the activation of each but the network's last convolution leads to a 1 × 1
    convolution to `bottleneck` filters, which is then the normalized layer. Three pairs of 50 with 25 in between, a
    dense layer of 50 and all biases then have the 87,135 parameters published of that variant.
    Dropout follows each dense layer, or the flattening, or each stage's pooling.
    """
    check_data("cnn", factors, data)
    shape = image_shape("cnn", data, instead='model "mlp"')
    _check(factors, units=units, dropout_at=dropout_at)
    blocks = Blocks(factors, layer_seeds=layer_seeds, bias=bias)
    inputs = keras.Input(shape)
    x = blocks.normalized_input(blocks.augmented(inputs))
    plan = _Stages(stages, convolutions, filters, growth, kernel, padding, pooling, bottleneck)
    for stage in range(stages):
        x = _stage(blocks, x, plan=plan, stage=stage)
        x = blocks.dropped(x) if dropout_at == "stages" else x
    x = layers.Flatten()(x)
    x = blocks.dropped(x) if dropout_at == "flatten" else x
    normalization = blocks.normalization if dense_normalization == "same" else "none"
    for n_units in hidden_units(units):
        x = blocks.dense(x, n_units, normalization=normalization)
        x = blocks.dropped(x) if dropout_at == "dense" else x
    return finished(inputs, blocks.outputs(x, data), factors, layer_seeds=layer_seeds)


def _check(factors: Factors, *, units: str, dropout_at: str) -> None:
    if dropout_at == "dense" and not units and float(factors.get("dropout", 0.0)) > 0:
        raise StudyError(
            'model.dropout_at: "dense" drops units of dense layers, but model.units is empty\n'
            '  set model.units, or drop at "flatten" or "stages"'
        )


def _stage(blocks: Blocks, x: Tensor, *, plan: _Stages, stage: int) -> Tensor:
    filters, is_last_stage = plan.filters * plan.growth**stage, stage == plan.stages - 1
    for number in range(plan.convolutions):
        is_last = is_last_stage and number == plan.convolutions - 1
        has_bottleneck = plan.bottleneck > 0 and not is_last
        if plan.padding == "valid":
            _check_size(x, plan.kernel, what=f"a convolution of {plan.kernel} × {plan.kernel}", stage=stage)
        normalization = "none" if has_bottleneck else blocks.normalization
        x = blocks.convolution(x, filters, kernel=plan.kernel, padding=plan.padding, normalization=normalization)
        if has_bottleneck:
            x = blocks.convolution(x, plan.bottleneck, kernel=1, normalization=blocks.normalization)
    if plan.pooling == "none":
        return x
    _check_size(x, _POOL, what=f"pooling of {_POOL} × {_POOL}", stage=stage)
    return _POOLINGS[plan.pooling](_POOL)(x)


def _check_size(x: Tensor, least: int, *, what: str, stage: int) -> None:
    height, width = x.shape[1:3]
    if min(height, width) < least:
        raise StudyError(
            f"model.stages: {what} pixels does not fit in stage {stage + 1}: only {height} × {width} pixels are left\n"
            '  use fewer stages, or padding = "same", or pooling = "none"'
        )
