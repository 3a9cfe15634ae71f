"""`contents_of`: what the values of targets are."""

import numpy as np
import pytest

from ablate.data.contents import contents_of, n_missing


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_flags_and_one_hot_rows_are_known_in_every_type(dtype):
    flags = contents_of(np.array([[1, 0, 0], [0, 0, 1], [0, 1, 1], [0, 0, 0]]).astype(dtype))
    assert flags.within(0, 1)
    assert (flags.n_not_one_hot, flags.is_whole, flags.n_distinct) == (2, True, 2)
    assert contents_of(np.eye(3).astype(dtype)).n_not_one_hot == 0


def test_real_numbers_and_probabilities_are_known():
    found = contents_of(np.array([[0.25, 0.75], [0.5, 0.5]]))
    assert (found.low, found.high, found.is_whole, found.are_probabilities) == (0.25, 0.75, False, True)
    assert not contents_of(np.array([[0.25, 0.5], [0.5, 0.5]])).are_probabilities
    assert not contents_of(np.array([[-0.5, 1.5]])).are_probabilities


def test_the_different_values_of_any_range_are_counted():
    assert contents_of(np.array([7, -3, 7])).distinct.tolist() == [-3, 7]
    assert contents_of(np.array([2**40, 0, 2**40])).distinct.tolist() == [0, 2**40]
    assert contents_of(np.array([2**64 - 1, 2**64 - 3], np.uint64)).n_distinct == 2
    many = contents_of(np.random.default_rng(0).normal(size=(1000, 100)))
    assert (many.is_counted, many.n_distinct > 2**16) == (False, True)
    assert not many.within(0, 1)


def test_missing_values_are_counted():
    assert n_missing(np.array([1.0, np.nan, np.inf, -np.inf])) == 3
    assert n_missing(np.array([1, 2])) == 0
