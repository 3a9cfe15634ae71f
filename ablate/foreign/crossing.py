"""What a table's design tells of a column: whether it is crossed with the seeds, or changes among them."""

from collections.abc import Mapping

import numpy as np

from ablate.foreign.exports import Export
from ablate.foreign.levels import Codes, crossed, decides, n_levels, paired
from ablate.foreign.words import LEARNING, words_of
from ablate.sources import Runs
from ablate.sources.runs import to_numbers

BALANCED = 0.75  # of the most runs that a level has under one seed, the least mean over all seeds
COMPLETE = 0.8  # of a crossing, the share that has been run
REPEATED = 1.1  # runs for each cell and seed, at most


def also_varied(called: Mapping[str, Codes], varied: Mapping[str, Codes], blocks: Codes | None) -> dict[str, Codes]:
    """Columns called like a result, "n_params", that were varied on purpose: the table is crossed only with them.

    Each of their levels came up under each seed, one run each, and no other factor decides them.
    """
    if blocks is None or n_levels(blocks) < 2 or not called:
        return {}
    cells = crossed(list(varied.values()), len(blocks))
    found = {name: column for name, column in called.items() if _is_balanced(column, blocks)}
    return {
        name: column
        for name, column in found.items()
        if n_levels(column) > 1 and not decides(cells, column) and _is_crossed(paired(cells, column), blocks)
    }


def moving(runs: Runs, export: Export, varied: Mapping[str, Codes], blocks: Codes | None) -> dict[str, str]:
    """Columns that change between the seeds of one configuration, where the others are crossed with the seeds.

    A number that a tool keeps as a parameter, or that is called as one, stays: it was drawn anew for each run.
    """
    if blocks is None or n_levels(blocks) < 2:
        return {}
    design = [codes for codes in varied.values() if _is_balanced(codes, blocks)]
    cells = _crossed_cells(design, blocks)
    if cells is None:
        return {}
    return {
        name: "changes between the seeds of one configuration"
        for name, codes in varied.items()
        if not decides(cells, codes) and not _is_drawn(runs, export, name)
    }


def _crossed_cells(design: list[Codes], blocks: Codes) -> Codes | None:
    """The cells of the columns that are crossed with the seeds, one run each; None where they are not.

    One of the columns may be balanced by chance: it is left out, where that of one alone makes the others crossed.
    """
    for subsets in ([design], [design[:at] + design[at + 1 :] for at in range(len(design))]):
        found = [cells for subset in subsets if subset and _is_crossed(cells := crossed(subset, len(blocks)), blocks)]
        exact = [cells for cells in found if n_levels(cells) * n_levels(blocks) == len(blocks)]
        if found:
            best = exact or found
            return best[0] if len(best) == 1 else None
    return None


def _is_crossed(cells: Codes, blocks: Codes) -> bool:
    n_runs = n_levels(paired(cells, blocks))
    return n_runs >= COMPLETE * n_levels(cells) * n_levels(blocks) and len(blocks) <= REPEATED * n_runs


def _is_drawn(runs: Runs, export: Export, name: str) -> bool:
    is_known = export.kinds.get(name) == "factor" or name in runs.factors or bool(set(words_of(name)) & LEARNING)
    return is_known and to_numbers(runs.table[name]) is not None


def _is_balanced(codes: Codes, blocks: Codes) -> bool:
    """Whether each level came up about as often under every seed."""
    counts = np.zeros((n_levels(codes), n_levels(blocks)))
    if counts.size > 4 * len(codes):
        return False
    np.add.at(counts, (codes, blocks), 1)
    return bool((counts.mean(axis=1) >= BALANCED * counts.max(axis=1)).all())
