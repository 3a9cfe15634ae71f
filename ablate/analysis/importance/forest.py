"""Estimate each factor's share of the variance with a random forest (fANOVA).

Hutter, Hoos & Leyton-Brown (2014), "An efficient approach for assessing hyperparameter importance". Optuna's own
evaluator walks its trees in Python, once for every combination of a factor's levels as if each level were a number
between 0 and 1: 9 s for 500 trials of 7 factors, and infeasible for a factor of 15 levels. This evaluator takes whole
trees as arrays, and levels as categories; without categorical factors the shares are the same
(`tests/analysis/importance/test_forest.py`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ablate.analysis.statistics.paired import Floats

if TYPE_CHECKING:
    import pandas as pd


# The fraction of the space of each piece of a factor (n_pieces,), and the pieces that a leaf spans (n_leaves,
# n_pieces).
FactorPieces: TypeAlias = tuple[Floats, NDArray[np.bool_]]
SklearnTree: TypeAlias = Any  # sklearn ships no types
MAX_DEPTH = 64  # Optuna's; no tree of a few hundred trials is that deep


def forest_shares(
    factors: "pd.DataFrame", scores: Sequence[float], *, rows: Sequence[int], n_trees: int, seed: int
) -> dict[str, float]:
    """Each factor's share, from 0 to 1, of the variance of the forest's prediction over the whole space.

    `factors` has a row per trial: columns of floats are numbers between their smallest and largest value, all others
    levels of equal weight. The forest learns only from `rows`, some of them repeatedly in a resample. What the shares
    lack to 1 are interactions. All 0 if no tree sees a difference.
    """
    from sklearn.ensemble import RandomForestRegressor

    columns = {str(name): _columns(column) for name, column in factors.items()}
    names = [name for name, values in columns.items() for _ in range(values.shape[1])]
    x = np.hstack(list(columns.values()))
    forest = RandomForestRegressor(n_estimators=n_trees, max_depth=MAX_DEPTH, random_state=seed)
    forest.fit(x[list(rows)], np.asarray(scores)[list(rows)])
    spans = np.stack([x.min(axis=0), x.max(axis=0)])
    is_number = {str(name): _is_number(column) for name, column in factors.items()}
    shares = [_tree_shares(fitted.tree_, spans, names, is_number) for fitted in forest.estimators_]
    telling = [share for share in shares if share]
    return {name: float(np.mean([share[name] for share in telling])) if telling else 0.0 for name in columns}


def _columns(column: "pd.Series[Any]") -> Floats:
    """A number as it is, (n, 1); otherwise a 0/1 column for each level except, with two levels, the first."""
    if _is_number(column):
        return column.to_numpy(dtype=np.float64)[:, None]
    values = column.astype(str).to_numpy(dtype=object)
    levels = sorted(set(values))
    return np.stack([values == level for level in (levels[1:] if len(levels) == 2 else levels)], axis=1).astype(float)


def _is_number(column: "pd.Series[Any]") -> bool:
    return column.dtype.kind == "f"


def _tree_shares(
    tree: SklearnTree, spans: Floats, names: Sequence[str], is_number: Mapping[str, bool]
) -> dict[str, float]:
    """The shares in one tree; {} for a tree that sees no difference."""
    leaves = np.flatnonzero(tree.feature < 0)
    values = tree.value[leaves].reshape(len(leaves))
    low, high = (bounds[leaves] for bounds in _boxes(tree, spans))
    pieces = {}
    for name in is_number:
        at = [i for i, owner in enumerate(names) if owner == name]
        pieces[name] = (
            _intervals(low[:, at[0]], high[:, at[0]], spans[:, at[0]]) if is_number[name]
            else _level_sets(low[:, at], high[:, at])
        )  # fmt: skip
    parts = {name: spanned @ weights for name, (weights, spanned) in pieces.items()}  # a leaf's share of the space
    volumes = np.prod(list(parts.values()), axis=0)
    mean = float(values @ volumes)
    variance = float((values - mean) ** 2 @ volumes)
    if variance <= 0:
        return {}
    shares = {}
    for name, (weights, spanned) in pieces.items():
        marginal = (values * volumes / parts[name]) @ spanned  # mean prediction in each piece of this factor
        shares[name] = float((marginal - mean) ** 2 @ weights) / variance
    return shares


def _boxes(tree: SklearnTree, spans: Floats) -> tuple[Floats, Floats]:
    """Lower and upper bounds of every node in every column, both (n_nodes, n_columns)."""
    low, high = (np.repeat(bound[None, :], tree.node_count, axis=0) for bound in spans)
    split_on, thresholds, lefts, rights = tree.feature, tree.threshold, tree.children_left, tree.children_right
    for node in np.flatnonzero(split_on >= 0):  # parents come before their children
        left, right, column = lefts[node], rights[node], split_on[node]
        low[left] = low[right] = low[node]
        high[left] = high[right] = high[node]
        high[left, column] = low[right, column] = thresholds[node]
    return low, high


def _intervals(low: Floats, high: Floats, span: Floats) -> FactorPieces:
    """A number's range, split wherever a leaf begins or ends."""
    cuts = np.unique(np.concatenate([low, high]))
    spanned: NDArray[np.bool_] = (low[:, None] <= cuts[:-1]) & (cuts[1:] <= high[:, None])
    return np.diff(cuts) / (span[1] - span[0]), spanned


def _level_sets(low: Floats, high: Floats) -> FactorPieces:
    """The levels in a leaf: those whose 0/1 columns lie within its bounds."""
    n = low.shape[1]
    levels = np.array([[0.0], [1.0]]) if n == 1 else np.eye(n)
    inside = (low[:, None, :] <= levels) & (levels <= high[:, None, :])
    return np.full(len(levels), 1 / len(levels)), np.asarray(inside.all(axis=2), dtype=np.bool_)
