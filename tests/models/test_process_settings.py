import keras
import pytest

from ablate.errors import StudyError
from ablate.models.build import Builder, build_model
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import classification
from ablate.models.process_settings import settings_kept
from ablate.models.registry import find_builder
from ablate.study.model_ref import ModelRef


def settings():
    config = keras.config
    return config.floatx(), config.dtype_policy().name, config.image_data_format(), config.epsilon()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: keras.config.set_floatx("float16"), "floatx to float16, .*\n  .*training.precision"),
        (lambda: keras.mixed_precision.set_global_policy("mixed_float16"), "dtype policy to mixed_float16"),
        (lambda: keras.config.set_image_data_format("channels_first"), "image data format to channels_first"),
        (lambda: keras.config.set_epsilon(0.1), "epsilon to 0.1"),
    ],
)
def test_a_setting_of_the_process_is_set_back_and_refused(change, said):
    def build(_factors, data, *, layer_seeds):  # noqa: ARG001  # part of the call
        change()
        return keras.Sequential([keras.Input(data.input_shape), keras.layers.Dense(data.n_classes)])

    before = settings()
    with pytest.raises(StudyError, match=f"model: build sets Keras' {said}"):
        build_model(Builder(build), {}, classification((5,), 3), layer_seeds=LayerSeeds(0, 0), options={})
    assert settings() == before


def test_so_is_one_that_a_file_sets_when_it_is_imported(tmp_path):
    (tmp_path / "mine.py").write_text("import keras\nkeras.config.set_floatx('float64')\ndef build(): pass\n")
    with pytest.raises(StudyError, match=r"mine.py sets Keras' floatx to float64"):
        find_builder(ModelRef.of("mine.py:build"), base=tmp_path)
    assert settings()[0] == "float32"


def test_what_fails_is_not_said_to_have_set_anything():
    def fails():
        with settings_kept("it"):
            keras.config.set_floatx("float16")
            raise ZeroDivisionError

    before = settings()
    with pytest.raises(ZeroDivisionError):
        fails()
    assert settings() == before
    with settings_kept("it"):
        keras.config.set_floatx("float32")
