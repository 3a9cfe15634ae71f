"""Export the page's tables and figures as CSV, LaTeX and SVG files, in the folder and embedded in the page."""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.report.page import MOST_ROWS, CellContent, Figure, Page, Table
from ablate.report.wording import to_tex

MOST_INSIDE = 400_000  # bytes of a file embedded in the page; larger files are only in the folder
MOST_ROWS_INSIDE = {"CSV": 2_000, "LaTeX": 100}  # largest embedded table
OF_AMSSYMB = {  # signs of verdicts and checks
    "▲": r"$\blacktriangle$", "▼": r"$\blacktriangledown$", "■": r"$\blacksquare$", "◆": r"$\blacklozenge$",
    "✓": r"$\checkmark$",
}  # fmt: skip
# Characters that start a formula in spreadsheets, including full-width ones, and those skipped before it.
_FORMULA = re.compile(r"[\s\0]*[=+\-@＝＋－＠]|[\t\r]")


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file: its label on the page, its path in the folder, and its content."""

    label: str  # "CSV", "LaTeX", "SVG"
    path: str  # relative to the folder, e.g. "tables/effects.csv"
    mime: str
    content: str
    is_inside: bool  # embedded in the page

    @property
    def name(self) -> str:
        """The file name for saving."""
        return self.path.rpartition("/")[2]

    def uri(self) -> str:
        """The content as a data: URI."""
        return f"data:{self.mime};charset=utf-8;base64,{base64.b64encode(self.content.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class PageFiles:
    """The files of all figures and tables of a page, made once."""

    by_block: Mapping[int, tuple[Attachment, ...]]  # by the block's id()

    @classmethod
    def of(cls, page: Page) -> "PageFiles":
        """Make the files; tables with the same name get different file names."""
        by_block: dict[int, tuple[Attachment, ...]] = {
            id(figure): (_attachment("SVG", f"figures/{_plain_name(figure.name)}.svg", "image/svg+xml", figure.svg),)
            for figure in page.figures()
        }
        names = Counter[str]()
        for table in page.tables():
            names[table.file_name] += 1
            turn = names[table.file_name]
            by_block[id(table)] = _table_files(table, f"{table.file_name}-{turn}" if turn > 1 else table.file_name)
        return cls(by_block)

    def __iter__(self) -> Iterator[Attachment]:
        return (file for files in self.by_block.values() for file in files)

    def beside(self, block: Figure | Table) -> tuple[Attachment, ...]:
        """The files of one block."""
        return self.by_block[id(block)]


def with_units(data: pd.DataFrame, units: Mapping[str, str]) -> pd.DataFrame:
    """The table with units in its column headings: "mean (fraction)"."""
    return data.rename(columns={name: f"{name} ({unit})" for name, unit in units.items() if unit})


def to_csv(table: Table) -> str:
    """The numbers behind the table; else its text with plain minus signs, and empty cells for dashes."""
    data = table.data
    if data is None:
        rows = [[_plain(cell) for cell in row] for row in table.rows]
        data = pd.DataFrame(rows, columns=list(table.head), dtype=object)
    return to_inert_csv(data)


def to_latex(table: Table) -> str:
    """A booktabs `tabular` of the rows on the page, ready for \\input."""
    rows = [_tex_row(row) for row in table.rows[:MOST_ROWS]]
    text = "".join(str(cell) for row in table.rows[:MOST_ROWS] for cell in row)
    needs = ["booktabs", *(["amssymb"] if any(sign in text for sign in OF_AMSSYMB) else [])]
    cut = [f"% The first {len(rows)} of {table.n_rows} rows."] if table.n_rows > len(rows) else []
    columns = "".join("r" if place in table.numeric else "l" for place in range(len(table.head)))
    return "\n".join([
        f"% {' '.join(table.caption.split())}; needs " + " and ".join(rf"\usepackage{{{name}}}" for name in needs),
        *cut,
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _tex_row(table.head),
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        "",
    ])  # fmt: skip


def _table_files(table: Table, name: str) -> tuple[Attachment, Attachment]:
    """The table as CSV with all rows and digits, and as LaTeX as shown on the page."""
    tex = table.tex or to_latex(table)
    return (
        _attachment("CSV", f"tables/{_plain_name(name)}.csv", "text/csv", to_csv(table), n_rows=table.n_rows),
        _attachment("LaTeX", f"tables/{_plain_name(name)}.tex", "application/x-tex", tex, n_rows=table.n_rows),
    )


def _attachment(label: str, path: str, mime: str, content: str, *, n_rows: int = 0) -> Attachment:
    is_inside = n_rows <= MOST_ROWS_INSIDE.get(label, 0) and len(content) <= MOST_INSIDE
    return Attachment(label, path, mime, content, is_inside)


def _plain_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def _plain(cell: CellContent) -> str:
    text = str(cell).replace("−", "-")
    return "" if text == "–" else text


def _tex_row(cells: Sequence[CellContent]) -> str:
    return " & ".join(to_tex(str(cell), signs=OF_AMSSYMB) for cell in cells) + r" \\"


def to_inert_csv(table: pd.DataFrame) -> str:
    """The table as CSV; text that a spreadsheet would run as a formula gets an apostrophe, numbers stay unchanged."""
    inert = table.apply(_inert_column) if len(table) else table
    return inert.set_axis([inert_text(str(name)) for name in table.columns], axis=1).to_csv(
        index=False, lineterminator="\n"
    )


def inert_text(text: str) -> str:
    """`text`, with a leading apostrophe if it begins like a formula and is not a number."""
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def _inert_column(column: "pd.Series[str]") -> "pd.Series[str]":
    if pd.api.types.is_numeric_dtype(column):
        return column
    return column.map(lambda cell: inert_text(cell) if isinstance(cell, str) else cell)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
