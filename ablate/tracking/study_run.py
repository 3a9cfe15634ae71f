"""Start, resume and end a study's MLflow run, the parent of its trials' runs."""

import getpass
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.storage.journal import UNENDED
from ablate.storage.preregistration import FROZEN, Preregistration
from ablate.study.trial import Factors
from ablate.tracking.batch import write_batch
from ablate.tracking.reading import child_runs, runs_of
from ablate.tracking.run_fields import (
    NOTE,
    PARENT,
    RunStatus,
    clipped,
    named_metrics,
    one_line,
    param_values,
    tag_values,
)
from ablate.tracking.store import is_gone

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient


FOLDER = "folder"  # tag of a study: the folder of its results, and the machine
_DIGEST_LENGTH = 12  # MLflow accepts 36, but its column shows fewer
_PROFILE = ("n_train", "n_validation", "n_test", "n_classes", "shape", "scaling", "stand_in")
_FILES = (
    "report.html", "results.csv", "effects.csv", "effects.tex", "epochs.csv", "layers.csv", "lr_tests.json",
    "test_predictions.npz", "study.toml", "provenance.json", FROZEN,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StudyRun:
    """The settings of a study's run, known when it starts."""

    study: str  # the experiment's name, e.g. "cifar_mlp"
    title: str
    params: Mapping[str, str]  # resolved settings, flat dotted keys
    tags: Mapping[str, str]  # versions, command, …; "git_commit" also fills MLflow's own column
    data: Mapping[str, object]  # the "data" object of provenance.json
    study_toml: str
    reference: Factors

    def fingerprint(self) -> str:
        """Digest of arrays and split; "" if unknown."""
        return str(self.data.get("fingerprint", ""))

    def origin(self) -> dict[str, str]:
        """Tags for MLflow's own columns User, Source and Version, and the data's fingerprint."""
        try:
            user = getpass.getuser()
        except (OSError, KeyError, ImportError):  # in a container, a user id may have no name
            user = ""
        source = {"mlflow.source.name": f"ablate study {self.study}", "mlflow.source.type": "LOCAL"}
        commit = {"mlflow.source.git.commit": self.tags.get("git_commit", "")}
        return source | commit | {"mlflow.user": user, "data": self.fingerprint()}


def start_parent(client: "MlflowClient", experiment_id: str, *, study: StudyRun) -> str:
    """Start a run named "cifar_mlp · 2026-11-21 10:30" with the study's settings and data; return its id."""
    name = one_line(f"{study.study} · {datetime.now().astimezone():%Y-%m-%d %H:%M}", 250)
    reference = " · ".join(f"{factor}={level}" for factor, level in study.reference.items())
    own = {"phase": "study", "state": "running", "study": study.study, "reference": reference, NOTE: study.title}
    tags = tag_values({**study.tags, **study.origin(), **own})
    run_id: str = client.create_run(experiment_id, tags=tags, run_name=name).info.run_id
    write_batch(client, run_id, params=param_values(study.params))
    _log_data(client, run_id, study=study)
    return run_id


def resume_parent(client: "MlflowClient", experiment_id: str, *, run_id: str, study: StudyRun) -> bool:
    """Set an earlier run to running again; False if it is gone or belongs to another experiment."""
    try:
        run = client.get_run(run_id)
    except Exception as err:  # MLflow's own type, which is imported as late as possible
        if is_gone(err):
            return False
        raise
    if run.info.lifecycle_stage != "active" or run.info.experiment_id != experiment_id:
        return False
    client.update_run(run_id, status="RUNNING")
    had, params = run.data.params, param_values(study.params)
    # MLflow never changes a param; settings that have changed since go into a tag.
    changed = [f"{key}: {had[key]} → {value}" for key, value in params.items() if had.get(key, value) != value]
    new = {key: value for key, value in params.items() if key not in had}
    write_batch(client, run_id, params=new, tags=tag_values({"state": "running", "resumed_with": "; ".join(changed)}))
    return True


def end_dead_parents(client: "MlflowClient", experiment_id: str, *, study: StudyRun, own: str) -> None:
    """End as killed the other running runs of a study from this folder; no other process trains them now.

    These are runs whose id was never stored, or that were set aside for a fresh start.
    """
    running = runs_of(client, experiment_id, only="tags.phase = 'study' AND attributes.status = 'RUNNING'")
    for run in running:
        if run.info.run_id != own and run.data.tags.get(FOLDER, "") == study.tags.get(FOLDER):
            for child in child_runs(client, experiment_id, parent_run_id=run.info.run_id):
                if child.info.status == "RUNNING":
                    end_killed(client, child)
            end_killed(client, run)


def end_killed(client: "MlflowClient", run: "Run") -> None:
    """End a run that a dead process left running."""
    write_batch(client, run.info.run_id, tags={"state": "killed", "reason": UNENDED})
    client.set_terminated(run.info.run_id, "KILLED")


def adopt(client: "MlflowClient", experiment_id: str, *, former: str, parent: str) -> None:
    """Move the runs of trials to another parent, if theirs is gone."""
    for child in child_runs(client, experiment_id, parent_run_id=former):
        write_batch(client, child.info.run_id, tags={PARENT: parent})


def tag_freeze(client: "MlflowClient", run_id: str, *, freeze: Preregistration) -> None:
    """Store the preregistration and its time as tags. Does nothing if the run is gone: trials must not wait for it."""
    try:
        write_batch(client, run_id, tags={"frozen": freeze.digest, "frozen_at": freeze.at})
    except Exception as err:  # MLflow's own type, which is imported as late as possible
        if not is_gone(err):
            raise


def end_parent(
    client: "MlflowClient", run_id: str, *, status: RunStatus, note: str, metrics: Mapping[str, float]
) -> None:
    """End the run with headline metrics, description and status."""
    points = [(key, value, int(time.time() * 1000), 0) for key, value in named_metrics(metrics).items()]
    write_batch(client, run_id, metrics=points, tags=tag_values({"state": status.lower(), NOTE: note}))
    client.set_terminated(run_id, status)


def folder_files(folder: Path | None) -> list[tuple[str, str | None]]:
    """Report, tables, study file and figures that exist in a results folder, with their paths among the artifacts."""
    if folder is None:
        return []
    figures = sorted(path for path in (folder / "figures").glob("*") if path.is_file())
    named = [folder / name for name in _FILES if (folder / name).is_file()]
    return [*((str(path), None) for path in named), *((str(path), "figures") for path in figures)]


def _log_data(client: "MlflowClient", run_id: str, *, study: StudyRun) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    data = study.data
    if not data:  # its trials bring their own
        return
    shape = data.get("shape")
    shape = shape if isinstance(shape, list | tuple) else ()
    images = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, *shape]}} if shape else {}
    dataset = Dataset(
        name=one_line(str(data.get("name", "data")), 500),
        digest=study.fingerprint()[:_DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": clipped(str(data.get("source", "")), 6000)}),
        schema=json.dumps({"mlflow_tensorspec": {"features": json.dumps([images])}}) if images else None,
        profile=json.dumps({name: data[name] for name in _PROFILE if name in data}),
    )
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
