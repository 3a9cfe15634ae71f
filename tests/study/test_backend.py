"""Which of Keras' backends trains a study, by setting, environment, installation and code; nothing is imported."""

import importlib.util
import os
import sys

import pytest
from study_texts import GOOD, OWN_MODEL, OWN_TRAIN

from ablate.errors import StudyError
from ablate.study import backend
from ablate.study.backend import (
    BackendChoice,
    backend_of,
    backend_used,
    choose_backend,
    keras_on,
    trains_here,
    usual_backend,
)
from ablate.study.given_functions import GivenFunction
from ablate.study.model_ref import ModelRef

JAX, TENSORFLOW = BackendChoice("jax", "auto"), BackendChoice("tensorflow", "auto")


class Blocked:
    """A finder that hides libraries, as if they were not installed."""

    def __init__(self, *names):
        self.names = names

    def find_spec(self, name, _path=None, _target=None):
        if name in self.names:
            raise ModuleNotFoundError(name)


@pytest.fixture
def hide(monkeypatch):
    def hide(*names):
        for name in names:
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setattr(sys, "meta_path", [Blocked(*names), *sys.meta_path])

    return hide


def on(study, **environ):
    return choose_backend(study, environ=environ)


@pytest.fixture
def own(load, tmp_path):
    """A study of a user's build with this code."""

    def own(code, *overrides, **files):
        for name, text in {"nets": code, **files}.items():
            (tmp_path / f"{name}.py").write_text(text)
        return load(OWN_MODEL, *overrides)

    return own


def test_auto_is_jax_where_it_is_installed(load):
    assert on(load()) == usual_backend(environ={}) == JAX


def test_without_jax_auto_is_tensorflow_and_says_why(load, hide):
    hide("jax")
    assert on(load()) == BackendChoice("tensorflow", "auto: jax is not installed")
    assert not trains_here("jax")
    with pytest.raises(StudyError, match=r'training.backend: "jax": jax is not installed\n  .*\[jax\]", or choose'):
        on(load(GOOD, 'training.backend="jax"'))
    with pytest.raises(StudyError, match=r"^KERAS_BACKEND=jax: jax is not installed"):
        on(load(), KERAS_BACKEND="jax")


def test_a_folder_named_jax_is_no_library(load, monkeypatch, tmp_path):
    (tmp_path / "jax").mkdir()
    spec = importlib.util.spec_from_loader("jax", loader=None, is_package=True)
    monkeypatch.setattr(backend, "find_spec", lambda name: spec if name == "jax" else None)
    assert on(load()) == BackendChoice("tensorflow", "auto: jax is not installed")


def test_a_jax_too_old_is_not_taken(load, monkeypatch):
    monkeypatch.setattr(backend, "version", lambda _: "0.4.30")
    assert on(load()) == BackendChoice("tensorflow", "auto: jax 0.4.30 is older than 0.10")
    with pytest.raises(StudyError, match=r"jax 0\.4\.30 is older than 0\.10\n  install it with"):
        on(load(GOOD, "training.backend=jax"))
    monkeypatch.setattr(backend, "version", lambda _: "1.0.1")
    assert on(load()) == JAX


def test_the_environment_comes_before_auto_and_the_setting_before_the_environment(load):
    assert on(load(), KERAS_BACKEND="tensorflow") == BackendChoice("tensorflow", "KERAS_BACKEND")
    named = load(GOOD, "training.backend=jax")
    assert on(named, KERAS_BACKEND="tensorflow") == BackendChoice("jax", "training.backend")
    assert on(named, KERAS_BACKEND="torch") == BackendChoice("jax", "training.backend")  # it is not asked
    assert on(load(), KERAS_BACKEND="") == JAX
    assert backend_of(named, environ={}) == "jax"


@pytest.mark.parametrize("other", ["torch", "openvino", "JAX", "jax "])
def test_a_backend_that_ablate_has_not_is_refused_with_the_way_out(load, other):
    with pytest.raises(StudyError, match=r"ablate trains on jax or tensorflow\n  unset KERAS_BACKEND, or set") as said:
        on(load(), KERAS_BACKEND=other)
    assert str(said.value).startswith(f"KERAS_BACKEND={other}: ")


@pytest.mark.parametrize(
    ("code", "module"),
    [
        ("import tensorflow as tf\n", "tensorflow"),
        ("from tensorflow.keras import layers\n", "tensorflow"),
        ("def build(factors):\n    import tensorflow_probability.python as tfp\n", "tensorflow_probability"),
        ("import tf_keras\n", "tf_keras"),
    ],
)
def test_code_that_imports_tensorflow_trains_on_it(own, code, module):
    assert on(own(code)) == BackendChoice("tensorflow", f"auto: nets.py imports {module}")
    assert on(own(code), KERAS_BACKEND="tensorflow").by == "KERAS_BACKEND"
    with pytest.raises(StudyError, match=f"KERAS_BACKEND=jax cannot train this study: nets.py imports {module}\n"):
        on(own(code), KERAS_BACKEND="jax")
    with pytest.raises(StudyError, match=r'training.backend: "jax" cannot train this study.*\n  use keras.ops'):
        on(own(code, "training.backend=jax"))


