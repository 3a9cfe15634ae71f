"""Say which runs of an imported table are missing, copies of others, or without a partner of the same seed."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.imports.bystanders import Bystander
from ablate.analysis.imports.columns import Roles
from ablate.analysis.imports.configurations import Configurations, text_of
from ablate.analysis.imports.rows import CellRuns
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_scores
from ablate.text import first_of, number_of

MOST_SHOWN = 4
CROSSED = 0.8  # minimum share of the combinations that were run, for the others to be called missing
COMMON = 0.5  # a seed is one of the plan if more than this share of the configurations has it
LEAST_ALIKE = 3  # runs of a configuration with the same score that are no coincidence


def without_copies(runs: Runs, roles: Roles, others: Sequence[Bystander]) -> tuple[Runs, list[str]]:
    """The table without rows of the same configuration, seed and score as an earlier row, and a note on them.

    Without seeds, equal scores may be those of different runs, so only a note says that whole rows are equal.
    """
    if not roles.seeds:
        n = int(runs.table.duplicated().sum())
        rule = "without a seed column this may be chance, so each row counts"
        equal = f"{number_of(n, 'row')} {'equals' if n == 1 else 'equal'} another row in every column"
        return runs, [f"{equal}: {rule}."] if n else []
    numbers = to_scores(runs.column(roles.score))
    key = [*roles.factors, *roles.seeds, *filter(None, [roles.state]), *(each.name for each in others)]
    is_copy = runs.table[key].assign(score_=numbers).duplicated()
    is_copy &= (runs.table[list(roles.seeds)] != "").all(axis=1)
    if numbers is None or not (is_copy := is_copy & np.isfinite(numbers.astype(float))).any():
        return runs, []
    n = int(is_copy.sum())
    said = f"{number_of(n, 'row')} {'repeats' if n == 1 else 'repeat'} the configuration, seed and score of another row"
    return replace(runs, table=runs.table[~is_copy].reset_index(drop=True)), [f"{said}: each run counts once."]


def alike_notes(cells: CellRuns) -> list[str]:
    """A note if every configuration has the same score for all its seeds."""
    finished = cells.rows.assign(at=cells.of_row)[(cells.rows["state"] == "finished").to_numpy()]
    groups = finished.groupby("at")["score"].agg(["size", "nunique"])
    several = groups[groups["size"] > 1]
    if several.empty or several["size"].max() < LEAST_ALIKE or (several["nunique"] > 1).any():
        return []
    cause = "the seed does not reach the training, or the rows are copies"
    rule = "so each configuration counts as one run, without a test"
    return [f"All seeds of a configuration have the same score ({cause}), {rule}."]


def once(cells: CellRuns) -> CellRuns:
    """Only the first seed of each configuration, under the same number, since the other seeds repeat its run."""
    rows = cells.rows.assign(at=cells.of_row).sort_values(["at", "seed"], kind="stable")
    rows = rows.drop_duplicates("at").assign(seed=cells.rows["seed"].min())
    return replace(cells, rows=rows.drop(columns="at"), of_row=rows["at"].to_numpy(dtype=np.intp))


def missing_notes(cells: CellRuns, found: Configurations) -> list[str]:
    """A note on runs that a crossing of the factors, or of configurations and seeds, lacks."""
    present = pd.crosstab(cells.of_row, cells.rows["seed"].to_numpy()).to_numpy() > 0
    here = np.unique(cells.of_row)
    if len(here) < 2:
        return []
    seeds = np.unique(cells.rows["seed"])
    planned = present.mean(axis=0) > COMMON if len(here) > 2 else present.any(axis=0)
    if not planned.any():
        return []
    present, seeds = present[:, planned], seeds[planned]
    is_planned = present.mean(axis=1) > COMMON
    holes = [
        (f"{text_of(found, int(here[at]))} with seed {seeds[seed]:g}")
        for at, seed in zip(*np.nonzero(~present & is_planned[:, None]), strict=True)
    ]
    absent = _absent(found)
    n_all = (int(is_planned.sum()) + len(absent)) * len(seeds)
    n_missing = len(holes) + len(absent) * len(seeds)
    if not n_missing or n_missing > (1 - COMMON) * n_all:
        return []
    shown = first_of([*holes, *absent], MOST_SHOWN)
    way_out = "If they were started and lost, add their rows with an empty score, so that they count"
    return [f"{n_missing:,} of {n_all:,} runs of the crossing are missing: {shown}. {way_out}."]


def _absent(found: Configurations) -> list[str]:
    """The combinations of levels that were never run, if nearly all were."""
    sizes = list(map(len, found.levels.values()))
    n_all = math.prod(sizes)
    if len(sizes) < 2 or not CROSSED * n_all <= len(found.codes) < n_all:
        return []
    there = set(map(tuple, found.codes.tolist()))
    absent = [at for at in np.ndindex(*sizes) if at not in there]
    names = [(name, list(levels)) for name, levels in found.levels.items()]
    return [", ".join(f"{name}={levels[c]}" for (name, levels), c in zip(names, at, strict=True)) for at in absent]


def pairing_notes(cells: CellRuns, found: Configurations, reference: int, compared: NDArray[np.intp]) -> list[str]:
    """Notes on runs without a seed, and on compared configurations that do not share all seeds with the reference."""
    notes = []
    if cells.n_unseeded:
        has = "has" if cells.n_unseeded == 1 else "have"
        notes.append(f"{number_of(cells.n_unseeded, 'run')} {has} no seed and {_is(cells.n_unseeded)} not compared.")
    seeds = {at: set(cells.rows["seed"][cells.of_row == at]) for at in (reference, *compared)}
    mine = seeds[reference]
    disjoint = [text_of(found, at) for at in compared if seeds[at] and not seeds[at] & mine]
    if disjoint:
        others = first_of(disjoint, MOST_SHOWN)
        notes.append(f"The reference shares no seed with {others}, so these runs are not pairs.")
    partial = [at for at in compared if seeds[at] & mine and seeds[at] != mine]
    n_alone = sum(len(seeds[at] ^ mine) for at in partial)
    if partial:
        among = f"in the comparison with {first_of([text_of(found, at) for at in partial], MOST_SHOWN)}"
        notes.append(f"{number_of(n_alone, 'run')} {_is(n_alone)} without a partner of the same seed {among}.")
    return notes


def _is(n: int) -> str:
    return "is" if n == 1 else "are"
