"""Compare learning-rate modes: how much the effect of each variant changes from one mode to another."""

import numpy as np
import pandas as pd

from ablate.analysis import statistics
from ablate.analysis.effects.metric import Metric
from ablate.analysis.effects.primary import mode_rank
from ablate.analysis.effects.table import FLIPS_SEED
from ablate.analysis.statistics import Looks

MODE_COLUMNS = ("variant", "mode", "n", "change", "low", "high", "p_adjusted", "is_changed")


def mode_changes(
    pairs: pd.DataFrame, metric: Metric, *, alpha: float = 0.05, looks: Looks | None = None, overlap: float = 0.0
) -> pd.DataFrame:
    """One row per further mode and variant compared in it and in the first mode, the columns `MODE_COLUMNS`.

    `pairs` are rows of `paired_scores`. `change` is the variant's effect in `mode` minus its effect in the first mode
    by `mode_rank`, paired by seed, in the metric's unit; each effect is taken against the reference of its own mode,
    or against the one that the modes share. The variants of a mode are a family: `low` and `high` are simultaneous,
    `p_adjusted` is max-T (of folds with `overlap` Holm, see `judge`), NaN below six seeds. `is_changed`: p is at most
    `alpha` and the interval excludes 0. Two verdicts may differ without any such change, since one effect can lie on
    either side of a threshold.
    """
    first, *others = sorted(pairs["mode"].unique(), key=mode_rank) or [""]
    effects = pairs.groupby(["mode", "variant", "seed"], sort=False)["difference"].last().unstack("seed")
    tables = [_changes(effects, first, mode, metric, alpha=alpha, looks=looks, overlap=overlap) for mode in others]
    found = [table for table in tables if len(table)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(MODE_COLUMNS))


def _changes(
    effects: pd.DataFrame,
    first: str,
    other: str,
    metric: Metric,
    *,
    alpha: float,
    looks: Looks | None,
    overlap: float,
) -> pd.DataFrame:
    before, after = effects.loc[first], effects.loc[other]
    shared = [variant for variant in before.index if variant in after.index]
    if not shared:
        return pd.DataFrame(columns=list(MODE_COLUMNS))
    changes = (after.loc[shared] - before.loc[shared]).to_numpy(dtype=np.float64).T
    judged = statistics.judge(changes, margin=metric.margin, seed=FLIPS_SEED, alpha=alpha, looks=looks, overlap=overlap)
    rows = []
    for variant, one in zip(shared, judged, strict=True):
        ends = one.simultaneous
        is_changed = one.p_adjusted <= alpha and (ends.low > 0 or ends.high < 0)
        numbers = (one.interval.n, one.interval.mean, ends.low, ends.high, one.p_adjusted)
        rows.append((variant, other, *numbers, is_changed))
    return pd.DataFrame(rows, columns=list(MODE_COLUMNS))
