"""Test which factors of a search rise above noise: the strongest first, then the others beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.importance.forest import explained, tree_columns
from ablate.analysis.importance.noise_level import LEVEL, above_noise
from ablate.analysis.importance.ped_anova import best_trials, divergences
from ablate.analysis.statistics.paired import Floats

Orders: TypeAlias = NDArray[np.intp]  # (n_draws, n), each row a permutation

EVALUATORS = ("ped-anova", "fanova")
DRAWS = 100  # shuffles of each step: an adjusted p of .01 at the least
STEPS = 3  # a factor that is found only later stays unranked: at most three times the time
TREES = 8  # of each shuffle; the mean share is that of more trees, and its greater spread errs on the safe side


@dataclass(frozen=True, slots=True)
class Found:
    """What each evaluator found for the factors, in their order: (k,)."""

    divergences: Floats  # of PED-ANOVA
    shares: Floats  # of fANOVA


def noise_of_factors(factors: pd.DataFrame, scores: Sequence[float], *, found: Found, seed: int) -> pd.DataFrame:
    """One row per evaluator and factor: evaluator, factor, p, noise.

    "noise" is what a factor must exceed for p ≤ `LEVEL`, in the unit of `found`. First the scores are shuffled against
    all factors. Then those factors stay that either evaluator found, as their part of the variance is no noise, and the
    others are shuffled together, again with a p adjusted for all of these and both evaluators. So the probability that
    any factor without effect rises above noise is at most `LEVEL` where trials are exchangeable: in a random
    search, and about so in others. Measured without any effect, 6 factors: 3 of 200 searches of 24 trials, and 3 of 101
    of 100; with an effect of 2 SD of one factor with two levels, 24 trials find it in 78 %.
    """
    rng, names = np.random.default_rng(seed), [str(name) for name in factors]
    index = pd.MultiIndex.from_product([EVALUATORS, names], names=["evaluator", "factor"])
    table = pd.DataFrame(np.nan, index=index, columns=["p", "noise"])
    left, least = names, 0.0
    for _ in range(STEPS):
        orders = np.stack([rng.permutation(len(scores)) for _ in range(DRAWS)])
        at = [names.index(name) for name in left]
        noise = [_divergences(factors[left], scores, orders), _shares(factors, scores, left, orders=orders, seed=seed)]
        tested = above_noise(np.concatenate([found.divergences[at], found.shares[at]]), np.hstack(noise))
        p = np.maximum(tested.p, least)  # never below that of a factor found before
        table.loc[pd.MultiIndex.from_product([EVALUATORS, left]), :] = np.stack([p, tested.level], axis=1)
        is_above = p.reshape(2, -1).min(axis=0) <= LEVEL
        if not is_above.any() or is_above.all():
            break
        least = float(p[p <= LEVEL].max())
        left = [name for name, above in zip(left, is_above, strict=True) if not above]
    return table.reset_index()


def _divergences(factors: pd.DataFrame, scores: Sequence[float], orders: Orders) -> Floats:
    best = np.broadcast_to(best_trials(np.asarray(scores)), orders.shape).astype(np.int64)
    moved = np.empty_like(best)  # to move the factors' rows is to move the best trials back
    np.put_along_axis(moved, orders, best, axis=1)
    return divergences(factors, moved, np.ones((1, orders.shape[1]), dtype=np.int64))


def _shares(
    factors: pd.DataFrame, scores: Sequence[float], left: Sequence[str], *, orders: Orders, seed: int
) -> Floats:
    columns, rows = tree_columns(factors), range(len(scores))
    drawn = [explained(columns.moved(left, order), scores, rows=rows, n_trees=TREES, seed=seed) for order in orders]
    return np.array([[one.shares[name] for name in left] for one in drawn])
