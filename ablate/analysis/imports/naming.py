"""Find columns that name a combination of others, and columns that always change together."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ablate.analysis.imports.exports import Export
from ablate.analysis.imports.scores import listed
from ablate.analysis.imports.words import LEARNING, NAMES, Codes, coded, crossed, decides, n_levels, paired
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers
from ablate.study.score_words import words_of

COMPLETE = 0.8  # minimum share of combinations that have a name
CROSSED_COMPLETE = 0.8  # minimum share of a crossing that has been run
BALANCED = 0.75  # minimum mean runs of a level over seeds, relative to its maximum
REPEATED = 1.1  # maximum mean of runs per cell and seed


def naming(runs: Runs, varied: Mapping[str, Codes], blocks: Codes | None) -> dict[str, str]:
    """Text columns that name a combination of others: "sgd-do0.1" names sgd and 0.1; possibly with the seed."""
    left = dict(varied)
    found: dict[str, str] = {}
    of_words = [name for name in varied if to_numbers(runs.table[name]) is None]
    for name in sorted(of_words, key=lambda name: -n_levels(varied[name])):
        named = {other: codes for other, codes in left.items() if other != name and decides(left[name], codes)}
        parts = list(named.values())
        if blocks is not None and decides(left[name], blocks):
            parts.append(blocks)
        is_spelled = is_called(name) and bool(named) and _spells(runs, name, left[name], list(named))
        if is_spelled or _combines(left[name], parts):
            found[name] = f"names {listed(list(named))}" if named else "names the runs"
            del left[name]
    return found


def together(factors: Sequence[str], codes: Mapping[str, Codes]) -> tuple[tuple[str, str], ...]:
    """Pairs of factors with several runs per level that always change together: neither can be compared alone.

    Codes count levels in order of first appearance, so the codes of such factors are equal.
    """
    return tuple(
        (one, other)
        for at, one in enumerate(factors)
        for other in factors[at + 1 :]
        if n_levels(codes[one]) == n_levels(codes[other]) < len(codes[one]) and np.array_equal(codes[one], codes[other])
    )


def is_called(name: str) -> bool:
    """Whether a column is named like a run's name."""
    return words_of(name)[-1:] != () and words_of(name)[-1] in NAMES


def _combines(codes: Codes, parts: list[Codes]) -> bool:
    """Whether a column has a value for each combination of at least two others that are (nearly) crossed."""
    if len(parts) < 2:
        return False
    n_crossed = math.prod(map(n_levels, parts))
    return n_levels(codes) >= COMPLETE * n_crossed and decides(crossed(parts, len(codes)), codes)


def _spells(runs: Runs, name: str, codes: Codes, named: Sequence[str]) -> bool:
    """Whether each value contains the levels of the columns that it names, letter by letter."""
    if not decides(crossed([coded(runs.table[other]) for other in named], len(codes)), codes):
        return False
    _, first = np.unique(codes, return_index=True)
    rows = runs.table.iloc[first]
    return all(
        all(level.lower() in cell.lower() or level.removesuffix(".0") in cell for level in levels)
        for cell, *levels in rows[[name, *named]].itertuples(index=False)
    )


def also_varied(called: Mapping[str, Codes], varied: Mapping[str, Codes], blocks: Codes | None) -> dict[str, Codes]:
    """Columns named like a result, "n_params", that were varied on purpose: only they complete the crossing."""
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
    """Columns that change between the seeds of a configuration, while the others are crossed with the seeds."""
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
    """The cells of the columns that are crossed with the seeds, one run each; None if they are not."""
    for subsets in ([design], [design[:at] + design[at + 1 :] for at in range(len(design))]):
        found = [cells for subset in subsets if subset and _is_crossed(cells := crossed(subset, len(blocks)), blocks)]
        exact = [cells for cells in found if n_levels(cells) * n_levels(blocks) == len(blocks)]
        if found:
            best = exact or found
            return best[0] if len(best) == 1 else None
    return None


def _is_crossed(cells: Codes, blocks: Codes) -> bool:
    n_runs = n_levels(paired(cells, blocks))
    return n_runs >= CROSSED_COMPLETE * n_levels(cells) * n_levels(blocks) and len(blocks) <= REPEATED * n_runs


def _is_drawn(runs: Runs, export: Export, name: str) -> bool:
    is_known = export.kinds.get(name) == "factor" or name in runs.factors or bool(set(words_of(name)) & LEARNING)
    return is_known and to_numbers(runs.table[name]) is not None


def _is_balanced(codes: Codes, blocks: Codes) -> bool:
    """Whether each level occurs about equally often under every seed."""
    counts = np.zeros((n_levels(codes), n_levels(blocks)))
    if counts.size > 4 * len(codes):
        return False
    np.add.at(counts, (codes, blocks), 1)
    return bool((counts.mean(axis=1) >= BALANCED * counts.max(axis=1)).all())
