"""Estimate the effect of each variant against its reference, paired by seed, on the primary metric."""

from ablate.analysis.effects.by_data_set import BLOCK_COLUMNS
from ablate.analysis.effects.data_sets import DataSetEffects, RankedConfigurations, blocks_of, data_set_effects
from ablate.analysis.effects.lost_runs import FAILURE_COLUMNS, FEWER, MORE
from ablate.analysis.effects.metric import (
    COUNTED_AT_CHANCE,
    Direction,
    Metric,
    confirmatory_runs,
    metric_unit,
    metric_values,
    primary_metric,
)
from ablate.analysis.effects.modes import mode_changes
from ablate.analysis.effects.pairing import IDENTICAL, LOST, PAIR_COLUMNS, UNFINISHED, pair_runs, paired_scores
from ablate.analysis.effects.pooled import DIFFERS, MIN_DATA_SETS
from ablate.analysis.effects.primary import EXPLORATORY, mode_rank, only_primary, primary_mode, without_judgements
from ablate.analysis.effects.scales import BlockRuns, common_scale
from ablate.analysis.effects.table import EFFECT_COLUMNS, effects_of_runs, effects_table, undecided

__all__ = [
    "BLOCK_COLUMNS", "COUNTED_AT_CHANCE", "DIFFERS", "EFFECT_COLUMNS", "EXPLORATORY", "FAILURE_COLUMNS", "FEWER",
    "IDENTICAL", "LOST", "MIN_DATA_SETS", "MORE", "PAIR_COLUMNS", "UNFINISHED", "BlockRuns", "DataSetEffects",
    "Direction", "Metric", "RankedConfigurations", "blocks_of", "common_scale", "confirmatory_runs", "data_set_effects",
    "effects_of_runs", "effects_table", "metric_unit", "metric_values", "mode_changes", "mode_rank", "only_primary",
    "pair_runs", "paired_scores", "primary_metric", "primary_mode", "undecided", "without_judgements",
]  # fmt: skip
