"""What the ways of computing a convolution have in common."""

from collections.abc import Callable
from typing import TypeAlias

import jax

from ablate.training.engine.rewriting.geometry import Convolution

Convolve: TypeAlias = Callable[[jax.Array, jax.Array, Convolution], jax.Array]
