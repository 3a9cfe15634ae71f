"""Recognize the tool that exported a table by its columns, and normalize the table."""

import ast
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from ablate.analysis.imports.tools import ANY_TOOL, TOOLS, Tool
from ablate.analysis.sources import Runs
from ablate.analysis.sources.json_text import flattened, texts
from ablate.analysis.sources.runs import to_numbers
from ablate.text import first_of, number_of, printable

ColumnKind = Literal["factor", "attribute", "result", "bookkeeping"]
KINDS: tuple[tuple[ColumnKind, str], ...] = (
    ("factor", "factors"), ("attribute", "attributes"), ("result", "results"), ("bookkeeping", "bookkeeping"),
)  # fmt: skip
PARENT = "tags.mlflow.parentRunId"
# A dictionary as Python prints it has nan and inf without quotes, which are no Python literals.
BARE = re.compile(r"(?<=[:,\[(]) ?(-?)(nan|inf)(?=[,}\])])")
MOST_LEVELS = 1_000  # a column with more numbers holds measurements, not levels
SHOWN = 3  # merged levels of a column named in a note


@dataclass(frozen=True, slots=True)
class Export:
    """The tools that exported a table, and the kinds of its columns; empty for a table made by hand."""

    tools: tuple[Tool, ...]
    kinds: Mapping[str, ColumnKind]  # kinds of the known columns
    names: Mapping[str, str]  # a parameter's or attribute's own name: params.seed -> seed
    makers: Mapping[str, str]  # tools of the known columns, "" for any tool

    def of_kind(self, kind: ColumnKind) -> tuple[str, ...]:
        """The columns of that kind, in the table's order."""
        return tuple(name for name, found in self.kinds.items() if found == kind)

    def name(self, column: str) -> str:
        """The column's name without the tool's prefix."""
        return self.names.get(column, column)

    def first(self, role: str) -> str:
        """The tool's own column for "state", "run_id" or "score"; "" if there is none."""
        return next(iter(self.of_role(role)), "")

    def of_role(self, role: str) -> list[str]:
        """The tools' own columns for a role, also "progress" and "budget"."""
        return [name for tool in self.tools for name in self.makers_columns(tool, role)]

    def makers_columns(self, tool: Tool, role: str) -> list[str]:
        """The columns of a tool that have a role."""
        return [name for name in self.names if _fits(getattr(tool, role), name)]


def recognize(columns: Iterable[str]) -> Export:
    """Recognize tools by column names; a tool counts if the table has several of its typical columns."""
    names = list(columns)
    tools = tuple(tool for tool in TOOLS if _is_shown(tool, names))
    kinds: dict[str, ColumnKind] = {}
    own, makers = {name: name for name in names}, {}
    for name in names:
        for tool in (*tools, ANY_TOOL):
            kind = next((kind for kind, field in KINDS if _fits(getattr(tool, field), name)), None)
            if kind is not None:
                kinds[name], makers[name] = kind, tool.name
                own[name] = _own_name(tool, kind, name)
                break
    return Export(tools, kinds, own, makers)


def _is_shown(tool: Tool, names: Collection[str]) -> bool:
    strong = sum(_fits(tool.signs, name) for name in names)
    return strong > 0 and strong + sum(_fits(tool.weak_signs, name) for name in names) >= tool.n_signs


def _own_name(tool: Tool, kind: ColumnKind, name: str) -> str:
    pattern = {"factor": tool.factors, "attribute": tool.attributes}.get(kind, "")
    found = _compiled(pattern).fullmatch(name)
    return (found and found.groupdict().get("name")) or name


def _fits(pattern: str, name: str) -> bool:
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def only_runs(runs: Runs, export: Export) -> Runs:
    """The table without MLflow's parent runs; a note says how many."""
    run_id = export.first("run_id")
    if not run_id:
        return runs
    if PARENT not in runs.table:
        return runs
    is_parent = runs.table[run_id].isin(set(runs.table[PARENT]) - {""})
    if not is_parent.any():
        return runs
    note = f"Left out: {number_of(int(is_parent.sum()), 'parent run')}, which group other runs."
    return replace(runs, table=runs.table[~is_parent].reset_index(drop=True), notes=(*runs.notes, note))


def unfolded(runs: Runs, export: Export) -> Runs:
    """The table with a column "config.lr" for the cells {"lr": 0.1} of a column "config"; a note reports it."""
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
    """The cells as dictionaries, {} if blank; None if a cell is something else."""
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


def tidied(runs: Runs) -> Runs:
    """The table without blank rows and surrounding spaces, and with one spelling of each number; notes list changes."""
    table, spaced = _stripped(runs.table)
    blank = (table == "").all(axis=1)
    notes = list(runs.notes)
    if n_blank := int(blank.sum()):
        table = table[~blank].reset_index(drop=True)
        notes.append(f"Skipped: {number_of(n_blank, 'blank row')}.")
    if spaced:
        notes.append(f"Removed spaces around words in {', '.join(map(printable, spaced))}.")
    for name in map(str, table):
        if twins := _twins(table[name]):
            table = table.assign(**{name: table[name].replace(twins)})
            said = first_of([f"read {one} as {other}" for one, other in twins.items()], SHOWN)
            notes.append(f"{printable(name)}: {said}: one level, rounded differently.")
    return replace(runs, table=table, notes=tuple(notes))


def _stripped(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The table without spaces around its cells, and the columns in which this merges two levels."""
    columns, spaced = {}, []
    for name in table:
        kept = table[name].str.strip()
        columns[name] = kept
        if not kept.equals(table[name]) and kept.nunique() < table[name].nunique():
            spaced.append(str(name))
    return pd.DataFrame(columns, index=table.index), spaced


def _twins(column: "pd.Series[str]") -> dict[str, str]:
    """Cells equal to another cell's number as a 32-bit float, or up to the last digits of a 64-bit float."""
    cells = pd.Series(column.unique())
    if not 1 < len(cells) <= MOST_LEVELS or (numbers := to_numbers(cells)) is None or numbers.dtype == object:
        return {}  # dtype `object`: whole numbers with more digits than a float holds
    found: dict[str, str] = {}
    short: dict[float, tuple[str, float]] = {}  # the shortest spelling of a number, by its 32-bit value
    for text, number in sorted(zip(cells, numbers.astype(float), strict=True), key=lambda cell: len(cell[0])):
        if not np.isfinite(number) or number % 1 == 0:  # whole numbers may be seeds, which stay distinct
            continue
        first, value = short.setdefault(_float32(number), (text, number))
        if number != value and (number == _float32(value) or f"{number:.15g}" == f"{value:.15g}"):
            found[text] = first
    return found


def _float32(number: float) -> float:
    with np.errstate(over="ignore", under="ignore"):
        return float(np.float32(number))
