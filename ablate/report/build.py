"""Build the report in a study's folder: tables, figures and one HTML file."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablate.analysis.effects import BLOCK_COLUMNS, DataSetEffects
from ablate.errors import DataError
from ablate.report.checks import checklist
from ablate.report.costs import with_costs
from ablate.report.data_sets import data_sets_section, each_in_files
from ablate.report.directions import directions_section
from ablate.report.effects import effects_in_files, effects_section
from ablate.report.export import PageFiles, to_inert_csv
from ablate.report.factor_names import in_own_names
from ablate.report.failures import failures_section
from ablate.report.gaps import gap_blocks
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.interactions import found_factorials, interactions_section
from ablate.report.layers import layers_section
from ablate.report.learning_curves import learning_curve_blocks
from ablate.report.learning_rates import rate_section, schedule_blocks
from ablate.report.left_out import left_out_in_words
from ablate.report.methods import methods_section
from ablate.report.modes import modes_section
from ablate.report.no_comparisons import no_comparisons
from ablate.report.origin import banners, origin_section, title_facts
from ablate.report.page import Check, Page, Section
from ablate.report.paths import path_section
from ablate.report.predictions import predictions_section
from ablate.report.render import render
from ablate.report.runs import OF_FACTORIAL, runs_block
from ablate.report.search import search_section
from ablate.report.training import training_section
from ablate.report.trust import confirmation, trust_section
from ablate.report.wording import data_sets_headline, headline, headline_notes, latex_effects, unbroken
from ablate.storage.files.atomic import write_aside
from ablate.storage.files.foreign_files import check_report

SCORE_OF_GUESSING = "--chance VALUE counts lost runs at the score of guessing."

__all__ = ["design_sections", "directions_section", "interactions_section", "path_section"]


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The files written, and the answer in words."""

    html: Path
    effects_csv: Path
    effects_tex: Path
    figures: tuple[Path, ...]
    tables: tuple[Path, ...]  # CSV and LaTeX of every table on the page
    headline: tuple[str, ...]
    effects: pd.DataFrame


def build_report(folder: Path) -> ReportFiles:
    """Write effects.csv, effects.tex, figures/*.svg, tables/* and report.html beside the results.csv of `folder`.

    The folder's other files may be missing: their sections are left out. The same folder gives the same bytes. Raises
    `DataError` if the table is missing, a file cannot be read, or a folder in it leads elsewhere.
    """
    _check_folders(folder)
    check_report(folder)
    inputs = read_inputs(folder)
    page = whole_page(inputs)
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
    write_aside(files.effects_csv, to_inert_csv(to_effects_file(inputs)))
    write_aside(files.effects_tex, latex_effects(inputs.effects, inputs.metric))
    for file in attached:
        write_aside(folder / file.path, file.content)
    write_aside(files.html, render(page, attached))
    return files


def to_effects_file(inputs: Inputs) -> pd.DataFrame:
    """The effects with their costs, as effects.csv has them."""
    return effects_in_files(with_costs(inputs.effects, inputs), inputs.metric)


def to_each_file(inputs: Inputs) -> pd.DataFrame:
    """The effects on each of several data sets; no rows for a study on one."""
    found = inputs.data_sets
    return pd.DataFrame(columns=list(BLOCK_COLUMNS)) if found is None else each_in_files(found)


def _check_folders(folder: Path) -> None:
    for name in ("figures", "tables"):
        if (folder / name).is_symlink():
            raise DataError(f"{folder / name}: is a link, which the report never follows\n  delete the link")


def whole_page(inputs: Inputs) -> Page:
    """Everything that the report says and shows."""
    checks = checklist(inputs)
    return _page(inputs, checks, _sections(inputs, checks))


def summary_page(inputs: Inputs) -> Page:
    """The answer, the effects and the checklist alone, which need a tenth of the time; the whole without effects."""
    if inputs.effects.empty:
        return whole_page(inputs)
    checks = checklist(inputs)
    several = inputs.data_sets is not None
    sections = (data_sets_section(inputs) if several else effects_section(inputs), trust_section(inputs, checks))
    return _page(inputs, checks, [section for section in sections if section is not None])


