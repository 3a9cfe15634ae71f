"""A configuration into a `keras.Model`: the blocks, and what each factor does to them.

Models are uncompiled and end in logits, one a class, or in a softmax; the engine tells them apart.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import layers

from ablate import seeds
from ablate.errors import StudyError
from ablate.levels import WITHOUT_MOMENTUM
from ablate.models.noise import uniform
from ablate.records import Factors, Level

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, eq. 14


@dataclass(frozen=True, slots=True)
class LayerSeeds:
    """The seeds of one replicate's layers, by role and by the layer's place among those that draw in that role."""

    study_seed: int
    replicate: int

    def weights(self, layer: int) -> int:
        """Seed of the initial weights of dense or convolutional layer number `layer`."""
        return seeds.integer(self.study_seed, self.replicate, "weights", layer=layer)

    def dropout(self, layer: int) -> int:
        """Seed of the noise of dropout layer number `layer`."""
        return seeds.integer(self.study_seed, self.replicate, "dropout", layer=layer)


@keras.saving.register_keras_serializable("ablate")
class Dropout(layers.Layer):  # type: ignore[misc]  # keras has no types
    """Dropout whose rate is a variable, so that one compiled program serves every rate.

    `rate` in [0, 1). With `alpha` it is alpha dropout, which keeps SELU's zero mean and unit variance
    (Klambauer et al. 2017, section 3): dropped units take SELU's negative limit and the result is rescaled.
    """

    def __init__(self, rate: float, *, seed: int, alpha: bool = False, **kwargs: Any) -> None:  # Any: Keras' own
        super().__init__(**kwargs)
        self.rate, self.seed, self.alpha = rate, seed, alpha
        self.noise = keras.random.SeedGenerator(seed)

    def build(self, _input_shape: tuple[int | None, ...]) -> None:
        """Make the rate a variable that no optimizer touches."""
        self.rate_variable = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.rate),
            dtype="float32",
            autocast=False,  # in half precision a rate would be a coarse one
            trainable=False,
            name="rate",
        )

    def call(self, inputs: Any, training: bool = False) -> Any:  # Any: backend tensors
        """Drop in training, pass through otherwise."""
        if not training:
            return inputs
        kept = uniform(keras.ops.shape(inputs), state=self.noise.next()) >= self.rate_variable
        rate = keras.ops.cast(self.rate_variable, inputs.dtype)
        if not self.alpha:
            return keras.ops.where(kept, inputs / (1 - rate), keras.ops.zeros_like(inputs))
        low = -_SELU_ALPHA * _SELU_SCALE
        scale = keras.ops.rsqrt((1 - rate) * (1 + rate * low**2))
        return scale * keras.ops.where(kept, inputs, low * keras.ops.ones_like(inputs)) - scale * low * rate

    def get_config(self) -> dict[str, Any]:  # Any: JSON
        """What rebuilds this layer."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed, "alpha": self.alpha}


def mlp(
    factors: Factors, input_shape: tuple[int, ...], n_classes: int, *, layer_seeds: LayerSeeds, depth: int, width: int
) -> keras.Model:
    """A multilayer perceptron of `depth` hidden layers of `width` units, then logits.

    Factors: normalization (before the activation; the dense layer before it has no bias), activation, initializer,
    dropout (after each activation; alpha dropout with SELU; none at rate 0).
    """
    activation, normalization = str(factors.get("activation", "relu")), str(factors.get("normalization", "none"))
    rate = float(factors.get("dropout", 0.0))
    initializer = str(factors.get("initializer", "glorot_uniform"))
    inputs = keras.Input(input_shape)
    x = layers.Flatten()(inputs) if len(input_shape) > 1 else inputs
    for layer in range(depth):
        kernel = seeded_initializer(initializer, seed=layer_seeds.weights(layer))
        x = layers.Dense(width, use_bias=normalization == "none", kernel_initializer=kernel)(x)
        if normalization != "none":
            x = normalization_layer(normalization)(x)
        x = activation_layer(activation)(x)
        if rate > 0:
            x = Dropout(rate, seed=layer_seeds.dropout(layer), alpha=activation == "selu")(x)
    # The output layer keeps one initializer in every variant: the factor is about the hidden layers.
    kernel = seeded_initializer("glorot_uniform", seed=layer_seeds.weights(depth))
    return keras.Model(inputs, layers.Dense(n_classes, kernel_initializer=kernel)(x))


def seeded_initializer(name: str, *, seed: int) -> keras.initializers.Initializer:
    """Keras' initializer of that name with its own seed."""
    known = keras.initializers.get(name)
    config = known.get_config()
    return type(known).from_config({**config, "seed": seed} if "seed" in config else config)


def normalization_layer(name: str) -> layers.Layer:
    """A normalization layer with Keras' defaults: "batch" or "layer"."""
    return {"batch": layers.BatchNormalization, "layer": layers.LayerNormalization}[name]()


def activation_layer(name: str) -> layers.Layer:
    """An activation as a layer; "prelu" has a trainable slope a unit, the others are functions."""
    return layers.PReLU() if name == "prelu" else layers.Activation(name)


