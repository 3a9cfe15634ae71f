"""A convolution in the one form that every rule works on, and the parts of arrays that its windows see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import jax
import numpy as np
from jax import lax

Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Convolution:
    """The parameters of a convolution of x (n, *sides, channels) by a kernel (*sides, channels, filters).

    The result is (n, *sides, filters). Each tuple has an item per side; `stretch` is the dilation of x, `dilation`
    the kernel's. With `groups` the kernel has only the channels of one; with `batch_groups` x has their number times
    as many examples, and each group gives its share of the filters. `options` go to JAX.
    """

    strides: tuple[int, ...]
    pads: Pads
    stretch: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    batch_groups: int = 1
    options: tuple[tuple[str, Any], ...] = ()  # Any: of JAX

    @property
    def is_plain(self) -> bool:
        """Whether every filter sees all channels of one example, and x is not stretched."""
        return self.groups == self.batch_groups == 1 and set(self.stretch) <= {1}

    def __call__(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        """The convolution by XLA, in the order of dimensions that its fast kernels take."""
        sides = tuple(range(1, x.ndim - 1))
        numbers = lax.ConvDimensionNumbers(
            (0, x.ndim - 1, *sides), (x.ndim - 1, x.ndim - 2, *range(len(sides))), (0, x.ndim - 1, *sides)
        )
        return lax.conv_general_dilated(
            x,
            kernel,
            self.strides,
            self.pads,
            self.stretch,
            self.dilation,
            numbers,
            self.groups,
            self.batch_groups,
            **dict(self.options),
        )

    def sides(self, x: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """The sides of the result, from the shapes of x and kernel."""
        dims = zip(x[1:-1], kernel[:-2], self.strides, self.pads, self.stretch, self.dilation, strict=True)
        return tuple(
            max(0, (_spread(side, stretch) + low + high - _spread(size, dilation)) // stride + 1)
            for side, size, stride, (low, high), stretch, dilation in dims
        )

    def with_sides(self, count: slice) -> Self:
        """The same for some of the sides."""
        names = ("strides", "pads", "stretch", "dilation")
        return replace(self, **{name: getattr(self, name)[count] for name in names})


def padded(x: jax.Array, pads: Pads, stretch: Sequence[int] | None = None) -> jax.Array:
    """(n, *sides, channels) with zeros around each side, and between its entries where it is stretched."""
    between = [step - 1 for step in stretch or [1] * len(pads)]
    config = [(low, high, gap) for (low, high), gap in zip(pads, between, strict=True)]
    if not any(any(side) for side in config):
        return x
    return lax.pad(x, np.zeros((), x.dtype), [(0, 0, 0), *config, (0, 0, 0)])


def strided(x: jax.Array, *, start: Sequence[int], count: Sequence[int], step: Sequence[int]) -> jax.Array:
    """Of each side of (n, *sides, channels), `count` entries from `start` on, `step` apart."""
    ends = [first + (n - 1) * by + 1 for first, n, by in zip(start, count, step, strict=True)]
    return lax.slice(x, (0, *start, 0), (x.shape[0], *ends, x.shape[-1]), (1, *step, 1))


def _spread(side: int, step: int) -> int:
    return max(0, (side - 1) * step + 1)