def figure_sections(inputs: Inputs, figure: str) -> list[Section]:
    """The sections in which a figure of that name may stand: all that have figures, unless the name tells."""
    if inputs.data_sets is not None:
        return list(whole_page(inputs).sections)
    match figure:
        case "effects":
            found = effects_section(inputs)
        case "curves" | "loss-curves" | "gap" | "schedules":
            found = _training_section(inputs)
        case "layers" | "kernels":
            found = layers_section(inputs)
        case "rates":
            found = rate_section(inputs)
        case "history" | "expected" | "importances":
            found = search_section(inputs)
        case _:
            return list(whole_page(inputs).sections)
    return [] if found is None else [found]


def _page(inputs: Inputs, checks: list[Check], sections: list[Section]) -> Page:
    page = Page(
        title=inputs.title,
        date=(inputs.facts.ended or inputs.facts.started or "")[:10],
        banners=banners(inputs),
        headline=_answer(inputs, sections),
        facts=title_facts(inputs),
        sections=sections,
        confirmation=confirmation(checks, is_imported=inputs.is_imported),
        is_confirmed=all(check.passed for check in checks),
    )
    return in_own_names(page, inputs)


def _answer(inputs: Inputs, sections: list[Section]) -> list[str]:
    if inputs.effects.empty:
        return no_comparisons(inputs, sections)
    if inputs.data_sets is not None:
        answer = _answer_by_data_set(inputs, inputs.data_sets)
        return [*answer, *map(unbroken, headline_notes(inputs.facts.frozen))]
    answer = headline(
        inputs.effects,
        inputs.results,
        title=inputs.title,
        lost_count=inputs.lost_count,
        way_out=SCORE_OF_GUESSING if inputs.is_imported else "",
        changes=inputs.mode_changes,
        level=inputs.level,
        lower_is_better=inputs.metric.label if inputs.metric.direction == "minimize" else "",
        left_out=left_out_in_words(inputs),
        has_seeds=inputs.has_seeds,
    )
    return [*answer, *map(unbroken, headline_notes(inputs.facts.frozen))]


def _answer_by_data_set(inputs: Inputs, found: DataSetEffects) -> list[str]:
    return data_sets_headline(
        found,
        inputs.modes[0],
        level=inputs.level,
        lower_is_better=inputs.metric.label if inputs.metric.direction == "minimize" else "",
        way_out=SCORE_OF_GUESSING if inputs.is_imported else "",
        left_out=left_out_in_words(inputs),
    )


def _sections_of_data_sets(inputs: Inputs, checks: list[Check]) -> list[Section]:
    """The sections of comparisons on several data sets: none averages scores over them."""
    search = None if inputs.is_imported else search_section(inputs)
    sections = (
        data_sets_section(inputs, behind=runs_block(inputs)),
        rate_section(inputs),
        search,
        failures_section(inputs),
        trust_section(inputs, checks),
        methods_section(inputs),
        origin_section(inputs),
    )
    return [section for section in sections if section is not None]


def _sections(inputs: Inputs, checks: list[Check]) -> list[Section]:
    if inputs.data_sets is not None:
        return _sections_of_data_sets(inputs, checks)
    behind = runs_block(inputs)
    anchors = behind.anchors() if behind else frozenset[str]()
    sections = (
        effects_section(inputs, behind=behind),
        modes_section(inputs, anchors=anchors),
        *design_sections(inputs, anchors=anchors),
        _training_section(inputs),
        predictions_section(inputs),
        layers_section(inputs),
        rate_section(inputs),
        search_section(inputs),
        failures_section(inputs),
        trust_section(inputs, checks),
        methods_section(inputs),
        origin_section(inputs),
    )
    return [section for section in sections if section is not None]


def _training_section(inputs: Inputs) -> Section | None:
    beside = [*learning_curve_blocks(inputs), *gap_blocks(inputs), *schedule_blocks(inputs)]
    return training_section(inputs, beside=beside)


def design_sections(inputs: Inputs, *, anchors: frozenset[str] = frozenset()) -> list[Section]:
    """Sections on designs beyond one factor at a time; sections without rows are left out.

    Factorials are read once for all of them.
    """
    found = found_factorials(inputs)
    here = anchors | {OF_FACTORIAL} if found else anchors
    sections = (
        interactions_section(inputs, found),
        directions_section(inputs, found, anchors=here),
        path_section(inputs, found),
    )
    return [section for section in sections if section is not None]
