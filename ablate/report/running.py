"""The page of a study that is still running: what there is so far, and no verdict on anything.

The comparisons are judged when all their planned runs have ended. Until then the page shows how far they are and their
differences so far, without an interval, a p-value or a word of judgement: whoever acts on those while runs are still
missing decides by luck.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate.analysis.effects import LOST
from ablate.report.export import PageFiles
from ablate.report.factor_names import in_own_names
from ablate.report.failures import failures_section
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.layers import layers_section
from ablate.report.learning_rates import rate_section
from ablate.report.numbers import count, in_unit, number, score_decimals
from ablate.report.origin import banners, origin_section, title_facts
from ablate.report.page import MOST_ROWS, Page, Paragraph, RunningNote, Section, Table
from ablate.report.plots import contrast_name
from ablate.report.render import render
from ablate.report.search import search_so_far
from ablate.report.training import training_section
from ablate.storage.files.atomic import write_aside
from ablate.storage.files.foreign_files import check_report

NO_ANSWER = (
    "No answer yet: the comparisons are judged once all of their planned runs have ended, and this page then gives way "
    "to the report."
)
PROVISIONAL = (
    "Provisional: these differences change with every run that ends, and nothing follows from them yet. What looks "
    "good now may end undecided or the other way round, so please do not stop the study on account of them."
)
SHOWN = "What is below shows the trials that had ended by {at}."
STILL_OPEN = ("Interrupted", "Incomplete")  # banners that only a study that has ended deserves


@dataclass(frozen=True, slots=True)
class SoFar:
    """What a page shows of the trials that have ended; made now and then, as it takes a while."""

    at: str = ""  # when it was made, in words; "" before
    banners: Sequence[tuple[str, str]] = ()
    facts: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = ()


def read_so_far(folder: Path, *, at: str) -> SoFar:
    """What to show of the tables in `folder`, as `read_inputs` reads them; `at` says when they were written."""
    inputs = read_inputs(folder)
    found = [
        _differences(inputs),
        training_section(inputs),
        layers_section(inputs),
        rate_section(inputs),
        search_so_far(inputs),
        failures_section(inputs),
        origin_section(inputs),
    ]
    page = Page(
        title=inputs.title,
        date="",
        banners=[banner for banner in banners(inputs) if banner[0] not in STILL_OPEN],
        headline=[],
        facts=title_facts(inputs),
        sections=[section for section in found if section is not None],
    )
    named = in_own_names(page, inputs)
    return SoFar(at, named.banners, named.facts, named.sections)


def write_running_page(folder: Path, so_far: SoFar, note: RunningNote, *, title: str) -> Path:
    """Write the page of a running study over the report in `folder`, and no other file; the page's path.

    Raises `AblateError` if a file is there that ablate did not write, and `OSError` if it cannot be written.
    """
    check_report(folder)
    page = Page(
        title=title,
        date=note.written[1][:10],
        banners=so_far.banners,
        headline=[
            NO_ANSWER,
            *([f"What is below shows the trials that had ended by {so_far.at}."] if so_far.at else []),
        ],
        facts=so_far.facts,
        sections=so_far.sections,
        running=note,
    )
    path = folder / "report.html"
    write_aside(path, render(page, _without_files(page)))
    return path


def _without_files(page: Page) -> PageFiles:
    """No file stands beside a figure or table: those of the study's folder are written when it has ended."""
    return PageFiles({id(block): () for block in (*page.figures(), *page.tables())})


def _differences(inputs: Inputs) -> Section | None:
    """The differences so far, where the comparisons have begun: they are scored on the test set from then on."""
    if inputs.effects.empty or inputs.facts.frozen is None:
        return None
    metric, has_modes = inputs.metric, len(inputs.modes) > 1
    rows = inputs.effects.head(MOST_ROWS).to_dict("records")
    decimals = score_decimals([row["mean"] for row in rows], metric, points=1, others=3)
    head = ["Factor", "Level", *["Learning rate"] * has_modes, "Seeds so far", f"Difference{in_unit(metric)}"]
    cells = [
        [*contrast_name(row["factor"], row["level"], against=row["against"]), *[row["mode"]] * has_modes,
         count(row["n"]), number(_size(row) * metric.scale, decimals, is_signed=True)]
        for row in rows
    ]  # fmt: skip
    numeric = frozenset((len(head) - 2, len(head) - 1))
    table = Table("The comparisons so far, not judged", head, cells, numeric, name="so-far", filters=(0,))
    return Section("so-far", "The comparisons so far", [Paragraph(PROVISIONAL), table])


def _size(row: Mapping[Hashable, float | str]) -> float:
    """The mean difference; NaN where a run was lost, so that no size is known."""
    return math.nan if row["verdict"] == LOST else float(row["mean"])
