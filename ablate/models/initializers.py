"""Draw initial weights on the host, so that they are the same numbers on every backend of Keras."""

import math
from typing import Any

import keras
import numpy as np
from keras import initializers, ops

from ablate.data.array import Array

_TRUNCATED_SD = 0.87962566103423978  # of a standard normal within ±2; Keras divides by it, so that the SD is as asked
_CONSTANT = ("zeros", "ones")


@keras.saving.register_keras_serializable("ablate")
class HostDrawn(initializers.Initializer):  # type: ignore[misc]  # keras has no types
    """Values from the distribution of one of Keras' random initializers, drawn by NumPy from that initializer's seed.

    Keras itself draws with its backend's generator: other numbers on TensorFlow than on JAX. Values are drawn in
    float32 and then cast to the type of the variable; only an orthogonal matrix is made in float64.
    """

    def __init__(self, like: initializers.Initializer) -> None:
        self.like = like

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:  # Any: a backend tensor
        """Draw values of `shape`: the same at each call."""
        values = ops.convert_to_tensor(_drawn(self.like, tuple(shape)))
        return ops.cast(values, dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:  # Any: JSON
        """The arguments that rebuild this initializer."""
        return {"like": keras.saving.serialize_keras_object(self.like)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "HostDrawn":  # Any: JSON
        """The initializer of a configuration."""
        return cls(keras.saving.deserialize_keras_object(config["like"]))


@keras.saving.register_keras_serializable("ablate")
class Scaled(initializers.Initializer):  # type: ignore[misc]  # keras has no types
    """An initializer that multiplies the values of another initializer by a number."""

    def __init__(self, drawn: initializers.Initializer, times: float) -> None:
        self.drawn, self.times = drawn, times

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:  # Any: a backend tensor
        """Draw values of `shape`."""
        return self.drawn(shape, dtype=dtype) * self.times

    def get_config(self) -> dict[str, Any]:  # Any: JSON
        """The arguments that rebuild this initializer."""
        return {"drawn": keras.saving.serialize_keras_object(self.drawn), "times": self.times}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Scaled":  # Any: JSON
        """The initializer of a configuration."""
        return cls(keras.saving.deserialize_keras_object(config["drawn"]), config["times"])


def seeded_initializer(level: str, *, seed: int) -> initializers.Initializer:
    """An initializer with the distribution that Keras has under that name; for "NAME*2.5", its values times 2.5."""
    name, times, number = level.partition("*")
    drawn = reseeded(initializers.get(name.strip()), seed=seed)
    return Scaled(drawn, float(number)) if times else drawn


def reseeded(initializer: initializers.Initializer, *, seed: int) -> initializers.Initializer:
    """An initializer of the same distribution with that seed, drawn on the host; the same one if it is not random."""
    like = initializer.like if isinstance(initializer, HostDrawn) else initializer
    config = like.get_config()
    if "seed" not in config:
        return like
    return HostDrawn(type(like).from_config({**config, "seed": seed}))


def output_initializer(hidden: str) -> str:
    """The initializer of the output layer, given that of the hidden layers.

    It is the same in every variant: the factor concerns the hidden layers. Constant weights are the exception.
    Random output weights would break the symmetry of the hidden units, which such a level is meant to keep.
    """
    return hidden if hidden.partition("*")[0].strip() in _CONSTANT else "glorot_uniform"


def _drawn(like: initializers.Initializer, shape: tuple[int, ...]) -> Array:
    """Values of `shape` from a counter-based generator (Philox: Salmon et al. 2011) with the initializer's seed."""
    rng = np.random.Generator(np.random.Philox(like.seed))
    match like:
        case initializers.VarianceScaling():
            return _fan_scaled(like, shape, rng=rng)
        case initializers.RandomNormal():
            return _normal(shape, rng=rng) * np.float32(like.stddev) + np.float32(like.mean)
        case initializers.TruncatedNormal():
            return _truncated(shape, rng=rng) * np.float32(like.stddev) + np.float32(like.mean)
        case initializers.RandomUniform():
            return _uniform(shape, like.minval, like.maxval, rng=rng)
        case initializers.Orthogonal():
            return _orthogonal(shape, like.gain, rng=rng)
    raise TypeError(f"{type(like).__name__}: not one of Keras' random initializers")


def _fan_scaled(like: initializers.VarianceScaling, shape: tuple[int, ...], *, rng: np.random.Generator) -> Array:
    """Values with mean 0 and variance scale / n, where n is the fan-in, the fan-out, or their mean."""
    fan_in, fan_out = _fans(shape)
    n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[like.mode]
    sd = math.sqrt(like.scale / max(1.0, n))
    match like.distribution:
        case "uniform":
            return _uniform(shape, -math.sqrt(3) * sd, math.sqrt(3) * sd, rng=rng)
        case "untruncated_normal":
            return _normal(shape, rng=rng) * np.float32(sd)
    return _truncated(shape, rng=rng) * np.float32(sd / _TRUNCATED_SD)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs of a unit, by Keras' rule: the last two axes, times the pixels of a kernel."""
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    pixels = math.prod(shape[:-2])
    return shape[-2] * pixels, shape[-1] * pixels


def _normal(shape: tuple[int, ...], *, rng: np.random.Generator) -> Array:
    return np.asarray(rng.standard_normal(shape, dtype=np.float32))


def _truncated(shape: tuple[int, ...], *, rng: np.random.Generator) -> Array:
    """Standard normal numbers; those beyond ±2 are drawn again."""
    values = rng.standard_normal(math.prod(shape), dtype=np.float32)
    beyond = np.flatnonzero(np.abs(values) > 2)
    while beyond.size:
        values[beyond] = rng.standard_normal(beyond.size, dtype=np.float32)
        beyond = beyond[np.abs(values[beyond]) > 2]
    return values.reshape(shape)


def _uniform(shape: tuple[int, ...], low: float, high: float, *, rng: np.random.Generator) -> Array:
    return np.asarray(rng.random(shape, dtype=np.float32)) * np.float32(high - low) + np.float32(low)


def _orthogonal(shape: tuple[int, ...], gain: float, *, rng: np.random.Generator) -> Array:
    """A matrix with orthonormal columns, or rows if there are fewer, times `gain`; all axes but the last are rows.

    Made in float64: the order of sums, which the number of threads may change, hardly ever shows after rounding.
    """
    if len(shape) < 2:
        raise ValueError(f"an orthogonal matrix needs at least two axes, got shape {shape}")
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diagonal(r))  # else not uniform over all such matrices (Mezzadri 2007)
    matrix = q.T if rows < columns else q
    return np.asarray(gain * matrix.reshape(shape), np.float32)
