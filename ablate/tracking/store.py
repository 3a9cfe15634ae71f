"""Connect to MLflow: client, experiment and the `mlflow ui` command, with errors explained for the user."""

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ablate.errors import AblateError
from ablate.tracking.address import placed, refusal, shown_uri, sqlite_path
from ablate.tracking.database import check_file, check_schema, is_begun, prepare, untouched
from ablate.tracking.run_fields import NOTE, one_line

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


# For the process of `ui_command`: no telemetry, no second process that waits for jobs that never come, and no imports
# from the working folder.
UI_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PYTHONSAFEPATH": "1",
}
# MLflow reads these at every call. Its default retries (7 tries of 120 s) would hold up the training.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_GONE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "INVALID_STATE")
_EXPERIMENT_NAME = 500
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # model training, not agents
# MLflow 3.17 heeds no tag: it opens the pages for agents, unless the address or the browser's last choice says this.
_TRAINING = "workflowType=machine_learning"
_SORTED = f"&orderByKey=metrics.%60score%60&orderByAsc=false&{_TRAINING}"
_MOST_PAGES = 5
_DAMAGED = (
    "the file is damaged, or not a database; results.csv and the report do not need it\n"
    "  move it away, then run the same command to write all runs again"
)
_WAYS_OUT = {  # part of a message -> what to do
    "out-of-date database schema": "another MLflow version made it; back it up, then run: mlflow db upgrade {uri}",
    "readonly database": "the file or its folder is not writable",
    "already exists": "its setup was interrupted; if it holds no runs, delete the file",
    "duplicate column name": "its setup was interrupted; if it holds no runs, delete the file",
    "not a database": _DAMAGED,
    "malformed": _DAMAGED,
    "unsupported URI": "known: sqlite:///FILE, http(s)://HOST:PORT, postgresql://…, mysql://…, mssql://…",
    "No module named": "install the driver of this database",
    "Databricks": "ablate needs the package databricks-sdk and its credentials",
}
_PLAIN = {  # part of a message -> the same in plain words
    "Connection refused": "nothing answers there (connection refused)",
    "Failed to resolve": "no such host",
    "Name or service not known": "no such host",
    "timed out": "no answer in time",
    "Databricks": "Databricks cannot be reached without its credentials",
}
_WAY_OUT = "check that the server runs and is reachable"


def connect(uri: str) -> "MlflowClient":
    """A client whose store has answered. The first use of a new SQLite file takes 1.5–5 s.

    Raises `AblateError` with the URI, the reason and what to do, within seconds rather than MLflow's minutes.
    """
    _quieten()
    with explained(uri):
        prepare(uri)
        return _client(uri)


@contextmanager
def reading(uri: str) -> "Iterator[MlflowClient]":
    """A client that only reads: it does not even create tables in a new database. Raises `AblateError` as `connect`."""
    check_begun(uri)
    _quieten()
    with explained(uri):
        check_schema(uri)
        with untouched(uri) as address:
            yield _client(address)


def check_store(uri: str) -> bool:
    """Whether the store exists already. Raises `AblateError` if a study could not use it; creates nothing."""
    with explained(uri):
        check_file(uri)
        if not is_begun(uri):
            return False
    with reading(uri):
        return True


def open_experiment(client: "MlflowClient", uri: str, *, name: str, title: str) -> str:
    """The id of the experiment `name`, created if missing; a new one keeps its artifacts beside the SQLite file.

    Its tag says that it is for model training, also if it was there before without a kind.
    Raises `AblateError` if it is in MLflow's trash, or the store cannot be written.
    """
    from mlflow.exceptions import MlflowException

    name = one_line(name, _EXPERIMENT_NAME)
    with explained(uri):
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            try:
                number = client.create_experiment(name, artifact_location=_artifact_location(uri, name), tags=_KIND)
                client.set_experiment_tag(number, NOTE, _description(number, title=title))
                return number
            except MlflowException as err:
                if err.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                experiment = client.get_experiment_by_name(name)  # another process was faster
        if experiment is not None and experiment.lifecycle_stage != "deleted" and not _KIND.keys() & experiment.tags:
            for tag, kind in _KIND.items():
                client.set_experiment_tag(experiment.experiment_id, tag, kind)
    if experiment is None or experiment.lifecycle_stage == "deleted":
        number = experiment.experiment_id if experiment else "ID"
        shown = shown_uri(uri)
        raise AblateError(
            f'{shown}: the experiment "{name}" is in MLflow\'s trash\n'
            f"  to restore it: MLFLOW_TRACKING_URI={shown} mlflow experiments restore --experiment-id {number}\n"
            f"  to delete it for good: mlflow gc --backend-store-uri {shown} --experiment-ids {number}"
        )
    return experiment.experiment_id