def restart_mlp(model: keras.Model, factors: Factors, *, layer_seeds: LayerSeeds) -> None:
    """Give an `mlp` the values that it would be built with for these factors and seeds; its structure is the same."""
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    hidden = str(factors.get("initializer", "glorot_uniform"))
    for number, layer in enumerate(dense):
        name = hidden if layer is not dense[-1] else "glorot_uniform"
        initializer = seeded_initializer(name, seed=layer_seeds.weights(number))
        layer.kernel.assign(initializer(layer.kernel.shape, dtype=layer.kernel.dtype))
    for number, layer in enumerate(layer for layer in model.layers if isinstance(layer, Dropout)):
        layer.rate_variable.assign(float(factors["dropout"]))
        layer.noise.state.assign([layer_seeds.dropout(number), 0])


@dataclass(frozen=True, slots=True)
class Builder:
    """A way to make a model, and, where there is one, to restart a model of the same structure, which is faster."""

    build: Callable[..., keras.Model]  # (factors, input_shape, n_classes, *, layer_seeds, **options)
    restart: Callable[..., None] | None = None  # (model, factors, *, layer_seeds)


BUILT_IN: Mapping[str, Builder] = {"mlp": Builder(mlp, restart_mlp)}


def build_model(
    builder: Builder,
    factors: Factors,
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    layer_seeds: LayerSeeds,
    options: Mapping[str, Level],
    precision: str = "float32",
) -> keras.Model:
    """The model of one configuration. Raises `StudyError` where it does not take examples and give their classes."""
    # For layers without a seed of their own, as user code may have them.
    keras.utils.set_random_seed(layer_seeds.weights(2**16))
    with _dtype_policy(precision):
        model = builder.build(factors, input_shape, n_classes, layer_seeds=layer_seeds, **options)
    _check(model, input_shape, n_classes)
    return model


def _check(model: object, input_shape: tuple[int, ...], n_classes: int) -> None:
    rule = f"model: the builder must return a keras.Model with output (None, {n_classes})"
    if not isinstance(model, keras.Model):
        raise StudyError(f"{rule}, got {type(model).__name__}")
    taken, given = _shape(model, "input"), _shape(model, "output")
    if taken is None or given is None:
        raise StudyError(
            f"{rule}, got a {type(model).__name__} whose shapes are not known\n"
            "  begin with keras.Input(input_shape): Sequential([keras.Input(input_shape), …]) or Model(inputs, outputs)"
        )
    if given != (None, n_classes):
        raise StudyError(f"{rule}, got output shape {given}\n  one number a class: logits, or a softmax")
    if not isinstance(taken, tuple) or not _takes(taken, (None, *input_shape)):
        raise StudyError(
            f"model: the builder must return a model of one input (None, {', '.join(map(str, input_shape))}), "
            f"got {taken}\n  begin with keras.Input(input_shape), which it is given"
        )
    wrong = [v.path for v in model.trainable_variables if not keras.ops.all(keras.ops.isfinite(v))]
    if wrong:
        raise StudyError(f"model: weights must be finite numbers before the first step, those of {wrong[0]} are not")


def _shape(model: keras.Model, end: Literal["input", "output"]) -> object:
    """A model's shape at one end: a tuple, or a collection of tuples where it has several; None where it has none."""
    shape = getattr(model, f"{end}_shape", None)
    return tuple(shape) if isinstance(shape, list) else shape


def _takes(shape: tuple[object, ...], example: tuple[int | None, ...]) -> bool:
    """Whether a model's input shape, in which None is any length, fits a batch of examples."""
    fits = (mine is None or mine == theirs for mine, theirs in zip(shape, example, strict=False))
    return len(shape) == len(example) and all(fits)


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    kept = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(kept)


def advice(factors: Factors) -> tuple[str, ...]:
    """What a person should know about a configuration: combinations that their authors advise against."""
    notes = []
    if factors.get("activation") == "selu":
        if factors.get("initializer", "lecun_normal") != "lecun_normal":
            notes.append(f"selu asks for initializer lecun_normal, this trial has {factors['initializer']}")
        if factors.get("normalization", "none") != "none":
            notes.append(f"selu normalizes by itself, this trial adds {factors['normalization']} normalization")
        if float(factors.get("dropout", 0.0)) > 0:
            notes.append("selu asks for alpha dropout, so alpha dropout it is")
    if "momentum" in factors and factors["optimizer"] in WITHOUT_MOMENTUM:
        notes.append(f"{factors['optimizer']} has no momentum, so that factor changes nothing here")
    return tuple(notes)


def is_softmax(model: keras.Model) -> bool:
    """Whether the model's last layer turns logits into probabilities."""
    last = model.layers[-1]
    return isinstance(last, layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax


def count_parameters(model: keras.Model) -> int:
    """All weights of the model, trainable or not, the state of random generators and dropout rates left out."""
    counted = [v for v in model.weights if v.path.rsplit("/", 1)[-1] not in ("rate", "seed_generator_state")]
    return sum(math.prod(v.shape) for v in counted)
