"""What a report asserts: its sentences and table rows, and which of them claim an effect.

A claim is a sentence or a row of a table that says that something helps, hurts, matters, fails more often, depends on
something else or changes with it, or an interval that leaves 0 in a table without verdicts; unless the sentence, the
row or the words above the table call it exploratory or descriptive, or no more than noise.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import patch

from ablate.report import build_report

# Not claims: the words that take an assertion back, in the sentence itself.
TAKEN_BACK = re.compile(
    r"no evidence|not (?:above|beyond|more than) (?:the )?(?:noise|chance)|by (?:chance|luck)|"
    r"(?:does|do|did) not (?:rise|stand out|exceed)|no (?:factor|variant|level|verdict|comparison|difference) is|"
    r"no (?:other )?(?:factor|importance) (?:rises|stands)|cannot (?:tell|be told|be separated)|is not (?:shown|known)|"
    r"^none\b|^no \w+ (?:is|are|has|changes)|not (?:enough|tested)|no p value|no size",
    re.IGNORECASE,
)
EXPLORATORY = re.compile(r"explorator|descripti", re.IGNORECASE)
MEANING = re.compile(
    r"“[^”]*” (?:means|is)|\bmeans that\b|\bif\b.*\bwould\b|\bwould (?:mean|have)\b|^An? .*\bif\b"
)  # reading
ASSERTED = {  # kind of claim -> how a sentence makes it
    "effect": re.compile(
        r"\b(?:helps|hurts|improves|lowers|raises) by\b|\bmatters? most\b|"
        r"\bbeats the reference|is worse than the reference|"
        r"^Detectable\b|\b[1-9][\d,]* (?:helps?|hurts?)\b|^(?:The only|All \d+) comparisons? (?:helps?|hurts?)\b|"
        r"\bmatters: "
    ),
    "importance": re.compile(
        r"\bbest separates?\b|\bmost important\b|\b(?:also )?rises? above noise|more of the score than noise"
    ),
    "interaction": re.compile(
        r"depends? on the (?:other|rest)|(?:seems?|appears?) to depend on the other|\bgo(?:es)? together\b|"
        r"^[1-9][\d,]* (?:of|interactions?)\b.*\bsignificant\b"
    ),
    "mode": re.compile(
        r"\b[1-9][\d,]* of (?:the )?[\d,]+ (?:verdicts?|effects?|variants?) (?:changes?|differs?)\b|"
        r"\bverdict changes\b|\bdepends? on the (?:learning-rate )?mode|\beffect differs (?!for 0|from)|"
        r"\beffects? of [1-9][\d,]* of [\d,]+ variants? differs?\b"
    ),
    "path": re.compile(r"\bgains [+−]?\d|\bit costs least\b|the score does not suffer"),
    "failures": re.compile(
        r"\b(?:fails?|failed|diverges?|diverged|lost|collapses?) (?:\w+ ){0,2}(?:more|less) often\b"
    ),
}
VERDICTS = {
    "helps": "effect", "hurts": "effect", "detectable but below margin": "effect",
    "detectable, size undecided": "effect", "more together": "interaction", "less together": "interaction",
    "signs differ": "interaction", "sizes differ": "interaction", "more often": "failures", "less often": "failures",
}  # fmt: skip
INTERVAL = re.compile(r"\[([+−-]?[\d.,]*\d), ([+−-]?[\d.,]*\d)\]")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z“0-9]|fANOVA)")
_SVG = '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
_TEXT = ("p", "li", "dd", "dt", "h1", "h2", "h3", "summary", "caption")
_CELLS = ("td", "th")
_HIDDEN = ("script", "style", "svg", "nav", "title", "pre")


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, or a row of a table with the words above it."""

    section: str  # its anchor; "title", "answer" and "facts" at the head of the page
    text: str
    cells: Sequence[str] = ()  # of a row
    head: Sequence[str] = ()
    above: str = ""  # the table's caption, and the words of its figure or fold
    explains: bool = False  # how to read the marks of a figure, the same for all data


@dataclass(frozen=True, slots=True)
class Claim:
    """An assertion of an effect."""

    section: str
    kind: str  # a key of `ASSERTED`, or "interval"
    text: str
    is_exploratory: bool = False  # by the sentence, the row, or the words above the table

    def __str__(self) -> str:
        return f"{self.section}: {self.text}"


