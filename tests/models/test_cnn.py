import numpy as np
import pytest
from small_models import kinds, small, weighted

from ablate.errors import StudyError
from ablate.models.build import count_parameters

PAIRS = {
    "stages": 3, "convolutions": 2, "filters": 50, "growth": 1, "normalization": "batch", "bias": "all", "units": "50",
    "dense_normalization": "none",
}  # fmt: skip
MNIST, CIFAR = (28, 28, 1), (32, 32, 3)


@pytest.mark.parametrize(
    ("parameters", "shape", "options"),
    [
        (197_210, MNIST, {"stages": 1, "convolutions": 1, "filters": 10, "units": "100"}),
        (137_510, MNIST, PAIRS),
        (87_135, MNIST, {**PAIRS, "bottleneck": 25}),
    ],
)
def test_published_networks_have_the_published_number_of_parameters(parameters, shape, options):
    assert count_parameters(small("cnn", shape=shape, classes=10, **options)) == parameters


def test_the_tiny_network_has_its_15_750_parameters_of_which_6_are_not_trained():
    tiny = {"stages": 2, "convolutions": 1, "filters": 1, "growth": 2, "padding": "valid", "pooling": "none"}
    model = small("cnn", shape=CIFAR, classes=10, normalization="batch", units="", bias="all", **tiny)
    assert kinds(model) == [*["Conv2D", "BatchNormalization", "Activation"] * 2, "Flatten", "Dense"]
    assert count_parameters(model) == 15_750
    assert sum(np.prod(variable.shape) for variable in model.non_trainable_variables) == 6


def test_a_stage_is_convolutions_and_pooling_and_each_has_more_filters():
    model = small("cnn", stages=2, convolutions=2, filters=4, growth=3, units="7-5")
    stage, dense = [*["Conv2D", "Activation"] * 2, "MaxPooling2D"], ["Dense", "Activation"] * 2
    assert kinds(model) == [*stage, *stage, "Flatten", *dense, "Dense"]
    assert [layer.kernel.shape[-1] for layer in weighted(model)] == [4, 4, 12, 12, 7, 5, 3]
    assert model.layers[-6].output.shape == (None, 2 * 2 * 12)


@pytest.mark.parametrize(
    ("changes", "order"),
    [
        ({}, ["Conv2D", "BatchNormalization", "Activation"]),
        ({"normalization_place": "after"}, ["Conv2D", "Activation", "BatchNormalization"]),
        ({"bottleneck": 2}, ["Conv2D", "Activation", "Conv2D", "BatchNormalization", "Activation"]),
        (
            {"input_normalization": "batch", "augmentation": "flip"},
            ["ImageAugmentation", "BatchNormalization", "Conv2D"],
        ),
    ],
)
def test_the_order_of_a_convolutions_layers(changes, order):
    assert kinds(small("cnn", normalization="batch", **changes))[: len(order)] == order


@pytest.mark.parametrize(
    ("changes", "biases"),
    [
        ({}, [False, False, False, True]),
        ({"bias": "all"}, [True, True, True, True]),
        ({"normalization_place": "after"}, [True, True, True, True]),
        ({"dense_normalization": "none"}, [False, False, True, True]),
        ({"bottleneck": 2}, [True, False, False, False, True]),  # the first convolution's activation follows at once
    ],
)
def test_what_stands_before_a_normalization_has_no_bias(changes, biases):
    assert [layer.use_bias for layer in weighted(small("cnn", normalization="batch", **changes))] == biases


@pytest.mark.parametrize(
    ("place", "before"),
    [("dense", ["Activation", "Activation"]), ("flatten", ["Flatten"]), ("stages", ["MaxPooling2D", "MaxPooling2D"])],
)
def test_dropout_stands_where_it_is_asked_for(place, before):
    made = kinds(small("cnn", dropout=0.2, dropout_at=place, units="7-5"))
    assert [made[number - 1] for number, kind in enumerate(made) if kind == "Dropout"] == before


def test_pixels_left_over_are_dropped_in_pooling_and_valid_convolutions_take_an_edge():
    sides = [layer.output.shape[1] for layer in small("cnn", shape=(29, 29, 1), pooling="average").layers[:7]]
    assert sides == [29, 29, 29, 14, 14, 14, 7]
    valid = small("cnn", shape=(29, 29, 1), padding="valid", kernel=5)
    assert [layer.output.shape[1] for layer in valid.layers[:7]] == [29, 25, 25, 12, 8, 8, 4]


@pytest.mark.parametrize(
    "changes", [{"activation": "prelu"}, {"normalization": "layer"}, {"initializer": "orthogonal"}]
)
def test_levels_that_make_a_convolution_another_one_build(changes):
    assert np.isfinite(small("cnn", **changes)(np.ones((2, 8, 8, 1), np.float32))).all()


TOO_SMALL = r"model.stages: {} does not fit in stage {}: only {} pixels are left\n  use fewer"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"shape": (64,)},
            r"cnn needs images \(height, width, channels\), but these examples have shape \(64,\)\n  choose",
        ),
        ({"stages": 4}, TOO_SMALL.format("pooling of 2 × 2 pixels", 4, "1 × 1")),
        ({"padding": "valid", "kernel": 5}, TOO_SMALL.format("a convolution of 5 × 5 pixels", 2, "2 × 2")),
        (
            {"units": "", "dropout": 0.1},
            'model.dropout_at: "dense" drops units of dense layers, but model.units is empty',
        ),
    ],
)
def test_what_cannot_be_built_is_refused(changes, message):
    with pytest.raises(StudyError, match=message):
        small("cnn", **changes)


def test_without_dropout_it_does_not_matter_where_it_would_be():
    assert "Dropout" not in kinds(small("cnn", units="", dropout_at="dense"))
