"""A rewritten function: equal to the original wherever it is traced, and without slow operations in its program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import jax_only
from jax import lax

from ablate.training.engine.rewriting.rewritten import RULES, rewritten

pytestmark = jax_only
RNG = np.random.default_rng(0)
X, KERNEL = (jnp.asarray(RNG.standard_normal(shape), "float32") for shape in ((4, 10, 10, 3), (3, 3, 3, 16)))


def pooled(x, kernel):
    x = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return lax.reduce_window(jax.nn.relu(x), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def step(kernel, rate):
    loss, gradient = jax.value_and_grad(lambda kernel: jnp.mean(pooled(X, kernel) ** 2))(kernel)
    return kernel - rate * gradient, {"loss": loss}


def assert_same(found, wanted):
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * float(jnp.abs(other).max()))


def test_jax_still_has_what_the_rewriting_takes_of_it():
    """If this fails, a release of JAX has renamed or changed something: see which name, and mend the rule."""
    closed = jax.make_jaxpr(lambda x: jax.grad(lambda x: jnp.sum(pooled(x, KERNEL)))(x))(X)
    found = {equation.primitive: equation for equation in closed.jaxpr.eqns}
    for name in ("conv_general_dilated_p", "reduce_window_max_p", "reduce_window_sum_p", "select_and_scatter_add_p"):
        assert getattr(lax, name) in RULES, f"no rule for jax.lax.{name}"
    assert lax.conv_general_dilated_p in found, "a convolution is another primitive than jax.lax.conv_general_dilated_p"
    assert lax.select_and_scatter_add_p in found, "the gradient of max pooling is another primitive"
    wanted = {"window_strides", "padding", "lhs_dilation", "rhs_dilation", "dimension_numbers", "feature_group_count"}
    wanted |= {"batch_group_count", "precision", "preferred_element_type", "out_sharding"}
    assert set(found[lax.conv_general_dilated_p].params) == wanted, "conv_general_dilated has other parameters"
    assert found[lax.select_and_scatter_add_p].params["select_prim"] is lax.ge_p, "max pooling chooses otherwise"


@pytest.mark.parametrize("compiled", [jax.jit, lambda function: function])
def test_a_rewritten_step_returns_the_same_tree_of_the_same_numbers(compiled):
    assert_same(compiled(rewritten(step))(KERNEL, rate=0.1), step(KERNEL, 0.1))


def test_a_step_can_be_rewritten_inside_a_loop_and_around_one():
    def epoch(step):
        return lambda kernel: lax.scan(lambda kernel, rate: step(kernel, rate), kernel, jnp.asarray([0.1, 0.2, 0.3]))

    wanted = jax.jit(epoch(step))(KERNEL)
    assert_same(jax.jit(epoch(rewritten(step)))(KERNEL), wanted)
    assert_same(jax.jit(rewritten(epoch(step)))(KERNEL), wanted)


@pytest.mark.parametrize(
    "nested",
    [
        lambda x, kernel: jax.jit(pooled)(x, kernel),
        lambda x, kernel: jax.checkpoint(pooled)(x, kernel),
        lambda x, kernel: lax.cond(x[0, 0, 0, 0] > 9, jnp.zeros_like, lambda y: 2 * y, pooled(x, kernel)),
        lambda x, kernel: lax.cond(x[0, 0, 0, 0] > 9, lambda: pooled(x, kernel), lambda: -pooled(x, kernel)),
        lambda x, kernel: lax.fori_loop(0, 2, lambda i, total: total + pooled(x + i, kernel), pooled(x, kernel)),
        lambda x, kernel: lax.while_loop(lambda k: jnp.sum(pooled(x, k)) > 99, lambda k: k * 0.5, kernel),
        lambda x, kernel: jax.vmap(lambda x: pooled(x[None], kernel))(x),
        lambda x, kernel: jax.vmap(rewritten(pooled), in_axes=(None, 0))(x, jnp.stack([kernel, 2 * kernel])),
    ],
)
def test_convolutions_in_nested_calls_give_the_same(nested):
    assert_same(jax.jit(rewritten(nested))(X, KERNEL), jax.jit(nested)(X, KERNEL))


def test_a_rewritten_function_may_be_differentiated():
    found = jax.grad(lambda kernel: jnp.sum(rewritten(pooled)(X, kernel) ** 2))(KERNEL)
    assert_same(found, jax.grad(lambda kernel: jnp.sum(pooled(X, kernel) ** 2))(KERNEL))


def test_no_window_of_a_maximum_and_no_foreign_order_of_dimensions_is_left_in_a_program():
    text = str(jax.make_jaxpr(rewritten(jax.jit(step)))(KERNEL, 0.1))
    assert "conv_general_dilated" in text
    assert "select_and_scatter_add" not in text
    assert "reduce_window_max" not in text
    orders = {line.strip() for line in text.splitlines() if "dimension_numbers=ConvDimensionNumbers" in line}
    assert orders == {
        "dimension_numbers=ConvDimensionNumbers(lhs_spec=(0, 3, 1, 2), rhs_spec=(3, 2, 0, 1), out_spec=(0, 3, 1, 2))"
    }


def test_what_has_no_rule_stays_as_it_is():
    def plain(x):
        return {"sum": x.sum(), "many": [jnp.sort(x, axis=0), jnp.argmax(x)]}

    assert_same(rewritten(plain)(X), plain(X))
