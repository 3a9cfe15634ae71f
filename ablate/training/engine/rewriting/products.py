"""Convolutions that are a single product of matrices."""

import math
from itertools import product as crossed
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ablate.training.engine.rewriting.geometry import Convolution, padded, strided
from ablate.training.engine.rewriting.ways import Convolve

MOST_ROWS = 36  # each an operation of the program, and a copy of a share of x


def whole(x: jax.Array, kernel: jax.Array, shape: Convolution, _: Convolve) -> jax.Array | None:
    """The kernel covers the whole of x and has one place: the gradient of a 1 × 1 convolution's kernel."""
    sides = shape.sides(x.shape, kernel.shape)
    if not shape.is_plain or math.prod(sides) > 1 or any(low or high for low, high in shape.pads):
        return None
    start = (0,) * len(sides)
    x = strided(x, start=start, count=kernel.shape[:-2], step=shape.dilation)
    # In the order of the images before differentiation: XLA multiplies columns without a copy.
    last, options = x.ndim - 1, dict[str, Any](shape.options)  # Any: of JAX
    columns = x.transpose(last, *range(1, last), 0).reshape(-1, x.shape[0])
    values = kernel.transpose(last - 1, *range(last - 1), last).reshape(-1, kernel.shape[-1])
    product = lax.dot_general(columns, values, (((0,), (0,)), ((), ())), **options)
    return product.reshape(x.shape[0], *sides, kernel.shape[-1])


def unrolled(x: jax.Array, kernel: jax.Array, shape: Convolution, _: Convolve) -> jax.Array | None:
    """Few rows: the gradient of a kernel for images of one or a few channels, which are the examples here."""
    sides = shape.sides(x.shape, kernel.shape)
    is_large = math.prod(kernel.shape[:-2]) > math.prod(sides)
    if not shape.is_plain or not is_large or x.shape[0] * math.prod(sides) > MOST_ROWS:
        return None
    x, last, rows = padded(x, shape.pads), x.ndim - 1, []
    for place in crossed(*map(range, sides)):
        start = [at * by for at, by in zip(place, shape.strides, strict=True)]
        seen = strided(x, start=start, count=kernel.shape[:-2], step=shape.dilation)
        rows.append(seen.transpose(0, last, *range(1, last)))  # the order of the images before differentiation
    kernel = kernel.transpose(last - 1, *range(last - 1), last)
    result = _product(jnp.stack(rows, axis=1), kernel, last, shape)
    return result.reshape(x.shape[0], *sides, kernel.shape[-1])


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
    rows = x.reshape(*x.shape[: x.ndim - n], -1)
    columns = kernel.reshape(rows.shape[-1], -1)
    return lax.dot_general(rows, columns, (((rows.ndim - 1,), (0,)), ((), ())), **options)
