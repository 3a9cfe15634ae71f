"""Estimate each factor's share of the variance with a random forest (fANOVA).

Hutter, Hoos & Leyton-Brown (2014), "An efficient approach for assessing hyperparameter importance". Optuna's own
evaluator walks its trees in Python, once for every combination of a factor's levels as if each level were a number
between 0 and 1: 9 s for 500 trials of 7 factors, and infeasible for a factor of 15 levels. This evaluator takes whole
trees as arrays, and levels as categories; without categorical factors the shares are the same
(`tests/analysis/importance/test_forest.py`).
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
MOST_ROWS = 256  # of many trials each tree draws this many: as accurate on 1,000, with a quarter of the time
LEAST_TREES = 30  # for R²: with fewer trees some trial is in the sample of each, and no tree can predict it


@dataclass(frozen=True, slots=True)
class TreeColumns:
    """The factors as trees see them: a number is a column, another factor a 0/1 column for each level."""

    columns: Mapping[str, Floats]  # of each factor, (n, its columns)
    numbers: frozenset[str]  # the factors that are numbers

    def moved(self, names: Collection[str], order: NDArray[np.intp]) -> "TreeColumns":
        """The same with the rows of some factors in another order: they go on together, the others stay."""
        moved = {name: values[order] if name in names else values for name, values in self.columns.items()}
        return TreeColumns(moved, self.numbers)


@dataclass(frozen=True, slots=True)
class Explained:
    """What a forest says of its factors, and how well it predicts."""

    shares: Mapping[str, float]  # of the variance of its prediction over the whole space, from 0 to 1
    r2: float  # out of bag: of each trial, predicted by the trees that have not seen it; NaN with few trees


def tree_columns(table: "pd.DataFrame") -> TreeColumns:
    """Columns of floats as numbers between their smallest and largest value, all others as levels of equal weight."""
    numbers = frozenset(str(name) for name, column in table.items() if _is_number(column))
    return TreeColumns({str(name): _columns(column) for name, column in table.items()}, numbers)


def explained(
    factors: TreeColumns, scores: Sequence[float], *, rows: Sequence[int], n_trees: int, seed: int
) -> Explained:
    """Each factor's share of the variance of a forest's prediction over the whole space, and the forest's R².

    The forest learns only from `rows`, some of them repeatedly in a resample. What the shares lack to 1 are
    interactions. All 0 if no tree sees a difference.
    """
    names = [name for name, values in factors.columns.items() for _ in range(values.shape[1])]
    x, y, at = np.hstack(list(factors.columns.values())), np.asarray(scores, dtype=np.float64), list(rows)
    spans = np.stack([x.min(axis=0), x.max(axis=0)])
    is_number = {name: name in factors.numbers for name in factors.columns}
    grown = list(_grown(x[at], y[at], n_trees=n_trees, seed=seed))
    shares = [_tree_shares(tree, spans, names, is_number) for tree, _ in grown]
    telling = [share for share in shares if share]
    means = {name: float(np.mean([share[name] for share in telling])) if telling else 0.0 for name in factors.columns}
    return Explained(means, _out_of_bag(grown, x[at], y[at]) if n_trees >= LEAST_TREES else math.nan)


def _grown(x: Floats, y: Floats, *, n_trees: int, seed: int) -> Iterator[tuple[SklearnTree, NDArray[np.bool_]]]:
    """Fitted trees, each with the rows it has not seen: those of sklearn's forest, which copies and checks for longer.

    Eight trees of 24 rows take 6 ms so, and 15 ms in sklearn's forest.
    """
    from sklearn.tree import DecisionTreeRegressor

    places = _single(x)
    for number in np.random.RandomState(seed).randint(np.iinfo(np.int32).max, size=n_trees):
        drawn = np.random.RandomState(number).randint(0, len(y), min(MOST_ROWS, len(y)), dtype=np.int32)
        counts = np.bincount(drawn, minlength=len(y)).astype(np.float64)
        tree = DecisionTreeRegressor(max_depth=MAX_DEPTH, random_state=number)
        yield tree.fit(places, y, sample_weight=counts, check_input=False).tree_, counts == 0


def _out_of_bag(grown: Sequence[tuple[SklearnTree, NDArray[np.bool_]]], x: Floats, y: Floats) -> float:
    """R² of the scores, each predicted by the mean of the trees that have not seen it."""
    unseen = np.stack([rows for _, rows in grown])
    said = np.stack([tree.predict(_single(x))[:, 0] for tree, _ in grown])
    is_known = unseen.any(axis=0)
    mean = (said * unseen).sum(axis=0)[is_known] / unseen.sum(axis=0)[is_known]
    y = y[is_known]
    spread = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - mean) ** 2).sum()) / spread if spread > 0 else math.nan


def _single(x: Floats) -> NDArray[np.float32]:
    return np.ascontiguousarray(x, dtype=np.float32)  # as trees hold it


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
