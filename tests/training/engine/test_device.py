import os
import subprocess
import sys

import keras
import pytest

from ablate.training.engine.device import prepare_backend


@pytest.fixture
def settings():
    """Keras' settings as they were."""
    kept = keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()
    yield
    keras.config.set_floatx(kept[0])
    keras.config.set_epsilon(kept[1])
    keras.config.set_image_data_format(kept[2])


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("floatx", ["float16", "float64", "bfloat16"])
def test_the_settings_of_keras_that_decide_numbers_are_ours(floatx):
    keras.config.set_floatx(floatx)  # as keras.json does
    keras.config.set_epsilon(1e-3)
    keras.config.set_image_data_format("channels_first")
    prepare_backend(keras.backend.backend())
    assert keras.config.floatx() == keras.layers.Dense(1).variable_dtype == "float32"
    assert keras.config.epsilon() == 1e-7
    assert keras.layers.Conv2D(1, 1).data_format == "channels_last"


@pytest.mark.slow
def test_a_keras_json_that_cannot_be_taken_is_named(tmp_path):
    (tmp_path / "keras.json").write_text('{"floatx": "float8"}')
    code = """
import sys
from ablate.training.engine.device import prepare_backend
from ablate.errors import AblateError
try:
    prepare_backend(sys.argv[1])
except AblateError as err:
    print(err)
"""
    environment = os.environ | {"KERAS_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, keras.backend.backend()],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"{tmp_path / 'keras.json'}: Keras cannot start with this file")
    assert done.stdout.endswith("correct or remove the file\n")
