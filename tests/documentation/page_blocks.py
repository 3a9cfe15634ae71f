"""The code blocks of the documentation's pages, and what to do with each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SETUP = "setup"  # a hidden block, as a comment: what the page supposes that the reader has


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, or a hidden set-up."""

    line: int  # of the page, from 1
    language: str  # "python", "sh", …; `SETUP`
    text: str
    title: str = ""  # the file that it is
    skipped: str = ""  # why it is not run


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page in order."""
    return list(_blocks(MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))))


def _blocks(tokens: list) -> Iterator[Block]:
    skipped = ""
    for token in tokens:
        if token.type == "html_block":
            skipped = ""
            for kind, text in re.findall(r"<!-- *(setup|not run:)(.*?)-->", token.content, re.DOTALL):
                if kind == "setup":
                    yield Block(token.map[0] + 1, SETUP, text)
                else:
                    skipped = text.strip()
        elif token.type == "fence":
            language, _, rest = token.info.partition(" ")
            titled = re.search(r'title="([^"]+)"', rest)
            yield Block(token.map[0] + 1, language, token.content, titled[1] if titled else "", skipped)
            skipped = ""


def name_of(page: Path) -> str:
    """A page as tests are named after it."""
    return str(page.relative_to(ROOT))
