"""Bring a convolution into the form of XLA's fast kernels, and choose how to compute it there."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ablate.training.engine.rewriting.blocks import chunks, columns, filled
from ablate.training.engine.rewriting.dimensions import lines, volumes
from ablate.training.engine.rewriting.geometry import Convolution, Pads
from ablate.training.engine.rewriting.groups import few_channels, split_batches
from ablate.training.engine.rewriting.products import pointwise, unrolled, whole
from ablate.training.engine.rewriting.roles import exchanged, padded_first

# Each returns the result, or None if it is not for this convolution; the first that is decides. A rule may make
# convolutions of other shapes, for which the rules are asked again.
_WAYS = (
    lines, volumes, split_batches, few_channels, whole, unrolled, pointwise, exchanged, padded_first,
    chunks, columns, filled,
)  # fmt: skip


def convolution(
    x: jax.Array,
    kernel: jax.Array,
    *,
    dimension_numbers: lax.ConvDimensionNumbers,
    window_strides: Sequence[int],
    padding: Pads,
    lhs_dilation: Sequence[int],
    rhs_dilation: Sequence[int],
    feature_group_count: int,
    batch_group_count: int,
    precision: Any,  # Any: of JAX, in several forms
    preferred_element_type: Any,
    out_sharding: Any = None,
) -> list[jax.Array] | None:
    """A convolution with any order of dimensions."""
    if out_sharding is not None or x.ndim < 3:
        return None
    shape = Convolution(
        tuple(window_strides),
        tuple((int(low), int(high)) for low, high in padding),
        tuple(lhs_dilation),
        tuple(rhs_dilation),
        feature_group_count,
        batch_group_count,
        (("precision", precision), ("preferred_element_type", preferred_element_type)),
    )
    (n, channels, *sides), (filters, inputs, *kernel_sides), out = dimension_numbers
    x = x.transpose(n, *sides, channels)
    kernel = kernel.transpose(*kernel_sides, inputs, filters)
    result = convolve(x, kernel, shape) if _is_real(x, kernel, preferred_element_type) else shape(x, kernel)
    places = (out[0], *out[2:], out[1])  # of the result's dimensions in what the caller wants
    return [result.transpose(sorted(range(len(places)), key=places.__getitem__))]


def convolve(x: jax.Array, kernel: jax.Array, shape: Convolution) -> jax.Array:
    """The convolution in the fastest way known."""
    if x.size == 0 or kernel.size == 0 or 0 in shape.sides(x.shape, kernel.shape):
        return shape(x, kernel)
    for way in _WAYS:
        result = way(x, kernel, shape, convolve)
        if result is not None:
            return result
    return shape(x, kernel)


def _is_real(x: jax.Array, kernel: jax.Array, preferred: Any) -> bool:  # Any: None or a type
    wide = x.dtype in (jnp.float32, jnp.float64) and kernel.dtype == x.dtype
    return wide and (preferred is None or jnp.dtype(preferred) == x.dtype)
