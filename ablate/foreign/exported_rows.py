"""The rows of a tool's export that are runs: parents that hold others are left out, histories are refused."""

from dataclasses import replace

from ablate.errors import DataError
from ablate.foreign.exports import Export
from ablate.foreign.words import STEPS, words_of
from ablate.plural import number_of
from ablate.printable import printable
from ablate.sources import Runs

PARENT = "tags.mlflow.parentRunId"


def only_runs(runs: Runs, export: Export) -> Runs:
    """The table without MLflow's parent runs; a note says how many. Raises `DataError` where rows are steps of runs."""
    run_id = export.first("run_id")
    if not run_id:
        return runs
    _check_steps(runs, run_id)
    if PARENT not in runs.table:
        return runs
    is_parent = runs.table[run_id].isin(set(runs.table[PARENT]) - {""})
    if not is_parent.any():
        return runs
    note = f"Left out: {number_of(int(is_parent.sum()), 'parent run')}, which hold other runs."
    return replace(runs, table=runs.table[~is_parent].reset_index(drop=True), notes=(*runs.notes, note))


def _check_steps(runs: Runs, run_id: str) -> None:
    """A run that comes several times, with a step that counts on, is the history of a run and not a table of runs."""
    if not runs.table[run_id].duplicated().any():
        return
    for name in (str(name) for name in runs.table if "_".join(words_of(name)) in STEPS):
        is_constant = runs.table.groupby(run_id)[name].nunique() < 2
        if not is_constant.all():
            raise DataError(
                f'{runs.place}: has several rows a run: "{printable(name)}" changes within one "{printable(run_id)}"\n'
                "  keep the last row of each run"
            )
