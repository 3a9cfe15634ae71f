"""Analyse the designs of an ablation: comparisons, factorials, both directions, paths and Shapley values."""

from ablate.analysis.designs.crossed import Factorial, factorial_effects, factorials, interaction_cells, variance_shares
from ablate.analysis.designs.directions import both_directions, crossed_directions
from ablate.analysis.designs.paths import crossed_paths, path_runs, paths
from ablate.analysis.designs.shapley import shapley_effects
from ablate.analysis.designs.targets import OTHER_SEEDS, SAME_SCORES, TargetCell, find_target

__all__ = [
    "OTHER_SEEDS", "SAME_SCORES", "Factorial", "TargetCell", "both_directions", "crossed_directions", "crossed_paths",
    "factorial_effects", "factorials", "find_target", "interaction_cells", "path_runs", "paths", "shapley_effects",
    "variance_shares",
]  # fmt: skip
