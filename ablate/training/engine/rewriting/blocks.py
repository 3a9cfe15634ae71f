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


def chunks(x: jax.Array, kernel: jax.Array, shape: Convolution, convolve: Convolve) -> jax.Array | None:
    """The gradient of a kernel from a few images at a time: its `channels` are the images of a batch."""
    n = _n_chunks(x, kernel)
    if not shape.is_plain or n == 1 or math.prod(kernel.shape[:-2]) < max(
        LEAST_SIDE**2, math.prod(shape.sides(x.shape, kernel.shape)) + 1
    ):
        return None
    pairs = zip(jnp.split(x, n, axis=-1), jnp.split(kernel, n, axis=-2), strict=True)
    return reduce(lax.add, [convolve(*pair, shape) for pair in pairs])


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
    # Without filters of zeros: removing them would not be free, as the division of the rest into columns is.
    result = replace(shape, strides=(shape.strides[0], n))(*_with_channels(x, wide, _filling_channels(x.shape[-1])))
    return result.reshape(*result.shape[:2], width, filters)


def filled_channels(x: jax.Array, kernel: jax.Array, shape: Convolution, convolve: Convolve) -> jax.Array | None:
    """Channels and filters of zeros, up to numbers that fill the kernel's lanes."""
    if x.ndim != 4 or not shape.is_plain or max(kernel.shape[-2:]) <= LANES:
        return None
    channels, filters = kernel.shape[-2:]
    more_channels, more_filters = _filling_channels(channels), _filling_filters(filters)
    if more_channels == more_filters == 0:
        return None
    kernel = jnp.pad(kernel, ((0, 0), (0, 0), (0, 0), (0, more_filters)))
    return convolve(*_with_channels(x, kernel, more_channels), shape)[..., :filters]


def _with_channels(x: jax.Array, kernel: jax.Array, more: int) -> tuple[jax.Array, jax.Array]:
    """Both with more channels of zeros."""
    if more == 0:
        return x, kernel
    none, added = (0, 0), (0, more)
    return jnp.pad(x, (none, none, none, added)), jnp.pad(kernel, (none, none, added, none))


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
