"""Models in MLflow: logged once to the runs of their trials, with signature and example, registered only if asked."""

import json
import zipfile

import pytest
from mlflow.models import Model
from mlflow.tracking import MlflowClient
from mlflow_store import fresh_store

from ablate.errors import AblateError
from ablate.storage.models import CARD, ModelCard, ModelEnd
from ablate.tracking.model_files import ModelFile, described, log_model, register, write_mlflow_model

CARD_A = ModelCard(
    "houses",
    "search-0003",
    {"val_mae": 12.25, "test_mae": 13.5},
    (ModelEnd("age", (), "float32"), ModelEnd("city", (), "str", levels=("Oslo", "Rome"))),
    (ModelEnd("", (1,), "float32", "numbers"),),
)
EXAMPLE = {"age": [30.0, 5.0], "city": ["Oslo", "Rome"]}


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return fresh_store(tmp_path_factory.mktemp("models"))


@pytest.fixture
def model(uri, tmp_path):
    """A model of a trial that has a run."""
    client = MlflowClient(uri)
    number = client.create_experiment(tmp_path.name, artifact_location=str(tmp_path / "mlruns"))
    run = client.create_run(number, run_name="search #3")
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CARD, CARD_A.to_text())
    return ModelFile(run.info.run_id, path, CARD_A, EXAMPLE)


def test_a_model_is_logged_once_to_the_run_of_its_trial(uri, model):
    client = MlflowClient(uri)
    number = log_model(client, model)
    assert log_model(client, model) == number
    run = client.get_run(model.run_id)
    (logged,) = client.search_logged_models([run.info.experiment_id])
    assert (logged.model_id, logged.source_run_id, logged.name) == (number, model.run_id, "model")
    assert str(logged.status) == "READY"
    assert [one.model_id for one in run.outputs.model_outputs] == [number]
    assert client.search_registered_models() == []


def test_what_mlflow_reads_says_types_and_shapes_and_holds_an_example(model, tmp_path):
    write_mlflow_model(tmp_path / "made", model, model_id="m-1")
    read = Model.load(str(tmp_path / "made" / "MLmodel"))
    assert [(one.name, one.type.name, one.shape) for one in read.get_input_schema().inputs] == [
        ("age", "float32", (-1,)), ("city", "object", (-1,)),
    ]  # fmt: skip
    assert [one.shape for one in read.get_output_schema().inputs] == [(-1, 1)]
    assert read.flavors["python_function"]["loader_module"] == "mlflow.keras"
    assert json.loads((tmp_path / "made" / "input_example.json").read_text()) == EXAMPLE
    assert (tmp_path / "made" / "data" / "model.keras").read_bytes() == model.path.read_bytes()
    needed = (tmp_path / "made" / "requirements.txt").read_text()
    assert [line.partition("==")[0] for line in needed.split()] == ["mlflow", "keras", "tensorflow"]
    assert read.flavors["keras"]["keras_backend"] == "tensorflow"


def test_a_model_of_one_input_has_an_example_without_a_name(model, tmp_path):
    card = ModelCard("s", "t", {}, (ModelEnd("", (2,), "int32"),), CARD_A.outputs)
    write_mlflow_model(tmp_path / "made", ModelFile(model.run_id, model.path, card, {"": [[1, 2]]}))
    assert json.loads((tmp_path / "made" / "serving_input_example.json").read_text()) == {"inputs": [[1, 2]]}


def test_each_registration_is_a_version_that_says_whose_model_it_is(uri, model):
    assert register(uri, model, name="prices") == "1"
    assert register(uri, model, name="prices") == "2"
    version = MlflowClient(uri).get_model_version("prices", "2")
    assert version.description == described(CARD_A)
    assert described(CARD_A) == "study houses, trial search-0003: val_mae 12.25, test_mae 13.5"
    assert (version.run_id, version.tags) == (model.run_id, {"study": "houses", "trial": "search-0003"})


@pytest.mark.parametrize("name", ["", "a/b", "models:x"])
def test_a_name_that_the_registry_does_not_take_is_refused(uri, model, name):
    with pytest.raises(AblateError, match="must be a name without"):
        register(uri, model, name=name)


def test_a_trial_without_a_run_and_a_store_that_is_not_there_are_refused(uri, model, tmp_path):
    with pytest.raises(AblateError, match="search-0003 has no MLflow run"):
        register(uri, ModelFile("", model.path, CARD_A, {}), name="prices")
    missing = f"sqlite:///{tmp_path / 'none.db'}"
    with pytest.raises(AblateError, match="no runs yet"):
        register(missing, model, name="prices")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(("dtype", "backend"), [("float32", "jax"), ("str", "tensorflow")])
def test_a_model_names_the_backend_that_trained_it_and_one_that_reads_texts_the_one_that_can(
    model, tmp_path, dtype, backend
):
    card = ModelCard("s", "t", {}, (ModelEnd("", (), dtype),), CARD_A.outputs, backend="jax")
    write_mlflow_model(tmp_path / "made", ModelFile(model.run_id, model.path, card, {}))
    assert Model.load(str(tmp_path / "made" / "MLmodel")).flavors["keras"]["keras_backend"] == backend
    assert f"\n{backend}==" in (tmp_path / "made" / "requirements.txt").read_text()
