"""Estimate factor importances from search trials: PED-ANOVA (what the best have in common) and fANOVA (variance)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablate.analysis.effects import COUNTED_AT_CHANCE
from ablate.analysis.importance.forest import explained, tree_columns
from ablate.analysis.importance.noise_level import LEVEL
from ablate.analysis.importance.ped_anova import best_trials, divergences, to_shares
from ablate.analysis.importance.stepdown import EVALUATORS, Found, noise_of_factors
from ablate.analysis.statistics.paired import Floats
from ablate.storage.results import factor_columns
from ablate.study.trial import RATE_SETTING

LEAST_TRIALS = 8  # below this, both methods only see noise
MOST_TRIALS = 1000  # of more trials, this many are drawn: the bands hardly narrow, and 100,000 would take minutes
COLUMNS = (
    "factor", "importance", "evaluator", "n_trials", "low", "high", "noise", "p", "is_above", "r2", "n_all", "n_worst",
)  # fmt: skip
RATE = "learning_rate"
LOG_SPAN = 100  # a positive factor that spans this ratio may be read as log10, as the learning rate always is
LARGEST = 1e30  # largest number for trees and densities; a factor with larger numbers has levels
BAND = (0.1, 0.9)  # quantiles over the resamples: 10 resamples support no wider band
RESAMPLES = 10
FANOVA_TREES, FANOVA_RESAMPLE_TREES = 64, 10  # 64 is optuna's default
INACTIVE = ""  # the level of a factor that a configuration does not have


@dataclass(frozen=True, slots=True)
class _Trials:
    factors: pd.DataFrame  # floats are numbers, text is levels
    scores: Sequence[float]
    n_all: int  # number of trials from which they were drawn
    n_worst: int  # trials that count with the worst score


def importances(results: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """One row per evaluator and factor: `COLUMNS`, those above noise first, the most important first.

    "ped-anova": how much the factor distinguishes the best trials from all, as shares that sum to 1. "fanova": the
    share of the variance of a random forest's predictions that the factor alone explains; the rest
    to 1 are interactions, and noise that the forest mistakes for them. `low` to `high`
    holds 80 % of the bootstrap resamples of the trials, drawn by `seed`.

    A factor `is_above` noise if `p` ≤ 5 %, adjusted for all factors and both evaluators (see `noise_of_factors`);
    `noise` is the importance it must exceed for that. `r2` is the out-of-bag R² of fanova's forest: where it is not
    positive, the forest has learned nothing, and no factor of it is above noise.

    The trials are those of the search; without a search, the cells of a factorial. Pruned trials count with the score
    they had. Trials that diverged, failed or ran out of memory are evidence too: they count with the worst score of
    all, `n_worst` of them. Others without a score do not count. An inactive factor has a level
    of its own. Of `n_all` trials at most 1,000 are used, `n_trials`, drawn by `seed`. Empty if fewer than 8 are
    left, or all scores or all factors are equal.
    """
    trials = _trials(results, seed=seed)
    if len(trials.scores) < LEAST_TRIALS or len(set(trials.scores)) < 2 or trials.factors.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    every, draws = range(len(trials.scores)), _resamples(trials, RESAMPLES, seed=seed)
    columns = tree_columns(trials.factors)
    forest = explained(columns, trials.scores, rows=every, n_trees=FANOVA_TREES, seed=seed)
    divergence = _divergences(trials, [every])
    found = Found(divergence[0], np.array(list(forest.shares.values())))
    noise = noise_of_factors(trials.factors, trials.scores, found=found, seed=seed)
    resampled = [
        explained(columns, trials.scores, rows=rows, n_trees=FANOVA_RESAMPLE_TREES, seed=seed).shares for rows in draws
    ]
    shares = pd.DataFrame(to_shares(_divergences(trials, [every, *draws])), columns=list(trials.factors))
    of_ped, of_forest = (noise[noise["evaluator"] == evaluator].set_index("factor") for evaluator in EVALUATORS)
    of_ped["noise"] /= divergence.sum() or 1.0
    tables = [
        _table(shares.iloc[0], shares.iloc[1:], of_ped, r2=math.nan),
        _table(pd.Series(forest.shares), pd.DataFrame(resampled), of_forest, r2=forest.r2),
    ]
    counts = {"n_trials": len(trials.scores), "n_all": trials.n_all, "n_worst": trials.n_worst}
    return pd.concat(tables, ignore_index=True).assign(**counts)[list(COLUMNS)]


def _trials(results: pd.DataFrame, *, seed: int) -> _Trials:
    """The usable rows; constant factors are left out, the learning rate is the one used, not its setting."""
    rows = _evidence(results)
    scores = pd.to_numeric(rows["score"], errors="coerce")
    scores = scores.where(np.isfinite(scores))
    lost = rows["state"].isin(COUNTED_AT_CHANCE) if "state" in rows else pd.Series(False, index=rows.index)
    scores = scores.mask(lost, scores[~lost].min())
    usable = scores.notna()
    if RATE in rows:
        rates = pd.to_numeric(rows[RATE], errors="coerce")
        usable &= rates.gt(0) | (rates.notna().sum() == 0)  # no rates recorded: use the setting
    at = _drawn(np.flatnonzero(usable), seed=seed)
    rows, lost = rows.iloc[at], lost.iloc[at]
    has_rate = RATE in rows and bool(rows[RATE].notna().any())
    names = [name for name in factor_columns(results) if not (name == RATE_SETTING and has_rate)]
    encoded = {name: _encoded(rows[name]) for name in names}
    if has_rate:
        encoded[RATE] = _log10(pd.to_numeric(rows[RATE]))
    varying = {name: encoded[name] for name in sorted(encoded) if encoded[name].nunique() > 1}
    factors = pd.DataFrame(varying, index=rows.index).reset_index(drop=True)
    return _Trials(factors, scores.iloc[at].tolist(), n_all=int(usable.sum()), n_worst=int(lost.sum()))


def _evidence(results: pd.DataFrame) -> pd.DataFrame:
    """The search's rows, or a factorial's; one-factor rows, chosen for comparisons, cover the space badly."""
    searched = results[results["phase"] == "search"]
    if len(searched) or "design" not in results:
        return searched
    return results[results["design"] == "factorial"]


def _drawn(
    places: "np.ndarray[tuple[int], np.dtype[np.intp]]", *, seed: int
) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    if len(places) <= MOST_TRIALS:
        return places
    return np.sort(np.random.default_rng(seed).choice(places, size=MOST_TRIALS, replace=False))


def _encoded(column: "pd.Series[float]") -> "pd.Series[float] | pd.Series[str]":
    """Numbers with more than two values as floats, log10 if they span decades; everything else as text."""
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if not numeric or column.abs().max() > LARGEST or column.nunique() <= 2:
        return column.map(lambda level: INACTIVE if pd.isna(level) else str(level))
    numbers = _log10(column) if _is_logarithmic(column) else column.astype(float)
    # Inactive is half a range below the minimum: far enough for a tree and for a density.
    return numbers.fillna(numbers.min() - (numbers.max() - numbers.min()) / 2)


def _is_logarithmic(column: "pd.Series[float]") -> bool:
    """Whether values span decades, with a median nearer to the middle on the log scale than on the linear scale."""
    low, middle, high = column.min(), column.median(), column.max()
    if low <= 0 or high / low < LOG_SPAN:
        return False  # e.g. 0.001 … 0.4 drawn uniformly: only the smallest of many draws is small
    off_logarithmic = abs(np.log(middle / low) / np.log(high / low) - 0.5)
    return bool(off_logarithmic < abs((middle - low) / (high - low) - 0.5))


def _log10(column: "pd.Series[float]") -> "pd.Series[float]":
    return pd.Series(np.log10(column.to_numpy(dtype=np.float64)), index=column.index)


def _resamples(trials: _Trials, count: int, *, seed: int) -> list[list[int]]:
    """Row indices of trials drawn with replacement; a draw with equal scores has no information and is left out."""
    rng, n = np.random.default_rng(seed), len(trials.scores)
    draws = [[int(at) for at in rng.integers(n, size=n)] for _ in range(count)]
    return [draw for draw in draws if len({trials.scores[at] for at in draw}) > 1]


def _divergences(trials: _Trials, draws: Sequence[Sequence[int]]) -> Floats:
    """PED-ANOVA's divergences in each draw of trials, (n_draws, k)."""
    scores, n = np.array(trials.scores), len(trials.scores)
    counts = np.stack([np.bincount(rows, minlength=n) for rows in draws])
    best = [scores >= scores[list(rows)][best_trials(scores[list(rows)])].min() for rows in draws]
    return divergences(trials.factors, counts * np.stack(best), counts)


def _table(found: "pd.Series[float]", drawn: pd.DataFrame, noise: pd.DataFrame, *, r2: float) -> pd.DataFrame:
    """One row per factor: those above noise first, then the others, each time the most important first.

    The band is the spread of the resamples about their median, centred on the estimate: a resample holds about 63 % of
    the trials, some of them repeatedly, which biases all importances and must not look like uncertainty.
    """
    middle = drawn.median()
    low, high = ((found + drawn.quantile(share) - middle).clip(0, 1) for share in BAND)
    is_above = (noise["p"] <= LEVEL) & ~(r2 <= 0)
    level = noise["noise"].clip(upper=1.0)  # no share exceeds 1: neither does such a factor
    table = pd.DataFrame({"importance": found, "evaluator": noise["evaluator"], "low": low, "high": high,
                          "noise": level, "p": noise["p"], "is_above": is_above, "r2": r2})  # fmt: skip
    ordered = table.sort_values(["is_above", "importance"], ascending=False, kind="stable")
    return ordered.rename_axis("factor").reset_index()
