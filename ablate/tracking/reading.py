"""Read MLflow runs as rows of the results table."""

import json
import math
import re
from typing import TYPE_CHECKING

import pandas as pd

from ablate.analysis.sources import Runs
from ablate.errors import AblateError, DataError, known_names
from ablate.study.trial import COLUMNS, RATE_SETTING, TRAINED_ON
from ablate.text import number_of, printable
from ablate.tracking.address import placed, shown_uri
from ablate.tracking.run_fields import (
    FACTOR_NAMES,
    OUTCOME_METRICS,
    OUTCOME_TAGS,
    PARENT,
    SPEC_TAGS,
    attempt_in,
    outcome_metric,
)
from ablate.tracking.store import reading

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient


_PAGE = 1000  # the most that a server returns at once
_WHOLE = ("best_epoch", "epochs", "parameters")
_STATUS, _RUN_ID = "status", "run_id"
_UNENDED = ("RUNNING", "SCHEDULED")


def experiment_rows(uri: str, experiment: str) -> list[dict[str, object]]:
    """One row per trial that ended, oldest first: `storage.results.COLUMNS`, then one column per factor of that trial.

    Of several attempts at a trial (a resumed study) the last one counts, and of its runs the newest. Values that MLflow
    does not have are None, or "" in a text column. Raises `AblateError` if there is no such experiment, the store
    cannot be reached, or someone edited a tag so that it cannot be read.
    """
    with reading(uri) as client:
        runs = child_runs(client, find_experiment(client, uri, experiment), parent_run_id=None)
    ended = [run for run in runs if run.data.tags.get("state", "running") != "running"]
    ended.sort(key=lambda run: attempt_in(run.data.tags))
    newest = {(run.data.tags.get(PARENT), run.data.tags["trial"]): run for run in ended}
    return [_row(run) for run in newest.values()]


def find_experiment(client: "MlflowClient", uri: str, experiment: str) -> str:
    """The id of the experiment. Raises `AblateError` if no experiment has that name."""
    found = client.get_experiment_by_name(experiment)
    if found is None:
        names = [known.name for known in client.search_experiments(max_results=_PAGE)]
        known = known_names(experiment, names)
        raise AblateError(f'{placed(uri)}: no experiment "{printable(experiment)}"\n  {known}')
    number: str = found.experiment_id
    return number


def child_runs(
    client: "MlflowClient", experiment_id: str, *, parent_run_id: str | None, deleted: bool = False
) -> list["Run"]:
    """The runs of trials, oldest first, of one study or of the whole experiment; with `deleted`, deleted runs too."""
    only = f"tags.`{PARENT}` = '{parent_run_id}'" if parent_run_id else ""
    runs = runs_of(client, experiment_id, only=only, deleted=deleted)
    return [run for run in runs if {"trial", "phase", "seed"} <= set(run.data.tags)]


def runs_of(client: "MlflowClient", experiment_id: str, *, only: str = "", deleted: bool = False) -> list["Run"]:
    """All runs of an experiment that match MLflow's filter `only`, oldest first; with `deleted`, deleted runs too."""
    from mlflow.entities import ViewType

    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment_id], only, view, max_results=_PAGE, page_token=token)
        runs += page
        token = page.token
        if not token:
            break
    return sorted(runs, key=lambda run: run.info.start_time)


def _row(run: "Run") -> dict[str, object]:
    tags, metrics = run.data.tags, run.data.metrics
    row: dict[str, object] = dict.fromkeys(COLUMNS)
    row |= {name: tags.get(name, "") for name in (*SPEC_TAGS, *OUTCOME_TAGS, "lr_test")}
    row |= {name: metrics.get(metric) for name, metric in OUTCOME_METRICS.items()}
    row |= {column: value for name, value in metrics.items() if (column := outcome_metric(name))}
    row |= {name: int(metrics[name]) if math.isfinite(metrics[name]) else None for name in _WHOLE if name in metrics}
    if not row[TRAINED_ON]:  # a column of tables of clusters alone
        del row[TRAINED_ON]
    row |= {"seed": _seed(run), "run_id": run.info.run_id, "attempt": attempt_in(tags)}
    names = _factor_names(run)
    factors = {names.get(key, key): _level(value) for key, value in run.data.params.items()}
    return row | {RATE_SETTING if name == "learning_rate" else name: level for name, level in factors.items()}


def _seed(run: "Run") -> int:
    text = run.data.tags["seed"]
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise _edited(run, "seed", "must be a whole number", text)
    return int(text)


def _factor_names(run: "Run") -> dict[str, str]:
    """The names of the factors whose params have other keys."""
    text = run.data.tags.get(FACTOR_NAMES, "{}")
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise _edited(run, FACTOR_NAMES, "must be JSON", text) from err
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise _edited(run, FACTOR_NAMES, "must map keys to names", text)
    return names


def _edited(run: "Run", tag: str, rule: str, text: str) -> DataError:
    return DataError(
        f'run {run.info.run_id}: tag {tag}: {rule}, got "{printable(text)}"\n'
        "  restore the tag in MLflow, or analyze the results.csv of the study"
    )


def _level(text: str) -> object:
    """Params are text: convert one to a number where it reads as a number, as for the file of the results table."""
    if re.fullmatch(r"[+-]?[0-9]{1,300}", text):
        return int(text)
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text):
        return float(text)
    return {"True": True, "False": False}.get(text, text)


def mlflow_runs(uri: str, experiment: str) -> Runs:
    """One row per ended run: its params, its metrics' last values, and the tag "seed" unless a param has that name.

    A metric with the name of a param is called "metrics.NAME". Parent runs, and runs without params and metrics, are
    left out. Raises `AblateError` if there is no such experiment, or the store cannot be reached.
    """
    with reading(uri) as client:
        runs = runs_of(client, find_experiment(client, uri, experiment))
    parents = {run.data.tags.get(PARENT) for run in runs}
    single = [run for run in runs if run.info.run_id not in parents]
    ended = [run for run in single if run.info.status not in _UNENDED and (run.data.params or run.data.metrics)]
    if not ended:
        raise AblateError(
            f'{shown_uri(uri)}: experiment "{experiment}" has no run that ended with params or metrics\n'
            f"  it has {number_of(len(runs), 'run')}; ablate reads params as factors and a metric as the score"
        )
    params = dict.fromkeys(name for run in ended for name in run.data.params)
    metrics = {name: f"metrics.{name}" if name in params else name for run in ended for name in run.data.metrics}
    rows = [_run_row(run, metrics) for run in ended]
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
        notes=tuple(f"Left out ({why}): {number_of(n, 'run')}." for why, n in left_out.items() if n),
    )


def _run_row(run: "Run", metrics: dict[str, str]) -> dict[str, str]:
    tags = {"seed": run.data.tags["seed"]} if "seed" in run.data.tags else {}
    values = {metrics[name]: repr(value) for name, value in run.data.metrics.items()}
    return tags | run.data.params | values | {_STATUS: run.info.status, _RUN_ID: run.info.run_id}
