"""The building blocks of the built-in models: what each factor of a configuration does to a layer."""

import math
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, final

import keras
from keras import layers

from ablate.data.array import Tensor
from ablate.data.trees import leaves, to_tree
from ablate.models.augmentation import augmented, restart_augmentation
from ablate.models.initializers import output_initializer, seeded_initializer
from ablate.models.layers import (
    Dropout,
    LayerSeeds,
    activation_layer,
    input_normalization_layer,
    normalization_layer,
)
from ablate.models.model_data import ModelData, Shape
from ablate.study.catalog import level_in
from ablate.study.trial import Factors

# Factors that may be left out in a direct call of a model, though not in a study.
_FALLBACK: Factors = {"normalization": "none", "activation": "relu", "initializer": "glorot_uniform", "dropout": 0.0}
_OF_RECURRENT = ("glorot_uniform", "orthogonal")  # Keras' initializers for its input and its state
_RECURRENT: Mapping[str, type[layers.Layer]] = {"gru": layers.GRU, "lstm": layers.LSTM}
_KERNELS = (layers.Dense, layers.Conv2D, layers.Conv2DTranspose)


@final
class Blocks:
    """The blocks of one configuration: tensors in, tensors out.

    Random layers are counted by role in the order of their creation, and seeded by their number. The
    penalties `l1` and `l2` apply to every kernel, the output layer's too; `max_norm` bounds the norm of the weights
    into each hidden unit or filter after each step.
    """

    def __init__(self, factors: Factors, *, layer_seeds: LayerSeeds, bias: str = "auto") -> None:
        """`bias` is "auto": no bias before a normalization, which would cancel it; or "all"."""
        self._factors: Factors = {**_FALLBACK, **factors}
        self._seeds, self._bias = layer_seeds, bias
        self._kernels, self._dropouts = count(), count()

    @property
    def normalization(self) -> str:
        """The normalization of hidden layers."""
        return str(self._factors["normalization"])

    def augmented(self, x: Tensor) -> Tensor:
        """Augment examples during training."""
        kind = str(level_in(self._factors, "augmentation"))
        return augmented(x, kind, layer_seeds=self._seeds)

    def normalized_input(self, x: Tensor) -> Tensor:
        """Normalize examples inside the model, if the factor says so."""
        kind = str(level_in(self._factors, "input_normalization"))
        return x if kind == "none" else input_normalization_layer(kind, tuple(x.shape[1:]))(x)

    def dense(self, x: Tensor, units: int, *, normalization: str) -> Tensor:
        """A dense layer, its normalization and activation."""

        def dense(**given: Any) -> layers.Layer:  # Any: arguments of a Keras layer
            return layers.Dense(units, kernel_constraint=self._constraint(0), **given)

        return self._block(x, dense, normalization=normalization)

    def convolution(self, x: Tensor, filters: int, *, kernel: int, normalization: str, padding: str = "same") -> Tensor:
        """A convolution of `kernel` × `kernel` pixels, its normalization and activation."""

        def convolution(**given: Any) -> layers.Layer:  # Any: arguments of a Keras layer
            return layers.Conv2D(filters, kernel, padding=padding, kernel_constraint=self._constraint(0, 1, 2), **given)

        return self._block(x, convolution, normalization=normalization)

    def enlarged(self, x: Tensor, filters: int) -> Tensor:
        """A transposed convolution of 2 × 2 pixels that doubles the sides, linear as in U-Net."""
        kernel = self._kernel(str(self._factors["initializer"]))
        bound = self._constraint(0, 1, 3)  # its kernel has the filters before the channels
        return layers.Conv2DTranspose(filters, 2, strides=2, kernel_constraint=bound, **kernel)(x)

    def embedded(self, ids: Tensor, n_words: int, dim: int, *, masked: bool) -> Tensor:
        """A vector of `dim` numbers for each id, uniform from -0.05 to 0.05 at the start; `masked` passes on id 0."""
        initializer = seeded_initializer("uniform", seed=self._seeds.embedding())
        return layers.Embedding(n_words, dim, embeddings_initializer=initializer, mask_zero=masked)(ids)

    def recurrent(self, x: Tensor, units: int, *, kind: str) -> Tensor:
        """The last state of a recurrent layer, with Keras' activations and initializers, in this replicate's draws."""
        drawn = [seeded_initializer(name, seed=self._seeds.recurrent(n)) for n, name in enumerate(_OF_RECURRENT)]
        layer = _RECURRENT[kind](
            units,
            kernel_initializer=drawn[0],
            recurrent_initializer=drawn[1],
            kernel_regularizer=self._penalty(),
            recurrent_regularizer=self._penalty(),
            kernel_constraint=self._constraint(0),
            recurrent_constraint=self._constraint(0),
            seed=0,  # of dropout inside the cell, which it has none of
            use_cudnn=False,  # XLA cannot compile that operation, and it needs the padding at the end
        )
        return layer(x)

    def dropped(self, x: Tensor) -> Tensor:
        """Apply dropout; nothing at a rate of 0."""
        rate = float(self._factors["dropout"])
        if rate == 0:
            return x
        kind, samples = level_in(self._factors, "dropout_kind"), int(level_in(self._factors, "mc_samples"))
        alpha = kind == "alpha" or (kind == "auto" and self._factors["activation"] == "selu")
        return Dropout(rate, seed=self._seeds.dropout(next(self._dropouts)), alpha=alpha, always=samples > 0)(x)

    def outputs(self, x: Tensor, data: ModelData) -> Tensor:
        """For each target a dense output layer without an activation, in the shape of the target."""
        return to_tree({name: self._output(x, shape) for name, shape in leaves(data.output_shape).items()})

    def output_pixels(self, x: Tensor, channels: int) -> Tensor:
        """The output layer for each pixel: a 1 × 1 convolution without an activation."""
        return layers.Conv2D(channels, 1, **self._output_kernel())(x)

    def _output(self, x: Tensor, shape: Shape) -> Tensor:
        x = layers.Dense(math.prod(shape), **self._output_kernel())(x)
        return x if len(shape) == 1 else layers.Reshape(shape)(x)

    def _output_kernel(self) -> dict[str, object]:
        return self._kernel(output_initializer(str(self._factors["initializer"])))

    def _block(self, x: Tensor, layer: Callable[..., layers.Layer], *, normalization: str) -> Tensor:
        """A layer with weights, followed by its activation, with the normalization before or after it."""
        is_before = normalization != "none" and level_in(self._factors, "normalization_place") == "before"
        is_after = normalization != "none" and not is_before
        kernel = self._kernel(str(self._factors["initializer"]))
        x = layer(use_bias=self._bias == "all" or not is_before, **kernel)(x)
        if is_before:
            x = normalization_layer(normalization)(x)
        pixels = tuple(range(1, len(x.shape) - 1))
        x = activation_layer(str(self._factors["activation"]), shared_axes=pixels)(x)
        return normalization_layer(normalization)(x) if is_after else x

    def _kernel(self, initializer: str) -> dict[str, object]:
        """Keras arguments for the kernel of every layer with weights, the output layer too."""
        seed = self._seeds.weights(next(self._kernels))
        return {"kernel_initializer": seeded_initializer(initializer, seed=seed), "kernel_regularizer": self._penalty()}

    def _penalty(self) -> keras.regularizers.Regularizer | None:
        l1, l2 = (float(level_in(self._factors, name)) for name in ("l1", "l2"))
        return keras.regularizers.L1L2(l1, l2) if l1 > 0 or l2 > 0 else None

    def _constraint(self, *axes: int) -> keras.constraints.Constraint | None:
        most = float(level_in(self._factors, "max_norm"))
        return keras.constraints.MaxNorm(most, axis=[*axes]) if most > 0 else None


