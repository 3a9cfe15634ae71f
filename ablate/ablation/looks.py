"""Cells and looks into a rule that adds seeds where a comparison is undecided, and nowhere else."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias, final

from ablate.ablation.cell import Cell, replicates, to_specs
from ablate.ablation.steps import Outcomes
from ablate.records import TrialSpec

Undecided: TypeAlias = Callable[[int], AbstractSet[tuple[str, str]]]  # a look, from 1 -> (variant, mode) still open


@final
class Sequential:
    """The rule of `seeds = "auto"`: which trials follow from the outcomes so far.

    `looks` are the seeds that a cell has at each look, rising. Once every trial of a look is settled, `undecided` is
    asked, once: it must judge by the seeds of that look and before, so that a resumed study decides the same. What
    it names, of what was open before, gets the seeds of the next look, and so do the references it is paired with.
    A factorial stays as it is at the first look: its effects need all of its cells.
    """

    def __init__(self, cells: Sequence[Cell], *, looks: Sequence[int], undecided: Undecided) -> None:
        if not looks or any(late <= early for early, late in zip((0, *looks), looks, strict=False)):
            raise ValueError(f"looks must rise from at least one seed, got {list(looks)}")
        self._cells, self._looks, self._undecided = list(cells), tuple(looks), undecided
        self._answers: dict[int, AbstractSet[tuple[str, str]]] = {}

    def wanted(self, outcomes: Outcomes) -> list[TrialSpec]:
        """All trials up to the first look that is not settled."""
        specs = to_specs(self._cells, replicates(self._looks[0]))
        going = {(cell.variant, cell.mode) for cell in self._cells if cell.design == "one-factor" and cell.against}
        for look in range(1, len(self._looks)):
            if not going or any(spec.trial not in outcomes for spec in specs):
                break
            going &= self._ask(look)
            specs += to_specs(self._continued(going), replicates(self._looks[look], after=self._looks[look - 1]))
        return specs

    def _ask(self, look: int) -> AbstractSet[tuple[str, str]]:
        if look not in self._answers:
            self._answers[look] = self._undecided(look)
        return self._answers[look]

    def _continued(self, going: AbstractSet[tuple[str, str]]) -> list[Cell]:
        """The open variants and what they are compared with, in the order of the cells."""
        cells = [cell for cell in self._cells if cell.design == "one-factor"]
        named = {(cell.variant, cell.mode) for cell in cells}
        partners = {
            (cell.against, cell.mode if (cell.against, cell.mode) in named else "")
            for cell in cells
            if (cell.variant, cell.mode) in going
        }
        # The second reference is paired with its own variants here, and need not be open itself.
        return [cell for cell in cells if (cell.variant, cell.mode) in going | partners]
