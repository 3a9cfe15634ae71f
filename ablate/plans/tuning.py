"""Tune the learning rate of each cell on the validation set, with the same budget for every cell.

The grid is five points, half a decade apart, around the rate that mode "find" would use. The best must have a neighbour
on both sides: if it lies at an end, the grid is extended there by a point, at most `MOST_EXTENSIONS` times.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from ablate.plans.cells import Cell, Tuned, configuration_key
from ablate.plans.sequence import Outcomes, value_of
from ablate.study import seeds
from ablate.study.rate import RATE, format_rate, rate_of
from ablate.study.trial import BEST, REFERENCE, Factors, Label, Level, TrialSpec

GRID = (-2, -1, 0, 1, 2)  # in half decades around the middle
MOST_EXTENSIONS = 3


@dataclass(frozen=True, slots=True)
class TunedRate:
    """The tuning result of one configuration."""

    cell: Cell  # the first with this configuration, at the rate from which tuning started
    level: Level  # the best rate
    extensions: int  # points added to the grid
    at_edge: bool  # whether the best is still an end of the grid
    # rate -> validation score, higher is better; if a trial did not finish, that of guessing, or -inf if it is unknown
    values: Mapping[Level, float]

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The result as stored in the study's provenance."""
        values = {str(level): value if math.isfinite(value) else None for level, value in self.values.items()}
        extended = {"extensions": self.extensions, "at_edge": self.at_edge}
        return {"variant": self.cell.variant, "level": self.level, **extended, "values": values}


@final
class Tuning:
    """The rule of the phase "tune": which trials follow from the outcomes so far, and which rates are best.

    `cells` are those of the ablation before tuning; cells that take a multiple of another cell's rate have no grid of
    their own. `chance` is the score of guessing, for a rate at which a trial diverged.
    """

    def __init__(self, cells: Sequence[Cell], references: Mapping[str, Factors], *, chance: float) -> None:
        self._chance = chance
        self._starts: dict[str, Cell] = {}
        for cell in cells:
            if cell.mode == "tune" and cell.factors[RATE] == _home(cell, references)[RATE]:
                self._starts.setdefault(configuration_key(cell.factors), cell)

    def __len__(self) -> int:
        """The number of tuned configurations."""
        return len(self._starts)

    def wanted(self, outcomes: Outcomes) -> Iterator[TrialSpec]:
        """The grids as far as they are known: the five points of every configuration first."""
        grids = {key: self._grid(cell, outcomes) for key, cell in self._starts.items()}
        for index in range(len(GRID) + MOST_EXTENSIONS):
            for key, grid in grids.items():
                if index < len(grid):
                    yield _spec(self._starts[key], grid[index])

    def rates(self, outcomes: Outcomes) -> list[TunedRate]:
        """The result for each configuration whose grid is settled."""
        return [self._rate(cell, outcomes) for cell in self._starts.values() if self._is_settled(cell, outcomes)]

    def tuned(self, outcomes: Outcomes) -> Tuned:
        """The tuned rates as `ablation_cells` needs them; complete once `rates` has `len(self)` entries."""
        return {configuration_key(rate.cell.factors): rate.level for rate in self.rates(outcomes)}

    def _grid(self, cell: Cell, outcomes: Outcomes) -> list[int]:
        grid = list(GRID)
        while len(grid) < len(GRID) + MOST_EXTENSIONS and self._all_known(cell, grid, outcomes):
            best = self._best(cell, grid, outcomes)
            if min(grid) < best < max(grid):
                break
            grid.append(best - 1 if best == min(grid) else best + 1)
        return grid

    def _best(self, cell: Cell, grid: Sequence[int], outcomes: Outcomes) -> int:
        """The index of the highest score; in a tie, the nearest to the middle, then the lower rate."""
        values = {place: value_of(outcomes[_spec(cell, place).trial], chance=self._chance) for place in grid}
        return max(grid, key=lambda place: (values[place], -abs(place), -place))

    def _rate(self, cell: Cell, outcomes: Outcomes) -> TunedRate:
        grid = self._grid(cell, outcomes)
        best = self._best(cell, grid, outcomes)
        trials = {_level(cell, place): outcomes[_spec(cell, place).trial] for place in sorted(grid)}
        return TunedRate(
            cell=cell,
            level=_level(cell, best),
            extensions=len(grid) - len(GRID),
            at_edge=best in (min(grid), max(grid)),
            values={level: value_of(outcome, chance=self._chance) for level, outcome in trials.items()},
        )

    def _is_settled(self, cell: Cell, outcomes: Outcomes) -> bool:
        return self._all_known(cell, self._grid(cell, outcomes), outcomes)

    @staticmethod
    def _all_known(cell: Cell, grid: Sequence[int], outcomes: Outcomes) -> bool:
        return all(_spec(cell, place).trial in outcomes for place in grid)


def _home(cell: Cell, references: Mapping[str, Factors]) -> Factors:
    """The reference that a cell is, or departs from."""
    return references[BEST] if BEST in (cell.variant, cell.against) else references[REFERENCE]


def _level(cell: Cell, place: int) -> Level:
    return format_rate(rate_of(cell.factors).times(10 ** (place / 2))) if place else cell.factors[RATE]


def _spec(cell: Cell, place: int) -> TrialSpec:
    level = _level(cell, place)
    label = Label("tune", cell.variant, cell.factor, cell.level, "tune", number=place)
    return TrialSpec(
        f"tune-{cell.variant}-{level}", label, seeds.SEARCH_REPLICATE, factors={**cell.factors, RATE: level}
    )
