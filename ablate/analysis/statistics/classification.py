"""Measure predicted classes: precision and recall of each class, calibration, and precision by recall."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ablate.analysis.statistics.paired import Floats

BINS = 15  # of confidence, equally wide


@dataclass(frozen=True, slots=True)
class ClassScores:
    """By class, each (k,): NaN where it is never predicted, or has no example."""

    precision: Floats  # share of its predictions that are right
    recall: Floats  # share of its examples that are found
    overlap: Floats  # right predictions over predictions and examples together (intersection over union)
    n: Floats  # examples


@dataclass(frozen=True, slots=True)
class Reliability:
    """Confidences beside the share of right predictions, by bin (b,), NaN in an empty one."""

    confidence: Floats  # mean
    accuracy: Floats  # share of right predictions
    n: Floats
    error: float  # expected calibration error: mean absolute difference of the two, weighted by n


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Precision at each threshold, from the highest score down, ties together."""

    precision: Floats
    recall: Floats
    average: float  # average precision: mean of the precisions, weighted by the gain in recall


def class_scores(counts: ArrayLike) -> ClassScores:
    """Precision, recall and overlap of each class, from counts (k, k) by true and predicted class."""
    counts = np.asarray(counts, dtype=np.float64)
    right, of_class, of_prediction = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    overlap = _share(right, of_class + of_prediction - right)
    return ClassScores(_share(right, of_prediction), _share(right, of_class), overlap, of_class)


def reliability(confidence: ArrayLike, is_right: ArrayLike, *, bins: int = BINS) -> Reliability:
    """Confidences in 0 … 1, (n,), beside whether the predictions are right (Guo et al. 2017)."""
    confidence, right = np.asarray(confidence, dtype=np.float64), np.asarray(is_right, dtype=np.float64)
    # As in the paper, a bin holds its upper end and not its lower one.
    places = np.clip(np.ceil(confidence * bins - 1e-9).astype(int) - 1, 0, bins - 1)
    n = np.bincount(places, minlength=bins).astype(np.float64)
    mean, accuracy = (
        _share(np.asarray(np.bincount(places, weights=values, minlength=bins), dtype=np.float64), n)
        for values in (confidence, right)
    )
    error = float(np.nansum(n * np.abs(accuracy - mean)) / max(n.sum(), 1))
    return Reliability(mean, accuracy, n, error)


def precision_recall(is_positive: ArrayLike, scores: ArrayLike) -> PrecisionRecall:
    """Both (n,); a higher score is more likely positive. NaN throughout without a positive example."""
    positive, scores = np.asarray(is_positive, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # place of the last of equal scores
    ranks = last.astype(np.float64) + 1
    precision, recall = found[last] / ranks, _share(found[last], np.full(len(last), positive.sum()))
    average = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    return PrecisionRecall(precision, recall, average)


def _share(part: Floats, whole: Floats) -> Floats:
    shares: Floats = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return shares
