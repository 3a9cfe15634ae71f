"""Which of Keras' backends trains a study: what is asked for, what is installed, and what its code imports."""

import pytest

from ablate.errors import StudyError
from ablate.study.backend import backend_of, backend_used, imported_tensorflow, usual_backend
from ablate.study.given_functions import GivenFunction
from ablate.study.model_ref import ModelRef


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Lets exactly these libraries be installed; both, until it is called."""

    def only(*names):
        monkeypatch.setattr("ablate.study.backend.find_spec", lambda name: name if name in names else None)

    only("jax", "tensorflow")
    return only


@pytest.fixture
def study_of(tiny_study, tmp_path):
    """A study whose files hold these texts."""

    def study(model="mine.py:build", backend="auto", loss=None, metric=None, data=None, functions=(), **files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        training = {"backend": backend, "loss": loss}
        changes = {
            "base": tmp_path,
            "model": model if isinstance(model, ModelRef) else ModelRef.of(model),
            "training": tiny_study.training.model_copy(update=training),
            "functions": {one.name: one for one in functions},
        }
        if metric:
            changes["metric"] = tiny_study.metric.model_copy(update={"name": metric})
        if data:
            changes["data"] = tiny_study.data.model_copy(update={"name": data})
        return tiny_study.model_copy(update=changes)

    return study


def of(study, **environ):
    return backend_of(study, environ=environ)


def test_auto_is_jax_where_it_is_installed_and_tensorflow_where_it_is_not(study_of, installed):
    study = study_of(mine="import keras\n")
    assert of(study) == of(study, KERAS_BACKEND="") == usual_backend(environ={}) == "jax"
    installed("tensorflow")
    assert of(study) == usual_backend(environ={}) == "tensorflow"


def test_auto_is_tensorflow_for_code_that_imports_it(study_of):
    for text in (
        "import tensorflow as tf\n",
        "from tensorflow.keras import layers\n",
        "import os, tensorflow_probability as tfp\n",
        "def build(factors):\n    import tf_keras\n",
    ):
        assert of(study_of(mine=text)) == "tensorflow", text
    for text in ("import keras\n", "# import tensorflow\n", "import tensorflowjs\n", "from . import tensorflow\n"):
        assert of(study_of(mine=text)) == "jax", text


def test_files_that_the_code_imports_count_and_so_do_loss_and_metric(study_of):
    assert of(study_of(mine="import blocks\n", blocks="import tensorflow\n")) == "tensorflow"
    uses = "import tensorflow as tf\ndef f(y_true, y_pred): ...\n"
    plain = {"mine": "import keras\n", "other": uses}
    assert of(study_of(loss="other.py:f", **plain)) == "tensorflow"
    assert of(study_of(metric="other.py:f", **plain)) == "tensorflow"
    assert of(study_of("mlp", metric="other.py:f", **plain)) == "tensorflow"
    assert of(study_of(**plain)) == of(study_of("mlp", **plain)) == "jax"


def test_a_function_of_the_data_may_import_what_it_likes(study_of):
    study = study_of(data="load.py:load", mine="import keras\n", load="import tensorflow_datasets\nimport tensorflow\n")
    assert of(study) == "jax"
    assert imported_tensorflow(study) == ""


def test_functions_that_a_script_hands_over_count_by_what_they_import(study_of):
    given = GivenFunction("nb.py:build", "build (defined in nb.py)", "abc", imported=frozenset({"keras", "tensorflow"}))
    assert of(study_of(ModelRef.of("nb.py:build", given=given), functions=[given])) == "tensorflow"
    plain = GivenFunction("nb.py:build", "build (defined in nb.py)", "abc", imported=frozenset({"keras"}))
    assert of(study_of(ModelRef.of("nb.py:build", given=plain), functions=[plain])) == "jax"


def test_registered_models_run_on_either(study_of):
    for backend in ("jax", "tensorflow"):
        assert of(study_of("cnn", backend)) == of(study_of("mlp"), KERAS_BACKEND=backend) == backend


def test_the_study_goes_before_the_environment_and_the_environment_before_what_is_usual(study_of):
    study = study_of(mine="import keras\n")
    assert of(study, KERAS_BACKEND="tensorflow") == "tensorflow"
    assert of(study_of(backend="jax", mine="import keras\n"), KERAS_BACKEND="tensorflow") == "jax"
    assert of(study_of(backend="tensorflow", mine="import keras\n"), KERAS_BACKEND="jax") == "tensorflow"
    assert of(study_of(backend="tensorflow", mine="import keras\n"), KERAS_BACKEND="torch") == "tensorflow"
    assert usual_backend(environ={"KERAS_BACKEND": "tensorflow"}) == "tensorflow"


@pytest.mark.parametrize(
    ("backend", "environ", "place"),
    [("jax", {}, 'training.backend: "jax"'), ("auto", {"KERAS_BACKEND": "jax"}, "KERAS_BACKEND=jax")],
)
def test_code_of_tensorflow_is_refused_where_jax_is_asked_for(study_of, backend, environ, place):
    study = study_of(backend=backend, mine="from tensorflow import math\n")
    with pytest.raises(StudyError) as caught:
        of(study, **environ)
    assert str(caught.value) == (
        f"{place} cannot run the study's code, which imports tensorflow\n"
        '  use keras.ops instead, or set training.backend = "tensorflow"'
    )


@pytest.mark.parametrize(
    ("backend", "environ", "place", "way"),
    [
        ("jax", {}, 'training.backend: "jax"', 'pip install "ablate-keras[jax]"'),
        ("auto", {"KERAS_BACKEND": "jax"}, "KERAS_BACKEND=jax", 'pip install "ablate-keras[jax]"'),
        ("tensorflow", {}, 'training.backend: "tensorflow"', "pip install tensorflow"),
    ],
)
def test_a_backend_that_is_not_installed_is_named_with_the_way_to_install_it(
    study_of, installed, backend, environ, place, way
):
    installed(*({"jax", "tensorflow"} - {backend, environ.get("KERAS_BACKEND")}))
    with pytest.raises(StudyError) as caught:
        of(study_of(backend=backend, mine="import keras\n"), **environ)
    name = environ.get("KERAS_BACKEND", backend)
    assert str(caught.value) == f"{place}: {name} is not installed\n  install it with: {way}, or choose another backend"


@pytest.mark.parametrize("named", ["torch", "openvino", "JAX\n", "numpy"])
def test_a_backend_that_ablate_has_not_is_refused(study_of, named):
    for ask in (lambda environ: of(study_of("mlp"), **environ), lambda environ: usual_backend(environ=environ)):
        with pytest.raises(StudyError, match=r"^KERAS_BACKEND=\S+: ablate trains on jax or tensorflow\n  unset KERAS"):
            ask({"KERAS_BACKEND": named})


def test_own_trials_have_no_backend_and_none_is_looked_for(study_of, installed):
    installed()
    own = ModelRef(None, "mine.py", "train", role="train")
    assert backend_used(study_of(own, mine="import tensorflow\n")) == ""
    assert backend_used(study_of(ModelRef.of("$ python train.py"))) == ""


def test_a_file_that_cannot_be_read_is_left_to_whoever_imports_it(study_of):
    assert of(study_of("missing.py:build")) == "jax"
    assert of(study_of(mine="def build(:\n")) == "jax"
