"""Pooling without the loops over windows that XLA's CPU build makes of it."""

from collections.abc import Callable, Sequence
from functools import partial, reduce
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ablate.training.engine.rewriting.geometry import Pads

MOST_PLACES = 32  # in a window; each is an operation of the program


def pooled(
    x: jax.Array,
    *,
    combine: Callable[[jax.Array, jax.Array], jax.Array],
    fill: float,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Pads,
    base_dilation: Sequence[int],
    window_dilation: Sequence[int],
) -> list[jax.Array] | None:
    """The entries of each window combined; `fill` changes nothing in a combination."""
    if not _is_simple(x, window_dimensions, base_dilation, window_dilation):
        return None
    return [reduce(combine, _places(x, window_dimensions, window_strides, padding, fill=fill))]


maxima = partial(pooled, combine=lax.max, fill=-np.inf)
sums = partial(pooled, combine=lax.add, fill=0)


def maxima_gradient(
    gradient: jax.Array,
    x: jax.Array,
    *,
    select_prim: Any,  # Any: JAX's primitive
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Pads,
) -> list[jax.Array] | None:
    """The gradient of the maxima of windows: each window's goes to the first of its greatest entries."""
    if select_prim is not lax.ge_p or not _is_simple(x, window_dimensions):
        return None
    chosen = _first_greatest(_places(x, window_dimensions, window_strides, padding, fill=-np.inf))
    spread = _side_by_side if tuple(window_dimensions) == tuple(window_strides) else _overlaid
    return [spread(gradient, chosen, x.shape, window_dimensions, window_strides, padding)]


def _is_simple(x: jax.Array, window: Sequence[int], *dilations: Sequence[int]) -> bool:
    is_real = jnp.issubdtype(x.dtype, jnp.floating)
    return is_real and all(set(dilation) <= {1} for dilation in dilations) and 1 < int(np.prod(window)) <= MOST_PLACES


def _places(
    x: jax.Array, window: Sequence[int], strides: Sequence[int], padding: Pads, *, fill: float
) -> list[jax.Array]:
    """For each place in a window, the entries there, in the shape of the windows; row by row."""
    x = lax.pad(x, np.asarray(fill, x.dtype), [(low, high, 0) for low, high in padding]) if np.any(padding) else x
    counts = [(side - size) // stride + 1 for side, size, stride in zip(x.shape, window, strides, strict=True)]
    spans = [(count - 1) * stride + 1 for count, stride in zip(counts, strides, strict=True)]
    return [
        lax.slice(x, place, [first + span for first, span in zip(place, spans, strict=True)], strides)
        for place in product(*map(range, window))
    ]


def _first_greatest(places: list[jax.Array]) -> jax.Array:
    """The number of the place that `select_and_scatter` chooses: the first that is >= all that follow."""
    best, square = places[0], jnp.zeros(places[0].shape, "float32")
    for number, place in enumerate(places[1:], start=1):
        stays = best >= place
        best, square = jnp.where(stays, best, place), jnp.where(stays, square, number**2)
    # XLA computes again, for each place that reads it, all but what it takes for expensive, as a square root.
    return lax.sqrt(square)


def _side_by_side(
    gradient: jax.Array,
    chosen: jax.Array,
    shape: Sequence[int],
    window: Sequence[int],
    _: Sequence[int],
    padding: Pads,
) -> jax.Array:
    """For windows that do not overlap: every entry is at one place of one window, or in none."""
    numbers = np.arange(np.prod(window), dtype="float32").reshape([n for size in window for n in (1, size)])
    wide = [n for side in gradient.shape for n in (side, 1)]
    spread = jnp.where(chosen.reshape(wide) == numbers, gradient.reshape(wide), np.zeros((), gradient.dtype))
    tiled = spread.reshape([side * size for side, size in zip(gradient.shape, window, strict=True)])
    sides = zip(shape, tiled.shape, padding, strict=True)
    return _cropped(tiled, [(-low, side + low - tile, 0) for side, tile, (low, _) in sides])


def _overlaid(
    gradient: jax.Array,
    chosen: jax.Array,
    shape: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    padding: Pads,
) -> jax.Array:
    """For any windows: the sum, over the places in a window, of the gradients that go there."""
    zero, parts = np.zeros((), gradient.dtype), []
    for number, place in enumerate(product(*map(range, window))):
        sides = zip(place, gradient.shape, strides, padding, shape, strict=True)
        pads = [
            (first - low, side + low - first - (count - 1) * stride - 1, stride - 1)
            for first, count, stride, (low, _), side in sides
        ]
        parts.append(lax.pad(jnp.where(chosen == number, gradient, zero), zero, pads))
    return reduce(lax.add, parts)


def _cropped(x: jax.Array, pads: list[tuple[int, int, int]]) -> jax.Array:
    return lax.pad(x, np.zeros((), x.dtype), pads) if np.any(pads) else x
