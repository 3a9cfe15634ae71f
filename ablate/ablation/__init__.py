"""A study and its reference configurations into plans: which cells, at which learning rates, with which seeds."""

from ablate.ablation.cell import FIRST_SEED, Cell, needs_best, references, replicates, to_specs
from ablate.ablation.confirmed import ablation_cells, ablation_specs, looks_of
from ablate.ablation.counting import Count, count_trials
from ablate.ablation.looks import Sequential
from ablate.ablation.path import Paths
from ablate.ablation.steps import AblationPlan, SteppedPlan
from ablate.ablation.tuning import Tuning

__all__ = [
    "FIRST_SEED",
    "AblationPlan",
    "Cell",
    "Count",
    "Paths",
    "Sequential",
    "SteppedPlan",
    "Tuning",
    "ablation_cells",
    "ablation_specs",
    "count_trials",
    "looks_of",
    "needs_best",
    "references",
    "replicates",
    "to_specs",
]
