"""The elements of a report page: sections, paragraphs, tables, figures and lists."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import pandas as pd
from markupsafe import Markup

from ablate.report.plots import inline_svg, to_svg

MOST_ROWS = 500  # shown of a table; its files have all rows
NOT_RECORDED = "Not recorded."  # why a check could not be made


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that links to another place on the page."""

    text: str
    anchor: str

    def __str__(self) -> str:
        return self.text


CellContent: TypeAlias = str | Link


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One or more sentences."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of formatted text; the columns with an index in `numeric` are right-aligned."""

    kind: ClassVar[str] = "table"
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[CellContent]]
    numeric: frozenset[int] = frozenset()
    name: str = ""  # of its files; empty: derived from the caption
    data: pd.DataFrame | None = None  # the numbers behind the text, all digits, for the CSV; None: the text itself
    tex: str = ""  # LaTeX source, if written elsewhere
    key: str = ""  # row i belongs to the figure's marks with key "key-i"
    groups: Sequence[tuple[str, int]] = ()  # (anchor, number of rows); together all rows on the page
    filters: tuple[int, ...] = ()  # columns with a checkbox for each word in them

    @property
    def file_name(self) -> str:
        """`name`, or a name derived from the caption."""
        return self.name or re.sub(r"[^a-z0-9]+", "-", self.caption.lower()).strip("-")[:60]

    @property
    def n_rows(self) -> int:
        """The number of rows, including those not on the page."""
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
    """A long table, folded under its caption."""

    kind: ClassVar[str] = "folded"
    name: str  # its anchor
    sentence: str
    table: Table

    def anchors(self) -> frozenset[str]:
        """The anchors in the table that links can point to."""
        return frozenset(anchor for anchor, _ in self.table.groups)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with a sentence on its message above, and its numbers folded below."""

    kind: ClassVar[str] = "figure"
    name: str  # of its file, and the prefix of every id in it
    title: str
    sentence: str
    svg: str  # a whole document, as returned by `to_svg`
    table: Table | None = None
    reading: str = ""  # how to read the marks, if they need it
    drawn: Any = field(default=None, compare=False, repr=False)  # Any: matplotlib's type, which only the plots know

    def picture(self) -> Markup:
        """The figure as part of the page; it is our own drawing, and its text is already escaped."""
        return Markup(inline_svg(self.svg))


def to_figure(
    drawn: Any, name: str, title: str, sentence: str, table: Table | None = None, reading: str = "", described: str = ""
) -> Figure:  # matplotlib's figure type, which only the plots know
    """A drawing as a figure of the page; `described`, else the sentence, is its description for screen readers."""
    svg = to_svg(drawn, name=name, title=title, description=described or sentence)
    return Figure(name, title, sentence, svg, table, reading, drawn)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the checklist; `passed` is None if unknown."""

    name: str
    passed: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """Checks that passed, failed or are unknown."""

    kind: ClassVar[str] = "checklist"
    checks: Sequence[Check]


@dataclass(frozen=True, slots=True)
class Definitions:
    """Terms with their descriptions."""

    kind: ClassVar[str] = "definitions"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Listing:
    """Preformatted text, folded under `summary`."""

    kind: ClassVar[str] = "listing"
    summary: str
    text: str
    is_open: bool = False


Block: TypeAlias = Paragraph | Table | Folded | Figure | Checklist | Definitions | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its blocks."""

    name: str  # its anchor
    title: str
    blocks: Sequence[Block]


def figures_in(sections: Sequence[Section]) -> list[Figure]:
    """The figures of some sections, in order."""
    return [block for section in sections for block in section.blocks if isinstance(block, Figure)]


@dataclass(frozen=True, slots=True)
class PartBar:
    """How far a part of a running study is."""

    name: str
    done: int
    of: int  # trials; the most that it may take
    said: str  # "14 of 24 trials"


@dataclass(frozen=True, slots=True)
class RunningNote:
    """What stands at the top of a page that is rewritten while its study runs."""

    state: str  # where the study is, and what is left
    parts: Sequence[PartBar]
    written: tuple[str, str]  # when, in words and as ISO time
    after: str  # until when to believe the page
    seconds: int  # between two readings of the page by a browser


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report."""

    title: str
    date: str  # "" if unknown
    banners: Sequence[tuple[str, str]]  # prominent: a word, and the sentence after it
    headline: Sequence[str]
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section] = field(default_factory=tuple)
    confirmation: Link | None = None  # confirmation status of the answer, linked to the checklist
    is_confirmed: bool = False
    kind: str = "Ablation report"
    running: RunningNote | None = None  # None: the study has ended

    def figures(self) -> list[Figure]:
        """All figures, in order."""
        return figures_in(self.sections)

    def tables(self) -> list[Table]:
        """All tables, in order, including those folded below a figure."""
        blocks = [block for section in self.sections for block in section.blocks]
        found = [block if isinstance(block, Table) else getattr(block, "table", None) for block in blocks]
        return [table for table in found if table is not None]
