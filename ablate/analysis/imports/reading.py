"""Convert an imported table of runs to the results table and the facts for its report."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.columns import Roles, find_roles, in_own_names, own_names
from ablate.analysis.imports.configurations import (
    Configurations,
    choose_reference,
    find_configurations,
    lone,
    matching,
    text_of,
)
from ablate.analysis.imports.exports import only_runs, recognize, tidied, unfolded
from ablate.analysis.imports.rows import CellRuns, cells_of, factorial_rows, measured_runs, one_factor_rows, search_rows
from ablate.analysis.sources import Runs
from ablate.errors import DataError
from ablate.storage.provenance import DataFacts, MetricFacts, Provenance
from ablate.storage.results import coerced, column_of
from ablate.study.trial import CUT_SHORT, Level
from ablate.text import number_of

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
    by one. A row that appears a second time names the original in `same_as`. Raises `DataError` if the
    table lacks something that the user stated.
    """
    runs = prepared(runs)
    roles = find_roles(runs, asked)
    names = own_names(runs, roles)
    asked = in_own_names(asked, names)
    found = find_configurations(runs, names)
    measured = measured_runs(runs, roles)
    _check_finished(runs, measured)
    cells = cells_of(measured, found, seeded=bool(roles.seed))
    reference, said = choose_reference(found, asked.reference, place=runs.place)
    is_crossed = found.is_factorial and bool((cells.rows.groupby("seed").size() == len(found.codes)).any())
    target, target_said = _target(measured, found, asked, place=runs.place)
    one_factor = one_factor_rows(cells, found, reference)
    read_as, *more = roles.notes
    notes = [read_as, *runs.notes, *more, *([said] if len(one_factor) or is_crossed else [])]
    notes += [*_not_finished(measured, n_retried=cells.n_retried), *_progress(runs, measured)]
    notes += _design_notes(one_factor, cells, found, is_crossed=is_crossed) + [target_said] * is_crossed
    facts = replace(
        _facts(runs, asked, roles, found),
        reference=_levels(found, reference) if len(one_factor) or is_crossed else {},
        target=_levels(found, target) if is_crossed else {},
        target_stated=_stated_target(found, asked, place=runs.place) if is_crossed else {},
        factorial=[_told(name) for name in found.factors] if is_crossed else [],
        together=[[names[name] for name in pair] for pair in roles.together],
        alone=[] if len(one_factor) or is_crossed else lone(found),
        designs=["one-factor"] * bool(len(one_factor)) + ["factorial"] * is_crossed,
        read_as=_OPTION.sub("", read_as).removeprefix("Read as: "),
        notes=[note.removesuffix(".") for note in notes],  # the report joins them
    )
    parts = [*_every_run(measured, cells, found, is_crossed=is_crossed), one_factor]
    results = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return ImportedRuns(results, facts, tuple(notes))


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


def _target(measured: pd.DataFrame, found: Configurations, asked: ImportOptions, *, place: str) -> tuple[int, str]:
    fits = matching(found, asked.target, place=place, option="--target")
    finished = measured["score"].where(measured["state"] == "finished").to_numpy(dtype=np.float64)
    means = pd.Series(finished).groupby(np.asarray(found.of_run)).mean().to_numpy()
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


def _not_finished(measured: pd.DataFrame, *, n_retried: int) -> list[str]:
    counts = measured["state"].value_counts().drop("finished", errors="ignore")
    if not len(counts):
        return []
    notes = [f"{int(counts.sum()):,} of {number_of(len(measured), 'run')} did not finish: {_counted(counts)}."]
    if n_retried:
        again = "retried with the same configuration and seed; only the finished run counts"
        notes.append(f"{number_of(n_retried, 'lost run')}: {again}.")
    if set(counts.index) & set(CUT_SHORT):
        notes.append("Stopped runs (killed, pruned) have no final score, so they are not compared.")
    return notes


def _progress(runs: Runs, measured: pd.DataFrame) -> list[str]:
    name = recognize(map(str, runs.table)).first("progress")
    if not name:
        return []
    numbers = coerced(runs.table[name])
    ended = numbers[(measured["state"] == "finished").to_numpy()].dropna()
    n_less = int((ended < ended.max()).sum())
    if not n_less:
        return []
    said = f"{number_of(n_less, 'finished run')} of {len(ended):,} ended at a {name} below {ended.max():g}"
    return [f"{said}. They are compared like the others; if a scheduler stopped them early, remove them."]


def _design_notes(one_factor: pd.DataFrame, cells: CellRuns, found: Configurations, *, is_crossed: bool) -> list[str]:
    notes = []
    if found.drawn:
        notes.append(
            f"The values of {', '.join(found.drawn)} hardly ever repeat, so they are not compared value by value."
        )
    if cells.n_repeated:
        again = "with the same factors and seed as another run: the comparison uses their mean"
        notes.append(f"{number_of(cells.n_repeated, 'run')} {again}.")
    if is_crossed:
        notes.append(f"The table is a complete factorial of {len(set(cells.of_row)):,} cells.")
    if not len(one_factor):
        notes.append("No configuration differs from the reference in exactly one factor: no paired comparisons.")
    return notes


def _facts(runs: Runs, asked: ImportOptions, roles: Roles, found: Configurations) -> Provenance:
    return Provenance(
        foreign=True,
        source=runs.place,
        data=DataFacts(name=runs.place, source=runs.place, fingerprint=runs.fingerprint),
        metric=MetricFacts(roles.score, roles.direction, roles.unit, _scale(runs, roles), asked.margin),
        margin=asked.margin,
        factors=list(found.factors),
        drawn=list(found.drawn),
        reference_asked=asked.reference,
        seed_column=roles.seed,
    )


def _scale(runs: Runs, roles: Roles) -> float:
    """Accuracy points are percent: fractions are displayed times 100."""
    is_fraction = bool(coerced(runs.column(roles.score)).dropna().between(0, 1).all())
    return 100.0 if roles.unit == "points" and is_fraction else 1.0


def _check_finished(runs: Runs, measured: pd.DataFrame) -> None:
    if (measured["state"] == "finished").any():
        return
    raise DataError(
        f"{runs.place}: no run finished with a score: {_counted(measured['state'].value_counts())}\n"
        "  choose another score column with --score, or give the meaning of the state words with --states"
    )


def _counted(counts: "pd.Series[int]") -> str:
    """ "3 failed, 1 out of memory"."""
    return ", ".join(f"{n:,} {str(state).replace('_', ' ')}" for state, n in counts.items())


def _levels(found: Configurations, place: int) -> dict[str, Level]:
    return {_told(name): level for name, level in found.at(place).items()}


def _told(factor: str) -> str:
    """A factor's name in the designs: its column, and for the learning rate its name."""
    return factor if factor == "learning_rate" else column_of(factor)
