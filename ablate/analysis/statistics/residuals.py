"""Measure predicted numbers: the share of variance explained, errors, and the bias by predicted value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

GROUPS = 10  # of equal size, by predicted value


@dataclass(frozen=True, slots=True)
class Fit:
    """How well predictions fit; a residual is target − prediction."""

    r2: float  # share of the targets' variance that is explained; below 0: worse than their mean; NaN if they are equal
    bias: float  # mean residual: above 0 where predictions are too low
    mae: float  # mean absolute residual
    rmse: float  # root of the mean squared residual


@dataclass(frozen=True, slots=True)
class ResidualGroup:
    """Examples with similar predictions."""

    predicted: float  # mean prediction
    bias: float  # mean residual
    sd: float  # of the residuals; NaN for a single example
    n: int


def fit_of(targets: ArrayLike, predicted: ArrayLike) -> Fit:
    """Both (n,), n > 0."""
    targets, predicted = np.asarray(targets, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    residuals = targets - predicted
    spread, squared = float(np.var(targets)), float(np.mean(residuals**2))
    r2 = 1 - squared / spread if spread > 0 else float("nan")
    return Fit(r2, float(residuals.mean()), float(np.abs(residuals).mean()), float(np.sqrt(squared)))


def by_predicted(targets: ArrayLike, predicted: ArrayLike, *, groups: int = GROUPS) -> list[ResidualGroup]:
    """Residuals in groups of equal size, from the lowest predictions to the highest; fewer groups than examples."""
    targets, predicted = np.asarray(targets, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    order = np.argsort(predicted, kind="stable")
    found = []
    for rows in np.array_split(order, min(groups, len(order))):
        residuals = targets[rows] - predicted[rows]
        sd = float(residuals.std(ddof=1)) if len(rows) > 1 else float("nan")
        found.append(ResidualGroup(float(predicted[rows].mean()), float(residuals.mean()), sd, len(rows)))
    return found
