"""The results table into effects: each variant against its reference, paired by seed, on the primary metric."""

from ablate.analysis.effects.metric import Direction, Metric, metric_unit, metric_values, primary_metric
from ablate.analysis.effects.pairing import PAIR_COLUMNS, pair_runs, paired_scores
from ablate.analysis.effects.runs import COUNTED_AT_CHANCE, confirmatory_runs
from ablate.analysis.effects.table import EFFECT_COLUMNS, effects_of_runs, effects_table, undecided
from ablate.analysis.effects.uncompared import IDENTICAL, UNFINISHED

__all__ = [
    "COUNTED_AT_CHANCE", "EFFECT_COLUMNS", "IDENTICAL", "PAIR_COLUMNS", "UNFINISHED", "Direction",
    "Metric", "confirmatory_runs", "effects_of_runs", "effects_table", "metric_unit", "metric_values", "pair_runs",
    "paired_scores", "primary_metric", "undecided",
]  # fmt: skip
