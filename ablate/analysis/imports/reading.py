"""Convert an imported table of runs to the results table and the facts for its report."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ablate.analysis.effects import COUNTED_AT_CHANCE, blocks_of, common_scale
from ablate.analysis.imports.aliases import TOLD_APART, aliases
from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.columns import Roles
from ablate.analysis.imports.configurations import Configurations, lone, matching, text_of
from ablate.analysis.imports.coverage import pairing_notes
from ablate.analysis.imports.histories import last_rows
from ablate.analysis.imports.notes import design_notes, not_finished_notes, progress_notes
from ablate.analysis.imports.rows import CellRuns, compared_with, factorial_rows, search_rows
from ablate.analysis.imports.table_comparisons import TableComparisons, find_comparisons
from ablate.analysis.imports.table_runs import TableRuns, prepared, read_table_runs
from ablate.analysis.sources import Runs
from ablate.errors import DataError
from ablate.storage.files.json_file import to_plain
from ablate.storage.provenance import DataFacts, MetricFacts, Provenance, TaskFacts
from ablate.storage.results import coerced, column_of
from ablate.study.trial import Level

_OPTION = re.compile(r" \(--[^()]*\)")  # a hint on an option: for the terminal, not for the report


@dataclass(frozen=True, slots=True)
class ImportedRuns:
    """The runs of another tool, converted to results and facts."""

    results: pd.DataFrame
    facts: Provenance
    notes: tuple[str, ...]  # assumptions, as sentences


def read_imported(runs: Runs, asked: ImportOptions) -> ImportedRuns:
    """Import runs: every configuration that differs from the reference in one factor is a variant, paired by seed.

    A complete table is a factorial as well. All runs are search trials unless the factorial holds them one
    by one. A row that appears a second time names the original in `same_as`. A comparison in which another column
    differs systematically is not formed. Raises `DataError` if the table lacks something that the user stated.
    """
    read = read_table_runs(last_rows(prepared(runs), asked), asked)
    made = find_comparisons(read)
    target, target_note = _target(read)
    notes = _notes(read, made, target_note)
    facts = _facts(read, made, target, notes)
    parts = [*_every_run(read.measured, read.cells, read.found, is_crossed=made.is_crossed), made.one_factor]
    results = pd.concat([part for part in parts if len(part)], ignore_index=True)
    _check_scale(results, facts, asked)
    return ImportedRuns(results, facts, tuple(notes))


def _check_scale(results: pd.DataFrame, facts: Provenance, asked: ImportOptions) -> None:
    """A margin in the unit of the score has no meaning for ratios of scores."""
    stated = to_plain(facts.metric)
    task = TaskFacts(decides="", metrics=())
    blocks = blocks_of(results, task=task, n_test={}, stated=stated) if asked.margin is not None else []
    if blocks and common_scale(blocks) == "ratio":
        raise DataError(
            f"--margin {asked.margin:g}: scores that have other sizes on each {asked.block} are compared by their "
            "ratio, for which a margin in the score's unit has no meaning\n"
            "  leave --margin out; with --unit points fractions are compared by their difference"
        )


def _notes(read: TableRuns, made: TableComparisons, target_note: str) -> list[str]:
    """The assumptions, in the order of reading."""
    found, cells = read.found, read.cells
    compared = compared_with(cells, found, made.reference)
    read_as, *more = read.roles.notes
    return [
        read_as, *read.runs.notes, *more, *[made.choice] * made.is_compared,
        *not_finished_notes(read.measured, cells, read.asked), *progress_notes(read.runs, read.measured), *read.notes,
        *design_notes(cells, found, is_crossed=made.is_crossed, is_compared=bool(len(compared))),
        *[target_note] * made.is_crossed,
        *(pairing_notes(cells, found, made.reference, compared) if read.roles.seed else []),
        *made.confounding.notes, *made.beside.notes, *(f"No verdict: {reason}." for reason in made.confounding.reasons),
        *(f"{sentence}." for sentence in aliases(found) if not sentence.endswith(TOLD_APART)),
    ]  # fmt: skip


def _every_run(
    measured: pd.DataFrame, cells: CellRuns, found: Configurations, *, is_crossed: bool
) -> list[pd.DataFrame]:
    """Search trials, cells of a factorial, or both if a cell is the mean of several runs."""
    if not is_crossed:
        return [search_rows(measured, found)]
    crossed = factorial_rows(cells, found)
    if len(cells.rows) < len(measured):
        return [search_rows(measured, found), crossed]
    crossed["same_as"] = ""  # these rows are the runs themselves
    return [crossed]


def _target(read: TableRuns) -> tuple[int, str]:
    """The configuration stated by the user, or the best: a lost run counts, and without `chance` rules one out."""
    found, measured, chance = read.found, read.measured, read.chance
    fits = matching(found, read.asked.target, place=read.runs.place, option="--target")
    scores = measured["score"].where(measured["state"] == "finished")
    is_lost = measured["state"].isin(COUNTED_AT_CHANCE)
    scores = scores.mask(is_lost, -np.inf if chance is None else min(chance, scores.min()))
    means = scores.groupby(np.asarray(found.of_run)).mean().to_numpy()
    best = int(np.where(fits & np.isfinite(means), means, -np.inf).argmax())
    best = best if fits[best] else int(fits.argmax())
    if fits.sum() == 1:
        return best, f"Target: {text_of(found, best)}."
    return best, (
        f"Best mean score: {text_of(found, best)}. Paths and Shapley values lead to a best cell, so they are "
        "exploratory; name their target with --target."
    )


def _stated_target(found: Configurations, asked: ImportOptions, *, place: str) -> dict[str, Level]:
    """The levels of the target that the user gave: those that all matching configurations share."""
    fits = np.flatnonzero(matching(found, asked.target, place=place, option="--target"))
    shared = {name for at, name in enumerate(found.factors) if np.ptp(found.codes[fits, at]) == 0}
    return {_told(name): level for name, level in found.at(int(fits[0])).items() if name in shared and asked.target}


def _facts(read: TableRuns, made: TableComparisons, target: int, notes: Sequence[str]) -> Provenance:
    found, place = read.found, read.runs.place
    is_crossed, confounding, beside = made.is_crossed, made.confounding, made.beside
    return replace(
        _source_facts(read),
        reference=_levels(found, made.reference) if made.is_compared else {},
        target=_levels(found, target) if is_crossed else {},
        target_stated=_stated_target(found, read.asked, place=place) if is_crossed else {},
        factorial=[_told(name) for name in found.factors] if is_crossed else [],
        aliased=aliases(found),
        confounded=list(confounding.reasons),
        ignored=[*confounding.ignored, *beside.ignored],
        also_varies=list(confounding.averaged),
        looked_at=list(beside.compared),
        not_looked_at=list(beside.left_out),
        separating=list(beside.separating),
        alone=[] if made.is_compared else lone(found),
        designs=made.designs,
        read_as=_OPTION.sub("", notes[0]).removeprefix("Read as: "),
        notes=[note.removesuffix(".") for note in notes],  # the report joins them
    )


def _source_facts(read: TableRuns) -> Provenance:
    """The facts that do not depend on what is compared."""
    place, roles, margin = read.runs.place, read.roles, read.asked.margin
    scale = _scale(read.runs, roles)
    return Provenance(
        foreign=True,
        source=place,
        data=DataFacts(name=place, source=place, fingerprint=read.runs.fingerprint),
        metric=MetricFacts(roles.score, roles.direction, roles.unit, scale, margin, read.chance),
        margin=margin,
        factors=list(read.found.factors),
        drawn=list(read.found.drawn),
        together=[[read.names[name] for name in pair] for pair in roles.together],
        reference_asked=read.asked.reference,
        seed_column=roles.seed,
        block=roles.block or None,
        overlap=roles.overlap,
    )


def _scale(runs: Runs, roles: Roles) -> float:
    """Accuracy points are percent: fractions are displayed times 100."""
    is_fraction = bool(coerced(runs.column(roles.score)).dropna().between(0, 1).all())
    return 100.0 if roles.unit == "points" and is_fraction else 1.0


def _levels(found: Configurations, place: int) -> dict[str, Level]:
    return {_told(name): level for name, level in found.at(place).items()}


def _told(factor: str) -> str:
    """A factor's name in the designs: its column, and for the learning rate its name."""
    return factor if factor == "learning_rate" else column_of(factor)
