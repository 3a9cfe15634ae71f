"""The rows of a tool's export that are runs: parents that hold others are left out, histories are refused."""

import ast
import json
import re
from dataclasses import replace
from typing import Any

import pandas as pd

from ablate.analysis.imports.exports import Export
from ablate.analysis.imports.words import STEPS, words_of
from ablate.analysis.sources import Runs
from ablate.analysis.sources.json_text import flattened, texts
from ablate.errors import DataError
from ablate.text import number_of, printable

PARENT = "tags.mlflow.parentRunId"
# A dictionary as Python prints it has nan and inf without quotes, which no literal may be.
BARE = re.compile(r"(?<=[:,\[(]) ?(-?)(nan|inf)(?=[,}\])])")


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
    note = f"Left out: {number_of(int(is_parent.sum()), 'parent run')}, which group other runs."
    return replace(runs, table=runs.table[~is_parent].reset_index(drop=True), notes=(*runs.notes, note))


def _check_steps(runs: Runs, run_id: str) -> None:
    """A run that comes several times, with a step that counts on, is the history of a run and not a table of runs."""
    if not runs.table[run_id].duplicated().any():
        return
    for name in (str(name) for name in runs.table if "_".join(words_of(name)) in STEPS):
        is_constant = runs.table.groupby(run_id)[name].nunique() < 2
        if not is_constant.all():
            raise DataError(
                f'{runs.place}: several rows per run: "{printable(name)}" changes within run "{printable(run_id)}"\n'
                "  keep the last row of each run"
            )


def unfolded(runs: Runs, export: Export) -> Runs:
    """The table with a column "config.lr" for the cells {"lr": 0.1} of a column "config"; a note says it."""
    is_sklearn = any(tool.name == "scikit-learn" for tool in export.tools)
    parts, split = [], []
    for name in map(str, runs.table):
        column = runs.table[name]
        found = None if is_sklearn and name == "params" else _dictionaries(column)
        if found is None:
            parts.append(column)
            continue
        split.append(name)
        flat = [flattened(each) for each in found]
        names = dict.fromkeys(key for each in flat for key in each)
        parts += [pd.Series(texts([each.get(key) for each in flat]), name=f"{name}.{key}", dtype=str) for key in names]
    if not split:
        return runs
    note = f"Dictionaries in cells are read as one column per value: {', '.join(map(printable, split))}."
    return replace(runs, table=pd.concat(parts, axis=1), notes=(*runs.notes, note))


def _dictionaries(column: "pd.Series[str]") -> list[dict[str, Any]] | None:  # Any: JSON
    """The cells as dictionaries, {} where blank; None where one is something else."""
    filled = column[column.str.strip() != ""]
    if filled.empty or not (filled.str.startswith("{") & filled.str.rstrip().str.endswith("}")).all():
        return None
    found = [_read(cell) if cell.strip() else {} for cell in column]
    return None if any(each is None for each in found) else [each or {} for each in found]


def _read(cell: str) -> dict[str, Any] | None:  # Any: JSON
    for read, text in ((json.loads, cell), (ast.literal_eval, BARE.sub(r" '\1\2'", cell))):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return {str(key): value for key, value in found.items()} if isinstance(found, dict) else None
    return None
