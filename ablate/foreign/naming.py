"""Columns that name a combination of others, and those that always change together."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ablate.foreign.levels import Codes, coded, crossed, decides, n_levels
from ablate.foreign.scores import listed
from ablate.foreign.words import NAMES, words_of
from ablate.sources import Runs
from ablate.sources.runs import to_numbers

COMPLETE = 0.8  # of the combinations, the share that has a name


def naming(runs: Runs, varied: Mapping[str, Codes], blocks: Codes | None) -> dict[str, str]:
    """Columns of words that name a combination of others, as "sgd-do0.1" names sgd and 0.1; maybe with the seed."""
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
    """Pairs of factors of several runs a level that always change together: neither is compared alone.

    Codes count levels in the order in which they came up, so that those of such factors are equal.
    """
    return tuple(
        (one, other)
        for at, one in enumerate(factors)
        for other in factors[at + 1 :]
        if n_levels(codes[one]) == n_levels(codes[other]) < len(codes[one]) and np.array_equal(codes[one], codes[other])
    )


def is_called(name: str) -> bool:
    """Whether a column is called like the name of a run."""
    return words_of(name)[-1:] != () and words_of(name)[-1] in NAMES


def _combines(codes: Codes, parts: list[Codes]) -> bool:
    """Whether a column has a value for each combination of at least two others that are (nearly) crossed.

    Of an incomplete crossing nothing is concluded: an optimizer may decide its own rate and momentum.
    """
    if len(parts) < 2:
        return False
    n_crossed = math.prod(map(n_levels, parts))
    return n_levels(codes) >= COMPLETE * n_crossed and decides(crossed(parts, len(codes)), codes)


def _spells(runs: Runs, name: str, codes: Codes, named: Sequence[str]) -> bool:
    """Whether each value has the levels of the columns it names in it, letter by letter."""
    if not decides(crossed([coded(runs.table[other]) for other in named], len(codes)), codes):
        return False
    _, first = np.unique(codes, return_index=True)
    rows = runs.table.iloc[first]
    return all(
        all(level.lower() in cell.lower() or level.removesuffix(".0") in cell for level in levels)
        for cell, *levels in rows[[name, *named]].itertuples(index=False)
    )
