"""Say which factors of an imported table never change alone, because other factors decide their levels."""

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ablate.analysis.imports.configurations import Configurations
from ablate.analysis.imports.words import crossed, decides, n_levels
from ablate.text import listed

MOST_FACTORS = 12  # of which pairs are tried
RUNS_PER_LEVEL = 2  # mean; where each level has one run, everything decides everything


def aliases(found: Configurations) -> list[str]:
    """A sentence for each factor whose level follows from another factor, or from two that are fully crossed.

    A pair of factors that always change together has one sentence. Factors with drawn values decide nothing.
    """
    drawn = set(found.drawn)
    codes = {name: found.codes[found.of_run, at] for at, name in enumerate(found.factors) if name not in drawn}
    codes = {name: each for name, each in codes.items() if 1 < n_levels_of(each) * RUNS_PER_LEVEL <= len(each)}
    said, known = [], set[str]()
    for one, other in combinations(codes, 2):
        both = decides_level(codes[one], codes[other]), decides_level(codes[other], codes[one])
        if all(both):
            said.append(f"{one} and {other} always change together, so their effects cannot be told apart")
            known |= {one, other}
        elif any(both):
            parent, child = (one, other) if both[0] else (other, one)
            cannot = f"its effect cannot be told from that of {parent}"
            said.append(f"{child} never changes unless {parent} does, so {cannot}")
            known.add(child)
    if len(codes) <= MOST_FACTORS:
        said += [sentence for name in codes if name not in known and (sentence := _of_two(name, codes))]
    return said


def _of_two(name: str, codes: dict[str, NDArray[np.intp]]) -> str:
    others = [other for other in codes if other != name]
    for pair in combinations(others, 2):
        both = crossed([dense(codes[other]) for other in pair], len(codes[name]))
        is_crossed = n_levels(both) == math.prod(n_levels_of(codes[other]) for other in pair)
        if is_crossed and n_levels(both) * RUNS_PER_LEVEL <= len(both) and decides(both, dense(codes[name])):
            return f"{name} follows from {listed(pair)}, so its effect cannot be told from an interaction of the two"
    return ""


def dense(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """The codes without gaps, in the order of first appearance."""
    return crossed([codes], len(codes))


def n_levels_of(codes: NDArray[np.intp]) -> int:
    """The number of levels that occur."""
    return len(np.unique(codes))


def decides_level(one: NDArray[np.intp], other: NDArray[np.intp]) -> bool:
    """Whether runs that agree in `one` also agree in `other`."""
    return decides(dense(one), dense(other))
