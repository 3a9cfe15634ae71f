"""Find a scale on which effects on different data sets can be averaged: the metric's own unit, or ratios of scores."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from ablate.analysis.effects.metric import Metric, metric_values
from ablate.analysis.statistics.paired import Floats, to_floats

EffectScale: TypeAlias = Literal["own", "ratio", "none"]  # "none": effects have no common scale, only ranks
LOG_POINTS = "log points"  # 100 times the natural logarithm of a ratio: for small changes, percent
RELATIVE = ("points", "%")  # units that mean the same on every data set


@dataclass(frozen=True, slots=True)
class BlockRuns:
    """The comparisons' runs on one data set, and the metric with that data set's margin and score of guessing."""

    name: str
    runs: pd.DataFrame  # as `confirmatory_runs` returns them
    metric: Metric


def common_scale(blocks: Sequence[BlockRuns]) -> EffectScale:
    """The scale of the effects on these data sets.

    Its own for fractions, percentages, and scores in −1 … 1 of which higher ones are better, such as R². Any other
    metric has another size on each data set, so effects are ratios, which need scores above 0.
    """
    values = np.concatenate([_shown(block) for block in blocks] or [np.empty(0)])
    if not values.size or all(block.metric.unit in RELATIVE for block in blocks):
        return "own"
    if all(block.metric.direction == "maximize" for block in blocks) and np.abs(values).max() <= 1:
        return "own"
    return "ratio" if values.min() > 0 else "none"


def as_ratios(block: BlockRuns, *, margin_share: float | None = None) -> BlockRuns:
    """The runs with the logarithm of each score in place of the score: differences become log ratios, above 0 better.

    A margin in the unit of the scores has no meaning for ratios, a share of the reference's mean has.
    """
    metric, turn = block.metric, -1 if block.metric.direction == "minimize" else 1
    runs = block.runs.copy()
    shown = turn * metric.sign * runs[metric.column]
    runs[metric.column] = turn * metric.sign * np.log(shown.where(shown > 0))
    chance = turn * metric.chance
    as_log = replace(
        metric, unit=LOG_POINTS, scale=100.0, margin=math.log1p(margin_share or 0.0),
        chance=turn * math.log(chance) if chance > 0 else math.nan,
    )  # fmt: skip
    return BlockRuns(block.name, runs, as_log)


def _shown(block: BlockRuns) -> Floats:
    """The scores as displayed, lost runs among them, without missing ones."""
    turn = -1 if block.metric.direction == "minimize" else 1
    values = turn * metric_values(block.runs, block.metric).to_numpy(dtype=np.float64)
    return to_floats(values[np.isfinite(values)])
