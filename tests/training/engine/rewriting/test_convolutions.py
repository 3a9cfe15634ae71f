"""Rewritten convolutions against JAX's own: the result and both gradients, over many parameters."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import jax_only
from jax import lax

from ablate.training.engine.rewriting.convolutions import convolution
from ablate.training.engine.rewriting.jaxpr import interpreted

pytestmark = jax_only
RULES = {lax.conv_general_dilated_p: convolution}
NUMBERS = {3: ("NWC", "WIO", "NWC"), 4: ("NHWC", "HWIO", "NHWC"), 5: ("NDHWC", "DHWIO", "NDHWC")}
TOLERANCE = 1e-5  # of the greatest entry


def drawn(shape, dtype="float32"):
    return jnp.asarray(np.random.default_rng(len(shape)).standard_normal(shape), dtype)


def assert_equal_with_gradients(
    x_shape, kernel_shape, *, numbers=None, dtype="float32", tolerance=TOLERANCE, **options
):
    numbers = numbers or NUMBERS[len(x_shape)]
    x, kernel = drawn(x_shape, dtype), drawn(kernel_shape, dtype)

    def convolved(x, kernel):
        return lax.conv_general_dilated(x, kernel, dimension_numbers=numbers, **options)

    def all_of_it(x, kernel, change):
        result, pull = jax.vjp(convolved, x, kernel)
        return result, *pull(change)

    inputs = (x, kernel, drawn(jax.eval_shape(convolved, x, kernel).shape, dtype))
    closed = jax.make_jaxpr(all_of_it)(*inputs)
    found = jax.jit(lambda *inputs: interpreted(closed, inputs, RULES))(*inputs)
    for name, one, other in zip(("result", "by x", "by kernel"), found, jax.jit(all_of_it)(*inputs), strict=True):
        assert one.dtype == other.dtype, name
        off = float(jnp.abs(one - other).max() / jnp.abs(other).max()) if other.any() else float(jnp.abs(one).sum())
        assert off < tolerance, f"{name}: off by {off:.1e} of the greatest entry"


def pads(*sides):
    return tuple(sides)


# A spread of combinations, not all: each line varies what lies beside it.
CASES = [
    {"window_strides": strides, "padding": padding, "rhs_dilation": dilation}
    for strides, padding, dilation in product(
        [(1, 1), (2, 2), (2, 1), (3, 2)], ["SAME", "VALID", pads((2, 0), (1, 3))], [(1, 1), (2, 2), (1, 2)]
    )
    if strides == (1, 1) or dilation != (2, 2)
]
SIZES = [
    ((3, 3, 3), 16),
    ((3, 3, 1), 10),
    ((1, 1, 5), 8),
    ((3, 2, 18), 25),
    ((5, 5, 2), 4),
    ((2, 2, 16), 16),
    ((4, 1, 33), 40),
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_strides_paddings_and_dilations_give_the_same_as_jax(number):
    (*sides, channels), filters = SIZES[number % len(SIZES)]
    assert_equal_with_gradients((3, 9, 12, channels), (*sides, channels, filters), **CASES[number])


@pytest.mark.parametrize(("sides", "filters"), SIZES)
def test_all_sizes_give_the_same_as_jax(sides, filters):
    for padding in ("SAME", "VALID"):
        assert_equal_with_gradients((4, 12, 12, sides[-1]), (*sides, filters), window_strides=(1, 1), padding=padding)


@pytest.mark.parametrize("batch", [1, 2, 6, 7])
def test_large_images_are_equal_in_pieces_of_the_batch(batch):
    assert_equal_with_gradients((batch, 40, 40, 40), (3, 3, 40, 24), window_strides=(1, 1), padding="SAME")


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 1), (4, 3), (1, 2)])
def test_transposed_convolutions_give_the_same_as_jax(size, stride):
    low = max(size, stride) - 1
    for high in (low, low - 1 if low else 1):
        assert_equal_with_gradients(
            (3, 6, 5, 8),
            (size, size, 8, 6),
            window_strides=(1, 1),
            padding=pads((low, high), (high, low)),
            lhs_dilation=(stride, stride),
        )


@pytest.mark.parametrize("multiplier", [1, 2, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolutions_give_the_same_as_jax(multiplier, stride):
    assert_equal_with_gradients(
        (3, 9, 8, 6),
        (3, 3, 1, 6 * multiplier),
        window_strides=(stride, stride),
        padding="SAME",
        feature_group_count=6,
        rhs_dilation=(1, 1) if stride == 2 else (2, 1),
    )


@pytest.mark.parametrize(("groups", "channels", "filters"), [(2, 4, 6), (4, 12, 8), (3, 6, 3)])
def test_groups_give_the_same_as_jax(groups, channels, filters):
    assert_equal_with_gradients(
        (4, 8, 7, channels),
        (3, 2, channels // groups, filters),
        window_strides=(2, 1),
        padding="SAME",
        feature_group_count=groups,
    )


def test_a_depthwise_convolution_of_a_large_kernel_stays_with_xla_and_right():
    assert_equal_with_gradients(
        (2, 12, 12, 4), (8, 8, 1, 4), window_strides=(1, 1), padding="SAME", feature_group_count=4
    )


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", ["SAME", "VALID", ((4, 4),)])
def test_lines_give_the_same_as_jax(stride, padding):
    assert_equal_with_gradients((4, 17, 5), (5, 5, 20), window_strides=(stride,), padding=padding)
    assert_equal_with_gradients((4, 17, 6), (3, 1, 6), window_strides=(stride,), padding=padding, feature_group_count=6)


@pytest.mark.parametrize("strides", [(1, 1, 1), (2, 1, 2)])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_volumes_give_the_same_as_jax(strides, padding):
    assert_equal_with_gradients((2, 6, 5, 7, 4), (3, 3, 2, 4, 6), window_strides=strides, padding=padding)


def test_a_stretched_volume_and_one_in_groups_give_the_same_as_jax():
    assert_equal_with_gradients(
        (2, 3, 4, 3, 4), (2, 2, 2, 4, 6), window_strides=(1,) * 3, padding=((1, 1),) * 3, lhs_dilation=(2, 2, 2)
    )
    assert_equal_with_gradients(
        (2, 4, 4, 4, 4), (3, 3, 3, 2, 4), window_strides=(1,) * 3, padding="SAME", feature_group_count=2
    )


@pytest.mark.parametrize("numbers", [("NCHW", "OIHW", "NCHW"), ("CHWN", "IHWO", "NHWC"), ("HWCN", "OHWI", "CNHW")])
def test_any_order_of_dimensions_gives_the_same_as_jax(numbers):
    sizes = {"N": 2, "C": 3, "H": 8, "W": 6}
    kernel_sizes = {"O": 20, "I": 3, "H": 3, "W": 2}
    assert_equal_with_gradients(
        tuple(sizes[letter] for letter in numbers[0]),
        tuple(kernel_sizes[letter] for letter in numbers[1]),
        numbers=numbers,
        window_strides=(2, 1),
        padding="SAME",
    )


def test_half_precision_and_empty_batches_give_the_same_as_jax():
    assert_equal_with_gradients(
        (4, 8, 8, 3), (3, 3, 3, 16), window_strides=(1, 1), padding="SAME", dtype="bfloat16", tolerance=0.01
    )
    assert_equal_with_gradients((0, 8, 8, 3), (3, 3, 3, 16), window_strides=(1, 1), padding="SAME")


def test_integers_are_left_to_xla():
    x, kernel = jnp.arange(32).reshape(1, 4, 4, 2), jnp.arange(16).reshape(2, 2, 2, 2)

    def convolved(x):
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=NUMBERS[4])

    closed = jax.make_jaxpr(convolved)(x)
    np.testing.assert_array_equal(interpreted(closed, [x], RULES)[0], convolved(x))
