"""A study and its references into the cells of the factorial design: every combination of the crossed levels."""

from collections.abc import Mapping
from itertools import product

from ablate.ablation.cell import Cell, counterpart
from ablate.ablation.rates import RATE, Tuned, configuration_key, differing, rated
from ablate.records import REFERENCE, Factors, Level, Mode
from ablate.study import Study


def factorial_cells(study: Study, references: Mapping[str, Factors], tuned: Tuned) -> list[Cell]:
    """One cell a combination, the reference's own first; combinations that settle to the same configuration are one.

    All train in one mode: `factorial_mode`.
    """
    reference, mode, crossed = references[REFERENCE], factorial_mode(study), study.ablation.factorial or ()
    cells: dict[str, Cell] = {}
    for levels in product(*(crossed_levels(study, references, factor) for factor in crossed)):
        factors = study.space.settled({**reference, **dict(zip(crossed, levels, strict=True))})
        label = ", ".join(f"{factor}={factors[factor]}" for factor in crossed)
        trained = rated(factors, reference=reference, mode=mode, tuned=tuned, rate_varies=RATE in crossed)
        cells.setdefault(configuration_key(factors), Cell(label, "", "", mode, "factorial", "", *trained))
    return list(cells.values())


def factorial_mode(study: Study) -> Mode:
    """The first mode that gives each cell a rate of its own; "carry" where there is none."""
    modes = study.ablation.learning_rate
    return next((mode for mode in modes if mode != "carry"), "carry")


def crossed_levels(study: Study, references: Mapping[str, Factors], factor: str) -> tuple[Level, ...]:
    """The reference's level, then those that an ablation tries, then what the search changed it to or from."""
    levels = study.space.crossed(factor, references[REFERENCE])
    other = counterpart(study, references, REFERENCE)
    if other is None or not all(differing({factor: level}, other, among=(factor,)) for level in levels):
        return levels
    return (*levels, other[factor])
