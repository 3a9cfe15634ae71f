"""Build the cells of the one-factor and factorial designs from a study and its references."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Literal

from ablate.analysis.statistics import MIN_SEEDS, looks
from ablate.plans.cells import (
    Cell,
    Tuned,
    configuration_key,
    counterpart,
    differing,
    modes_of,
    rated,
    replicates,
    to_specs,
)
from ablate.study.rate import RATE, RECIPE, rate_of
from ablate.study.settings import StudySettings
from ablate.study.trial import BEST, REFERENCE, Factors, Level, Mode, TrialSpec


def one_factor_cells(study: StudySettings, references: Mapping[str, Factors], tuned: Tuned) -> list[Cell]:
    """The reference, then in each mode every variant of each reference.

    The second reference is a variant of the first.
    """
    return [
        *_reference_cells(study, references[REFERENCE], tuned),
        *(cell for mode in modes_of(study) for cell in _compared(study, references, mode, tuned)),
    ]


def _reference_cells(study: StudySettings, reference: Factors, tuned: Tuned) -> list[Cell]:
    """One cell for all modes in which the reference keeps its own rate, and one for each other mode."""
    cells: dict[str, Cell] = {}
    for mode in modes_of(study):
        is_own = mode in ("carry", "") or (mode == "find" and rate_of(reference).is_found)
        trained = rated(reference, reference=reference, mode=mode, tuned=tuned)
        cell = Cell(REFERENCE, "", "", "" if is_own else mode, "one-factor", "", *trained)
        cells.setdefault(cell.mode, cell)
    return list(cells.values())


def _compared(
    study: StudySettings, references: Mapping[str, Factors], mode: Mode | Literal[""], tuned: Tuned
) -> Iterator[Cell]:
    if BEST in references:
        best = rated(references[BEST], reference=references[BEST], mode=mode, tuned=tuned)
        yield Cell(BEST, "", "", mode, "one-factor", REFERENCE, *best)
    for against, reference in references.items():
        prefix = "" if against == REFERENCE else f"{against}: "
        for factor, level, factors in _changes(study, reference, counterpart(study, references, against)):
            trained = rated(factors, reference=reference, mode=mode, tuned=tuned, rate_varies=factor == RATE)
            yield Cell(f"{prefix}{factor}={level}", factor, str(level), mode, "one-factor", against, *trained)


def _changes(study: StudySettings, reference: Factors, other: Factors | None) -> Iterator[tuple[str, Level, Factors]]:
    """(factor, level, configuration) of each change: each level to try, the level of `other`, each recipe.

    The level of `other` is left out if it is among the levels to try.
    """
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


def factorial_cells(study: StudySettings, references: Mapping[str, Factors], tuned: Tuned) -> list[Cell]:
    """One cell per combination, the reference's own first.

    Combinations that settle to the same configuration share a cell.
    """
    reference, mode, crossed = references[REFERENCE], factorial_mode(study), study.ablation.factorial or ()
    cells: dict[str, Cell] = {}
    for levels in product(*(crossed_levels(study, references, factor) for factor in crossed)):
        factors = study.space.settled({**reference, **dict(zip(crossed, levels, strict=True))})
        label = ", ".join(f"{factor}={factors[factor]}" for factor in crossed)
        trained = rated(factors, reference=reference, mode=mode, tuned=tuned, rate_varies=RATE in crossed)
        cells.setdefault(configuration_key(factors), Cell(label, "", "", mode, "factorial", "", *trained))
    return list(cells.values())


def factorial_mode(study: StudySettings) -> Mode | Literal[""]:
    """The first mode that gives each cell a rate of its own, else the only one."""
    modes = modes_of(study)
    return next((mode for mode in modes if mode != "carry"), modes[0])


def crossed_levels(study: StudySettings, references: Mapping[str, Factors], factor: str) -> tuple[Level, ...]:
    """The reference's level, then those that the ablation tries, then the level of the other reference."""
    levels = study.space.crossed(factor, references[REFERENCE])
    other = counterpart(study, references, REFERENCE)
    if other is None or not all(differing({factor: level}, other, among=(factor,)) for level in levels):
        return levels
    return (*levels, other[factor])


def ablation_cells(study: StudySettings, references: Mapping[str, Factors], tuned: Tuned) -> list[Cell]:
    """Every cell that is scored on the test set, in a stable order: the one-factor design's, then the factorial's.

    Cells of mode "tune" have the rates in `tuned`, or the rates from which tuning starts if they are not in it.
    """
    designs = {"one-factor": one_factor_cells, "factorial": factorial_cells}
    return [
        cell
        for design, cells_of in designs.items()
        if design in study.ablation.design
        for cell in cells_of(study, references, tuned)
    ]


def ablation_specs(study: StudySettings, reference: Factors) -> list[TrialSpec]:
    """Every confirmatory trial against one reference, seed by seed; with "auto", those up to the first look."""
    n_seeds = next(iter(looks_of(study)), 0)
    return to_specs(ablation_cells(study, {REFERENCE: reference}, {}), replicates(n_seeds))


def looks_of(study: StudySettings) -> tuple[int, ...]:
    """The number of seeds at each look of an undecided comparison; one look if it is fixed, none if it is 0."""
    ablation = study.ablation
    if ablation.seeds == "auto":
        return looks(MIN_SEEDS, ablation.max_seeds, ablation.looks)
    return (ablation.seeds,) if ablation.seeds else ()
