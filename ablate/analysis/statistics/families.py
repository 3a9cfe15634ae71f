"""Exact p values from sign flips of paired differences: of a single comparison, and adjusted over a family.

Under the hypothesis that a variant has no effect, the two scores of a seed are exchangeable, and exchanging flips the
sign of their difference (Fisher 1935). Flipping the signs of one seed in all comparisons at once keeps what the
comparisons share, above all the reference's luck, so max-T loses less power with many comparisons than Holm.
"""

import math
from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from ablate.analysis.statistics.paired import ROUNDING, Floats, to_floats

EXACT_SEEDS = 20  # up to this number all 2^(n-1) sign flips are enumerated; above, flips are drawn
FLIPS_DRAWN = 100_000  # standard error of a p of .05: .0007
SIGNS_DRAWN = 1 << 25  # at most, under a second: fewer flips above 335 seeds, which only imported tables have
BLOCK = 1 << 20  # sums held at once, 8 MB: bounds the memory, and stays near the cache


def family_p(differences: ArrayLike, *, seed: int, least: int = 1) -> Floats:
    """Two-sided p of each comparison of a family alone, and adjusted by step-down max-T, shape (2, m).

    Westfall & Young 1993, algorithm 4.1; both are read from the same random signs of the differences, and neither is
    ever below 2 / 2^n. For n ≤ 20 seeds those are all 2^n flips; above, `FLIPS_DRAWN` of them by `seed` (fewer above
    335 seeds), with the observed one counted in (Phipson & Smyth 2010).

    `differences` has shape (n_seeds, m), NaN if a comparison lacks a seed. The statistic |Σ d| / √Σ d² grows with
    |t|, and is comparable between comparisons with different numbers of seeds. One with fewer than `least` seeds
    gets NaN but counts in every maximum: it belongs to the family. Family-wise level: exact if the differences
    of a seed are jointly symmetric about 0, as with normal noise; a skewed reference violates that slightly, see
    tests/benchmarks/is_it_honest.py.
    """
    d = to_floats(differences)
    is_tested = np.count_nonzero(~np.isnan(d), axis=0) >= max(least, 1)
    d = np.nan_to_num(d)
    norms = np.sqrt(np.sum(d**2, axis=0))
    unit = d / np.where(norms > 0, norms, 1.0)
    observed = np.abs(unit.sum(axis=0))
    order = np.lexsort((-observed, ~is_tested))  # tested comparisons first, each group by descending statistic
    reach = (observed - ROUNDING * np.abs(unit).sum(axis=0))[order[: is_tested.sum()]]
    p = np.full((2, is_tested.size), math.nan)
    p[:, order[: reach.size]] = _reached(unit[:, order], reach, seed=seed)
    p[1, order[: reach.size]] = np.maximum.accumulate(p[1, order[: reach.size]])
    return p


def holm(p_values: ArrayLike) -> Floats:
    """Holm's adjustment over a family, shape (m,). A NaN stays NaN but counts as a member of the family."""
    p = to_floats(p_values)
    order = np.argsort(np.where(np.isnan(p), 1.0, p), kind="stable")
    steps = np.where(np.isnan(p), 1.0, p)[order] * np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return np.where(np.isnan(p), np.nan, adjusted)


def _reached(unit: Floats, reach: Floats, *, seed: int) -> Floats:
    """Shares of the flips in which the statistic of column k, and the largest of k, k+1, …, is at least `reach[k]`.

    Shape (2, length of `reach`).
    """
    if not reach.size:
        return np.empty((2, 0))
    rows = unit[np.any(unit != 0, axis=1)].T.copy()  # a seed without a difference changes no sum
    is_exact = rows.shape[1] <= EXACT_SEEDS
    flips = _all_flips(rows) if is_exact else _drawn_flips(rows, seed=seed)
    counts, total = np.zeros((2, reach.size)), 0
    for sums in flips:
        np.abs(sums, out=sums)
        largest = np.zeros(sums.shape[1])
        for k in reversed(range(len(sums))):
            np.maximum(largest, sums[k], out=largest)
            if k < reach.size:
                counts[:, k] += np.count_nonzero(sums[k] >= reach[k]), np.count_nonzero(largest >= reach[k])
        total += sums.shape[1]
    return counts / total if is_exact else (counts + 1) / (total + 1)


def _all_flips(rows: Floats) -> Iterator[Floats]:
    """Sums of `rows`, shape (m, n), under every choice of signs, in blocks (m, flips).

    The first sign is fixed: each flip and its mirror image have the same |sum|.
    """
    m, n = rows.shape
    if n == 0:
        yield np.zeros((m, 1))
        return
    n_tail = min(n - 1, int(math.log2(max(BLOCK // m, 1))))
    head, tail = rows[:, 1 : n - n_tail], np.zeros((m, 1))
    for one in rows[:, n - n_tail :].T:
        tail = np.concatenate((tail + one[:, None], tail - one[:, None]), axis=1)
    for signs in product((1.0, -1.0), repeat=head.shape[1]):
        yield tail + (rows[:, 0] + head @ np.array(signs))[:, None]


def _drawn_flips(rows: Floats, *, seed: int) -> Iterator[Floats]:
    """As many sums of `rows`, shape (m, n), under random signs as `FLIPS_DRAWN` and `SIGNS_DRAWN` allow, in blocks."""
    rng = np.random.default_rng(seed)
    flips = min(FLIPS_DRAWN, SIGNS_DRAWN // rows.shape[1] + 1)
    block = max(BLOCK // max(rows.shape), 1)
    for start in range(0, flips, block):
        bits = rng.integers(0, 2, (rows.shape[1], min(block, flips - start)), dtype=np.int8)
        yield rows @ (2.0 * bits - 1.0)
