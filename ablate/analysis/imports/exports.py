"""Recognize the tools that wrote a table's columns, and what each column then is."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ablate.analysis.imports.tools import ANY_TOOL, TOOLS, Tool

ColumnKind = Literal["factor", "attribute", "result", "bookkeeping"]
KINDS: tuple[tuple[ColumnKind, str], ...] = (
    ("factor", "factors"), ("attribute", "attributes"), ("result", "results"), ("bookkeeping", "bookkeeping"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Export:
    """The tools that a table comes from, and what their columns are; nothing is known of a table made by hand."""

    tools: tuple[Tool, ...]
    kinds: Mapping[str, ColumnKind]  # of the columns that are known
    names: Mapping[str, str]  # a parameter's or attribute's own name: params.seed -> seed
    makers: Mapping[str, str]  # of the columns that are known: the tool's name, "" for any

    def of_kind(self, kind: ColumnKind) -> tuple[str, ...]:
        """The columns of that kind, in the table's order."""
        return tuple(name for name, found in self.kinds.items() if found == kind)

    def name(self, column: str) -> str:
        """The column's name without the tool's prefix."""
        return self.names.get(column, column)

    def first(self, role: str) -> str:
        """The column that a tool keeps for "state", "run_id" or "score"; "" where there is none."""
        return next((name for tool in self.tools for name in self.makers_columns(tool, role)), "")

    def makers_columns(self, tool: Tool, role: str) -> list[str]:
        """The columns of a tool that have a role."""
        return [name for name in self.names if _fits(getattr(tool, role), name)]


def recognize(columns: Iterable[str]) -> Export:
    """What the names of the columns tell; a tool counts where it has left several of its typical ones."""
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
