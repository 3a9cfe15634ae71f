"""The runs of an imported table with their roles, configurations and scores, before they are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.bystanders import Bystander, find_bystanders
from ablate.analysis.imports.columns import Roles, find_roles, in_own_names, own_names
from ablate.analysis.imports.configurations import Configurations, find_configurations
from ablate.analysis.imports.copies import alike_notes, copied_seeds, once, without_copies
from ablate.analysis.imports.coverage import missing_notes
from ablate.analysis.imports.exports import only_runs, recognize, tidied, unfolded
from ablate.analysis.imports.notes import counted_states
from ablate.analysis.imports.rows import CellRuns, cells_of, end_words, measured_runs
from ablate.analysis.imports.summaries import without_summaries
from ablate.analysis.imports.units import check_margin, check_mixed, to_chance
from ablate.analysis.sources import Runs
from ablate.errors import DataError


@dataclass(frozen=True, slots=True)
class TableRuns:
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


def prepared(runs: Runs) -> Runs:
    """One row per run, one spelling of each level, a column for each value."""
    runs = tidied(runs)
    runs = unfolded(runs, recognize(map(str, runs.table)))
    return only_runs(runs, recognize(map(str, runs.table)))


def read_table_runs(runs: Runs, asked: ImportOptions) -> TableRuns:
    """Find roles, configurations and scores. Raises `DataError` if the table lacks what the user stated, or a score."""
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
    return TableRuns(runs, asked, roles, names, found, measured, cells, others, chance, notes)


def _bystanders(runs: Runs, roles: Roles, asked: ImportOptions) -> list[Bystander]:
    return find_bystanders(runs, roles.taken, roles.factors, named=bool(asked.factors), ignored=asked.ignore)


def _check_finished(runs: Runs, measured: pd.DataFrame) -> None:
    if (measured["state"] == "finished").any():
        return
    raise DataError(
        f"{runs.place}: no run finished with a score: {counted_states(end_words(measured).value_counts())}\n"
        "  choose another score column with --score, or give the meaning of the state words with --states"
    )
