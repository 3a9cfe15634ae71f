"""A draft of a study: its tables with a comment beside each setting that needs one, and its text as a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from ablate.study.toml import toml_key, toml_value
from ablate.study.trial import Level

DraftValue: TypeAlias = Level | list[Level] | dict[str, object]
Tables: TypeAlias = dict[str, dict[str, DraftValue]]
COMMENT_AT = 32  # column of the comments, where a line leaves room


@dataclass(frozen=True, slots=True)
class Code:
    """A module with the functions that a drafted study names."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A study file to be written, and what to say of it."""

    name: str
    title: str
    tables: Tables  # in the order of the file; no table for what keeps its default
    comments: Mapping[tuple[str, str], str] = field(default_factory=dict)  # by table and key
    code: Code | None = None
    found: tuple[str, ...] = ()  # what was taken for what, a line each
    left_out: tuple[str, ...] = ()  # what the source asks for and the study does not do, a line each

    def with_setting(self, table: str, key: str, value: DraftValue, *, comment: str) -> "Draft":
        """The draft with another value of a setting, and a comment on it."""
        tables = {**self.tables, table: {**self.tables.get(table, {}), key: value}}
        return replace(self, tables=tables, comments={**self.comments, (table, key): comment})


def text_of(draft: Draft) -> str:
    """The draft as a study file."""
    return "\n".join([*_head(draft), f"title = {toml_value(draft.title)}", *_tables(draft), ""])


def _head(draft: Draft) -> Iterator[str]:
    yield f"# Try it: ablate plan {draft.name}, then ablate study {draft.name}. All settings: ablate show {draft.name}"
    if draft.left_out:
        yield "# Left out of the study:"
        yield from (f"# - {line}" for line in draft.left_out)


def _tables(draft: Draft) -> Iterator[str]:
    for name, table in draft.tables.items():
        yield ""
        yield f"[{name}]"
        for key, value in table.items():
            line = f"{toml_key(key)} = {toml_value(value)}"
            comment = draft.comments.get((name, key))
            yield f"{line:<{COMMENT_AT}} # {comment}" if comment else line
