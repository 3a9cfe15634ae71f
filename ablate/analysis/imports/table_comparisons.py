"""Find the comparisons of an imported table, and leave out those that another column spoils."""

from dataclasses import dataclass

import pandas as pd

from ablate.analysis.imports.blocks import find_uneven
from ablate.analysis.imports.configurations import choose_reference, text_of
from ablate.analysis.imports.confounding import Confounding, find_confounding, joined
from ablate.analysis.imports.endings import find_endings
from ablate.analysis.imports.rows import compared_with, one_factor_rows
from ablate.analysis.imports.separating import OtherColumns, beside_factors
from ablate.analysis.imports.table_runs import TableRuns


@dataclass(frozen=True, slots=True)
class TableComparisons:
    """The comparisons with the reference that a table holds, and what other columns do to them."""

    reference: int  # its configuration
    choice: str  # a sentence on the choice of the reference
    is_crossed: bool  # whether the table is a factorial that can be read as one
    one_factor: pd.DataFrame  # rows of the reference and of the configurations that differ in one factor
    confounding: Confounding
    beside: OtherColumns

    @property
    def is_compared(self) -> bool:
        """Whether any configuration is compared with the reference."""
        return bool(len(self.one_factor)) or self.is_crossed

    @property
    def designs(self) -> list[str]:
        """The designs that the table holds."""
        return ["one-factor"] * bool(len(self.one_factor)) + ["factorial"] * self.is_crossed


def find_comparisons(read: TableRuns) -> TableComparisons:
    """The one-factor comparisons and the factorial, without the comparisons that another column spoils."""
    found, cells, place = read.found, read.cells, read.runs.place
    reference, choice = choose_reference(found, read.asked.reference, place=place, finished=read.finished_runs())
    is_crossed = (
        found.is_factorial
        and not read.roles.block
        and bool((cells.rows.groupby("seed").size() == len(found.codes)).any())
    )
    confounding = _confounding(read, reference, is_crossed=is_crossed)
    beside = _beside(read, reference, is_crossed=is_crossed)
    one_factor = one_factor_rows(cells, found, reference, without=confounding.spoilt)
    return TableComparisons(reference, choice, is_crossed and not confounding.spoilt, one_factor, confounding, beside)


def _confounding(read: TableRuns, reference: int, *, is_crossed: bool) -> Confounding:
    """What other columns do to the comparisons; those of a factorial are comparisons of all its cells."""
    compared, names = _sides(read, reference, is_crossed=is_crossed)
    found, counted, ignored = read.found, read.cells.counted, read.asked.ignore
    beside = find_confounding(
        read.runs, read.others, counted, reference=reference, compared=compared, names=names,
        asked=(read.roles.factors, ignored),
    )  # fmt: skip
    endings = find_endings(
        read.runs, counted, found, reference=reference, compared=compared, names=names, ignored=ignored
    )  # fmt: skip
    uneven = find_uneven(read.runs, read.roles, read.cells, reference=reference, compared=compared, names=names)
    return joined([beside, endings, uneven])


def _beside(read: TableRuns, reference: int, *, is_crossed: bool) -> OtherColumns:
    compared, names = _sides(read, reference, is_crossed=is_crossed)
    return beside_factors(
        read.runs, read.others, read.cells.counted, roles=(read.roles.taken, read.roles.factors),
        sides=(reference, compared), names=names, ignored=read.asked.ignore,
    )  # fmt: skip


def _sides(read: TableRuns, reference: int, *, is_crossed: bool) -> tuple[list[int], dict[int, str]]:
    """The configurations that are compared with the reference, and the names of all."""
    found = read.found
    compared: list[int] = compared_with(read.cells, found, reference).tolist()
    if is_crossed:
        compared = [at for at in range(len(found.codes)) if at != reference]
    return compared, {at: text_of(found, at) for at in (reference, *compared)}
