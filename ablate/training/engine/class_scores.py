"""Scores of classes or tags from counts of hits, predictions and labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ablate.data.array import Array, Floats64


@dataclass(frozen=True, slots=True)
class ClassTotals:
    """Weighted counts, in float64: of each class or tag, or at each threshold and class."""

    hits: Floats64  # predicted, and rightly
    predicted: Floats64
    actual: Floats64
    total: Floats64  # rows
    is_binary: bool = False  # the score is that of class 1 of two

    def precision(self) -> Floats64:
        """By class; 0 where nothing is predicted."""
        return ratio(self.hits, self.predicted)

    def recall(self) -> Floats64:
        """By class; 0 where there is no label."""
        return ratio(self.hits, self.actual)

    def specificity(self) -> Floats64:
        """By class: the share of the others that is not predicted as this class."""
        return ratio(self.total - self.predicted - self.actual + self.hits, self.total - self.actual)

    def overlap(self) -> Floats64:
        """By class: F1, which is the Dice coefficient."""
        return ratio(2 * self.hits, self.predicted + self.actual)

    def mean(self, by_class: Floats64) -> Floats64:
        """That of class 1 of two; otherwise the mean over all classes or tags."""
        return np.asarray(by_class[1] if self.is_binary else np.mean(by_class))


def ratio(part: Floats64, whole: Floats64) -> Floats64:
    """In float64, so that fractions of counts are exact; 0 of nothing."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 0.0)


def _mean_where(known: Array, by_class: Floats64) -> Floats64:
    """The mean over the classes that occur."""
    return ratio(np.sum(np.where(known, by_class, 0.0)), np.asarray(np.sum(known), np.float64))


def _mean_iou(counts: ClassTotals) -> Floats64:
    union = counts.predicted + counts.actual - counts.hits
    return _mean_where(union > 0, ratio(counts.hits, union))


def _dice(counts: ClassTotals) -> Floats64:
    by_class = counts.overlap()
    return by_class[1] if counts.is_binary else _mean_where(counts.predicted + counts.actual > 0, by_class)


SCORES: Mapping[str, Callable[[ClassTotals], Floats64]] = {
    "precision": lambda counts: counts.mean(counts.precision()),
    "recall": lambda counts: counts.mean(counts.recall()),
    "specificity": lambda counts: counts.mean(counts.specificity()),
    "f1": lambda counts: counts.mean(counts.overlap()),
    "balanced_accuracy": lambda counts: _mean_where(counts.actual > 0, counts.recall()),
    "mean_iou": _mean_iou,
    "dice": _dice,
}
# By name of a metric: its rate, and the rate that is bounded below.
RATES: Mapping[str, tuple[Callable[[ClassTotals], Floats64], Callable[[ClassTotals], Floats64]]] = {
    "recall_at_precision": (ClassTotals.recall, ClassTotals.precision),
    "precision_at_recall": (ClassTotals.precision, ClassTotals.recall),
    "sensitivity_at_specificity": (ClassTotals.recall, ClassTotals.specificity),
    "specificity_at_sensitivity": (ClassTotals.specificity, ClassTotals.recall),
}
