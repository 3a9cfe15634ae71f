"""Convolutions in pieces of the sizes that XLA's fast kernels are made for."""

import math
from dataclasses import replace
from functools import reduce

import jax
import jax.numpy as jnp
from jax import lax

from ablate.training.engine.rewriting.geometry import Convolution
from ablate.training.engine.rewriting.ways import Convolve

CHUNK = 2**18  # entries of x and kernel that a core's cache holds: 1 MB of float32
MOST_CHUNKS = 8
LEAST_SIDE = 9  # gradients of smaller images are no faster in pieces
LANES = 16  # filters that a kernel computes at once
WIDE = 2 * LANES  # filters from which on it is fast


def chunks(x: jax.Array, kernel: jax.Array, shape: Convolution, _: Convolve) -> jax.Array | None:
    """The gradient of a kernel from a few images at a time: its `channels` are the images of a batch."""
    n, sides = _n_chunks(x, kernel), shape.sides(x.shape, kernel.shape)
    least = max(LEAST_SIDE**2, math.prod(sides) + 1)
    if x.ndim != 4 or not shape.is_plain or n == 1 or kernel.shape[-1] <= LANES:
        return None
    if math.prod(kernel.shape[:-2]) < least:
        return None
    pairs = zip(jnp.split(x, n, axis=-1), jnp.split(kernel, n, axis=-2), strict=True)
    return reduce(lax.add, [_filled(*pair, shape, channels=0) for pair in pairs])


def columns(x: jax.Array, kernel: jax.Array, shape: Convolution, _: Convolve) -> jax.Array | None:
    """Few filters: neighbours in a row of the result as more filters, of a kernel wider by their number."""
    if x.ndim != 4 or not shape.is_plain or shape.strides[1] > 1 or shape.dilation[1] > 1:
        return None
    filters, sides = kernel.shape[-1], shape.sides(x.shape, kernel.shape)
    width, n = sides[1], _n_columns(x.shape[-1], filters, sides[1])
    if n == 1 or math.prod(kernel.shape[:-2]) > math.prod(sides):
        return None
    none = (0, 0)
    wide = jnp.concatenate([jnp.pad(kernel, (none, (i, n - 1 - i), none, none)) for i in range(n)], axis=-1)
    shape = replace(shape, strides=(shape.strides[0], n))
    # Without filters of zeros: removing them would not be free, as the division of the rest into columns is.
    result = _filled(x, wide, shape, channels=_filling_channels(x.shape[-1]), filters=0)
    return result.reshape(*result.shape[:2], width, filters)


def filled(x: jax.Array, kernel: jax.Array, shape: Convolution, _: Convolve) -> jax.Array | None:
    """Channels and filters of zeros, up to numbers that fill the kernel's lanes."""
    if x.ndim != 4 or not shape.is_plain or max(kernel.shape[-2:]) <= LANES:
        return None
    return _filled(x, kernel, shape, channels=_filling_channels(x.shape[-1]))


def _filled(
    x: jax.Array, kernel: jax.Array, shape: Convolution, *, channels: int, filters: int | None = None
) -> jax.Array:
    """By XLA, with so many channels of zeros, and filters, the number that is fastest if `filters` is None."""
    n_filters, none = kernel.shape[-1], (0, 0)
    more = _filling_filters(n_filters) if filters is None else filters
    if channels:
        x = jnp.pad(x, (none, none, none, (0, channels)))
    if channels or more:
        kernel = jnp.pad(kernel, (none, none, (0, channels), (0, more)))
    return shape(x, kernel)[..., :n_filters]


def _n_chunks(x: jax.Array, kernel: jax.Array) -> int:
    """The smallest number of equal pieces that fit into the cache, or of those allowed the greatest."""
    channels = x.shape[-1]
    allowed = [n for n in range(1, MOST_CHUNKS + 1) if channels % n == 0]
    return next((n for n in allowed if (x.size + kernel.size) / n <= CHUNK), allowed[-1])


def _n_columns(channels: int, filters: int, width: int) -> int:
    if filters > LANES or (filters == LANES < channels):
        return 1
    fitting = [n for n in (2, 3, 4) if width % n == 0 and n * filters < WIDE + LANES // 2]
    return max(fitting, default=1)


def _filling_channels(channels: int) -> int:
    return -channels % 4 if channels > 1 else 0


def _filling_filters(filters: int) -> int:
    more = -filters % WIDE
    return more if filters % LANES and LANES < filters < 2 * WIDE and more <= filters else 0
