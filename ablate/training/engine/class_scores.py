"""Scores of classes or tags from counts of hits, predictions and labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from keras import ops

from ablate.data.array import Tensor


@dataclass(frozen=True, slots=True)
class Counts:
    """Weighted counts, in float64: of each class or tag, or at each threshold and class."""

    hits: Tensor  # predicted, and rightly
    predicted: Tensor
    actual: Tensor
    total: Tensor  # rows
    is_binary: bool = False  # the score is that of class 1 of two

    def precision(self) -> Tensor:
        """By class; 0 where nothing is predicted."""
        return ratio(self.hits, self.predicted)

    def recall(self) -> Tensor:
        """By class; 0 where there is no label."""
        return ratio(self.hits, self.actual)

    def specificity(self) -> Tensor:
        """By class: the share of the others that is not predicted as this class."""
        return ratio(self.total - self.predicted - self.actual + self.hits, self.total - self.actual)

    def overlap(self) -> Tensor:
        """By class: F1, which is the Dice coefficient."""
        return ratio(2 * self.hits, self.predicted + self.actual)

    def mean(self, by_class: Tensor) -> Tensor:
        """That of class 1 of two; otherwise the mean over all classes or tags."""
        return by_class[1] if self.is_binary else ops.mean(by_class)


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """In float64, so that fractions of counts are exact; 0 of nothing."""
    part, whole = ops.cast(part, "float64"), ops.cast(whole, "float64")
    return ops.where(whole > 0, part / ops.where(whole > 0, whole, 1.0), 0.0)


def _mean_where(known: Tensor, by_class: Tensor) -> Tensor:
    """The mean over the classes that occur."""
    return ratio(ops.sum(ops.where(known, by_class, 0.0)), ops.sum(ops.cast(known, "float64")))


def _mean_iou(counts: Counts) -> Tensor:
    union = counts.predicted + counts.actual - counts.hits
    return _mean_where(union > 0, ratio(counts.hits, union))


def _dice(counts: Counts) -> Tensor:
    by_class = counts.overlap()
    return by_class[1] if counts.is_binary else _mean_where(counts.predicted + counts.actual > 0, by_class)


SCORES: Mapping[str, Callable[[Counts], Tensor]] = {
    "precision": lambda counts: counts.mean(counts.precision()),
    "recall": lambda counts: counts.mean(counts.recall()),
    "specificity": lambda counts: counts.mean(counts.specificity()),
    "f1": lambda counts: counts.mean(counts.overlap()),
    "balanced_accuracy": lambda counts: _mean_where(counts.actual > 0, counts.recall()),
    "mean_iou": _mean_iou,
    "dice": _dice,
}
# By name of a metric: its rate, and the rate that is bounded below.
RATES: Mapping[str, tuple[Callable[[Counts], Tensor], Callable[[Counts], Tensor]]] = {
    "recall_at_precision": (Counts.recall, Counts.precision),
    "precision_at_recall": (Counts.precision, Counts.recall),
    "sensitivity_at_specificity": (Counts.recall, Counts.specificity),
    "specificity_at_sensitivity": (Counts.specificity, Counts.recall),
}
