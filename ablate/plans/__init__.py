"""Plan a study's trials: which cells, at which learning rates, with which seeds, in which order."""

from ablate.plans.cells import FIRST_SEED, Cell, needs_best, references, replicates, to_specs
from ablate.plans.counting import TrialCount, count_trials
from ablate.plans.designs import ablation_cells, ablation_specs, looks_of
from ablate.plans.path import Paths
from ablate.plans.sequence import Sequential, SteppedPlan
from ablate.plans.tuning import Tuning

__all__ = [
    "FIRST_SEED",
    "Cell",
    "Paths",
    "Sequential",
    "SteppedPlan",
    "TrialCount",
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
