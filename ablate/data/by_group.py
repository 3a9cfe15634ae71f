"""Draw whole groups of examples, so that no group stands on two sides of a split."""

import numpy as np

from ablate.data.array import Array


def most_held(sizes: Array, n: int) -> int:
    """The most examples that groups have together when they are drawn until they have `n`, whatever the draw.

    `sizes` are those of the groups. The largest sum below `n`, and the largest group on top of it.
    """
    drawn = _drawn(sizes, n)
    return min(_largest_sum_below(drawn, n) + int(drawn.max()), int(drawn.sum()))


def draw_groups(groups: Array, n: int, *, rng: np.random.Generator) -> tuple[Array, Array]:
    """Indices of `n` examples, whole groups but for the last, and of all examples of the other groups; ascending.

    `groups` numbers the group of each example, from 0. What the last group has too many is on neither side. Groups
    larger than `n` are drawn only if the others have fewer than `n` together.
    """
    sizes = np.bincount(groups)
    order = rng.permutation(np.flatnonzero(_is_drawn(sizes, n)))
    last = int(np.searchsorted(np.cumsum(sizes[order]), n))
    chosen, cut = order[:last], order[last]
    held = np.flatnonzero(np.isin(groups, chosen))
    more = rng.permutation(np.flatnonzero(groups == cut))[: n - len(held)]
    others = np.flatnonzero(~np.isin(groups, order[: last + 1]))
    return np.sort(np.concatenate([held, more])), others


def deal_groups(groups: Array, k: int, *, rng: np.random.Generator) -> Array:
    """The fold of each example, 0 … k - 1: the largest group first, each into the smallest fold.

    The sizes of the folds are the same for every `rng`, which shuffles groups of one size and numbers the folds.
    """
    sizes = np.bincount(groups)
    shuffled = rng.permutation(len(sizes))
    fold_of, filled = np.zeros(len(sizes), np.int32), np.zeros(k, np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    dealt: Array = rng.permutation(k).astype(np.int32)[fold_of][groups]
    return dealt


def fold_sizes(groups: Array, k: int) -> Array:
    """The examples in each fold of `deal_groups`, in no order."""
    return np.bincount(deal_groups(groups, k, rng=np.random.default_rng(0)), minlength=k)


def _is_drawn(sizes: Array, n: int) -> Array:
    """Which groups may be drawn: a group larger than `n` would be most of the training examples, or cut."""
    is_small: Array = (sizes > 0) & (sizes <= n)
    return is_small if sizes[is_small].sum() >= n else sizes > 0


def _drawn(sizes: Array, n: int) -> Array:
    drawn: Array = sizes[_is_drawn(sizes, n)]
    return drawn


def _largest_sum_below(sizes: Array, n: int) -> int:
    """The largest sum of some of these whole numbers that is below `n`; the bits of one number are the sums."""
    sums, mask = 1, (1 << n) - 1
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        step, left = 1, int(count)
        while left:
            taken = min(step, left)
            sums |= (sums << (int(size) * taken)) & mask
            step, left = 2 * step, left - taken
    return sums.bit_length() - 1
