import keras
import numpy as np
import pytest

from ablate.models.layers import (
    Dropout,
    activation_layer,
    input_normalization_layer,
)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_keeps_the_mean_and_drops_its_share(rate):
    x = np.ones((200, 500), np.float32)
    y = np.asarray(Dropout(rate, seed=1)(x, training=True))
    assert (y == 0).mean() == pytest.approx(rate, abs=0.01)
    assert y.mean() == pytest.approx(1.0, abs=0.01)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / (1 - rate))}
    assert np.array_equal(Dropout(rate, seed=1)(x, training=False), x)


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_alpha_dropout_keeps_mean_and_variance_of_standard_inputs(rate):
    x = np.random.default_rng(0).standard_normal((400, 500)).astype(np.float32)
    y = np.asarray(Dropout(rate, seed=1, alpha=True)(x, training=True))
    assert y.mean() == pytest.approx(0.0, abs=0.01)
    assert y.std() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("alpha", "keras_layer"), [(False, keras.layers.Dropout), (True, keras.layers.AlphaDropout)])
def test_what_is_kept_and_what_is_dropped_become_what_keras_makes_of_them(alpha, keras_layer):
    x = np.full((50, 50), 0.7, np.float32)
    mine, theirs = Dropout(0.3, seed=1, alpha=alpha), keras_layer(0.3, seed=1)
    np.testing.assert_allclose(np.unique(mine(x, training=True)), np.unique(theirs(x, training=True)), rtol=1e-6)


def test_dropout_noise_differs_between_steps_layers_rows_and_columns():
    x = np.ones((300, 400), np.float32)
    layer, other = Dropout(0.5, seed=1), Dropout(0.5, seed=2)
    first, second, elsewhere = (np.asarray(one(x, training=True)) > 0 for one in (layer, layer, other))
    again = np.asarray(Dropout(0.5, seed=1)(x, training=True)) > 0
    assert np.array_equal(first, again)
    for one, two in [(first, second), (first, elsewhere), (first[:-1], first[1:]), (first[:, :-1], first[:, 1:])]:
        assert np.corrcoef(one.ravel(), two.ravel())[0, 1] == pytest.approx(0, abs=0.015)


def test_dropout_that_is_always_on_drops_in_evaluation_too():
    x = np.ones((20, 50), np.float32)
    assert np.array_equal(Dropout(0.5, seed=1, always=True)(x), Dropout(0.5, seed=1)(x, training=True))


def test_dropout_is_rebuilt_from_its_configuration():
    dropout = Dropout(0.5, seed=1, alpha=True, always=True)
    again = Dropout.from_config(dropout.get_config())
    assert (again.rate, again.seed, again.alpha, again.always) == (0.5, 1, True, True)


def test_layer_normalization_of_inputs_leaves_something_of_an_image_of_one_channel():
    x = np.random.default_rng(0).uniform(0, 255, (5, 6, 6, 1)).astype(np.float32)
    y = np.asarray(input_normalization_layer("layer", (6, 6, 1))(x))
    np.testing.assert_allclose(y.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((1, 2, 3)), 1, atol=1e-3)


def test_a_trained_slope_is_one_for_each_unit_or_for_each_channel():
    dense, image = activation_layer("prelu"), activation_layer("prelu", shared_axes=(1, 2))
    dense.build((None, 7))
    image.build((None, 4, 4, 7))
    assert (dense.alpha.shape, image.alpha.shape) == ((7,), (1, 1, 7))