def ui_command(uri: str, *, host: str = "127.0.0.1", port: int = 5000) -> list[str]:
    """The command line of MLflow's pages on the store at `uri`, for this computer only unless `host` says more.

    Run it with `UI_ENVIRONMENT`. Raises `AblateError` for a server's address, and if no store exists: the server would
    create its tables in any database.
    """
    if uri.startswith(("http://", "https://")):
        raise AblateError(f"{placed(uri)}: this is already a tracking server\n  open this address in the browser")
    if uri.startswith("databricks"):
        raise AblateError(f"{placed(uri)}: Databricks has its own pages for runs\n  open your workspace in the browser")
    check_begun(uri)
    _quieten()
    with explained(uri):
        check_schema(uri)
    flags = ["--backend-store-uri", uri, "--host", host, "--port", str(port), "--workers", "1"]
    return [sys.executable, "-P", "-m", "mlflow", "server", *flags]


def experiment_pages(uri: str) -> dict[str, str]:
    """The pages of the latest experiments for model training, by name: what follows the host in an address.

    They show the runs; from MLflow's own list, 3.17 opens the pages for agents. Raises `AblateError` as `reading`.
    """
    with reading(uri) as client:
        found = client.search_experiments(max_results=100, order_by=["last_update_time DESC"])
    training = [one for one in found if _KIND.items() <= one.tags.items()]
    return {one.name: f"/#/experiments/{one.experiment_id}/runs?{_TRAINING}" for one in training[:_MOST_PAGES]}


def check_begun(uri: str) -> None:
    """Raise `AblateError` if the store is missing or belongs to another tool: MLflow would create its tables there."""
    with explained(uri):
        if not is_begun(uri):
            raise AblateError(f"{placed(uri)}: no runs yet\n  run a study here first, or give --tracking-uri")


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn errors of a store inside the block into an `AblateError` with the URI, the reason and what to do."""
    try:
        yield
    except AblateError:
        raise
    except Exception as err:  # drivers raise errors of many types, all with the same meaning for the user
        known = (way for piece, way in _WAYS_OUT.items() if piece in str(err))
        way_out = next(known, _WAY_OUT).format(uri=shown_uri(uri))
        raise refusal(uri, f"cannot be used: {_in_plain_words(err)}", way_out) from err


def reason(err: BaseException) -> str:
    """The first line of an error, for a message."""
    return shown_uri(one_line(str(err).strip().partition("\n")[0] or type(err).__name__, 200))


def _in_plain_words(err: BaseException) -> str:
    return next((plain for piece, plain in _PLAIN.items() if piece in str(err)), reason(err))


def is_gone(err: BaseException) -> bool:
    """Whether MLflow says that a run no longer exists, or cannot be written."""
    return getattr(err, "error_code", "") in _GONE


def is_away(err: BaseException) -> bool:
    """Whether a server could not be reached, judged by the words of MLflow's client: it may come back."""
    return "API request to" in str(err.__cause__) and "failed with exception" in str(err.__cause__)


def is_final(err: BaseException) -> bool:
    """Whether trying again is pointless: the run is gone, or MLflow rejects the value."""
    return is_gone(err) or getattr(err, "error_code", "") == "BAD_REQUEST"


def _client(uri: str) -> "MlflowClient":
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    client.search_experiments(max_results=1)
    return client


def _quieten() -> None:
    # MLflow's own use of SQLAlchemy; users cannot fix it. Not `catch_warnings`: it would affect other threads.
    warnings.filterwarnings("ignore", module=r"mlflow\.")
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Failures reach the user through our own messages, not as tracebacks across the live display.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")
    for name in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(os.environ["MLFLOW_LOGGING_LEVEL"].upper())


def _description(experiment_id: str, *, title: str) -> str:
    """The title, and links to common views: MLflow's filters and orders are part of an address."""
    runs = f"#/experiments/{experiment_id}/runs?searchFilter=tags.phase%20%3D%20"
    search, ablation = f"{runs}%27search%27{_SORTED}", f"{runs}%27ablation%27{_SORTED}"
    links = (
        f"[search by score]({search}) · [ablation by score]({ablation}) · [curves]({ablation}&compareRunsMode=CHART)"
    )
    return f"{one_line(title, 2000)} · {links}"


def _artifact_location(uri: str, name: str) -> str | None:
    path = sqlite_path(uri)
    if path is None:
        return None  # the server's default, or MLflow's
    folder = re.sub(r"[^A-Za-z0-9@._-]+", "_", name).strip("._")[:80] or "study"
    return str(path.resolve().parent / "mlruns" / folder)
