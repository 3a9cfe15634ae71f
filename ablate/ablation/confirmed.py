"""A study and its references into all that is confirmed: the cells, their trials, and the list that is frozen."""

from collections.abc import Mapping

from ablate.ablation.cell import Cell, replicates, to_specs
from ablate.ablation.crossed import factorial_cells
from ablate.ablation.one_factor import one_factor_cells
from ablate.ablation.rates import Tuned
from ablate.records import REFERENCE, Factors, TrialSpec
from ablate.statistics import MIN_SEEDS, looks
from ablate.study import Study


def ablation_cells(study: Study, references: Mapping[str, Factors], tuned: Tuned) -> list[Cell]:
    """Every cell that is scored on the test set, in a stable order: the one-factor design's, then the factorial's.

    Cells of mode "tune" have the rates in `tuned`, and the rates that tuning starts from where it says nothing.
    """
    designs = {"one-factor": one_factor_cells, "factorial": factorial_cells}
    return [
        cell
        for design, cells_of in designs.items()
        if design in study.ablation.design
        for cell in cells_of(study, references, tuned)
    ]


def ablation_specs(study: Study, reference: Factors) -> list[TrialSpec]:
    """Every confirmatory trial against one reference, seed by seed; of "auto", those up to the first look.

    Cells of mode "tune" stand at the rates that tuning starts from.
    """
    n_seeds = next(iter(looks_of(study)), 0)
    return to_specs(ablation_cells(study, {REFERENCE: reference}, {}), replicates(n_seeds))


def looks_of(study: Study) -> tuple[int, ...]:
    """The seeds that an open comparison has at each look; one look at a fixed number of them, none where that is 0."""
    ablation = study.ablation
    if ablation.seeds == "auto":
        return looks(MIN_SEEDS, ablation.max_seeds, ablation.looks)
    return (ablation.seeds,) if ablation.seeds else ()
