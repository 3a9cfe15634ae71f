import itertools
import math

import keras
import numpy as np
import pytest
from scipy import stats

from ablate.models.initializers import HostDrawn, output_initializer, reseeded, seeded_initializer
from ablate.study.catalog import INITIALIZERS

CONSTANT = ("zeros", "ones")
DRAWN = [name for name in INITIALIZERS if name not in CONSTANT]
ELEMENTWISE = [name for name in DRAWN if name != "orthogonal"]
SHAPES = [(300, 120), (3, 3, 40, 60), (5, 5, 60, 12), (4000,), (3, 2, 2, 30, 50)]  # dense, convolutions, a bias


def drawn(level, shape, *, seed=3, **given) -> np.ndarray:
    return np.asarray(seeded_initializer(level, seed=seed)(shape, **given))


def of_keras(name, shape, *, seed=3) -> np.ndarray:
    initializer = keras.initializers.get(name)
    return np.asarray(type(initializer).from_config({**initializer.get_config(), "seed": seed})(shape))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_numbers_come_from_the_distribution_of_keras(name, shape):
    """A Kolmogorov-Smirnov distance of two samples sees a wrong SD, mean, bound or kind of distribution."""
    mine, theirs = drawn(name, shape).ravel(), of_keras(name, shape).ravel()
    assert mine.dtype == theirs.dtype == np.float32
    assert stats.ks_2samp(mine, theirs).pvalue > 1e-3
    error = theirs.std() / math.sqrt(theirs.size)
    assert abs(mine.mean() - theirs.mean()) < 5 * error
    assert abs(mine.std() - theirs.std()) < 5 * error
    largest = np.abs(theirs).max()
    assert np.abs(mine).max() == pytest.approx(largest, rel=0.25 if name == "random_normal" else 0.02)


@pytest.mark.parametrize(
    ("name", "sd", "bound"),
    [
        ("he_normal", math.sqrt(2 / 400), 2 / 0.87962566103423978),
        ("lecun_normal", math.sqrt(1 / 400), 2 / 0.87962566103423978),
        ("glorot_normal", math.sqrt(2 / 1000), 2 / 0.87962566103423978),
        ("he_uniform", math.sqrt(2 / 400), math.sqrt(3)),
        ("lecun_uniform", math.sqrt(1 / 400), math.sqrt(3)),
        ("glorot_uniform", math.sqrt(2 / 1000), math.sqrt(3)),
        ("truncated_normal", 0.05 * 0.87962566103423978, 2 / 0.87962566103423978),
        ("random_normal", 0.05, math.inf),
        ("random_uniform", 0.05 / math.sqrt(3), math.sqrt(3)),
    ],
)
def test_the_sd_is_that_of_its_formula_and_no_number_is_beyond_its_bound(name, sd, bound):
    numbers = drawn(name, (400, 600))
    assert numbers.std() == pytest.approx(sd, rel=0.005)
    assert abs(numbers.mean()) < 5 * sd / math.sqrt(numbers.size)
    most = np.abs(numbers).max() / sd
    assert most <= bound * (1 + 1e-6)
    assert most > (4 if name == "random_normal" else 0.99 * bound)


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(["he_normal", "lecun_normal", "glorot_normal"], 2)])
def test_the_normal_kinds_are_rescalings_of_the_same_draws(one, other):
    ratio = drawn(one, (3, 3, 8, 16)) / drawn(other, (3, 3, 8, 16))
    np.testing.assert_allclose(ratio, ratio[0, 0, 0, 0], rtol=1e-6)


@pytest.mark.parametrize("shape", [(60, 20), (20, 60), (30, 30), (3, 3, 4, 50), (3, 3, 20, 10), (1, 7), (7, 1)])
def test_an_orthogonal_matrix_has_orthonormal_columns_or_rows(shape):
    matrix = drawn("orthogonal", shape).reshape(-1, shape[-1]).astype(np.float64)
    rows, columns = matrix.shape
    product = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    np.testing.assert_allclose(product, np.eye(min(rows, columns)), atol=1e-6)
    with_gain = reseeded(keras.initializers.Orthogonal(gain=3.0), seed=3)(shape)
    np.testing.assert_allclose(with_gain, 3 * drawn("orthogonal", shape), rtol=1e-6)


