"""Convert an imported table of runs to the results table and the facts for its report."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.effects import COUNTED_AT_CHANCE
from ablate.analysis.imports.aliases import TOLD_APART, aliases
from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.blocks import find_uneven
from ablate.analysis.imports.bystanders import Bystander, find_bystanders
from ablate.analysis.imports.columns import Roles, find_roles, in_own_names, own_names
from ablate.analysis.imports.configurations import (
    Configurations,
    choose_reference,
    find_configurations,
    lone,
    matching,
    text_of,
)
from ablate.analysis.imports.confounding import Confounding, find_confounding, joined
from ablate.analysis.imports.copies import alike_notes, copied_seeds, once, without_copies
from ablate.analysis.imports.coverage import missing_notes, pairing_notes
from ablate.analysis.imports.endings import find_endings
from ablate.analysis.imports.exports import only_runs, recognize, tidied, unfolded
from ablate.analysis.imports.histories import last_rows
from ablate.analysis.imports.notes import counted_states, design_notes, not_finished_notes, progress_notes
from ablate.analysis.imports.rows import (
    CellRuns,
    cells_of,
    compared_with,
    end_words,
    factorial_rows,
    measured_runs,
    one_factor_rows,
    search_rows,
)
from ablate.analysis.imports.separating import OtherColumns, beside_factors
from ablate.analysis.imports.summaries import without_summaries
from ablate.analysis.imports.units import check_margin, check_mixed, to_chance
from ablate.analysis.sources import Runs
from ablate.errors import DataError
from ablate.storage.provenance import DataFacts, MetricFacts, Provenance
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
    runs = last_rows(prepared(runs), asked)
    read = _read(runs, asked)
    found, cells, roles = read.found, read.cells, read.roles
    reference, said = choose_reference(found, read.asked.reference, place=runs.place, finished=read.finished_runs())
    target, target_said = _target(read)
    is_crossed = found.is_factorial and bool((cells.rows.groupby("seed").size() == len(found.codes)).any())
    confounding = _confounding(read, reference, is_crossed=is_crossed)
    beside = _beside(read, reference, is_crossed=is_crossed)
    is_crossed = is_crossed and not confounding.spoilt
    one_factor = one_factor_rows(cells, found, reference, without=confounding.spoilt)
    is_compared, aliased = bool(len(one_factor)) or is_crossed, aliases(found)
    compared = compared_with(cells, found, reference)
    read_as, *more = roles.notes
    notes = [
        read_as, *read.runs.notes, *more, *[said] * is_compared, *not_finished_notes(read.measured, cells, read.asked),
        *progress_notes(read.runs, read.measured), *read.notes,
        *design_notes(cells, found, is_crossed=is_crossed, is_compared=bool(len(compared))),
        *[target_said] * is_crossed, *(pairing_notes(cells, found, reference, compared) if roles.seed else []),
        *confounding.notes, *beside.notes, *(f"No verdict: {reason}." for reason in confounding.reasons),
        *(f"{sentence}." for sentence in aliased if not sentence.endswith(TOLD_APART)),
    ]  # fmt: skip
    facts = replace(
        _facts(read),
        reference=_levels(found, reference) if is_compared else {},
        target=_levels(found, target) if is_crossed else {},
        target_stated=_stated_target(found, read.asked, place=runs.place) if is_crossed else {},
        factorial=[_told(name) for name in found.factors] if is_crossed else [],
        aliased=aliased,
        confounded=list(confounding.reasons),
        ignored=[*confounding.ignored, *beside.ignored],
        also_varies=list(confounding.averaged),
        looked_at=list(beside.compared),
        not_looked_at=list(beside.left_out),
        separating=list(beside.separating),
        alone=[] if is_compared else lone(found),
        designs=["one-factor"] * bool(len(one_factor)) + ["factorial"] * is_crossed,
        read_as=_OPTION.sub("", read_as).removeprefix("Read as: "),
        notes=[note.removesuffix(".") for note in notes],  # the report joins them
    )
    parts = [*_every_run(read.measured, cells, found, is_crossed=is_crossed), one_factor]
    results = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return ImportedRuns(results, facts, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Read:
    """The runs with their roles, configurations and scores, before they are compared."""

    runs: Runs
    asked: ImportOptions  # with the factors' own names
    roles: Roles
    names: Mapping[str, str]  # column -> factor name
    found: Configurations
    measured: pd.DataFrame
    cells: CellRuns
    others: Sequence[Bystander]
    chance: float | None  # higher is better
    notes: tuple[str, ...]  # on copies and missing runs

    def finished_runs(self) -> NDArray[np.intp]:
        """The number of finished runs of each configuration."""
        is_finished = (self.measured["state"] == "finished").to_numpy()
        return np.bincount(self.found.of_run[is_finished], minlength=len(self.found.codes))


def _read(runs: Runs, asked: ImportOptions) -> _Read:
    roles = find_roles(runs, asked)
    runs, summed = without_summaries(runs, roles)
    roles = find_roles(runs, asked) if summed else roles
    runs, copied = without_copies(runs, roles, _bystanders(runs, roles, asked))
    names = own_names(runs, roles)
    asked = in_own_names(asked, names)
    found = find_configurations(runs, names)
    measured = measured_runs(runs, roles, counts_missing=asked.counts_missing)
    _check_finished(runs, measured)
    finished = measured["score"].where(measured["state"] == "finished")
    check_mixed(runs, roles, asked, finished)
    check_margin(runs, roles, asked, finished)
    chance = to_chance(runs, roles, asked, finished)
    cells = cells_of(measured, found, seeded=bool(roles.seed), chance=chance)
    alike = alike_notes(cells) if roles.seed else []
    cells, repeated = copied_seeds(cells) if roles.seed and not alike else (cells, [])
    notes = (*summed, *copied, *repeated, *(missing_notes(cells, found) if roles.seed else []), *alike)
    cells = once(cells) if alike else cells
    others = _bystanders(runs, roles, asked)
    return _Read(runs, asked, roles, names, found, measured, cells, others, chance, notes)


def _bystanders(runs: Runs, roles: Roles, asked: ImportOptions) -> list[Bystander]:
    return find_bystanders(runs, roles.taken, roles.factors, named=bool(asked.factors), ignored=asked.ignore)


def _confounding(read: _Read, reference: int, *, is_crossed: bool) -> Confounding:
    """What other columns do to the comparisons; those of a factorial are comparisons of all its cells."""
    compared, names = _sides(read, reference, is_crossed=is_crossed)
    found, counted, ignored = read.found, read.cells.counted, read.asked.ignore
    beside = find_confounding(
        read.runs, read.others, counted, reference=reference, compared=compared, names=names,
        asked=(read.roles.factors, ignored),
    )  # fmt: skip
    endings = find_endings(
        read.runs, counted, found, reference=reference, compared=compared, names=names, ignored=ignored
    )  # fmt: skip
    uneven = find_uneven(read.runs, read.roles, read.cells, reference=reference, compared=compared, names=names)
    return joined([beside, endings, uneven])


def _beside(read: _Read, reference: int, *, is_crossed: bool) -> OtherColumns:
    compared, names = _sides(read, reference, is_crossed=is_crossed)
    return beside_factors(
        read.runs, read.others, read.cells.counted, roles=(read.roles.taken, read.roles.factors),
        sides=(reference, compared), names=names, ignored=read.asked.ignore,
    )  # fmt: skip


def _sides(read: _Read, reference: int, *, is_crossed: bool) -> tuple[list[int], dict[int, str]]:
    """The configurations that are compared with the reference, and the names of all."""
    found = read.found
    compared: list[int] = compared_with(read.cells, found, reference).tolist()
    if is_crossed:
        compared = [at for at in range(len(found.codes)) if at != reference]
    return compared, {at: text_of(found, at) for at in (reference, *compared)}


def prepared(runs: Runs) -> Runs:
    """One row per run, one spelling of each level, a column for each value."""
    runs = tidied(runs)
    runs = unfolded(runs, recognize(map(str, runs.table)))
    return only_runs(runs, recognize(map(str, runs.table)))


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


def _target(read: _Read) -> tuple[int, str]:
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


def _facts(read: _Read) -> Provenance:
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
        overlap=roles.overlap,
    )


def _scale(runs: Runs, roles: Roles) -> float:
    """Accuracy points are percent: fractions are displayed times 100."""
    is_fraction = bool(coerced(runs.column(roles.score)).dropna().between(0, 1).all())
    return 100.0 if roles.unit == "points" and is_fraction else 1.0


def _check_finished(runs: Runs, measured: pd.DataFrame) -> None:
    if (measured["state"] == "finished").any():
        return
    raise DataError(
        f"{runs.place}: no run finished with a score: {counted_states(end_words(measured).value_counts())}\n"
        "  choose another score column with --score, or give the meaning of the state words with --states"
    )


def _levels(found: Configurations, place: int) -> dict[str, Level]:
    return {_told(name): level for name, level in found.at(place).items()}


def _told(factor: str) -> str:
    """A factor's name in the designs: its column, and for the learning rate its name."""
    return factor if factor == "learning_rate" else column_of(factor)
