"""Estimate the optimism of selection: gains by luck of the best of several, and expected best scores of searches."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, special, stats

from ablate.analysis.statistics.paired import Floats, to_floats

Counts: TypeAlias = NDArray[np.int64]
LEAST_EPOCHS = 5  # required to separate trend and noise
WEIGHTS = np.array([1.0, 2.0, 3.0, 2.0, 1.0])  # weights of the smoother, over five epochs
GRID = np.linspace(-8.0, 8.0, 321)  # in SDs about the best epoch's mean


def expected_normal_maximum(k: int, *, rank: int = 1) -> float:
    """Expected value of the `rank`-th largest of `k` standard normals: optimism of the best of k trials, in SDs."""
    log_count = math.lgamma(k + 1) - math.lgamma(rank) - math.lgamma(k - rank + 1)

    def integrand(x: float) -> float:
        log_density = stats.norm.logpdf(x) + (k - rank) * stats.norm.logcdf(x) + (rank - 1) * stats.norm.logsf(x)
        return x * math.exp(log_count + float(log_density))

    return float(integrate.quad(integrand, -9, 9, points=(-3, 0, 3))[0])


def best_epoch_optimism(curve: ArrayLike) -> float:
    """Optimism of the best epoch of a run: expected noise at the best epoch, in the unit of the curve.

    `curve` is the validation score of each epoch run, shape (epochs,), higher is better. The curve is taken as a trend
    plus independent normal noise of constant SD. The SD comes from second differences, which a straight trend leaves
    alone (Gasser, Sroka & Jennen-Steinmetz 1986); the trend from a five-epoch triangle. A rising curve thus gives
    less than a plateau. On simulated plateaus of 10 to 50 epochs it is a tenth too low, since some noise is left in the
    trend; on trained networks it is rather too high, since some fluctuations are real and the test set
    shares them. NaN below five epochs or if a value is missing.
    """
    scores = to_floats(curve)
    if scores.size < LEAST_EPOCHS or not np.isfinite(scores).all():
        return math.nan
    sd = math.sqrt(float(np.mean(np.diff(scores, n=2) ** 2)) / 6)
    return sd * _noise_at_best(_smooth(scores) / sd) if sd > 0 else 0.0


def expected_best(scores: ArrayLike, *, trials: Sequence[int]) -> Floats:
    """Expected best score of a random search of each number of `trials`, from the scores of a larger one.

    The mean over all subsets of that size without repetition, which is unbiased (Tang et al. 2020); with repetition
    (Dodge et al. 2019) it is too low. Only for trials drawn independently. NaN for more trials than there are scores.
    """
    ordered = np.sort(to_floats(scores))
    below = np.arange(ordered.size)
    return np.array([_mean_maximum(ordered, below, n) for n in trials])


def _mean_maximum(ordered: Floats, below: Counts, n: int) -> float:
    """Each score is the largest of C(rank − 1, n − 1) of the C(N, n) subsets."""
    if not 1 <= n <= ordered.size:
        return math.nan
    kept = below >= n - 1
    log_subsets = _log_choose(below[kept], n - 1) - _log_choose(np.array([ordered.size]), n)
    return float(np.sum(ordered[kept] * np.exp(log_subsets)))


def _log_choose(n: Counts, k: int) -> Floats:
    return to_floats(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))


def _smooth(scores: Floats) -> Floats:
    """A weighted mean over five epochs; near the ends, over those that exist."""
    total = np.convolve(scores, WEIGHTS, mode="same")
    return to_floats(total / np.convolve(np.ones_like(scores), WEIGHTS, mode="same"))


def _noise_at_best(trend: Floats) -> float:
    """Expected standard normal noise z of the largest of trend + z: Σ over epochs of ∫ z φ(z) Π Φ(z of others) dx."""
    x = trend.max() + GRID  # the maximum is hardly ever lower
    z = x[:, None] - trend
    log_below = stats.norm.logcdf(z)
    log_others = log_below.sum(axis=1, keepdims=True) - log_below
    noise = np.sum(z * np.exp(stats.norm.logpdf(z) + log_others), axis=1)
    return float(integrate.trapezoid(noise, x))
