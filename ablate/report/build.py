"""A study's folder into its report: tables, figures and one HTML file."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablate import analysis
from ablate.errors import DataError
from ablate.files.strangers import check_report
from ablate.files.whole import write_aside
from ablate.report.checks import checklist
from ablate.report.designs import design_sections
from ablate.report.effects import effects_section
from ablate.report.export import PageFiles
from ablate.report.gaps import gap_blocks
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.layers import layers_section
from ablate.report.methods import methods_section
from ablate.report.modes import modes_section
from ablate.report.origin import banners, origin_section, title_facts
from ablate.report.page import Check, Page, Section
from ablate.report.rate_tests import rate_section
from ablate.report.render import render
from ablate.report.runs import runs_block
from ablate.report.schedules import schedule_blocks
from ablate.report.search import failures_section, search_section
from ablate.report.spreadsheet import to_inert_csv
from ablate.report.training import training_section
from ablate.report.trust import standing, trust_section
from ablate.report.uncompared import uncompared


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """What was written, and the answer in words."""

    html: Path
    effects_csv: Path
    effects_tex: Path
    figures: tuple[Path, ...]
    tables: tuple[Path, ...]  # CSV and LaTeX of every table of the page
    headline: tuple[str, ...]
    effects: pd.DataFrame


def build_report(folder: Path) -> ReportFiles:
    """Write effects.csv, effects.tex, figures/*.svg, tables/* and report.html beside the results.csv of `folder`.

    The rest of the folder's files may be missing: their sections are left out. The same folder gives the same bytes.
    Raises `DataError` where the table is missing, a file cannot be read, or a folder in it leads elsewhere.
    """
    _check_folders(folder)
    check_report(folder)
    inputs = read_inputs(folder)
    page = _page(inputs)
    attached = PageFiles.of(page)
    files = ReportFiles(
        html=folder / "report.html",
        effects_csv=folder / "effects.csv",
        effects_tex=folder / "effects.tex",
        figures=tuple(folder / file.path for file in attached if file.path.startswith("figures/")),
        tables=tuple(folder / file.path for file in attached if file.path.startswith("tables/")),
        headline=tuple(page.headline),
        effects=inputs.effects,
    )
    write_aside(files.effects_csv, to_inert_csv(inputs.effects))
    write_aside(files.effects_tex, analysis.latex_effects(inputs.effects, inputs.metric))
    for file in attached:
        write_aside(folder / file.path, file.content)
    write_aside(files.html, render(page, attached))
    return files


def _check_folders(folder: Path) -> None:
    for name in ("figures", "tables"):
        if (folder / name).is_symlink():
            raise DataError(f"{folder / name}: is a link, and would be written through\n  delete it; it is made anew")


def _page(inputs: Inputs) -> Page:
    checks = checklist(inputs)
    sections = _sections(inputs, checks)
    return Page(
        title=inputs.title,
        date=str(inputs.facts.get("ended") or inputs.facts.get("started") or "")[:10],
        banners=banners(inputs),
        headline=_answer(inputs, sections),
        facts=title_facts(inputs),
        sections=sections,
        standing=standing(checks),
        is_confirmed=all(check.passed for check in checks),
    )


def _answer(inputs: Inputs, sections: list[Section]) -> list[str]:
    if inputs.effects.empty:
        return uncompared(inputs, sections)
    return analysis.headline(inputs.effects, inputs.results, title=inputs.title, lost_count=inputs.lost_count)


def _sections(inputs: Inputs, checks: list[Check]) -> list[Section]:
    """Those that there is something to tell in."""
    behind = runs_block(inputs)
    anchors = behind.anchors() if behind else frozenset[str]()
    sections = (
        effects_section(inputs, behind=behind),
        modes_section(inputs, anchors=anchors),
        *design_sections(inputs, anchors=anchors),
        training_section(inputs, beside=[*gap_blocks(inputs), *schedule_blocks(inputs)]),
        layers_section(inputs),
        rate_section(inputs),
        search_section(inputs),
        failures_section(inputs),
        trust_section(inputs, checks),
        methods_section(inputs),
        origin_section(inputs),
    )
    return [section for section in sections if section is not None]
