"""Convolutions that are a single product of matrices."""

import math
from typing import Any

import jax
from jax import lax

from ablate.training.engine.rewriting.geometry import Convolution, padded, strided
from ablate.training.engine.rewriting.ways import Convolve


def whole(x: jax.Array, kernel: jax.Array, shape: Convolution, _: Convolve) -> jax.Array | None:
    """The kernel covers the whole of x and has one place: the gradient of a 1 × 1 convolution's kernel."""
    sides = shape.sides(x.shape, kernel.shape)
    if not shape.is_plain or math.prod(sides) > 1 or any(low or high for low, high in shape.pads):
        return None
    start = (0,) * len(sides)
    x = strided(x, start=start, count=kernel.shape[:-2], step=shape.dilation)
    return _product(x, kernel, x.ndim - 1, shape).reshape(x.shape[0], *sides, kernel.shape[-1])


def pointwise(x: jax.Array, kernel: jax.Array, shape: Convolution, _: Convolve) -> jax.Array | None:
    """A kernel of one place."""
    if not shape.is_plain or math.prod(kernel.shape[:-2]) > 1:
        return None
    start, sides = (0,) * (x.ndim - 2), shape.sides(x.shape, kernel.shape)
    x = strided(padded(x, shape.pads), start=start, count=sides, step=shape.strides)
    return _product(x, kernel.reshape(kernel.shape[-2:]), 1, shape)


def _product(x: jax.Array, kernel: jax.Array, n: int, shape: Convolution) -> jax.Array:
    """The sum of products over the last `n` dimensions of x, the first of the kernel."""
    options: dict[str, Any] = dict(shape.options)  # Any: of JAX
    last, first = tuple(range(x.ndim - n, x.ndim)), tuple(range(n))
    return lax.dot_general(x, kernel, ((last, first), ((), ())), **options)
