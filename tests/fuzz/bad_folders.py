"""A study's own folder with some of its files edited or damaged, as `ablate report` may find it."""

import csv
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bad_tables import CELLS, check_page
from doors import TEXTS, Door
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).resolve().parents[1] / "report"))

from synthetic import write_study

from ablate.report import build_report
from ablate.report.inputs import read_inputs

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@dataclass(frozen=True, slots=True)
class FolderExample:
    """What a study's files hold, those that are changed."""

    files: Mapping[str, bytes]
    report: bool = False


def base_folder(folder: Path) -> Mapping[str, bytes]:
    """The files of a small study, by name."""
    write_study(folder, n_seeds=2, modes=("carry", "find"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@st.composite
def edits(draw: st.DrawFn, base: Mapping[str, bytes], *, report: bool = False) -> FolderExample:
    """One to three of: a cell, a fact, a range test, bytes."""
    files = dict(base)
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(("cell",) * 4 + ("fact",) * 4 + ("test", "test", "bytes")))
        if kind == "cell":
            name = draw(st.sampled_from(("results.csv", "results.csv", "epochs.csv", "layers.csv")))
            files[name] = draw(_edited_cells(files[name]))
        elif kind == "bytes":
            name = draw(st.sampled_from(sorted(files)))
            cut = draw(st.integers(0, len(files[name])))
            files[name] = (
                files[name][:cut] + draw(st.binary(max_size=3)) + files[name][cut + draw(st.integers(0, 40)) :]
            )
        else:
            name = "provenance.json" if kind == "fact" else "lr_tests.json"
            files[name] = draw(_edited_json(files[name]))
    return FolderExample(files, report)


@st.composite
def _edited_cells(draw: st.DrawFn, content: bytes) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode(errors="replace").replace("\0", ""), newline="")))
    if rows:
        column = draw(st.integers(0, max(0, len(rows[0]) - 1)))
        first = draw(st.integers(0, len(rows) - 1))
        text = draw(CELLS).replace("\0", "")
        for row in rows[first : first + draw(st.sampled_from((1, 1, 3, 1000)))]:
            if column < len(row):
                row[column] = text
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode(errors="replace")


@st.composite
def _edited_json(draw: st.DrawFn, content: bytes) -> bytes:
    try:
        tree = json.loads(content)
    except ValueError:
        return content
    place = tree
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            place[key] = draw(JSON)
            break
        place = place[key]
    return json.dumps(tree).encode()


def enter_folder(example: FolderExample, folder: Path) -> None:
    """Read it, as `ablate report` does, and build the page where that is asked for."""
    study = folder / "study"
    study.mkdir()
    for name, content in example.files.items():
        (study / name).write_bytes(content)
    if example.report:
        check_page(build_report(study).html)
    else:
        read_inputs(study)


def folders(base: Mapping[str, bytes], *, report: bool = False) -> Door:
    """The door of `ablate report`, for edits of a study's files."""
    places = (
        "results.csv", "epochs.csv", "layers.csv", "provenance.json", "lr_tests.json", "study.toml", "configuration",
        "metric",
    )  # fmt: skip
    return Door(edits(base, report=report), enter_folder, places)
