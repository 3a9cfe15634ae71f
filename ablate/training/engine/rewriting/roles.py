"""Convolutions that a fast kernel takes only after a change of roles or with explicit zeros."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import lax

from ablate.training.engine.rewriting.geometry import Convolution, padded
from ablate.training.engine.rewriting.ways import Convolve

MOST_FILTERS = 16  # XLA is fast with more


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


def phases(x: jax.Array, kernel: jax.Array, shape: Convolution, convolve: Convolve) -> jax.Array | None:
    """A stretched x under few filters, as in the gradient of a strided convolution: a filter for each phase.

    With x stretched by d, the entries of the result at q·d + a see the same entries of x for all phases a < d. So one
    convolution of x itself, with the kernel's places sorted by phase, gives d² times as many filters.
    """
    is_for = (
        x.ndim == 4
        and shape.groups == shape.batch_groups == 1
        and set(shape.stretch) != {1}
        and set(shape.strides) == set(shape.dilation) == {1}
        and kernel.shape[-1] <= MOST_FILTERS
    )
    if not is_for:
        return None
    sides, pads = shape.sides(x.shape, kernel.shape), []
    for axis, side in enumerate(x.shape[1:-1]):
        stretch, (low, _) = shape.stretch[axis], shape.pads[axis]
        kernel, first = _by_phase(kernel, axis, stretch, low)
        count = -(-sides[axis] // stretch)
        pads.append((-first, count - 1 + kernel.shape[axis] - side + first))
    height, width = shape.stretch
    rows, columns, inputs, *_, filters = kernel.shape
    x = padded(x, tuple(pads))
    other = replace(shape, pads=((0, 0), (0, 0)), stretch=(1, 1))
    result = convolve(x, kernel.reshape(rows, columns, inputs, -1), other)
    n, tall, wide, _ = result.shape
    result = result.reshape(n, tall, wide, height, width, filters).transpose(0, 1, 3, 2, 4, 5)
    return result.reshape(n, tall * height, wide * width, filters)[:, : sides[0], : sides[1]]


def _by_phase(kernel: jax.Array, axis: int, stretch: int, low: int) -> tuple[jax.Array, int]:
    """The kernel's places along an axis by the entry of x that they see, with the phases as a dimension of filters."""
    places = {
        (phase, (phase + place - low) // stretch): place
        for phase in range(stretch)
        for place in range(kernel.shape[axis])
        if (phase + place - low) % stretch == 0
    }
    seen = [entry for _, entry in places]
    none = jnp.zeros_like(lax.index_in_dim(kernel, 0, axis, keepdims=False))
    by_phase = [
        jnp.stack(
            [
                lax.index_in_dim(kernel, places[phase, entry], axis, keepdims=False)
                if (phase, entry) in places
                else none
                for entry in range(min(seen), max(seen) + 1)
            ],
            axis=axis,
        )
        for phase in range(stretch)
    ]
    return jnp.stack(by_phase, axis=-2), min(seen)


def padded_first(x: jax.Array, kernel: jax.Array, shape: Convolution, convolve: Convolve) -> jax.Array | None:
    """A result larger than x, as of a gradient without padding: XLA's fast kernel takes zeros only as part of x."""
    sides = shape.sides(x.shape, kernel.shape)
    grows = any(after > before for after, before in zip(sides, x.shape[1:-1], strict=True))
    if not shape.is_plain or not grows or not any(any(side) for side in shape.pads):
        return None
    return convolve(padded(x, shape.pads), kernel, replace(shape, pads=((0, 0),) * len(sides)))