def test_the_file_that_imports_it_is_named_also_where_it_is_not_the_models(own):
    study = own("import blocks\n", blocks="import tensorflow\n")
    assert on(study).by == "auto: blocks.py imports tensorflow"
    metric = ('metric.name="scores.py:mean"', "metric.goal=maximize")
    by_metric = own("import keras\n", *metric, scores="import tensorflow")
    assert on(by_metric).by == "auto: scores.py imports tensorflow"


@pytest.mark.parametrize("code", ["import keras\n", "import tensorflow_datasets\n", "# import tensorflow\n", "def (:"])
def test_other_code_trains_on_jax(own, code):
    assert on(own(code)) == JAX


def test_code_of_the_data_decides_nothing(own):
    assert on(own("import keras\n", 'data.name="reads.py:load"', reads="import tensorflow\n")) == JAX


def test_a_layer_that_no_program_of_jax_can_run_is_left_to_tensorflow_unless_jax_is_named(own):
    code = "import keras\nlookup = keras.layers.IntegerLookup\n"
    assert on(own(code)).by == "auto: nets.py uses IntegerLookup"
    assert on(own("from keras.layers import StringLookup as S\n")).by == "auto: nets.py uses StringLookup"
    assert on(own(code), KERAS_BACKEND="jax") == BackendChoice("jax", "KERAS_BACKEND")


def test_a_step_as_keras_calls_it_on_tensorflow_is_left_to_tensorflow(own):
    code = "import keras\nclass Own(keras.Model):\n    def {}({}):\n        pass\n"
    assert on(own(code.format("train_step", "self, data"))).by == "auto: nets.py has a train_step(self, data)"
    assert on(own(code.format("test_step", "self, batch"))).by == "auto: nets.py has a test_step(self, data)"
    assert on(own(code.format("train_step", "self, state, data"))) == JAX
    assert on(own(code.format("train_step", "self, *given"))) == JAX
    assert on(own(code.format("predict", "self, data"))) == JAX


def test_a_function_of_a_script_is_named_as_it_is_shown(tiny_study):
    given = GivenFunction("s.py:build", "build (defined in s.py)", "d", imported=frozenset({"tensorflow"}))
    functions = {given.name: given}
    study = tiny_study.model_copy(update={"model": ModelRef.of(given.name, given=given), "functions": functions})
    assert on(study).by == "auto: build (defined in s.py) imports tensorflow"


def test_where_a_function_trains_no_backend_does(load):
    assert backend_used(load(OWN_TRAIN)) == ""
    assert backend_used(load(GOOD, "training.backend=tensorflow")) == "tensorflow"


def test_a_choice_is_said_with_its_version_if_that_is_known():
    assert JAX.said({"jax": "0.10.2", "keras": "3.15"}) == "jax 0.10.2 (auto)"
    assert BackendChoice("tensorflow", "auto: a.py imports tensorflow").said({}) == (
        "tensorflow (auto: a.py imports tensorflow)"
    )


def test_keras_is_imported_on_the_studys_backend_and_the_environment_stays(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    for before in ("tensorflow", None):
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
        if before:
            monkeypatch.setenv("KERAS_BACKEND", before)
        with keras_on("jax"):
            assert os.environ["KERAS_BACKEND"] == "jax"
        assert os.environ.get("KERAS_BACKEND") == before
        with keras_on(""):
            assert os.environ.get("KERAS_BACKEND") == before
    with pytest.raises(ZeroDivisionError), keras_on("jax"):
        1 / 0  # noqa: B018  # for its error
    assert "KERAS_BACKEND" not in os.environ


def test_a_keras_that_runs_already_is_left_alone(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setitem(sys.modules, "keras", sys)  # any module
    with keras_on("jax"):
        assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_a_wrong_value_of_the_setting_lists_the_three(complaint):
    said = complaint(GOOD, "training.backend=torch")
    assert said == '--set training.backend: unknown value "torch"\n  known: auto, jax, tensorflow'


@pytest.mark.parametrize("name", ["jax", "tensorflow"])
def test_the_models_of_this_package_train_on_either(load, name):
    assert on(load(), KERAS_BACKEND=name) == BackendChoice(name, "KERAS_BACKEND")
    assert on(load(GOOD, f"training.backend={name}")) == BackendChoice(name, "training.backend")


def test_tensorflow_that_is_not_installed_is_refused_with_the_way_to_install_it(load, hide):
    hide("tensorflow")
    with pytest.raises(StudyError) as said:
        on(load(GOOD, "training.backend=tensorflow"))
    assert str(said.value) == (
        'training.backend: "tensorflow": tensorflow is not installed\n'
        "  install it with: pip install tensorflow, or choose another backend"
    )


def test_a_loss_of_the_users_is_code(own):
    by_loss = own("import keras\n", 'training.loss="loss.py:far"', loss="import tensorflow as tf\n")
    assert on(by_loss).by == "auto: loss.py imports tensorflow"


def test_a_file_that_is_missing_is_left_to_whoever_imports_it(load):
    assert on(load(OWN_MODEL)) == JAX
