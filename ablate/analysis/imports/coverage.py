"""Say which runs of an imported table are missing, or without a partner of the same seed."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.imports.configurations import Configurations, text_of
from ablate.analysis.imports.rows import OWN_SEED, CellRuns
from ablate.study.trial import DATA_SET
from ablate.text import first_of, number_of, printable

MOST_SHOWN = 4
CROSSED = 0.8  # minimum share of the combinations that were run, for the others to be called missing
COMMON = 0.5  # a seed is one of the plan if more than this share of the configurations has it


def missing_notes(cells: CellRuns, found: Configurations) -> list[str]:
    """A note on runs that a crossing of the factors, or of configurations and seeds, lacks."""
    present = pd.crosstab(cells.of_row, cells.rows["seed"].to_numpy()).to_numpy() > 0
    here = np.unique(cells.of_row)
    if len(here) < 2 or not (present.sum(axis=0) > 1).any():  # without a shared seed no run has a place to be missing
        return []
    seeds = np.unique(cells.rows["seed"])
    planned = present.mean(axis=0) > COMMON if len(here) > 2 else present.any(axis=0)
    if not planned.any():
        return []
    present, seeds = present[:, planned], seeds[planned]
    named = _named_seeds(cells)
    is_planned = present.mean(axis=1) > COMMON
    holes = [
        f"{text_of(found, int(here[at]))} with {named[seeds[seed]]}"
        for at, seed in zip(*np.nonzero(~present & is_planned[:, None]), strict=True)
    ]
    absent = _absent(found)
    n_all = (int(is_planned.sum()) + len(absent)) * len(seeds)
    n_missing = len(holes) + len(absent) * len(seeds)
    if not n_missing or n_missing > (1 - COMMON) * n_all:
        return []
    shown = first_of([*holes, *absent], MOST_SHOWN)
    way_out = "If they were started and lost, add their rows with an empty score, so that they count"
    return [f"{n_missing:,} of {n_all:,} runs of the crossing {_is(n_missing)} missing: {shown}. {way_out}."]


def _named_seeds(cells: CellRuns) -> dict[float, str]:
    """ "seed 3", or on one of several data sets "seed 3 on mnist"."""
    first = cells.rows.drop_duplicates("seed")
    if OWN_SEED not in first:
        return {seed: f"seed {seed:g}" for seed in first["seed"]}
    columns = zip(first["seed"], first[OWN_SEED], first[DATA_SET], strict=True)
    return {seed: f"seed {own:g} on {printable(str(name))}" for seed, own, name in columns}


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
