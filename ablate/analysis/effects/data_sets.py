"""Analyse comparisons that were made on several data sets: on each, pooled, and by ranks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ablate.analysis.effects.by_data_set import compared_on_each, contrasts_of_all, effects_on_each
from ablate.analysis.effects.metric import Metric, confirmatory_runs, metric_values, primary_metric
from ablate.analysis.effects.pairing import pair_runs
from ablate.analysis.effects.pooled import MIN_DATA_SETS, pooled_effects
from ablate.analysis.effects.primary import only_primary, primary_mode, without_judgements
from ablate.analysis.effects.scales import BlockRuns, EffectScale, as_ratios, common_scale
from ablate.analysis.statistics.mean_ranks import LEAST_RANKED, MeanRanks, mean_ranks
from ablate.storage.provenance import TaskFacts
from ablate.study.trial import DATA_SET, REFERENCE


@dataclass(frozen=True, slots=True)
class RankedConfigurations:
    """The configurations that were run on every data set, by their mean ranks."""

    names: tuple[str, ...]  # variants, the reference among them, the best first
    test: MeanRanks  # its ranks are in the same order


def blocks_of(
    results: pd.DataFrame,
    *,
    task: TaskFacts,
    n_test: Mapping[str, int | None],
    margin: float | None = None,
    stated: Mapping[str, Any] | None = None,  # Any: JSON
) -> list[BlockRuns]:
    """The comparisons' runs on each data set, in the table's order, with its metric, as of `primary_metric`.

    Empty if the table has fewer than two data sets. Each data set has its own score of guessing, worst run and margin.
    """
    if DATA_SET not in results:
        return []
    compared = results.loc[results["phase"] == "ablation", DATA_SET].astype(str)
    names = [name for name in dict.fromkeys(compared) if name]
    whole = primary_metric(results, task=task, n_test=None, margin=margin, stated=stated)
    if not whole.name.startswith("test_"):
        results = results[[name for name in results if not str(name).startswith("test_")]]
    blocks = []
    for name in names if len(names) > 1 else ():
        own = results[results[DATA_SET].astype(str) == name]
        metric = primary_metric(own, task=task, n_test=n_test.get(name), margin=margin, stated=stated)
        blocks.append(BlockRuns(name, confirmatory_runs(own).drop(columns=DATA_SET), metric))
    return blocks


@dataclass(frozen=True, slots=True)
class DataSetEffects:
    """The effects of comparisons on several data sets."""

    names: tuple[str, ...]  # of the data sets
    scale: EffectScale
    metric: Metric  # in which the effects are
    on_each: pd.DataFrame  # `BLOCK_COLUMNS`
    pooled: pd.DataFrame  # `POOLED_COLUMNS`
    pairs: pd.DataFrame  # rows of `paired_scores`, with their data set
    is_pooled_primary: bool  # else the primary family is the effects on each data set
    ranked: RankedConfigurations | None  # with few data sets or variants: None

    def of_mode(self, mode: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The effects on each data set and pooled, of one learning-rate mode."""
        return self.on_each[self.on_each["mode"] == mode], self.pooled[self.pooled["mode"] == mode]


def data_set_effects(
    blocks: Sequence[BlockRuns],
    *,
    alpha: float = 0.05,
    overlap: float = 0.0,
    margin_share: float | None = None,
) -> DataSetEffects:
    """Estimate every comparison on each data set and over all of them.

    With five data sets or more, on a common scale, the primary family is the pooled effects: claims on data sets like
    these. With fewer it is every comparison on every data set: claims on these data sets, that the seeds support.
    Effects outside the primary family are exploratory. `margin_share` is a margin as a share of the reference's mean.
    """
    scale = common_scale(blocks)
    if scale == "ratio":
        blocks = [as_ratios(block, margin_share=margin_share) for block in blocks]
    metric = replace(blocks[0].metric, margin=float(np.mean([block.metric.margin for block in blocks])))
    found = compared_on_each(blocks)
    on_each = only_primary(effects_on_each(found, metric, alpha=alpha, overlap=overlap))
    pooled = pooled_effects(on_each, contrasts_of_all(found), metric, alpha=alpha, overlap=overlap)
    pooled = only_primary(pooled)
    is_pooled = len(blocks) >= MIN_DATA_SETS and scale != "none"
    if is_pooled:
        on_each = without_judgements(on_each)
    else:
        pooled = without_judgements(pooled)
    pairs = [pair_runs(block.runs, block.metric).assign(**{DATA_SET: block.name}) for block in blocks]
    order = _order(pooled, on_each, [block.name for block in blocks])
    return DataSetEffects(
        tuple(block.name for block in blocks), scale, metric, order, pooled, pd.concat(pairs, ignore_index=True),
        is_pooled, _ranked(blocks, pooled, alpha=alpha),
    )  # fmt: skip


def _order(pooled: pd.DataFrame, on_each: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The effects on each data set, the comparisons in the order of the pooled table."""
    if on_each.empty:
        return on_each
    place = {key: at for at, key in enumerate(zip(pooled["variant"], pooled["mode"], strict=True))}
    keys = zip(on_each["variant"], on_each["mode"], strict=True)
    data_set = on_each[DATA_SET].map({name: at for at, name in enumerate(names)})
    ordered = on_each.assign(place=[place[key] for key in keys], of_data=data_set).sort_values(["place", "of_data"])
    return ordered.drop(columns=["place", "of_data"]).reset_index(drop=True)


def _ranked(blocks: Sequence[BlockRuns], pooled: pd.DataFrame, *, alpha: float) -> RankedConfigurations | None:
    """The configurations of the primary mode by their mean ranks, where many data sets have them all."""
    mode = primary_mode(pooled["mode"].unique())
    compared = pooled[(pooled["mode"] == mode) & (pooled["against"] == REFERENCE)]
    means = pd.DataFrame({block.name: _means(block, str(mode)) for block in blocks})
    means = means.reindex([REFERENCE, *compared["variant"]]).dropna()
    if len(blocks) < MIN_DATA_SETS or len(means) < LEAST_RANKED or REFERENCE not in means.index:
        return None
    found = mean_ranks(means.to_numpy(dtype=np.float64).T, alpha=alpha)
    order = np.argsort(found.ranks, kind="stable")
    names = tuple(str(means.index[at]) for at in order)
    return RankedConfigurations(names, replace(found, ranks=found.ranks[order]))


def _means(block: BlockRuns, mode: str) -> "pd.Series[float]":
    """The mean score of each configuration, higher is better."""
    runs = block.runs.assign(value=metric_values(block.runs, block.metric))
    runs = runs[runs["mode"].isin((mode, ""))]
    return runs.groupby("variant")["value"].mean()
