"""Choose the configuration between which and the reference a factorial is explained.

The best cell of some scores is too good in the same scores: there, an interval of a gain towards it excludes 0 by luck
alone. So with enough seeds one half chooses the target, and the other half measures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ablate.analysis.designs.crossed import Factorial
from ablate.analysis.importance.cells import level_key
from ablate.analysis.statistics import MIN_SEEDS

# Who chose: the user; the study's search, on seeds of its own; half of the seeds; or the scores that measure as well.
TargetChoice: TypeAlias = Literal["stated", "search", "other seeds", "same scores"]
SAME_SCORES: TargetChoice = "same scores"
OTHER_SEEDS: TargetChoice = "other seeds"
CHOICE_COLUMNS = ("target", "target_cells")


@dataclass(frozen=True, slots=True)
class TargetCell:
    """The target of a factorial, and the seeds that measure the way to it."""

    levels: Mapping[str, object]
    measured: Factorial
    choice: TargetChoice
    n_cells: int  # cells among which it was chosen; 1 if it was stated

    def columns(self) -> dict[str, object]:
        """The columns `CHOICE_COLUMNS` of every row that rests on this target."""
        return dict(zip(CHOICE_COLUMNS, (self.choice, self.n_cells), strict=True))


def find_target(one: Factorial, stated: Mapping[str, object] | None = None) -> TargetCell:
    """The cell with the levels `stated`; where these leave a choice, the one with the best mean validation score.

    With at least six seeds in each half, every other seed, from the first, chooses it and the remaining ones measure.
    With fewer seeds all of them do both.
    """
    fits = fitting(one, stated or {})
    n_cells = int(fits.sum())
    if n_cells == 1:
        return TargetCell(one.best(fits), one, "stated", 1)
    choosing, measuring = halves(one)
    return TargetCell(choosing.best(fits), measuring, SAME_SCORES if choosing is measuring else OTHER_SEEDS, n_cells)


def halves(one: Factorial) -> tuple[Factorial, Factorial]:
    """The seeds that choose and the seeds that measure: two halves of every other seed, or twice all of few seeds."""
    if len(one.cells.replicates) < 2 * MIN_SEEDS:
        return one, one
    return one.every_other(0), one.every_other(1)


def fitting(one: Factorial, stated: Mapping[str, object]) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """Which cells have these levels, in the shape of the cells; levels of other factors are ignored."""
    fits = np.ones(one.cells.values.shape[1:], dtype=np.bool_)
    for axis, (name, levels) in enumerate(zip(one.cells.factors, one.cells.levels, strict=True)):
        if name in stated:
            shape = [-1 if at == axis else 1 for at in range(fits.ndim)]
            fits &= np.reshape([level_key(level) == level_key(stated[name]) for level in levels], shape)
    if not fits.any():
        one.cells.place({**one.reference, **stated})  # names the unknown level
    return fits
