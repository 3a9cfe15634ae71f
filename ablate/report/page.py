"""The parts of a page, filled with finished text: sections of paragraphs, tables, figures and lists."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import pandas as pd
from markupsafe import Markup

from ablate.report.plots import inline_svg, to_svg

MOST_ROWS = 500  # of a table on the page; its files have them all


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads to another place of the page."""

    text: str
    anchor: str

    def __str__(self) -> str:
        return self.text


CellContent: TypeAlias = str | Link


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or a few."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of finished text; the columns at the places `numeric` stand right-aligned."""

    kind: ClassVar[str] = "table"
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[CellContent]]
    numeric: frozenset[int] = frozenset()
    name: str = ""  # of its files; made of the caption where empty
    data: pd.DataFrame | None = None  # the numbers behind the text, all digits, for the CSV; None: the text itself
    tex: str = ""  # LaTeX, where it is written elsewhere
    key: str = ""  # the i-th row belongs to a figure's marks of the key "key-i"
    groups: Sequence[tuple[str, int]] = ()  # (anchor, number of rows), which together are all rows on the page
    filters: tuple[int, ...] = ()  # columns with a box to tick for each word in them

    @property
    def file_name(self) -> str:
        """`name`, or the caption as a name."""
        return self.name or re.sub(r"[^a-z0-9]+", "-", self.caption.lower()).strip("-")[:60]

    @property
    def n_rows(self) -> int:
        """How many rows there are, on the page or not."""
        return len(self.rows) if self.data is None else len(self.data)

    def shown(self) -> list[tuple[str, list[tuple[str, Sequence[CellContent]]]]]:
        """The rows on the page: (anchor, [(key, cells)]) for each group."""
        rows = [(f"{self.key}-{i}" if self.key else "", row) for i, row in enumerate(self.rows[:MOST_ROWS])]
        groups, start = [], 0
        for anchor, n in self.groups or [("", len(rows))]:
            groups.append((anchor, rows[start : start + n]))
            start += n
        return groups


@dataclass(frozen=True, slots=True)
class Folded:
    """A table that is long, folded under its caption."""

    kind: ClassVar[str] = "folded"
    name: str  # its anchor
    sentence: str
    table: Table

    def anchors(self) -> frozenset[str]:
        """Places in the table that others may lead to."""
        return frozenset(anchor for anchor, _ in self.table.groups)


@dataclass(frozen=True, slots=True)
class Figure:
    """A sentence that says what to see, the picture, and its numbers folded below."""

    kind: ClassVar[str] = "figure"
    name: str  # of its file, and the start of every id in it
    title: str
    sentence: str
    svg: str  # a whole document, as `to_svg` writes it
    table: Table | None = None
    reading: str = ""  # how to read the marks, where they need it

    def picture(self) -> Markup:
        """The figure as part of the page; our own drawing, its text escaped when it was written."""
        return Markup(inline_svg(self.svg))


def to_figure(
    drawn: Any, name: str, title: str, sentence: str, table: Table | None = None, reading: str = "", described: str = ""
) -> Figure:  # Any: matplotlib's figure, which the plots alone know
    """What was drawn as a figure of the page; `described`, else the sentence, is its description for screen readers."""
    svg = to_svg(drawn, name=name, title=title, description=described or sentence)
    return Figure(name, title, sentence, svg, table, reading)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the checklist; `passed` is None where it cannot be known."""

    name: str
    passed: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """Lines that passed or failed."""

    kind: ClassVar[str] = "checklist"
    checks: Sequence[Check]


@dataclass(frozen=True, slots=True)
class Definitions:
    """Names and what they are."""

    kind: ClassVar[str] = "definitions"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Listing:
    """Text kept as it is, folded under `summary`."""

    kind: ClassVar[str] = "listing"
    summary: str
    text: str
    is_open: bool = False


Block: TypeAlias = Paragraph | Table | Folded | Figure | Checklist | Definitions | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    name: str  # its anchor
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Page:
    """All of a report."""

    title: str
    date: str  # "" where it is not known
    banners: Sequence[tuple[str, str]]  # loud: a word, and the sentence after it
    headline: Sequence[str]
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section] = field(default_factory=tuple)
    standing: Link | None = None  # whether the answer is confirmed in words, and where it says why
    is_confirmed: bool = False

    def figures(self) -> list[Figure]:
        """Every figure, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Figure)]

    def tables(self) -> list[Table]:
        """Every table, in order, those folded below a figure included."""
        blocks = [block for section in self.sections for block in section.blocks]
        found = [block if isinstance(block, Table) else getattr(block, "table", None) for block in blocks]
        return [table for table in found if table is not None]
