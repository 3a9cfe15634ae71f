"""The parts of a page, filled with finished text, into HTML: everything is escaped but the figures drawn here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import ClassVar, TypeAlias

import jinja2
from markupsafe import Markup

from ablate.plots import inline_svg


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
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Figure:
    """A sentence that says what to see, the picture, and its numbers folded below."""

    kind: ClassVar[str] = "figure"
    name: str  # of its file, and the start of every id in it
    title: str
    sentence: str
    svg: str  # a whole document, as `to_svg` writes it
    table: Table | None = None

    def picture(self) -> Markup:
        """The figure as part of the page; our own drawing, its text escaped when it was written."""
        return Markup(inline_svg(self.svg))


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


Block: TypeAlias = Paragraph | Table | Figure | Checklist | Definitions | Listing


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

    def figures(self) -> list[Figure]:
        """Every figure, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Figure)]


def render(page: Page) -> str:
    """The page as one self-contained HTML document."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html.jinja").render(page=page)


def _template(name: str) -> str:
    return (resources.files("ablate.report") / "templates" / name).read_text(encoding="utf-8")
