"""Log the models of trials to MLflow, with signature and input example, and register them.

MLflow's own writers need Keras, which takes seconds to start; here the same files are written without it.
"""

import json
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate import system
from ablate.errors import AblateError
from ablate.storage.models import ModelCard, ModelEnd
from ablate.text import printable
from ablate.tracking.run_fields import NOTE, clipped, tag_values
from ablate.tracking.store import check_begun, connect, explained

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature
    from mlflow.tracking import MlflowClient

NAME = "model"  # of the model among the artifacts of its run
LOGGED = "model_id"  # tag of a run whose model is logged
_REQUIRED = ("mlflow", "keras")  # besides the backend
_DESCRIPTION = 5000  # characters


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The model of a trial, and the run of the trial."""

    run_id: str
    path: Path  # a .keras file
    card: ModelCard
    example: Mapping[str, Any]  # Any: JSON; some examples by input, "" for a single one; {}: none


def log_model(client: "MlflowClient", model: ModelFile) -> str:
    """Log a model to its trial's run, unless that is done; its id."""
    from mlflow.entities import LoggedModelOutput

    run = client.get_run(model.run_id)
    if known := run.data.tags.get(LOGGED):
        return str(known)
    tags = tag_values({**_whose(model.card), NOTE: described(model.card)})
    made = client.create_logged_model(run.info.experiment_id, NAME, model.run_id, tags, {}, "keras")
    with tempfile.TemporaryDirectory() as folder:
        write_mlflow_model(Path(folder), model, model_id=made.model_id)
        client.log_model_artifacts(made.model_id, folder)
    client.finalize_logged_model(made.model_id, "READY")
    client.log_outputs(model.run_id, [LoggedModelOutput(made.model_id, step=0)])
    client.set_tag(model.run_id, LOGGED, made.model_id)
    return str(made.model_id)


def register_model(client: "MlflowClient", model: ModelFile, *, name: str) -> str:
    """Add a model to the registry as the next version of `name`; that version's number."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as err:
        if err.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    number = log_model(client, model)
    place = client.get_logged_model(
        number
    ).artifact_location  # "models:/ID" would be looked up in MLflow's default store
    version = client.create_model_version(
        name,
        place,
        model.run_id,
        tags=tag_values(_whose(model.card)),
        description=clipped(described(model.card), _DESCRIPTION),
        model_id=number,
    )
    return str(version.version)


def register(uri: str, model: ModelFile, *, name: str) -> str:
    """Register a model in the store at `uri`, which has its trial's run; the version's number.

    Raises `AblateError` if the name is invalid, or the store lacks the run or cannot be used.
    """
    if not name.strip() or set(name) & set("/:"):
        raise AblateError(f'--register "{printable(name)}": must be a name without "/" and ":"')
    if not model.run_id:
        raise AblateError(
            f"--register: {model.card.trial} has no MLflow run\n  run the study's command again: it writes missing runs"
        )
    check_begun(uri)
    client = connect(uri)
    with explained(uri):
        return register_model(client, model, name=name)


def _whose(card: ModelCard) -> dict[str, str]:
    return {"study": card.study, "trial": card.trial}


def described(card: ModelCard) -> str:
    """Whose model it is, and its scores."""
    scores = ", ".join(f"{name} {value:.6g}" for name, value in card.metrics.items())
    return f"study {card.study}, trial {card.trial}" + (f": {scores}" if scores else "")


def write_mlflow_model(folder: Path, model: ModelFile, *, model_id: str = "") -> None:
    """Write what MLflow calls a model into `folder`, as `mlflow.keras.save_model` does."""
    from mlflow.models import Model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow about its own type hints, at the first import
        import mlflow.pyfunc as pyfunc

    versions = system.versions()
    (folder / "data").mkdir(parents=True)
    shutil.copyfile(model.path, folder / "data" / "model.keras")
    (folder / "data" / "keras_module.txt").write_text("keras")
    needed = [f"{library}=={versions[library]}" for library in _needed(model.card) if versions.get(library)]
    (folder / "requirements.txt").write_text("\n".join([*needed, ""]))
    made = Model(NAME, model.run_id, signature=_signature(model.card), model_id=model_id or None)
    made.metadata = _whose(model.card)
    made.add_flavor(
        "keras",
        data="data",
        keras_version=versions.get("keras", ""),
        keras_backend=model.card.predicts_on(),
        save_exported_model=False,
    )
    pyfunc.add_to_model(made, loader_module="mlflow.keras")  # type: ignore[no-untyped-call]  # of MLflow
    if model.example:
        _write_example(folder, made, model.example)
    made.save(str(folder / "MLmodel"))


def _needed(card: ModelCard) -> tuple[str, ...]:
    """The libraries that loading and predicting need."""
    return (*_REQUIRED, card.predicts_on())


def _signature(card: ModelCard) -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types import Schema

    return ModelSignature(Schema(_specs(card.inputs)), Schema(_specs(card.outputs)))


def _specs(ends: Sequence[ModelEnd]) -> list[Any]:  # Any: of MLflow's types
    import numpy as np
    from mlflow.types import TensorSpec

    found = []
    for end in ends:
        kind = np.dtype("object" if end.dtype in ("str", "string") else end.dtype)  # Keras takes no fixed length
        shape = (-1, *(-1 if side is None else side for side in end.shape))
        found.append(TensorSpec(kind, shape, end.name or None))
    return found


def _write_example(folder: Path, made: "Model", example: Mapping[str, Any]) -> None:  # Any: as above
    inputs = example[""] if set(example) == {""} else dict(example)
    (folder / "input_example.json").write_text(json.dumps(inputs))
    (folder / "serving_input_example.json").write_text(json.dumps({"inputs": inputs}, indent=2))
    made.saved_input_example_info = {
        "artifact_path": "input_example.json",
        "type": "ndarray",
        "serving_input_path": "serving_input_example.json",
    }
