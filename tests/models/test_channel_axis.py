"""`channel_axis_hint`: sequences that came as images are explained, other errors are left alone."""

import keras
import pytest
from keras import layers

from ablate.errors import StudyError
from ablate.models.build import build_model
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import classification
from ablate.models.process_settings import channel_axis_hint
from ablate.models.registry import find_builder
from ablate.study.model_ref import ModelRef

OWN = """
import keras
from keras import layers

def lstm(factors, input_shape, n_classes):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(n_classes)(layers.LSTM(4)(inputs)))

def convolution(factors, input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(4, 2)(inputs))
    return keras.Model(inputs, layers.Dense(n_classes)(x))

def fixed(factors, input_shape, n_classes):
    inputs = keras.Input((6, 3))
    return keras.Model(inputs, layers.Dense(n_classes)(layers.LSTM(4)(inputs)))

def reshaped(factors, input_shape, n_classes):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(n_classes)(layers.LSTM(4)(layers.Reshape(input_shape[:-1])(inputs))))

def other(factors, input_shape, n_classes):
    raise ValueError("width must be odd")
"""


@pytest.fixture
def build(tmp_path):
    (tmp_path / "own.py").write_text(OWN)

    def built(function, input_shape):
        builder = find_builder(ModelRef.of(f"own.py:{function}"), base=tmp_path)
        return build_model(builder, {}, classification(input_shape, 2), layer_seeds=LayerSeeds(0, 0), options={})

    return built


@pytest.mark.parametrize("function", ["lstm", "convolution", "fixed"])
def test_a_sequence_model_is_told_of_the_channel_axis(build, function):
    with pytest.raises(
        StudyError,
        match=r"\n  the examples have shape \(6, 3, 1\): ablate adds a channel axis to",
    ):
        build(function, (6, 3, 1))


def test_the_way_out_works(build):
    assert build("reshaped", (6, 3, 1)).output_shape == (None, 2)


def test_other_errors_are_left_as_they_are(build):
    with pytest.raises(ValueError, match=r"^width must be odd$"):
        build("other", (6, 3, 1))
    with pytest.raises(StudyError, match=r"got \(None, 6, 3\)\n  start the model with keras\.Input"):
        build("fixed", (6, 4, 1))


def test_images_with_colours_and_flat_features_are_no_sequences():
    said = "expected ndim=3, found ndim=4"
    assert channel_axis_hint((6, 3, 1), said=said)
    assert channel_axis_hint((6, 3, 3), said=said) == channel_axis_hint((6,), said=said) == ""


def test_what_keras_says_is_recognized():
    with pytest.raises(ValueError, match="ndim=3, found ndim=4"):
        layers.LSTM(4)(keras.Input((6, 3, 1)))
