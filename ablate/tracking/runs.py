"""The runs of anybody's MLflow experiment into a table for the reading half: params are factors, a metric the score."""

from typing import TYPE_CHECKING

import pandas as pd

from ablate.errors import AblateError
from ablate.plural import number_of
from ablate.sources import Runs
from ablate.tracking.address import shown_uri
from ablate.tracking.entries import PARENT
from ablate.tracking.rows import find_experiment, runs_of
from ablate.tracking.store import reading

if TYPE_CHECKING:
    from mlflow.entities import Run

_STATUS, _RUN_ID = "status", "run_id"
_UNENDED = ("RUNNING", "SCHEDULED")


def mlflow_runs(uri: str, experiment: str) -> Runs:
    """One row a run that ended: its params, its metrics' last values, the tag "seed" where no param is called so.

    A metric that has the name of a param is called "metrics.NAME". Runs that hold others, and those without params
    and metrics, are left out.
    Raises `AblateError` where there is no such experiment, or the store cannot be reached.
    """
    with reading(uri) as client:
        runs = runs_of(client, find_experiment(client, uri, experiment))
    parents = {run.data.tags.get(PARENT) for run in runs}
    single = [run for run in runs if run.info.run_id not in parents]
    ended = [run for run in single if run.info.status not in _UNENDED and (run.data.params or run.data.metrics)]
    if not ended:
        raise AblateError(
            f'{shown_uri(uri)}: experiment "{experiment}" has no run that ended with params or metrics\n'
            f"  it has {number_of(len(runs), 'run')}; params are read as factors, a metric as the score"
        )
    params = dict.fromkeys(name for run in ended for name in run.data.params)
    metrics = {name: f"metrics.{name}" if name in params else name for run in ended for name in run.data.metrics}
    rows = [_row(run, metrics) for run in ended]
    columns = dict.fromkeys([*params, *metrics.values(), *(name for row in rows for name in row)])
    n_unended = sum(run.info.status in _UNENDED for run in single)
    left_out = {"not ended": n_unended, "parents of other runs": len(runs) - len(single)}
    return Runs(
        pd.DataFrame(rows, columns=list(columns), dtype=str).fillna(""),
        place=f"experiment {experiment} at {shown_uri(uri)}",
        name=experiment,
        factors=tuple(params),
        score=next(iter(metrics.values())) if len(metrics) == 1 else "",
        state=_STATUS,
        run_id=_RUN_ID,
        notes=tuple(f"Left out, as {why}: {number_of(n, 'run')}." for why, n in left_out.items() if n),
    )


def _row(run: "Run", metrics: dict[str, str]) -> dict[str, str]:
    tags = {"seed": run.data.tags["seed"]} if "seed" in run.data.tags else {}
    values = {metrics[name]: repr(value) for name, value in run.data.metrics.items()}
    return tags | run.data.params | values | {_STATUS: run.info.status, _RUN_ID: run.info.run_id}
