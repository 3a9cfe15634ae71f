"""Convolutions over one or three sides as convolutions over two, for which XLA's CPU build has fast kernels."""

from dataclasses import replace
from functools import reduce

import jax
import jax.numpy as jnp
from jax import lax

from ablate.training.engine.rewriting.geometry import Convolution, padded
from ablate.training.engine.rewriting.ways import Convolve


def lines(x: jax.Array, kernel: jax.Array, shape: Convolution, convolve: Convolve) -> jax.Array | None:
    """A convolution over one side is one over images of height 1."""
    if x.ndim != 3:
        return None
    flat = replace(
        shape,
        strides=(1, *shape.strides),
        pads=((0, 0), *shape.pads),
        stretch=(1, *shape.stretch),
        dilation=(1, *shape.dilation),
    )
    return convolve(x[:, None], kernel[None], flat)[:, 0]


def volumes(x: jax.Array, kernel: jax.Array, shape: Convolution, convolve: Convolve) -> jax.Array | None:
    """A convolution over three sides or more is a sum of convolutions over all but the first."""
    if x.ndim < 5 or shape.groups * shape.batch_groups > 1:
        return None
    length = shape.sides(x.shape, kernel.shape)[0]
    first, rest = shape.with_sides(slice(0, 1)), shape.with_sides(slice(1, None))
    x = padded(x, (*first.pads, *[(0, 0)] * (x.ndim - 3)), (*first.stretch, *[1] * (x.ndim - 3)))
    by = _layers if kernel.shape[0] <= length else _windows
    return by(x, kernel, (first.strides[0], first.dilation[0], length), rest, convolve)


def _layers(
    x: jax.Array, kernel: jax.Array, steps: tuple[int, int, int], rest: Convolution, convolve: Convolve
) -> jax.Array:
    """The sum over the kernel's places along the first side, each with all of x as more examples."""
    stride, dilation, length = steps
    terms = []
    for place in range(kernel.shape[0]):
        start = place * dilation
        seen = lax.slice_in_dim(x, start, start + (length - 1) * stride + 1, stride, axis=1)
        terms.append(convolve(seen.reshape(-1, *seen.shape[2:]), kernel[place], rest))
    total = reduce(lax.add, terms)
    return total.reshape(x.shape[0], length, *total.shape[1:])


def _windows(
    x: jax.Array, kernel: jax.Array, steps: tuple[int, int, int], rest: Convolution, convolve: Convolve
) -> jax.Array:
    """Place by place of the result, with the kernel's first side as more channels: for a kernel's gradient."""
    stride, dilation, length = steps
    deep = jnp.moveaxis(kernel, 0, -3).reshape(*kernel.shape[1:-2], -1, kernel.shape[-1])
    results = []
    for place in range(length):
        start = place * stride
        seen = lax.slice_in_dim(x, start, start + (kernel.shape[0] - 1) * dilation + 1, dilation, axis=1)
        seen = jnp.moveaxis(seen, 1, -2).reshape(x.shape[0], *x.shape[2:-1], -1)
        results.append(convolve(seen, deep, rest))
    return jnp.stack(results, axis=1)
