"""Analyse paired differences: an interval of their mean, an equivalence test, and two standardized effects."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

ROUNDING = 1e-9  # relative; closer differences count as equal, as scores are multiples of 1e-5 or coarser
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """Mean of n paired differences, their standard deviation, and Student's interval of the mean, in their unit.

    If n = 0, all fields are NaN; if n = 1, `sd` and the ends; if all differences are equal, the ends equal the mean.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int


def paired_interval(differences: ArrayLike, *, confidence: float = 0.95, overlap: float = 0.0) -> Interval:
    """Student's t interval of the mean of `differences`, shape (n_seeds,): variant − reference, one per seed.

    Differences of folds that share training examples are not independent: with `overlap` test examples per training
    example the variance of the mean is SD²·(1/n + overlap) (Nadeau & Bengio 2003).
    """
    d = to_floats(differences)
    mean, sd = _moments(d)
    if d.size < 2:
        return Interval(mean, sd, math.nan, math.nan, d.size)
    half = float(stats.t.ppf((1 + confidence) / 2, d.size - 1)) * sd * math.sqrt(1 / d.size + overlap)
    return Interval(mean, sd, mean - half, mean + half, d.size)


def corrected_p(differences: ArrayLike, *, overlap: float) -> float:
    """Two-sided p of the t test with the variance of overlapping folds, see `paired_interval`. NaN if n < 2."""
    d = to_floats(differences)
    mean, sd = _moments(d)
    if d.size < 2:
        return math.nan
    if sd == 0:
        return 1.0 if mean == 0 else 0.0
    return 2 * float(stats.t.sf(abs(mean) / (sd * math.sqrt(1 / d.size + overlap)), d.size - 1))


def tost_p(differences: ArrayLike, *, margin: float, overlap: float = 0.0) -> float:
    """P of two one-sided t tests that the mean lies within ±`margin` (Schuirmann 1987). NaN if n < 2.

    With a margin of 0 it is never below .5: nothing is equivalent.
    """
    d = to_floats(differences)
    if d.size < 2:
        return math.nan
    mean, sd = _moments(d)
    if sd == 0:
        return 0.0 if abs(mean) < margin else 1.0
    return float(stats.t.sf((margin - abs(mean)) / (sd * math.sqrt(1 / d.size + overlap)), d.size - 1))


def standardized_effect(differences: ArrayLike) -> float:
    """d_z: mean / SD of the paired differences, times Hedges' exact J. NaN if n < 3 or all are equal."""
    d = to_floats(differences)
    mean, sd = _moments(d)
    if d.size < 3 or sd == 0:
        return math.nan
    half = (d.size - 1) / 2
    j = math.exp(math.lgamma(half) - math.lgamma(half - 0.5)) / math.sqrt(half)
    return j * mean / sd


def probability_better(differences: ArrayLike) -> float:
    """P(variant > reference): the share of seeds in which the variant is ahead, ties half. NaN if n = 0."""
    d = to_floats(differences)
    return float(np.mean(d > 0) + np.mean(d == 0) / 2) if d.size else math.nan


def binomial_error(accuracy: float, *, n: int) -> float:
    """Standard error of an accuracy (a fraction) measured on `n` examples."""
    return math.sqrt(accuracy * (1 - accuracy) / n)


def to_floats(values: ArrayLike) -> Floats:
    """An array of double precision."""
    return np.asarray(values, dtype=np.float64)


def _moments(d: Floats) -> tuple[float, float]:
    """Mean and SD; the SD is exactly 0 if the differences are equal up to rounding."""
    mean = float(d.mean()) if d.size else math.nan
    if d.size < 2:
        return mean, math.nan
    equal = np.ptp(d) <= ROUNDING * np.abs(d).max()
    return mean, 0.0 if equal else float(d.std(ddof=1))
