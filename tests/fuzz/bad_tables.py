"""Tables of runs as other tools, people and spreadsheets leave them, and as somebody would forge them."""

import csv
import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doors import TEXTS, Defect, Door
from hypothesis import strategies as st

from ablate.analysis.imports import ImportOptions
from ablate.experiment.analyze import ReportPlace, prepare
from ablate.report import build_report
from ablate.report.inputs import read_inputs

HEADS = (
    st.sampled_from(("norm", "width", "drop", "learning_rate", "seed", "acc", "val_loss", "state", "epochs")) | TEXTS
)
CELLS = TEXTS | st.integers(-3, 9).map(str) | st.floats().map(repr) | st.floats(0, 1).map(repr)


@dataclass(frozen=True, slots=True)
class TableExample:
    """A table's bytes, its name, and what is asked of it."""

    content: bytes
    file: str = "sweep.csv"
    asked: tuple[tuple[str, Any], ...] = ()
    report: bool = False


@st.composite
def grids(draw: st.DrawFn) -> list[list[str]]:
    """A table as it should be: factors crossed or not, seeds, a score."""
    n_levels = draw(st.lists(st.integers(2, 3), min_size=1, max_size=3))
    levels = [draw(st.lists(CELLS, min_size=n, max_size=n, unique=True)) for n in n_levels]
    names = ["norm", "width", "drop"][: len(levels)]
    if draw(st.booleans()):
        names[0] = draw(HEADS)
    rng = random.Random(draw(st.integers(0, 2**16)))
    rows = [[*names, "seed", "acc"]]
    for seed in range(draw(st.integers(1, 7))):
        runs = range(2 * len(levels))
        rows += [[*(rng.choice(some) for some in levels), str(seed), f"{rng.random():.4f}"] for _ in runs]
    return rows


@st.composite
def tables(draw: st.DrawFn, *, report: bool = False) -> TableExample:
    """A good table with some cells, rows or columns spoilt, in some dialect and encoding; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        content = draw(st.binary(max_size=200) | TEXTS.map(lambda text: text.encode(errors="replace")))
        return TableExample(content, report=report)
    rows = draw(grids())
    for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2, 4)))):
        _spoil(rows, draw)
    separator = draw(st.sampled_from(",,,;\t"))
    out = io.StringIO()
    quoting = draw(st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=draw(st.sampled_from(("\n", "\r\n"))))
    writer.writerows(rows)
    encoding = draw(st.sampled_from((*["utf-8"] * 20, "utf-8-sig", "utf-16", "utf-16-le", "latin-1")))
    content = out.getvalue().encode(encoding, errors="replace")
    if draw(st.integers(0, 9)) == 0:
        cut = draw(st.integers(0, len(content)))
        content = content[:cut] + draw(st.binary(max_size=3)) + content[cut + draw(st.integers(0, 30)) :]
    file = draw(st.sampled_from(("sweep.csv",) * 9 + ("con.csv", "日" * 80 + ".csv", "a.csv.gz", "<b>.csv", "x\n.csv")))
    return TableExample(content, file, draw(_asked()), report)


def _spoil(rows: list[list[str]], draw: st.DrawFn) -> None:
    row = rows[draw(st.integers(0, len(rows) - 1))]
    kind = draw(st.sampled_from((0, 0, 0, 0, 3, 4, 5, 5, 6, 6, 7, 7)))
    if kind == 0 and row:
        row[draw(st.integers(0, len(row) - 1))] = draw(CELLS)
    elif kind == 3 and row:
        row.pop()
    elif kind == 4:
        row.append(draw(CELLS))
    elif kind == 5:
        rows.append(list(row))
    elif kind == 6:
        name, cell = draw(HEADS), draw(CELLS)
        for number, one in enumerate(rows):
            one.append(cell if number else name)
    elif kind == 7:
        cells = draw(st.lists(CELLS, min_size=1, max_size=4))
        place = draw(st.integers(0, max(0, len(rows[0]) - 1)))
        for number, one in enumerate(rows[1:]):
            if place < len(one):
                one[place] = cells[number % len(cells)]


@st.composite
def _asked(draw: st.DrawFn) -> tuple[tuple[str, Any], ...]:
    some = {
        "score": HEADS, "seed": HEADS, "reference": TEXTS | st.just("norm=none"), "target": TEXTS, "unit": TEXTS,
        "direction": st.sampled_from(("maximize", "minimize", "up")), "margin": st.floats(),
        "factors": st.lists(HEADS, max_size=3).map(tuple),
    }  # fmt: skip
    wanted = draw(st.sampled_from((0, 0, 0, 1, 2)))
    names = draw(st.lists(st.sampled_from(sorted(some)), min_size=wanted, max_size=wanted, unique=True))
    return tuple((name, draw(some[name])) for name in names)


def enter_table(example: TableExample, folder: Path) -> None:
    """`ablate analyze` on it: the folder that the report is made of, and the report itself where that is asked for."""
    path = folder / example.file
    path.write_bytes(example.content)
    asked = ImportOptions(**dict(example.asked))
    made, _ = prepare(
        ReportPlace(str(path), None, "sqlite:///x.db", "", folder / "reports"), asked, command_line="ablate"
    )
    inputs = read_inputs(made)
    if example.report:
        check_page(build_report(made).html)
    elif not len(inputs.results):
        raise Defect("no row is left")


def check_page(path: Path) -> None:
    """Raise `Defect` where the page holds elements that a name brought in."""
    text = path.read_text(encoding="utf-8")
    if text.count("<script") != 1 or text.count("<style") != 1 or "<img" in text:
        raise Defect("the page holds elements that are not its own")


TABLES = Door(tables(), enter_table, (".csv", "--margin", "--direction", "configurations", "provenance.json"))
REPORTED_TABLES = Door(tables(report=True), enter_table, TABLES.places)
