"""A study and its references into the cells of the one-factor design: one thing changed at a time."""

from collections.abc import Iterator, Mapping

from ablate.ablation.cell import Cell, counterpart
from ablate.ablation.rates import RATE, Tuned, configuration_key, found, rated
from ablate.levels import RECIPE
from ablate.records import BEST, REFERENCE, Factors, Level, Mode
from ablate.study import Study


def one_factor_cells(study: Study, references: Mapping[str, Factors], tuned: Tuned) -> list[Cell]:
    """The reference, then in each mode every variant of each reference; the second one is a variant of the first too.

    From two references the variants of the first add a level to it, those of the second take one from it.
    """
    return [
        *_reference_cells(study, references[REFERENCE], tuned),
        *(cell for mode in study.ablation.learning_rate for cell in _compared(study, references, mode, tuned)),
    ]


def _reference_cells(study: Study, reference: Factors, tuned: Tuned) -> list[Cell]:
    """One for all modes that leave it its own rate, and one for each mode that does not."""
    cells: dict[str, Cell] = {}
    for mode in study.ablation.learning_rate:
        is_own = mode == "carry" or (mode == "find" and found(reference[RATE]) == reference[RATE])
        trained = rated(reference, reference=reference, mode=mode, tuned=tuned)
        cell = Cell(REFERENCE, "", "", "" if is_own else mode, "one-factor", "", *trained)
        cells.setdefault(cell.mode, cell)
    return list(cells.values())


def _compared(study: Study, references: Mapping[str, Factors], mode: Mode, tuned: Tuned) -> Iterator[Cell]:
    if BEST in references:
        best = rated(references[BEST], reference=references[BEST], mode=mode, tuned=tuned)
        yield Cell(BEST, "", "", mode, "one-factor", REFERENCE, *best)
    for against, reference in references.items():
        prefix = "" if against == REFERENCE else f"{against}: "
        for factor, level, factors in _changes(study, reference, counterpart(study, references, against)):
            trained = rated(factors, reference=reference, mode=mode, tuned=tuned, rate_varies=factor == RATE)
            yield Cell(f"{prefix}{factor}={level}", factor, str(level), mode, "one-factor", against, *trained)


def _changes(study: Study, reference: Factors, other: Factors | None) -> Iterator[tuple[str, Level, Factors]]:
    """(factor, level, configuration): each level to try, the `other` end's level where it is not one, each recipe."""
    space, wanted, own = study.space, study.ablation.factors, configuration_key(reference)
    changes = space.neighbours(reference)
    seen = {configuration_key(factors) for _, _, factors in changes}
    for name, level in ((name, other[name]) for name in space.dimensions) if other is not None else ():
        factors = space.settled({**reference, name: level})
        if configuration_key(factors) not in seen | {own}:
            changes.append((name, level, factors))
    yield from (change for change in changes if wanted is None or change[0] in wanted)
    for name, levels in study.recipes.items():
        factors = space.settled({**reference, **levels})
        if configuration_key(factors) != own:
            yield RECIPE, name, factors
