"""Score guessing: the value of a metric or loss for the best constant prediction, made from training targets."""

import math
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from ablate.data.array import Array
from ablate.data.large import pieces
from ablate.data.trees import ONLY, Tree, leaves, rows_of
from ablate.study.losses import loss_name
from ablate.study.task import Target

_MOST_VALUES = 2**24  # numbers looked at: evenly spaced examples of more
_MOST_DRAWN = 2**18  # examples drawn by weight
_STEPS = 60  # halvings in a search for the best constant
_TINY = 1e-7  # as Keras adds or clips in divisions and logarithms
_OF_BATCHES = ("dice", "tversky")  # losses of a whole batch
_NUMBERED = re.compile(r"(?P<name>top|[a-z_]+_at_[a-z]+)[_(](?P<number>\d+([._]\d+)?)\)?(_accuracy)?")
Shares: TypeAlias = Array  # (classes,) of the labels; they add up to 1 except those of tags


def guess(
    name: str, targets: Mapping[str, Target], y: Tree, *, is_loss: bool = False, weights: Array | None = None
) -> float:
    """What the best constant prediction scores in a metric, "recall_at_precision_0_9", or a loss, "mse".

    With several outputs the name is "OUTPUT.NAME". NaN if it is unknown for such targets. Losses that share their name
    with a metric of the opposite sense ("dice", "cosine_similarity") need `is_loss`. `weights` are those of the
    examples, with which losses count them and metrics do not.
    """
    if weights is not None and is_loss:
        if name.rpartition(".")[2] in _OF_BATCHES:
            return math.nan
        return float(weights.mean(dtype=np.float64)) * guess(name, targets, _drawn(y, weights), is_loss=True)
    longest_first = sorted(targets, key=len, reverse=True)
    leaf = next((output for output in longest_first if output and name.startswith(f"{output}.")), ONLY)
    target = targets.get(leaf)
    if target is None or target.kind == "none":
        return math.nan
    named = name.removeprefix(f"{leaf}.")
    short = (loss_name(named) or named).removeprefix("sparse_")
    if target.kind == "numbers":
        return _guess_numbers(short, _numbers(leaves(y)[leaf], target), is_loss=is_loss)
    return _guess_labels(short, target, leaves(y)[leaf], is_loss=is_loss)


