"""Pool the effects on several data sets into one for each comparison, with how far they differ."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablate.analysis import statistics
from ablate.analysis.effects.contrasts import Contrast
from ablate.analysis.effects.lost_runs import RunStates, failure_rows
from ablate.analysis.effects.metric import Metric
from ablate.analysis.effects.pairing import IDENTICAL, LOST, UNFINISHED
from ablate.analysis.effects.primary import EXPLORATORY
from ablate.analysis.effects.scales import LOG_POINTS
from ablate.analysis.effects.table import EFFECT_COLUMNS, UNSURE, in_order
from ablate.analysis.statistics import Verdict
from ablate.analysis.statistics.random_effects import Heterogeneity, RandomEffects
from ablate.storage.results import Row

# With fewer, no claim is made beyond the data sets at hand, and the primary effects are those on each of them.
MIN_DATA_SETS = 5
DIFFERS: Verdict = "differs"  # between data sets
POOLED_COLUMNS = (
    *EFFECT_COLUMNS, "tau", "i2", "p_heterogeneity", "p_heterogeneity_holm", "predicted_low", "predicted_high",
    "fewest_seeds", "most_seeds", "data_sets_better",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _PooledContrast:
    rows: pd.DataFrame  # of the comparison on each data set with a size
    contrasts: Sequence[Contrast]
    pooled: RandomEffects
    spread: Heterogeneity
    without: Verdict | None  # why there is no judgement


def pooled_effects(
    on_each: pd.DataFrame,
    contrasts: Mapping[tuple[str, str], Sequence[Contrast]],
    metric: Metric,
    *,
    alpha: float = 0.05,
    overlap: float = 0.0,
) -> pd.DataFrame:
    """One row per comparison, the columns `POOLED_COLUMNS`; a family is all comparisons of a learning-rate mode.

    `mean` is the random-effects mean over the `n` data sets, `sd` that of their effects, `tau` the SD of their true
    ones. `low` and `high` hold for the comparison alone, `low_adjusted` and `high_adjusted` for the family
    (Bonferroni); p values are adjusted by Holm. `predicted_low` and `predicted_high` hold for a new data set. A
    comparison without a size on some data set has none over all: which data sets lose runs may depend on the effect.
    """
    rows: list[Row] = []
    for _, of_mode in on_each.groupby("mode", sort=False):
        family = [
            _pooled(own, contrasts[str(variant), str(mode)], overlap=overlap)
            for (variant, mode), own in of_mode.groupby(["variant", "mode"], sort=False)
        ]
        rows += _family_rows(family, metric, alpha=alpha)
    table = pd.DataFrame(rows, columns=list(POOLED_COLUMNS))
    return in_order(table) if len(table) else table


def _pooled(rows: pd.DataFrame, contrasts: Sequence[Contrast], *, overlap: float) -> _PooledContrast:
    sized = rows[np.isfinite(rows["mean"].to_numpy(dtype=float))]
    means, sds, n = (sized[name].to_numpy(dtype=np.float64) for name in ("mean", "sd", "n"))
    verdicts = set(rows["verdict"])
    without: Verdict | None = None
    if verdicts <= {IDENTICAL, UNFINISHED}:
        without = IDENTICAL if IDENTICAL in verdicts else UNFINISHED
    elif verdicts & {LOST, UNFINISHED}:
        without = LOST
    pooled = statistics.random_effects(means, statistics.seed_variances(sds, n, overlap=overlap))
    spread = statistics.heterogeneity(means, sds**2 * (1 / n + overlap), n)
    return _PooledContrast(sized, contrasts, pooled, spread, without)


def _family_rows(family: Sequence[_PooledContrast], metric: Metric, *, alpha: float) -> list[Row]:
    p = [math.nan if one.without else one.pooled.p() for one in family]
    adjusted = statistics.holm(p)
    spread = statistics.holm([math.nan if one.without else one.spread.p for one in family])
    failures = failure_rows([_states(one.contrasts) for one in family], alpha=alpha)
    return [
        dict(one.contrasts[0].identity)
        | _without_small_claims(
            _row(one, metric, p=float(own), adjusted=(float(of_all), float(differ)), alpha=alpha, n=len(family)) | lost
        )
        for one, own, of_all, differ, lost in zip(family, p, adjusted, spread, failures, strict=True)
    ]


def _row(one: _PooledContrast, metric: Metric, *, p: float, adjusted: tuple[float, float], alpha: float, n: int) -> Row:
    pooled, rows = one.pooled, one.rows
    p_adjusted, p_spread = adjusted
    mean = math.nan if one.without == LOST else pooled.mean
    ends = pooled.interval(), pooled.interval(1 - alpha / n), pooled.prediction()
    (low, high), simultaneous, predicted = ends if one.without is None else ((math.nan, math.nan),) * 3
    own_unit = metric.unit != LOG_POINTS
    return {
        "n": pooled.k, "mean": mean, "sd": float(rows["mean"].std()), "low": low, "high": high, "p": p,
        "p_adjusted": p_adjusted, "p_holm": p_adjusted,
        "verdict": one.without
        or _verdict(pooled, simultaneous, predicted, p=adjusted, margin=metric.margin, alpha=alpha),
        "low_adjusted": simultaneous[0], "high_adjusted": simultaneous[1], "seeds_needed": math.nan, "mde": math.nan,
        "d_z": math.nan, "p_better": float((rows["mean"] > 0).mean()) if len(rows) else math.nan, "p_tost": math.nan,
        "margin": metric.margin, "diverged": sum(each.diverged for each in one.contrasts),
        "reference_mean": float(rows["reference_mean"].mean()) if own_unit else math.nan,
        "variant_mean": float(rows["variant_mean"].mean()) if own_unit else math.nan,
        "metric": metric.name, "unit": metric.unit, "scale": metric.scale,
        "score_difference": float(rows["score_difference"].mean()),
        "learning_rate": float(rows["learning_rate"].median()), "look": 0, "test": "data sets", "adjustment": "Holm",
        "tau": pooled.tau, "i2": one.spread.i2, "p_heterogeneity": one.spread.p, "p_heterogeneity_holm": p_spread,
        "predicted_low": predicted[0], "predicted_high": predicted[1], "fewest_seeds": rows["n"].min(),
        "most_seeds": rows["n"].max(), "data_sets_better": int((rows["mean"] > 0).sum()),
    }  # fmt: skip


def _without_small_claims(row: Row) -> Row:
    """A lost run may make a difference look small: then no small size is claimed."""
    is_lossy = row["n_lost"] or row["reference_lost"]
    return row | {"verdict": UNSURE.get(row["verdict"], row["verdict"])} if is_lossy else row


def _verdict(
    pooled: RandomEffects,
    simultaneous: tuple[float, float],
    predicted: tuple[float, float],
    *,
    p: tuple[float, float],
    margin: float,
    alpha: float,
) -> Verdict:
    """The conclusion about data sets like these; `p` is adjusted, of the mean and of its spread over data sets.

    An effect that is shown to differ between data sets, and whose sign on a new one is open, is no common effect,
    whatever its mean. Equivalence is claimed for a new data set, not for the mean alone, behind which effects of
    opposite signs may hide.
    """
    if pooled.k < MIN_DATA_SETS:
        return EXPLORATORY
    p_mean, p_spread = p
    if p_spread <= alpha and predicted[0] <= 0 <= predicted[1]:
        return DIFFERS
    low, high = simultaneous
    is_within = -margin < min(low, predicted[0]) and max(high, predicted[1]) < margin
    if (low > 0 or high < 0) and p_mean <= alpha:
        if abs(pooled.mean) <= margin:
            return "detectable but below margin" if is_within else "detectable, size undecided"
        return "helps" if pooled.mean > 0 else "hurts"
    return "equivalent" if is_within else "inconclusive"


def _states(contrasts: Sequence[Contrast]) -> RunStates:
    """The states of the runs on all data sets."""
    if all(one.apart is None for one in contrasts):
        counted = [one.counted for one in contrasts]
        mine, theirs = (pd.concat([pairs[name] for pairs in counted]) for name in ("state", "reference_state"))
        return RunStates(mine, theirs)
    sides = [_both_sides(one) for one in contrasts]
    mine, theirs = (pd.concat(side) for side in zip(*sides, strict=True))
    return RunStates(mine, theirs, is_paired=False)


def _both_sides(one: Contrast) -> "tuple[pd.Series[str], pd.Series[str]]":
    if one.apart is not None:
        return one.apart[0]["state"], one.apart[1]["state"]
    return one.counted["state"], one.counted["reference_state"]
