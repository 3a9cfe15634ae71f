"""The results table into effects: each variant against its reference, paired by seed, on the primary metric."""

from ablate.effects.metric import Direction, Metric, metric_unit, primary_metric
from ablate.effects.pairing import PAIR_COLUMNS, pair_runs, paired_scores
from ablate.effects.runs import COUNTED_AT_CHANCE, confirmatory_runs, metric_values
from ablate.effects.table import EFFECT_COLUMNS, effects_of_runs, effects_table, undecided
from ablate.effects.uncompared import IDENTICAL, UNFINISHED

__all__ = [
    "COUNTED_AT_CHANCE", "EFFECT_COLUMNS", "IDENTICAL", "PAIR_COLUMNS", "UNFINISHED", "Direction",
    "Metric", "confirmatory_runs", "effects_of_runs", "effects_table", "metric_unit", "metric_values", "pair_runs",
    "paired_scores", "primary_metric", "undecided",
]  # fmt: skip
