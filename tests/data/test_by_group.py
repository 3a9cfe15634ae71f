"""Groups drawn until they have enough examples, and dealt into folds."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.data.by_group import deal_groups, draw_groups, fold_sizes, most_held


def test_the_most_that_can_be_held_is_the_largest_sum_below_and_the_largest_group():
    assert most_held(np.array([10, 10, 10, 10]), 20) == 20
    assert most_held(np.array([10, 10, 10, 10]), 25) == 30
    assert most_held(np.array([7, 2, 2, 2]), 7) == 13  # 2 + 2 + 2, then 7


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.floats(0.1, 0.9))
def test_no_order_of_groups_holds_more(sizes, share):
    sizes = np.array(sizes)
    n = max(1, round(share * sizes.sum()))
    drawn = sizes[sizes <= n] if sizes[sizes <= n].sum() >= n else sizes
    worst = max(next(s for s in np.cumsum(order) if s >= n) for order in itertools.permutations(drawn))
    assert worst <= most_held(sizes, n) <= sizes.sum()


def test_the_last_group_is_cut_and_its_rest_is_on_neither_side():
    groups = np.repeat(np.arange(4, dtype=np.int32), 5)
    held, others = draw_groups(groups, 7, rng=np.random.default_rng(0))
    assert (len(held), len(others)) == (7, 10)
    assert not np.intersect1d(groups[held], groups[others]).size


@pytest.mark.parametrize("seed", range(5))
def test_folds_have_equal_sizes_as_far_as_groups_allow(seed):
    sizes = [6, 5, 4, 3, 2, 2, 1, 1]
    groups = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    folds = deal_groups(groups, 3, rng=np.random.default_rng(seed))
    assert sorted(np.bincount(folds)) == sorted(fold_sizes(groups, 3)) == [8, 8, 8]
    assert all(len(set(folds[groups == group])) == 1 for group in range(len(sizes)))


def test_groups_of_one_size_fall_into_other_folds_with_another_seed():
    groups = np.repeat(np.arange(12, dtype=np.int32), 3)
    dealt = {tuple(deal_groups(groups, 3, rng=np.random.default_rng(seed))) for seed in range(6)}
    assert len(dealt) == 6
