"""Convolutions in groups, for which XLA's CPU build has no fast kernels."""

import math
from dataclasses import replace
from functools import reduce
from itertools import product

import jax
import jax.numpy as jnp
from jax import lax

from ablate.training.engine.rewriting.geometry import Convolution, padded, strided
from ablate.training.engine.rewriting.ways import Convolve

MOST_GROUPS = 64  # each is a convolution of the program
MOST_PLACES = 50  # of a kernel or a result; each is an operation of the program
FEW = 4  # channels times filters of a group


def split_batches(x: jax.Array, kernel: jax.Array, shape: Convolution, convolve: Convolve) -> jax.Array | None:
    """The gradient of a grouped kernel, where each group of examples has filters of its own."""
    groups = shape.batch_groups
    if groups == 1:
        return None
    if x.shape[0] == groups and math.prod(shape.sides(x.shape, kernel.shape)) <= MOST_PLACES:
        return _place_by_place(x, kernel, shape)
    if groups > MOST_GROUPS:
        return None
    alone = replace(shape, batch_groups=1)
    pairs = zip(jnp.split(x, groups, axis=0), jnp.split(kernel, groups, axis=-1), strict=True)
    return jnp.concatenate([convolve(*pair, alone) for pair in pairs], axis=-1)


def few_channels(x: jax.Array, kernel: jax.Array, shape: Convolution, _: Convolve) -> jax.Array | None:
    """Depthwise, or nearly: a sum of products of images with single weights."""
    groups, inputs, places = shape.groups, kernel.shape[-2], kernel.shape[:-2]
    filters = kernel.shape[-1] // groups
    if groups == 1 or shape.batch_groups > 1 or inputs * filters > FEW or math.prod(places) > MOST_PLACES:
        return None
    x, sides = padded(x, shape.pads, shape.stretch), shape.sides(x.shape, kernel.shape)
    terms = []
    for place in product(*map(range, places)):
        start = [at * by for at, by in zip(place, shape.dilation, strict=True)]
        seen = strided(x, start=start, count=sides, step=shape.strides).reshape(x.shape[0], *sides, groups, inputs)
        weights = kernel[place].reshape(inputs, groups, filters)
        terms += [seen[..., i, None] * weights[i] for i in range(inputs)]
    return reduce(lax.add, terms).reshape(x.shape[0], *sides, kernel.shape[-1])


def _place_by_place(x: jax.Array, kernel: jax.Array, shape: Convolution) -> jax.Array:
    """For groups of a single example: each place of the result is a sum over images, channel by channel."""
    groups, sides = x.shape[0], shape.sides(x.shape, kernel.shape)
    x = padded(x, shape.pads, shape.stretch)
    last, n = x.ndim - 1, x.ndim
    order = (last - 1, *range(last - 1), last, last + 1)  # inputs first, as the images were before differentiation
    kernel = kernel.reshape(*kernel.shape[:-1], groups, -1).transpose(order)
    places = []
    for place in product(*map(range, sides)):
        start = [at * by for at, by in zip(place, shape.strides, strict=True)]
        seen = strided(x, start=start, count=kernel.shape[1:-2], step=shape.dilation)
        seen = seen.transpose(last, *range(1, last), 0)[..., None]
        places.append(jnp.sum(seen * kernel, axis=tuple(range(n - 1))).reshape(-1))
    return jnp.stack(places).reshape(1, *sides, -1)
