import keras
import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.levels import ACTIVATIONS, INITIALIZERS, NORMALIZATIONS
from ablate.models.build import (
    BUILT_IN,
    Builder,
    Dropout,
    LayerSeeds,
    advice,
    build_model,
    count_parameters,
    is_softmax,
)

BASE = {"normalization": "none", "activation": "relu", "initializer": "he_normal", "dropout": 0.0}


def mlp(*, depth=2, width=8, replicate=1, **changes) -> keras.Model:
    factors, options = {**BASE, **changes}, {"depth": depth, "width": width}
    seeds = LayerSeeds(0, replicate)
    return build_model(BUILT_IN["mlp"], factors, (4, 4, 1), 3, layer_seeds=seeds, options=options)


def kinds(model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers[1:]]


def test_normalization_stands_before_the_activation_and_takes_the_bias_away():
    plain, batch = mlp(), mlp(normalization="batch")
    assert kinds(batch) == ["Flatten", *["Dense", "BatchNormalization", "Activation"] * 2, "Dense"]
    assert [layer.use_bias for layer in batch.layers if isinstance(layer, keras.layers.Dense)] == [False, False, True]
    assert [layer.use_bias for layer in plain.layers if isinstance(layer, keras.layers.Dense)] == [True, True, True]


def test_the_deep_mlp_has_the_parameters_counted_by_hand():
    model = build_model(
        BUILT_IN["mlp"], BASE, (32, 32, 3), 10, layer_seeds=LayerSeeds(0, 1), options={"depth": 20, "width": 100}
    )
    assert count_parameters(model) == (3072 * 100 + 100) + 19 * (100 * 100 + 100) + (100 * 10 + 10)
    assert count_parameters(mlp(dropout=0.5)) == count_parameters(mlp())


@pytest.mark.parametrize(
    "changes", [{"activation": a} for a in ACTIVATIONS] + [{"initializer": i} for i in INITIALIZERS]
)
def test_every_known_level_builds(changes):
    assert np.isfinite(mlp(depth=1, **changes)(np.ones((2, 4, 4, 1), np.float32))).all()


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_every_known_normalization_builds(normalization):
    assert mlp(normalization=normalization).output_shape == (None, 3)


def test_he_draws_are_lecun_draws_rescaled_layer_by_layer():
    he, lecun = mlp().get_weights(), mlp(initializer="lecun_normal").get_weights()
    np.testing.assert_allclose(he[2], np.sqrt(2) * lecun[2], rtol=1e-6)
    assert not np.allclose(he[0], mlp(replicate=2).get_weights()[0])


def test_selu_gets_alpha_dropout_and_others_plain_dropout():
    def dropouts(**changes):
        return [layer.alpha for layer in mlp(dropout=0.1, **changes).layers if isinstance(layer, Dropout)]

    assert dropouts(activation="selu") == [True, True]
    assert dropouts(activation="relu") == [False, False]
    assert "Dropout" not in kinds(mlp(dropout=0.0))


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


def test_dropout_noise_differs_between_steps_layers_rows_and_columns():
    x = np.ones((300, 400), np.float32)
    layer, other = Dropout(0.5, seed=1), Dropout(0.5, seed=2)
    first, second, elsewhere = (np.asarray(one(x, training=True)) > 0 for one in (layer, layer, other))
    again = np.asarray(Dropout(0.5, seed=1)(x, training=True)) > 0
    assert np.array_equal(first, again)
    for one, two in [(first, second), (first, elsewhere), (first[:-1], first[1:]), (first[:, :-1], first[:, 1:])]:
        assert np.corrcoef(one.ravel(), two.ravel())[0, 1] == pytest.approx(0, abs=0.015)


@pytest.mark.parametrize("initializers", [("he_normal", "orthogonal"), ("random_normal", "glorot_uniform")])
@pytest.mark.parametrize("change", [{}, {"normalization": "batch", "activation": "prelu"}, {"dropout": 0.3}])
def test_a_restarted_model_has_the_values_of_one_built_anew(initializers, change):
    before, after = ({**change, "initializer": name} for name in initializers)
    if "dropout" in change:
        after = {**after, "dropout": 0.1}
    model, anew = mlp(**before), mlp(replicate=2, **after)
    BUILT_IN["mlp"].restart(model, {**BASE, **after}, layer_seeds=LayerSeeds(0, 2))
    for restarted, built in zip(model.variables, anew.variables, strict=True):
        assert restarted.path.rsplit("/", 1)[-1] == built.path.rsplit("/", 1)[-1]
        assert np.array_equal(restarted.numpy(), built.numpy())


def test_a_builder_that_returns_something_else_is_refused():
    def wrong(_factors, shape, _classes, *, layer_seeds):  # noqa: ARG001  # part of the call
        return keras.Sequential([keras.Input(shape), keras.layers.Dense(7)])

    with pytest.raises(StudyError, match=r"output \(None, 3\), got output shape \(None, 7\)"):
        build_model(Builder(wrong), {}, (5,), 3, layer_seeds=LayerSeeds(0, 0), options={})


def built(inputs, **last) -> keras.Model:
    """What a builder with these inputs makes of examples of shape (4, 4)."""

    def build(_factors, _shape, _classes, *, layer_seeds):  # noqa: ARG001  # part of the call
        x = keras.layers.GlobalAveragePooling1D()(inputs)
        return keras.Model(inputs, keras.layers.Dense(3, **last)(x))

    return build_model(Builder(build), {}, (4, 4), 3, layer_seeds=LayerSeeds(0, 0), options={})


def test_a_model_may_take_examples_of_any_length_and_batches_of_no_fixed_one():
    assert built(keras.Input((None, 4))).input_shape == (None, None, 4)
    with pytest.raises(StudyError, match=r"output \(None, 3\), got output shape \(32, 3\)"):
        built(keras.Input((4, 4), batch_size=32))
    with pytest.raises(StudyError, match=r"one input \(None, 4, 4\), got \(None, 4, 5\)\n  begin with keras.Input"):
        built(keras.Input((4, 5)))


def test_weights_that_are_no_numbers_are_refused_by_name():
    with pytest.raises(StudyError, match=r"finite numbers before the first step, those of dense.*/kernel are not"):
        built(keras.Input((4, 4)), kernel_initializer=keras.initializers.Constant(float("inf")))


def test_softmax_at_the_end_is_recognised():
    assert not is_softmax(mlp())
    for last in (keras.layers.Dense(3, activation="softmax"), keras.layers.Softmax()):
        assert is_softmax(keras.Sequential([keras.Input((3,)), last]))


def test_selu_with_the_wrong_company_is_said():
    assert advice({**BASE, "activation": "relu"}) == ()
    assert "lecun_normal" in advice({**BASE, "activation": "selu"})[0]
    assert advice({**BASE, "activation": "selu", "initializer": "lecun_normal"}) == ()
    assert "alpha dropout" in advice({**BASE, "activation": "selu", "initializer": "lecun_normal", "dropout": 0.1})[0]
