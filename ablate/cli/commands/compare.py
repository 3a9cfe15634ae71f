"""`ablate compare`: set two reports side by side, as one page and a short table."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ablate.cli.commands.report import study_name
from ablate.interface.display.stream import say
from ablate.interface.reading import find_folder
from ablate.study.names import to_safe_name
from ablate.text import printable, printable_lines

MOST_SHOWN = 30  # rows of each table in the terminal; the page has all


def run(a: str, b: str, *, page: Path | None, out: Path) -> None:
    """Find both folders, write the page, and print what differs and the comparisons that both made."""
    from ablate.report.two_reports import read_two
    from ablate.report.two_reports_page import headline_of_two, only_in_words, rows_of_two, unlike_rows, write_two

    folders = [find_folder(study_name(name), out) for name in (a, b)]
    two = read_two(*folders)
    path = page or out / f"{to_safe_name('_'.join(('compare', *two.labels)), otherwise='compare')}.html"
    write_two(two, path)
    console = Console(highlight=False)
    say(console, headline_of_two(two))
    _show(console, ["", "What differs", *two.labels], unlike_rows(two))
    head, rows = rows_of_two(two)
    _show(console, head, rows)
    say(console, [*only_in_words(two), f"page     {path}"])


def _show(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="")
    for name in head:
        table.add_column(Text(printable(name, 300)), overflow="fold")
    for row in rows[:MOST_SHOWN]:
        table.add_row(*(Text(printable_lines(cell)) for cell in row))  # as text: brackets in a level are no markup
    console.print()
    console.print(table)
    if len(rows) > MOST_SHOWN:
        say(console, [f"and {len(rows) - MOST_SHOWN} more, on the page"])
    console.print()