def restart(model: keras.Model, factors: Factors, *, layer_seeds: LayerSeeds) -> None:
    """Reset a model of these blocks to the values that it would be built with for other factors and seeds.

    The structure stays the same. Only these values depend on factors and seeds: kernels, dropout rates and the
    states of random generators. Values that training changes are not kept in the model.
    """
    kernels = [layer for layer in model.layers if isinstance(layer, _KERNELS)]
    hidden = str(factors.get("initializer", _FALLBACK["initializer"]))
    n_hidden = len(kernels) - len(model.outputs)
    for number, layer in enumerate(kernels):
        name = hidden if number < n_hidden else output_initializer(hidden)
        _draw(layer.kernel, name, seed=layer_seeds.weights(number))
    for layer in model.layers:
        if isinstance(layer, layers.Embedding):
            _draw(layer.embeddings, "uniform", seed=layer_seeds.embedding())
        if isinstance(layer, layers.RNN):
            kernels = [layer.cell.kernel, layer.cell.recurrent_kernel]
            for number, (name, kernel) in enumerate(zip(_OF_RECURRENT, kernels, strict=True)):
                _draw(kernel, name, seed=layer_seeds.recurrent(number))
    for number, layer in enumerate(layer for layer in model.layers if isinstance(layer, Dropout)):
        layer.rate_variable.assign(float(factors["dropout"]))
        layer.noise.state.assign([layer_seeds.dropout(number), 0])
    restart_augmentation(model, layer_seeds=layer_seeds)


def _draw(variable: keras.Variable, initializer: str, *, seed: int) -> None:
    variable.assign(seeded_initializer(initializer, seed=seed)(variable.shape, dtype=variable.dtype))
