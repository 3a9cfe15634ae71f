import keras
import pytest
from small_models import BASE, small

from ablate.errors import StudyError
from ablate.models.build import BUILT_IN, Builder, advice, build_model
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import classification
from ablate.models.outputs import is_softmax
from ablate.study.catalog import MODELS


def test_every_registered_model_is_built_in_with_its_options():
    assert set(BUILT_IN) == set(MODELS)
    assert all(set(BUILT_IN[name].options) == set(kind.options) for name, kind in MODELS.items())


def test_an_option_is_its_factors_level_or_what_is_given_or_its_default():
    def units(factors, **options):
        seeds = LayerSeeds(0, 1)
        model = build_model(
            BUILT_IN["mlp"], {**BASE, **factors}, classification((5,), 3), layer_seeds=seeds, options=options
        )
        return [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)]

    assert units({}) == [64, 64, 3]
    assert units({}, depth=1, width=7) == [7, 3]
    assert units({"width": 9}, depth=1, width=7) == [9, 3]


def test_a_builder_that_returns_something_else_is_refused():
    def wrong(_factors, data, *, layer_seeds):  # noqa: ARG001  # part of the call
        return keras.Sequential([keras.Input(data.input_shape), keras.layers.Dense(7)])

    with pytest.raises(StudyError, match=r"output \(None, 3\), got output shape \(None, 7\)"):
        build_model(Builder(wrong), {}, classification((5,), 3), layer_seeds=LayerSeeds(0, 0), options={})


def built(inputs, **last) -> keras.Model:
    """What a builder with these inputs makes of examples of shape (4, 4)."""

    def build(_factors, _data, *, layer_seeds):  # noqa: ARG001  # part of the call
        x = keras.layers.GlobalAveragePooling1D()(inputs)
        return keras.Model(inputs, keras.layers.Dense(3, **last)(x))

    return build_model(Builder(build), {}, classification((4, 4), 3), layer_seeds=LayerSeeds(0, 0), options={})


def test_a_model_may_take_examples_of_any_length_and_batches_of_no_fixed_one():
    assert built(keras.Input((None, 4))).input_shape == (None, None, 4)
    with pytest.raises(StudyError, match=r"output \(None, 3\), got output shape \(32, 3\)"):
        built(keras.Input((4, 4), batch_size=32))
    with pytest.raises(
        StudyError, match=r"one input \(None, 4, 4\), got \(None, 4, 5\)\n  start the model with keras.Input"
    ):
        built(keras.Input((4, 5)))


def test_weights_that_are_no_numbers_are_refused_by_name():
    with pytest.raises(
        StudyError, match=r"finite before the first step, but dense.*/kernel has NaN or infinite weights"
    ):
        built(keras.Input((4, 4)), kernel_initializer=keras.initializers.Constant(float("inf")))


def test_softmax_at_the_end_is_recognised():
    assert not is_softmax(small("mlp"))
    for last in (keras.layers.Dense(3, activation="softmax"), keras.layers.Softmax()):
        assert is_softmax(keras.Sequential([keras.Input((3,)), last]))


SELU = {**BASE, "activation": "selu", "initializer": "lecun_normal"}


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        (BASE, ()),
        (SELU, ()),
        ({**SELU, "initializer": "he_normal"}, ("selu needs initializer lecun_normal, but this trial uses he_normal",)),
        ({**SELU, "normalization": "batch"}, ("selu already normalizes, but this trial adds batch normalization",)),
        ({**SELU, "dropout": 0.1}, ("selu needs alpha dropout, so this trial uses it",)),
        (
            {**SELU, "dropout": 0.1, "dropout_kind": "plain"},
            ("selu needs alpha dropout, but this trial uses plain dropout",),
        ),
        ({**SELU, "dropout": 0.1, "dropout_kind": "alpha"}, ()),
        (
            {**BASE, "dropout": 0.1, "dropout_kind": "alpha"},
            ("alpha dropout is made for selu, but this trial uses relu",),
        ),
        ({**BASE, "dropout_kind": "alpha"}, ()),
        (
            {**BASE, "mc_samples": 9},
            ("mc_samples changes nothing here: without dropout every pass gives the same result",),
        ),
        ({**BASE, "mc_samples": 9, "dropout": 0.1}, ()),
        (
            {**BASE, "normalization_place": "after"},
            ("there is no normalization, so its place changes nothing here",),
        ),
        (
            {"momentum": 0.5, "optimizer": "ftrl"},
            ("ftrl has no momentum, so the factor momentum changes nothing here",),
        ),
        ({"dropout": "everywhere", "activation": "selu", "mc_samples": 9}, ()),  # a user's own factors
        ({"momentum": 0.5}, ()),  # with the optimizer of a compiled model
    ],
)
def test_what_does_not_go_together_or_does_nothing_is_said(factors, said):
    assert advice(factors) == said
