"""Cells that hold whole dictionaries, as exports by hand from W&B, NNI or Determined do, into a column a value."""

import ast
import json
import re
from dataclasses import replace
from typing import Any

import pandas as pd

from ablate.foreign.exports import Export
from ablate.printable import printable
from ablate.sources import Runs
from ablate.sources.json_text import flattened
from ablate.sources.labels import texts

# A dictionary as Python prints it has nan and inf without quotes, which no literal may be.
BARE = re.compile(r"(?<=[:,\[(]) ?(-?)(nan|inf)(?=[,}\])])")


def unfolded(runs: Runs, export: Export) -> Runs:
    """The table with a column "config.lr" for the cells {"lr": 0.1} of a column "config"; a note says it.

    scikit-learn's `params` repeats its own columns, and stays.
    """
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
    note = f"Cells with dictionaries are read as a column a value: {', '.join(map(printable, split))}."
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
