"""Rewritten pooling against JAX's own: equal to the bit, ties and remainders included."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import jax_only
from jax import lax

from ablate.training.engine.rewriting.jaxpr import interpreted
from ablate.training.engine.rewriting.pooling import maxima, maxima_gradient, sums

pytestmark = jax_only
RULES = {
    lax.reduce_window_max_p: maxima,
    lax.reduce_window_sum_p: sums,
    lax.select_and_scatter_add_p: maxima_gradient,
}
WINDOWS = [
    ((1, 2, 2, 1), (1, 2, 2, 1)),
    ((1, 3, 2, 1), (1, 3, 2, 1)),
    ((1, 3, 3, 1), (1, 2, 2, 1)),
    ((1, 2, 3, 1), (1, 1, 2, 1)),
    ((1, 2, 2, 1), (1, 3, 3, 1)),
    ((1, 2, 1, 2), (1, 2, 1, 2)),
    ((2, 2, 1, 1), (2, 1, 1, 1)),
    ((1, 6, 6, 1), (1, 6, 6, 1)),  # too many places for a rule
    ((1, 1, 1, 1), (1, 2, 2, 1)),
]


def whole_numbers(shape, *, most):
    """Few different values, so that most windows have ties and sums are exact."""
    return jnp.asarray(np.random.default_rng(1).integers(-most, most + 1, shape), "float32")


def both(pool, x):
    change = whole_numbers(jax.eval_shape(pool, x).shape, most=9)

    def all_of_it(x, change):
        result, pull = jax.vjp(pool, x)
        return result, *pull(change)

    closed = jax.make_jaxpr(all_of_it)(x, change)
    found = jax.jit(lambda *inputs: interpreted(closed, inputs, RULES))(x, change)
    return found, jax.jit(all_of_it)(x, change)


@pytest.mark.parametrize("padding", ["VALID", "SAME", ((0, 0), (1, 0), (1, 1), (0, 0))])
@pytest.mark.parametrize(("window", "strides"), WINDOWS)
@pytest.mark.parametrize(("start", "operation"), [(-jnp.inf, lax.max), (0.0, lax.add)])
def test_pooling_and_its_gradient_are_equal_to_jax_s(window, strides, padding, start, operation):
    x = whole_numbers((2, 9, 8, 4), most=2)
    found, wanted = both(lambda x: lax.reduce_window(x, start, operation, window, strides, padding), x)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_lines_and_volumes_are_pooled_alike():
    for shape, window in (((2, 7, 3), (1, 2, 1)), ((2, 5, 6, 4, 2), (1, 2, 2, 2, 1))):
        x = whole_numbers(shape, most=2)
        found, wanted = both(lambda x, by=window: lax.reduce_window(x, -jnp.inf, lax.max, by, by, "SAME"), x)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(one, other)


def test_of_equal_entries_the_first_takes_the_gradient():
    x = jnp.asarray([[0.0, 5.0, 5.0, 5.0], [5.0, 1.0, 5.0, 5.0]])
    closed = jax.make_jaxpr(
        jax.grad(lambda x: jnp.sum(lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (2, 2), "VALID")))
    )(x)
    np.testing.assert_array_equal(interpreted(closed, [x], RULES)[0], [[0, 1, 1, 0], [0, 0, 0, 0]])


def test_integers_and_dilated_windows_are_left_to_xla():
    x = jnp.arange(24).reshape(1, 4, 6, 1)
    closed = jax.make_jaxpr(lambda x: lax.reduce_window(x, 0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"))(x)
    np.testing.assert_array_equal(interpreted(closed, [x], RULES)[0][0, :, :, 0], [[14, 22, 30], [62, 70, 78]])
    options = {"window_dimensions": (1, 2, 2, 1), "window_strides": (1, 1, 1, 1), "padding": ((0, 0),) * 4}
    dilated = {"base_dilation": (1,) * 4, "window_dilation": (1, 2, 1, 1)}
    assert maxima(x.astype("float32"), **options, **dilated) is None
