import keras
import numpy as np
import pytest
from small_models import BASE, kinds, small, weighted

from ablate.models.build import BUILT_IN, build_model, count_parameters
from ablate.models.layers import LayerSeeds
from ablate.models.mlp import hidden_units
from ablate.models.model_data import classification
from ablate.study.catalog import ACTIVATIONS, INITIALIZERS, NORMALIZATIONS


def mlp(**changes) -> keras.Model:
    return small("mlp", **changes)


def test_normalization_stands_before_the_activation_and_takes_the_bias_away():
    plain, batch = mlp(), mlp(normalization="batch")
    assert kinds(batch) == ["Flatten", *["Dense", "BatchNormalization", "Activation"] * 2, "Dense"]
    assert [layer.use_bias for layer in weighted(batch)] == [False, False, True]
    assert [layer.use_bias for layer in weighted(plain)] == [True, True, True]


def test_normalization_after_the_activation_leaves_the_bias():
    after = mlp(normalization="layer", normalization_place="after", dropout=0.1)
    assert kinds(after) == ["Flatten", *["Dense", "Activation", "LayerNormalization", "Dropout"] * 2, "Dense"]
    assert [layer.use_bias for layer in weighted(after)] == [True, True, True]


def test_inputs_are_augmented_then_flattened_then_normalized():
    model = mlp(input_normalization="batch", augmentation="flip")
    assert kinds(model)[:4] == ["ImageAugmentation", "Flatten", "BatchNormalization", "Dense"]
    assert model.layers[3].gamma.shape == (64,)


def test_the_deep_mlp_has_the_parameters_counted_by_hand():
    model = build_model(
        BUILT_IN["mlp"],
        BASE,
        classification((32, 32, 3), 10),
        layer_seeds=LayerSeeds(0, 1),
        options={"depth": 20, "width": 100},
    )
    assert count_parameters(model) == (3072 * 100 + 100) + 19 * (100 * 100 + 100) + (100 * 10 + 10)
    assert count_parameters(mlp(dropout=0.5)) == count_parameters(mlp())


def test_units_stand_for_depth_and_width():
    assert [layer.units for layer in weighted(mlp(units="30-10", depth=5, width=7))] == [30, 10, 3]
    assert [layer.units for layer in weighted(mlp(units="", depth=3, width=7))] == [7, 7, 7, 3]
    assert (hidden_units("300"), hidden_units("")) == ([300], [])


def test_dropout_stands_behind_each_hidden_layer_or_behind_the_last():
    assert kinds(mlp(dropout=0.1)) == ["Flatten", *["Dense", "Activation", "Dropout"] * 2, "Dense"]
    assert kinds(mlp(dropout=0.1, dropout_at="last")) == ["Flatten", *["Dense", "Activation"] * 2, "Dropout", "Dense"]
    assert kinds(mlp(dropout=0.0, dropout_at="last")) == kinds(mlp())


@pytest.mark.parametrize(
    "changes", [{"activation": a} for a in ACTIVATIONS] + [{"initializer": i} for i in INITIALIZERS]
)
def test_every_known_level_builds(changes):
    assert np.isfinite(mlp(depth=1, **changes)(np.ones((2, 8, 8, 1), np.float32))).all()


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_every_known_normalization_builds(normalization):
    assert mlp(normalization=normalization, input_normalization=normalization).output_shape == (None, 3)


def test_he_draws_are_lecun_draws_rescaled_layer_by_layer():
    he, lecun = mlp().get_weights(), mlp(initializer="lecun_normal").get_weights()
    np.testing.assert_allclose(he[2], np.sqrt(2) * lecun[2], rtol=1e-6)
    assert not np.allclose(he[0], mlp(replicate=2).get_weights()[0])