def test_orthogonal_matrices_have_no_preferred_direction():
    """Without the signs of the triangular factor the diagonal of each would be negative."""
    first = np.array([drawn("orthogonal", (4, 4), seed=seed)[0, 0] for seed in range(400)])
    assert abs(first.mean()) < 5 * 0.5 / math.sqrt(400)
    assert first.std() == pytest.approx(0.5, rel=0.15)  # an entry's variance is one over the side


@pytest.mark.parametrize("name", DRAWN)
def test_a_seed_gives_the_same_numbers_again_and_another_seed_gives_others(name):
    assert np.array_equal(drawn(name, (6, 4)), drawn(name, (6, 4)))
    assert not np.array_equal(drawn(name, (6, 4)), drawn(name, (6, 4), seed=4))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_scaled_initializer_multiplies_the_same_draws_by_a_number(name):
    np.testing.assert_allclose(drawn(f"{name}*2.5", (6, 4)), 2.5 * drawn(name, (6, 4)), rtol=1e-6)


@pytest.mark.parametrize("name", ["he_normal", "glorot_uniform", "random_normal", "orthogonal*2", "zeros"])
@pytest.mark.parametrize(("dtype", "rtol"), [("float16", 1e-3), ("bfloat16", 8e-3)])
def test_half_precision_gets_the_rounded_numbers_of_full_precision(name, dtype, rtol):
    half = seeded_initializer(name, seed=3)((40, 30), dtype=dtype)
    assert keras.backend.standardize_dtype(half.dtype) == dtype
    rounded = keras.ops.convert_to_numpy(keras.ops.cast(half, "float32"))
    np.testing.assert_allclose(rounded, drawn(name, (40, 30)), rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (3, 3, 0, 4)])
def test_a_shape_without_elements_gives_none(name, shape):
    assert drawn(name, shape).shape == shape


def test_a_huge_fan_in_gives_small_finite_numbers():
    numbers = drawn("he_normal", (2_000_000, 1))
    assert numbers.std() == pytest.approx(1e-3, rel=0.01)


@pytest.mark.parametrize("level", ["he_normal", "he_normal*0.5", "orthogonal", "random_uniform*3"])
def test_an_initializer_is_rebuilt_from_its_configuration(level):
    made = seeded_initializer(level, seed=3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert np.array_equal(again((3, 2)), made((3, 2)))


def test_an_initializer_with_arguments_keeps_them():
    made = reseeded(keras.initializers.RandomNormal(mean=3.0, stddev=0.5), seed=1)((200, 200))
    assert (np.mean(made), np.std(made)) == pytest.approx((3.0, 0.5), rel=0.02)
    made = reseeded(keras.initializers.VarianceScaling(4.0, "fan_out", "untruncated_normal"), seed=1)((100, 400))
    assert np.std(made) == pytest.approx(0.1, rel=0.02)
    assert np.abs(made).max() > 0.1 * 2.5


def test_a_seed_can_be_replaced_by_another():
    again = reseeded(seeded_initializer("he_normal", seed=1), seed=2)((6, 4))
    assert np.array_equal(again, drawn("he_normal", (6, 4), seed=2))


def test_an_initializer_that_does_not_draw_stays_as_it_is():
    constant = keras.initializers.Constant(3.0)
    assert reseeded(constant, seed=1) is constant
    assert np.array_equal(drawn("identity", (2, 2)), np.eye(2))


def test_a_random_initializer_that_is_not_of_keras_is_refused():
    class Own(keras.initializers.Initializer):
        def __init__(self, seed=None):
            self.seed = seed

        def get_config(self):
            return {"seed": self.seed}

    with pytest.raises(TypeError, match="Own: not one of Keras' random initializers"):
        HostDrawn(Own(1))((2, 2))


def test_the_output_layer_has_one_initializer_but_behind_constant_weights():
    assert {output_initializer(name) for name in ("he_normal", "random_normal*20")} == {"glorot_uniform"}
    assert [output_initializer(name) for name in ("zeros", "ones*0.1")] == ["zeros", "ones*0.1"]
