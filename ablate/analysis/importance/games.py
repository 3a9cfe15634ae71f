"""Value each factor between two configurations, given a value for every mixture of them (Shapley values, greedy path).

A game is an array of shape (n_seeds, 2, …, 2): an axis per factor, 0 if it has the reference's level and 1 if it
has the target's. Higher values are better; a loss is negated. Every result is in the value's unit,
and positive if the target's level is better.
"""

import itertools
import math
from collections.abc import Mapping, Set

import numpy as np
from numpy.typing import NDArray

from ablate.analysis.importance.cells import Cells
from ablate.analysis.statistics.paired import Floats

MOST_FACTORS = 16  # 65,536 mixtures


def game_between(
    cells: Cells, reference: Mapping[str, object], target: Mapping[str, object]
) -> tuple[list[str], Floats]:
    """The factors in which two configurations differ, and their game, shape (n_replicates, 2, …, 2)."""
    start, end = cells.place(reference), cells.place(target)
    players = [axis for axis in range(len(start)) if start[axis] != end[axis]]
    kept = [[a, b] if a != b else [a] for a, b in zip(start, end, strict=True)]
    values = cells.values[np.ix_(range(len(cells.values)), *kept)]
    return [cells.factors[axis] for axis in players], values.reshape(len(values), *([2] * len(players)))


def value_at(game: Floats, flipped: Set[int]) -> Floats:
    """The value of the mixture in which these factors have the target's level, shape (n_seeds,)."""
    corner = np.ravel_multi_index([int(j in flipped) for j in range(game.ndim - 1)], game.shape[1:])
    found: Floats = game.reshape(len(game), -1)[:, corner]
    return found


def add_one_in(game: Floats) -> Floats:
    """v(reference with the factor's target level) − v(reference), shape (n_seeds, k)."""
    k = _players(game)
    return np.stack([value_at(game, {j}) - value_at(game, set()) for j in range(k)], axis=1)


def leave_one_out(game: Floats) -> Floats:
    """v(target) − v(target with the factor back at the reference's level), shape (n_seeds, k)."""
    k = _players(game)
    everyone = set(range(k))
    return np.stack([value_at(game, everyone) - value_at(game, everyone - {j}) for j in range(k)], axis=1)


def shapley_values(game: Floats) -> Floats:
    """Each factor's gain, averaged over all orders of flipping (Shapley 1953), exact, shape (n_seeds, k)."""
    k = _players(game)
    weights = _weights(k, 1)
    return np.stack([_weighted(np.diff(np.moveaxis(game, j + 1, -1))[..., 0], weights) for j in range(k)], axis=1)


def shapley_interactions(game: Floats) -> Floats:
    """Pairwise Shapley interaction index (Grabisch & Roubens 1999), shape (n_seeds, k, k), symmetric.

    Its diagonal is 0. Positive if two factors are worth more together than separately.
    """
    k = _players(game)
    found = np.zeros((len(game), k, k))
    weights = _weights(k, 2) if k > 1 else found
    for i, j in itertools.combinations(range(k), 2):
        both = np.diff(np.diff(np.moveaxis(game, (i + 1, j + 1), (-2, -1)), axis=-1), axis=-2)[..., 0, 0]
        found[:, i, j] = found[:, j, i] = _weighted(both, weights)
    return found


def greedy_path(game: Floats) -> tuple[int, ...]:
    """From the reference: at each step the flip with the best mean over the seeds, the first among equals."""
    k = _players(game)
    flipped: list[int] = []
    while len(flipped) < k:
        here = value_at(game, set(flipped))
        left = [j for j in range(k) if j not in flipped]
        gains = [float((value_at(game, {*flipped, j}) - here).mean()) for j in left]
        flipped.append(left[int(np.argmax(gains))])
    return tuple(flipped)


def _players(game: Floats) -> int:
    k = game.ndim - 1
    if not 1 <= k <= MOST_FACTORS or game.shape[1:] != (2,) * k:
        raise ValueError(f"a game has the shape (n_seeds, 2, …, 2) with 1 to {MOST_FACTORS} factors, got {game.shape}")
    return k


def _weights(k: int, together: int) -> Floats:
    """Shapley's weight of each subset of the other k − `together` factors, by size: s!·(k − s − t)! / (k − t + 1)!."""
    others = k - together
    by_size = [math.factorial(s) * math.factorial(others - s) / math.factorial(others + 1) for s in range(others + 1)]
    return np.array(by_size)[_sizes(others)]


def _sizes(others: int) -> NDArray[np.intp]:
    """The number of other factors in each subset, in the order of a flattened game."""
    sizes = np.zeros(1, dtype=np.intp)
    for _ in range(others):
        sizes = np.concatenate((sizes, sizes + 1))
    return sizes


def _weighted(differences: Floats, weights: Floats) -> Floats:
    found: Floats = differences.reshape(len(differences), -1) @ weights
    return found
