"""Build residual networks (He et al. 2016): the version for small images, and Keras' own ResNet-50."""

import keras
from keras import layers, ops

from ablate.data.array import Tensor
from ablate.errors import StudyError
from ablate.models.augmentation import augmented, restart_augmentation
from ablate.models.built_in import check_data, flat_output, image_shape
from ablate.models.initializers import reseeded, seeded_initializer
from ablate.models.layers import LayerSeeds, normalization_layer
from ablate.models.model_data import ModelData, Shape
from ablate.study.catalog import level_in
from ablate.study.trial import Factors

FILTERS = (16, 32, 64)  # filters of the three stages
_ANY = 0  # a seed of kernels that `restart_residual` draws again
SMALLEST = 32  # pixels a side of ResNet-50, which halves them five times; Keras' own rule


def resnet(factors: Factors, data: ModelData, *, layer_seeds: LayerSeeds, blocks: int) -> keras.Model:
    """The residual network for small images of section 4.2: 6 · `blocks` + 2 layers, so ResNet-20 with 3.

    A 3 × 3 convolution, then three stages of `blocks` blocks with 16, 32 and 64 filters, each stage after the first at
    half the side; the mean over the pixels; a dense layer for one number per class, tag or
    amount. Shortcuts have no parameters (option A of the paper).
    Initial weights are He normal, those of the output Glorot uniform, as in the other models.

    Factors: normalization (after each convolution, which then has no bias), augmentation.
    """
    shape, n_outputs = _check("resnet", factors, data, smallest=1)
    normalization = str(level_in(factors, "normalization"))
    inputs = keras.Input(shape)
    x = augmented(inputs, str(level_in(factors, "augmentation")), layer_seeds=layer_seeds)
    x = layers.Activation("relu")(_convolved(x, FILTERS[0], normalization=normalization))
    for stage, filters in enumerate(FILTERS):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _block(x, filters, stride=stride, normalization=normalization)
    output = layers.Dense(n_outputs, kernel_initializer=seeded_initializer("glorot_uniform", seed=_ANY))
    model = keras.Model(inputs, output(layers.GlobalAveragePooling2D()(x)))
    restart_residual(model, factors, layer_seeds=layer_seeds)
    return model


def resnet50(factors: Factors, data: ModelData, *, layer_seeds: LayerSeeds) -> keras.Model:
    """`keras.applications.ResNet50` from scratch, with logits: 25.6 million parameters with 1,000 classes.

    Factors: normalization ("batch" is Keras' model as it is; other kinds replace each batch
    normalization; its convolutions always have a bias), augmentation. Raises `StudyError` below 32 × 32 pixels.
    """
    shape, n_outputs = _check("resnet50", factors, data, smallest=SMALLEST)
    inputs = keras.Input(shape)
    x = augmented(inputs, str(level_in(factors, "augmentation")), layer_seeds=layer_seeds)
    made = keras.applications.ResNet50(weights=None, input_tensor=x, classes=n_outputs, classifier_activation=None)
    model = keras.Model(inputs, made.output)
    normalization = str(level_in(factors, "normalization"))
    if normalization != "batch":
        model = keras.models.clone_model(
            model,
            clone_function=lambda layer: _renormalized(layer, normalization),
            call_function=lambda layer, *inputs, **_: layer(*inputs),  # without the mask of a batch normalization
        )
    restart_residual(model, factors, layer_seeds=layer_seeds)
    return model


def restart_residual(model: keras.Model, factors: Factors, *, layer_seeds: LayerSeeds) -> None:
    """Reset a residual network to its initial weights in a replicate, each kernel from a seed of its own."""
    del factors  # no factor changes only values
    weighted = [layer for layer in model.layers if isinstance(layer, layers.Conv2D | layers.Dense)]
    for number, layer in enumerate(weighted):
        initializer = reseeded(layer.kernel_initializer, seed=layer_seeds.weights(number))
        layer.kernel.assign(initializer(layer.kernel.shape, dtype=layer.kernel.dtype))
    restart_augmentation(model, layer_seeds=layer_seeds)


def _check(model: str, factors: Factors, data: ModelData, *, smallest: int) -> tuple[Shape, int]:
    """Shape of an image, and the numbers that the model returns for it."""
    check_data(model, factors, data)
    input_shape = image_shape(model, data, instead='model "mlp"')
    if min(input_shape[:2]) < smallest:
        raise StudyError(
            f"model.name: {model} needs images of at least {smallest} × {smallest} pixels, "
            f"but these have {input_shape[0]} × {input_shape[1]}\n"
            '  choose a data set of larger images, or model "resnet", which takes any size'
        )
    return input_shape, flat_output(model, data)


def _block(x: Tensor, filters: int, *, stride: int, normalization: str) -> Tensor:
    """Two convolutions with a shortcut around them; ReLU after the first, and after the sum."""
    y = _convolved(x, filters, stride=stride, normalization=normalization)
    y = _convolved(layers.Activation("relu")(y), filters, normalization=normalization)
    return layers.Activation("relu")(layers.Add()([_shortcut(x, filters, stride=stride), y]))


def _convolved(x: Tensor, filters: int, *, normalization: str, stride: int = 1) -> Tensor:
    if stride > 1:
        # As Keras' own ResNets do: with an even side, "same" would take odd pixels, and the shortcut even pixels.
        x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(
        filters,
        3,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        use_bias=normalization == "none",
        kernel_initializer=seeded_initializer("he_normal", seed=_ANY),
    )(x)
    return x if normalization == "none" else normalization_layer(normalization)(x)


def _shortcut(x: Tensor, filters: int, *, stride: int) -> Tensor:
    """`x` unchanged; at the start of a stage, every second pixel of it, with zeros as further channels."""
    if stride == 1:
        return x
    x = layers.MaxPooling2D(1, strides=stride)(x)  # pools single pixels, as Keras' ResNet v2 does
    return ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])))


def _renormalized(layer: layers.Layer, normalization: str) -> layers.Layer:
    if not isinstance(layer, layers.BatchNormalization):
        return type(layer).from_config(layer.get_config())
    return layers.Identity() if normalization == "none" else normalization_layer(normalization)
