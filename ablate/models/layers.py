"""Create the Keras layers that factor levels name, seeded by replicate, role and position."""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from ablate.data.array import Tensor
from ablate.study import seeds

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, eq. 14
_USERS = 2**16  # above every number of a layer
NOISE_STATE = "seed_generator_state"  # Keras' name for the state variable of a generator
_GOLDEN = 0x9E3779B9  # 2³² / golden ratio: spreads neighbouring seeds
SAMPLED = 1024  # numbers of each variable, evenly spaced: enough to distinguish two draws


@dataclass(frozen=True, slots=True)
class LayerSeeds:
    """The seeds of a replicate's layers, by role and by the layer's index among those that draw in that role."""

    study_seed: int
    replicate: int

    def weights(self, layer: int) -> int:
        """Seed of the initial weights of dense or convolutional layer number `layer`."""
        return seeds.integer(self.study_seed, self.replicate, "weights", layer=layer)

    def users(self) -> int:
        """Seed of everything that has no seed of its own, and the one that a user's function gets."""
        return self.weights(_USERS)

    def embedding(self) -> int:
        """Seed of the initial vectors of words."""
        return seeds.integer(self.study_seed, self.replicate, "embedding")

    def recurrent(self, matrix: int) -> int:
        """Seed of the initial weights of a recurrent layer: 0 for those of its input, 1 for those of its state."""
        return seeds.integer(self.study_seed, self.replicate, "recurrent", layer=matrix)

    def dropout(self, layer: int) -> int:
        """Seed of the noise of dropout layer number `layer`."""
        return seeds.integer(self.study_seed, self.replicate, "dropout", layer=layer)

    def augmentation(self, layer: int) -> int:
        """Seed of the changes that augmentation layer number `layer` makes."""
        return seeds.integer(self.study_seed, self.replicate, "augmentation", layer=layer)


@keras.saving.register_keras_serializable("ablate")
class Dropout(layers.Layer):  # type: ignore[misc]  # keras has no types
    """Dropout whose rate is a variable, so that one compiled program serves every rate.

    `rate` in [0, 1). With `alpha` it is alpha dropout, which keeps SELU's zero mean and unit variance
    (Klambauer et al. 2017, section 3): dropped units take SELU's negative limit and the result is rescaled.
    With `always` it drops in evaluation too, as Monte Carlo dropout does (Gal and Ghahramani 2016).
    """

    def __init__(
        self, rate: float, *, seed: int, alpha: bool = False, always: bool = False, **kwargs: Any
    ) -> None:  # Any: Keras' own
        super().__init__(**kwargs)
        self.rate, self.seed, self.alpha, self.always = rate, seed, alpha, always
        self.noise = keras.random.SeedGenerator(seed)

    def build(self, _input_shape: tuple[int | None, ...]) -> None:
        """Make the rate a variable that no optimizer touches."""
        self.rate_variable = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.rate),
            dtype="float32",
            autocast=False,  # half precision would round the rate coarsely
            trainable=False,
            name="rate",
        )

    def call(self, inputs: Any, training: bool = False) -> Any:  # Any: backend tensors
        """Drop in training, or always; otherwise pass the input through."""
        if not (training or self.always):
            return inputs
        kept = uniform(keras.ops.shape(inputs), state=self.noise.next()) >= self.rate_variable
        rate = keras.ops.cast(self.rate_variable, inputs.dtype)
        if not self.alpha:
            return keras.ops.where(kept, inputs / (1 - rate), keras.ops.zeros_like(inputs))
        low = -_SELU_ALPHA * _SELU_SCALE
        scale = keras.ops.rsqrt((1 - rate) * (1 + rate * low**2))
        return scale * keras.ops.where(kept, inputs, low * keras.ops.ones_like(inputs)) - scale * low * rate

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:  # Any: JSON
        """The arguments that rebuild this layer."""
        own = {"rate": self.rate, "seed": self.seed, "alpha": self.alpha, "always": self.always}
        return {**super().get_config(), **own}


def normalization_layer(name: str) -> layers.Layer:
    """A normalization layer with Keras' defaults: "batch" or "layer"."""
    return {"batch": layers.BatchNormalization, "layer": layers.LayerNormalization}[name]()


def input_normalization_layer(name: str, shape: tuple[int, ...]) -> layers.Layer:
    """A normalization layer for examples of `shape`; "layer" takes the mean over a whole example.

    Over the channels of a pixel, it would turn images of one channel into zeros.
    """
    return normalization_layer(name) if name != "layer" else layers.LayerNormalization(axis=[*range(1, len(shape) + 1)])


def activation_layer(name: str, *, shared_axes: tuple[int, ...] = ()) -> layers.Layer:
    """An activation as a layer: a function, except for "prelu", which trains a slope for each unit."""
    return layers.PReLU(shared_axes=[*shared_axes] or None) if name == "prelu" else layers.Activation(name)


def last_name(variable: keras.Variable) -> str:
    """A variable's name within its layer."""
    return str(variable.path.rsplit("/", 1)[-1])


def is_of_trial(variable: keras.Variable) -> bool:
    """Whether a variable belongs to a trial and is not learned: a dropout rate, the state of a generator."""
    return last_name(variable) in ("rate", NOISE_STATE)


def uniform(shape: Tensor, *, state: Tensor) -> Tensor:
    """Float32 numbers in [0, 1) of `shape`, equal to the bit on every backend."""
    state = ops.cast(state, "uint32")
    key = _mixed(state[0] ^ _word(_GOLDEN))
    step = state[1] + state[1]
    # Each step has its own odd multiplier, so that no step's numbers are a subsequence of another's.
    multiplier = ops.bitwise_or(_mixed(key + step), _word(1))
    offset = _mixed(key + step + _word(1))
    place = ops.cast(ops.arange(math.prod(shape), dtype="int32"), "uint32")
    bits = ops.right_shift(_mixed(place * multiplier + offset), _word(8))
    return ops.reshape(ops.cast(bits, "float32") * 2.0**-24, shape)


def _mixed(word: Tensor) -> Tensor:
    """MurmurHash3's finalizer: every bit of the result depends on every bit of `word`."""
    word = ops.bitwise_xor(word, ops.right_shift(word, _word(16))) * _word(0x85EBCA6B)
    word = ops.bitwise_xor(word, ops.right_shift(word, _word(13))) * _word(0xC2B2AE35)
    return ops.bitwise_xor(word, ops.right_shift(word, _word(16)))


def _word(number: int) -> Tensor:
    return ops.convert_to_tensor(number, dtype="uint32")


def weights_digest(model: keras.Model) -> str:
    """Digest of all weights that were drawn or loaded, 16 hexadecimal digits; "" without weights."""
    digest, n = hashlib.sha256(), 0
    for variable in model.weights:
        if is_of_trial(variable):
            continue
        flat = np.asarray(variable).reshape(-1)  # on the host: JAX would compile each shape
        values = flat[:: max(1, flat.size // SAMPLED)]
        if values.size and (values != values[0]).any():
            digest.update(values.tobytes())
            n += 1
    return digest.hexdigest()[:16] if n else ""
