"""Convolutions that a fast kernel takes only after a change of roles or with explicit zeros."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp

from ablate.training.engine.rewriting.geometry import Convolution, padded
from ablate.training.engine.rewriting.ways import Convolve


def exchanged(x: jax.Array, kernel: jax.Array, shape: Convolution, convolve: Convolve) -> jax.Array | None:
    """The gradient of a transposed convolution's kernel: a stretched x under a large kernel, which trade places."""
    sides = shape.sides(x.shape, kernel.shape)
    is_for = (
        shape.groups == shape.batch_groups == 1
        and set(shape.stretch) != {1}
        and set(shape.strides) == set(shape.dilation) == {1}
        and math.prod(kernel.shape[:-2]) > math.prod(sides)
    )
    if not is_for:
        return None
    pads = []
    for side, size, stretch, (low, _), count in zip(
        x.shape[1:-1], kernel.shape[:-2], shape.stretch, shape.pads, sides, strict=True
    ):
        before = count - 1 - low
        pads.append((before, count - 1 + (side - 1) * stretch + 1 - size - before))
    images = kernel.transpose(kernel.ndim - 1, *range(kernel.ndim - 1))
    weights = x.transpose(*range(1, x.ndim), 0)
    other = replace(shape, pads=tuple(pads), stretch=shape.dilation, dilation=shape.stretch)
    result = jnp.flip(convolve(images, weights, other), range(1, x.ndim - 1))
    return result.transpose(x.ndim - 1, *range(1, x.ndim - 1), 0)


def padded_first(x: jax.Array, kernel: jax.Array, shape: Convolution, convolve: Convolve) -> jax.Array | None:
    """A result larger than x, as of a gradient without padding: XLA's fast kernel takes zeros only as part of x."""
    sides = shape.sides(x.shape, kernel.shape)
    grows = any(after > before for after, before in zip(sides, x.shape[1:-1], strict=True))
    if not shape.is_plain or not grows or not any(any(side) for side in shape.pads):
        return None
    return convolve(padded(x, shape.pads), kernel, replace(shape, pads=((0, 0),) * len(sides)))
