"""Make a function faster inside a loop on a CPU, with the same results up to rounding."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import jax
from jax import lax

from ablate.training.engine.rewriting.convolutions import convolution
from ablate.training.engine.rewriting.jaxpr import Replacements, interpreted
from ablate.training.engine.rewriting.pooling import maxima, maxima_gradient, sums

P = ParamSpec("P")
T = TypeVar("T")
RULES: Replacements = {
    lax.conv_general_dilated_p: convolution,
    lax.reduce_window_max_p: maxima,
    lax.reduce_window_sum_p: sums,
    lax.select_and_scatter_add_p: maxima_gradient,
}


def rewritten(function: Callable[P, T]) -> Callable[P, T]:
    """The same function of arrays, with convolutions and pooling in forms that XLA's CPU build runs fast in a loop.

    XLA brings convolutions into the form of its fast kernels outside loops alone; inside `scan` or `while_loop` it
    runs gradients of convolutions forty times slower. Apply this to a step after differentiation, and not on a GPU.
    Results are equal up to rounding, gradients of max pooling exactly. Where no rule applies, an operation stays.
    """

    @wraps(function)
    def fast(*args: P.args, **kwargs: P.kwargs) -> T:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*args, **kwargs)
        outputs = interpreted(closed, jax.tree.leaves((args, kwargs)), RULES)
        result: T = jax.tree.unflatten(jax.tree.structure(shape), outputs)
        return result

    return fast