def _drawn(y: Tree, weights: Array) -> Tree:
    """Targets, each as often as its weight says; drawn at even steps, so that shares are right to 1 / n."""
    largest = max(array[:1].size for array in leaves(y).values())
    chances, n = np.cumsum(weights, dtype=np.float64), max(1, min(_MOST_DRAWN, _MOST_VALUES // max(1, largest)))
    return rows_of(y, np.searchsorted(chances, (np.arange(n) + 0.5) / n * chances[-1]))


def _guess_labels(name: str, target: Target, y: Array, *, is_loss: bool) -> float:
    shares = _shares(y, target)
    found = _NUMBERED.fullmatch(name)
    if is_loss and name in _OF_BATCHES:
        return 1 - _overlap(shares, target)
    if name == "kl_divergence":
        return _entropy(shares) - _own_entropy(y, target) if target.kind != "tags" else math.nan
    if found is not None:
        return _guess_at(found["name"], float(found["number"].replace("_", ".")), shares, target)
    of = _OF_TAGS if target.kind == "tags" else _OF_TWO if target.is_binary else _OF_CLASSES
    return float(of[name](shares)) if name in of else math.nan


def _shares(y: Array, target: Target) -> Shares:
    total, n = np.zeros(target.n_classes), 0
    for piece in pieces(y):
        if target.kind == "classes":
            total += np.bincount(piece.reshape(-1), minlength=target.n_classes)
        else:
            total += piece.reshape(-1, target.n_classes).sum(axis=0, dtype=np.float64)
        n += piece.size if target.kind == "classes" else piece.size // target.n_classes
    return total / n


def _entropy(shares: Shares) -> float:
    known = shares[shares > 0]
    return float(-(known * np.log(known)).sum())


def _own_entropy(y: Array, target: Target) -> float:
    """Mean entropy of the targets themselves: 0 except for probabilities."""
    if target.kind == "classes":
        return 0.0
    total, n = 0.0, 0
    for piece in pieces(y):
        rows = piece.reshape(-1, target.n_classes).astype(np.float64)
        total -= float((rows * np.log(np.where(rows > 0, rows, 1))).sum())
        n += len(rows)
    return total / n


def _two_way_entropy(shares: Shares) -> float:
    """Of flags that are set with these shares, the mean."""
    return float(np.mean([_entropy(np.array([share, 1 - share])) for share in shares]))


def _f1(shares: Shares) -> Array:
    """Of each class, where it is always predicted."""
    scores: Array = 2 * shares / (1 + shares)
    return scores


def _overlap(shares: Shares, target: Target) -> float:
    """The Dice coefficient of all places together, with the tags that are best always set, or the best class."""
    if target.kind != "tags":
        return float(shares.max())
    ordered = np.sort(shares)[::-1]
    best = 2 * np.cumsum(ordered) / (shares.sum() + np.arange(1, len(shares) + 1))
    return float(best.max())


def _focal(shares: Shares) -> float:
    """Keras' binary focal loss with its default gamma of 2, the mean over flags."""
    chances = np.concatenate([np.geomspace(1e-6, 0.5, 4000), 1 - np.geomspace(1e-6, 0.5, 4000)])
    on = -((1 - chances) ** 2) * np.log(chances)
    off = -(chances**2) * np.log(1 - chances)
    return float(np.mean([(share * on + (1 - share) * off).min() for share in shares]))


_Score: TypeAlias = Callable[[Shares], float]
_OF_CLASSES: Mapping[str, _Score] = {
    "accuracy": lambda shares: shares.max(),
    "balanced_accuracy": lambda shares: 1 / np.count_nonzero(shares),
    "recall": lambda shares: 1 / len(shares),
    "precision": lambda shares: shares.max() / len(shares),
    "specificity": lambda shares: 1 - 1 / len(shares),
    "f1": lambda shares: _f1(shares).max() / len(shares),
    "dice": lambda shares: _f1(shares).max() / np.count_nonzero(shares),
    "mean_iou": lambda shares: shares.max() / np.count_nonzero(shares),
    "auc": lambda _: 0.5,
    "pr_auc": lambda shares: shares.mean(),
    "categorical_crossentropy": _entropy,
    "categorical_hinge": lambda shares: min(1.0, 2 * (1 - shares.max())),
}
_OF_TWO: Mapping[str, _Score] = {
    **_OF_CLASSES,
    "recall": lambda _: 1.0,
    "precision": lambda shares: shares[1],
    "specificity": lambda _: 1.0,
    "f1": lambda shares: _f1(shares)[1],
    "dice": lambda shares: _f1(shares)[1],
    "pr_auc": lambda shares: shares[1],
    "binary_crossentropy": _entropy,
    "binary_focal_crossentropy": lambda shares: _focal(shares[1:]),
    "hinge": lambda shares: 2 * shares.min(),
    "squared_hinge": lambda shares: 4 * shares[0] * shares[1],
}
_OF_TAGS: Mapping[str, _Score] = {
    "accuracy": lambda shares: np.maximum(shares, 1 - shares).mean(),
    "recall": lambda shares: np.count_nonzero(shares) / len(shares),
    "precision": lambda shares: shares.mean(),
    "specificity": lambda shares: np.count_nonzero(shares < 1) / len(shares),
    "f1": lambda shares: _f1(shares).mean(),
    "dice": lambda shares: _f1(shares[shares > 0]).mean(),
    "mean_iou": lambda shares: shares[shares > 0].mean(),
    "auc": lambda _: 0.5,
    "pr_auc": lambda shares: shares.mean(),
    "binary_crossentropy": _two_way_entropy,
    "binary_focal_crossentropy": _focal,
    "hinge": lambda shares: 2 * np.minimum(shares, 1 - shares).mean(),
    "squared_hinge": lambda shares: 4 * (shares * (1 - shares)).mean(),
    "mse": lambda shares: (shares * (1 - shares)).mean(),
    "mae": lambda shares: np.minimum(shares, 1 - shares).mean(),
}


def _guess_at(name: str, number: float, shares: Shares, target: Target) -> float:
    """Of a rate that another bounds; a constant prediction is for all examples or for none."""
    of = shares[1:] if target.is_binary else shares
    match name:
        case "top" | "top_k_accuracy":
            return float(np.sort(shares)[::-1][: int(number)].sum()) if target.kind != "tags" else math.nan
        case "recall_at_precision":
            return float(np.mean(of >= number))
        case "precision_at_recall":
            return float(np.mean(of))
        case "sensitivity_at_specificity" | "specificity_at_sensitivity":
            return 0.0
    return math.nan


def _numbers(y: Array, target: Target) -> Array:
    """(n, k) float64: a row for each place."""
    some = y[:: -(-y.size // _MOST_VALUES)]
    return some.reshape(-1, target.n_outputs).astype(np.float64)


def _guess_numbers(name: str, y: Array, *, is_loss: bool) -> float:
    match name:
        case "r2":
            return 0.0
        case "mse":
            return float(y.var(axis=0).mean())
        case "rmse":
            return float(np.sqrt(y.var(axis=0).mean()))
        case "mae":
            return float(np.abs(y - np.median(y, axis=0)).mean())
        case "mape":
            return 100 * float(np.mean([_share_of_error(column) for column in y.T]))
        case "msle":
            return float(np.log1p(np.maximum(y, _TINY)).var(axis=0).mean())
        case "huber":
            return _least(y, _huber, lambda d: np.clip(d, -1, 1))
        case "log_cosh":
            return _least(y, lambda d: np.logaddexp(d, -d) - math.log(2), np.tanh)
        case "poisson":
            means = y.mean(axis=0)
            return float((means - means * np.log(means + _TINY)).mean()) if y.min() >= 0 else math.nan
        case "binary_crossentropy":
            return _two_way_entropy(y.mean(axis=0)) if y.min() >= 0 and y.max() <= 1 else math.nan
        case "cosine_similarity":
            return _alignment(y) * (-1 if is_loss else 1)
        case "pearson_correlation" if y.shape[1] > 1:
            return _alignment(y - y.mean(axis=1, keepdims=True))
    return math.nan


def _share_of_error(y: Array) -> float:
    """Mean absolute error as a share of each number, around the median weighted by 1 / |y|."""
    weights, order = 1 / np.maximum(np.abs(y), _TINY), np.argsort(y)
    place = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float((np.abs(y - y[order][place]) * weights).mean())


def _huber(d: Array) -> Array:
    return np.where(np.abs(d) <= 1, d * d / 2, np.abs(d) - 0.5)


def _least(y: Array, loss: Callable[[Array], Array], slope: Callable[[Array], Array]) -> float:
    """The mean of a convex loss of differences around the best constant of each column, found by halving."""
    low, high = y.min(axis=0), y.max(axis=0)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        is_low = slope(y - middle).mean(axis=0) > 0
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    return float(loss(y - low).mean())


def _alignment(y: Array) -> float:
    """Mean cosine between each row and the mean direction, which is the best constant."""
    lengths = np.linalg.norm(y, axis=1, keepdims=True)
    return float(np.linalg.norm((y / np.where(lengths > 0, lengths, 1)).mean(axis=0)))
