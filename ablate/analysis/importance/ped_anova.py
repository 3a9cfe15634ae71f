"""Measure how much each factor distinguishes the best trials from all trials (PED-ANOVA).

Watanabe, Bansal & Hutter (2023), "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces".
The divergences are those of Optuna's evaluator (`tests/analysis/importance/test_ped_anova.py`), which takes 0.1 s for
1,000 trials of 8 factors. Hundreds of shuffled scores need less: here one pass takes all of them.
"""

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ablate.analysis.statistics.paired import Floats

if TYPE_CHECKING:
    import pandas as pd

TrialWeights: TypeAlias = NDArray[np.int64]

STEPS = 50  # places on a number's range, Optuna's
TINY = 1e-12  # added to each density, as in Optuna
LEAST_WIDTH = 0.5 / 1.64  # of a kernel, in steps: 90 % of it then fill a place
BEST_TRIALS = 5  # minimum number of best trials: the authors' advice for stability
BEST_SHARE = (0.1, 0.5)  # Optuna's default share of best trials, and the maximum if trials are few


def best_trials(scores: Floats) -> NDArray[np.bool_]:
    """Which of the scores, higher is better, are among the best tenth and at least five; ties are all in."""
    n = len(scores)
    share = min(max(BEST_SHARE[0], BEST_TRIALS / n), BEST_SHARE[1])
    at = math.ceil(share * n) - 1
    cutoff = -np.partition(-scores, at)[at]
    return np.asarray(scores >= cutoff, dtype=np.bool_)


def divergences(factors: "pd.DataFrame", best: TrialWeights, all_trials: TrialWeights) -> Floats:
    """Pearson divergence of each factor's density among the best trials from its density among all: (n_draws, k).

    `best` and `all_trials`, (n_draws, n) or one row for all draws, say how often each trial counts in each draw. The
    numbers compare factors and draws; their unit has no meaning.
    """
    found = [_divergence(factors[name], best, all_trials) for name in factors]
    return np.stack(found, axis=1)


def to_shares(values: Floats) -> Floats:
    """Divergences, (n_draws, k), as shares that sum to 1; all 0 where nothing distinguishes the best."""
    total = values.sum(axis=1, keepdims=True)
    found: Floats = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
    return found


def _divergence(column: "pd.Series[float]", best: TrialWeights, all_trials: TrialWeights) -> Floats:
    is_number = column.dtype.kind == "f"
    places = _places(column) if is_number else np.unique(column.astype(str), return_inverse=True)[1]
    n_places = STEPS if is_number else int(places.max()) + 1
    at = np.eye(n_places, dtype=np.int64)[places]
    density = _smoothed if is_number else _levels
    top, region = (density((counts @ at).astype(np.float64)) + TINY for counts in (best, all_trials))
    found: Floats = (region * (top / region - 1) ** 2).sum(axis=1)
    return found


def _places(column: "pd.Series[float]") -> NDArray[np.intp]:
    """The place of each value on the factor's range; midpoints go to the lower place."""
    values = column.to_numpy(dtype=np.float64)
    step = (values.max() - values.min()) / (STEPS - 1)
    found: NDArray[np.intp] = np.clip(np.ceil((values - values.min()) / step - 0.5), 0, STEPS - 1).astype(np.intp)
    return found


def _levels(counts: Floats) -> Floats:
    """Density over the levels, (n_draws, n_levels): a kernel for each level seen, and a uniform one."""
    n_levels = counts.shape[1]
    total = counts.sum(axis=1, keepdims=True)
    kernels = (counts > 0).sum(axis=1, keepdims=True) + 1
    seen = (total / kernels + counts) / (1 + n_levels / kernels)
    found: Floats = (seen + 1 / n_levels) / (total + 1)
    return found


def _smoothed(counts: Floats) -> Floats:
    """Density over a number's places, (n_draws, STEPS): normal kernels of Scott's width, and a broad one."""
    at, total = np.arange(STEPS, dtype=np.float64), counts.sum(axis=1)
    density = np.stack([weights @ _kernels(at, width) for weights, width in zip(counts, _widths(counts), strict=True)])
    broad = _kernels(np.array([(STEPS - 1) / 2]), float(STEPS))
    found: Floats = (density + broad) / (total + 1)[:, None]
    return found


def _widths(counts: Floats) -> Floats:
    """Scott's rule with the smaller of the standard deviation and the scaled interquartile range, in steps."""
    at, total = np.arange(STEPS), counts.sum(axis=1)
    mean = counts @ at / total
    squares = (counts * (at - mean[:, None]) ** 2).sum(axis=1)
    reached = counts.cumsum(axis=1)
    first = (reached >= np.maximum(total // 4, 1)[:, None]).argmax(axis=1)
    third = (reached > (total * 3 // 4)[:, None]).argmax(axis=1)
    spread = np.minimum((third - first) / 1.34, np.sqrt(squares / np.maximum(1, total - 1)))
    found: Floats = np.maximum(1.059 * spread * total**-0.2, LEAST_WIDTH)
    return found


def _kernels(centres: Floats, width: float) -> Floats:
    """The mass of a normal kernel at each place, cut off at the ends of the range: (n_centres, STEPS)."""
    edges = (np.arange(STEPS + 1) - 0.5 - centres[:, None]) / width
    below = ndtr(edges)
    found: Floats = np.diff(below, axis=1) / (below[:, -1:] - below[:, :1])
    return found