class _Reader(HTMLParser):
    """Collects the statements of a page; figures, scripts and styles are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Statement] = []
        self.section = "title"
        self.above: list[str] = []  # the last paragraphs before a table
        self.head: list[str] = []
        self.row: list[str] = []
        self.text: list[str] = []
        self.hidden = 0
        self.explains = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self.hidden += 1
        if tag == "section":
            self.section = dict(attrs).get("id") or ""
        elif tag == "div" and self.section in ("title", "facts"):
            self.section = "answer" if dict(attrs).get("class") == "answer" else "facts"
        if tag in ("section", "figure") or dict(attrs).get("class") == "wide":  # a block of its own
            self.above = []
        if tag == "table":
            self.head = []
        if tag == "tr":
            self.row = []
        if tag in _TEXT or tag in _CELLS:
            self.text, self.explains = [], dict(attrs).get("class") == "reading"

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self.hidden -= 1
        if tag == "div" and self.section == "answer":
            self.section = "facts"
        said = " ".join("".join(self.text).split())
        if tag in _CELLS:
            self.row.append(said)
            if tag == "th":
                self.head.append(said)
        elif tag == "tr" and self.row and self.row != self.head:
            self.found.append(
                Statement(self.section, " | ".join(self.row), tuple(self.row), tuple(self.head), " ".join(self.above))
            )
        elif tag in _TEXT and said:
            self.found += [Statement(self.section, one, explains=self.explains) for one in SENTENCE.split(said)]
            self.above = [*self.above, said][-4:]
        if tag in _TEXT or tag in _CELLS:
            self.text = []


def statements(html: str) -> list[Statement]:
    """The sentences and rows of a report's page, in order."""
    reader = _Reader()
    reader.feed(html)
    return reader.found


def claims(found: Sequence[Statement]) -> list[Claim]:
    """The statements that assert an effect."""
    return [claim for claim in asserted(found) if not claim.is_exploratory]


def asserted(found: Sequence[Statement]) -> list[Claim]:
    """The claims, and what would be one if it were not called exploratory."""
    return [claim for one in found for claim in (_of_row(one) if one.cells else _of_sentence(one))]


def claims_of(text: str, *, section: str = "answer") -> list[Claim]:
    """The claims of a text without tables."""
    return claims([Statement(section, one) for one in SENTENCE.split(" ".join(text.split()))])


def _of_sentence(one: Statement) -> Iterator[Claim]:
    if one.section == "methods" or one.explains or TAKEN_BACK.search(one.text) or MEANING.search(one.text):
        return
    for kind, words in ASSERTED.items():
        if words.search(one.text):
            yield Claim(one.section, kind, one.text, EXPLORATORY.search(one.text) is not None)
            return


def _of_row(one: Statement) -> Iterator[Claim]:
    if TAKEN_BACK.search(one.text):
        return
    words = [cell.lstrip("▲▼■◆◇○✚✕✖·≠ \N{NO-BREAK SPACE}") for cell in one.cells]
    kinds = [VERDICTS[word] for word in words if word in VERDICTS]
    if any(cell == "yes" and name in ("Changes", "Differs") for name, cell in zip(one.head, one.cells, strict=False)):
        kinds.append("mode")
    if not kinds and "Verdict" not in one.head and any(map(_leaves_zero, one.cells)):
        kinds.append("interval")
    if kinds:
        yield Claim(one.section, kinds[0], one.text, EXPLORATORY.search(f"{one.text} {one.above}") is not None)


def _leaves_zero(cell: str) -> bool:
    ends = INTERVAL.fullmatch(cell)
    if ends is None:
        return False
    low, high = (float(end.replace("−", "-").replace(",", "")) for end in ends.groups())
    return low > 0 or high < 0


@contextmanager
def undrawn() -> Iterator[None]:
    """Leave the figures of reports empty, which halves the time; every text stays the same."""
    with patch("ablate.report.page.to_svg", lambda *_, **__: _SVG):
        yield


@contextmanager
def without_search() -> Iterator[None]:
    """Leave the section on the search and its importances out of reports: it takes most of the rest of the time."""
    with patch("ablate.report.build.search_section", lambda *_, **__: None):
        yield


def read_report(folder: Path) -> list[Statement]:
    """Build the report in a folder, without its figures, and read its page."""
    with undrawn():
        return statements(build_report(folder).html.read_text(encoding="utf-8"))
