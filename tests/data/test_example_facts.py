"""Groups and times of examples: numbered, made comparable, checked."""

import numpy as np
import pytest

from ablate.data.example_facts import common_groups, group_numbers, times
from ablate.errors import DataError


def groups(values, given=None, n_given=0):
    return group_numbers(np.array(values), given, n=len(values), n_given=n_given, source="own").tolist()


def timed(values, given=None, n_given=0):
    return times(np.array(values), given, n=len(values), n_given=n_given, source="own").tolist()


def test_groups_of_any_type_become_numbers():
    assert groups(["b", "a", "b"]) == [1, 0, 1]
    assert groups([30, 10, 30]) == [1, 0, 1]
    assert groups([["b"], ["a"]]) == [1, 0]
    assert group_numbers(None, None, n=3, n_given=0, source="own") is None


def test_a_given_part_shares_groups_if_it_names_them_and_else_has_its_own():
    assert groups(["b", "a"], np.array(["b", "c"]), 2) == [1, 0, 1, 2]
    assert groups([1, 2], np.array(["2", "x"]), 2) == [0, 1, 1, 2]
    assert groups(["b", "a"], None, 2) == [1, 0, 2, 3]


def test_groups_of_both_parts_are_counted():
    assert common_groups(np.array([1, 1, 2]), np.array([2, 3, 3])) == (1, 2)
    assert common_groups(None, np.array([2])) == (0, 0)


def test_times_are_numbers_of_which_the_later_is_the_larger():
    assert timed([3, 1, 2]) == [3, 1, 2]
    assert timed(["10", "9"]) == [10, 9]
    dates = timed(["2026-01-02", "2026-01-01T12:00", "2025-12-31"])
    assert np.diff(dates).tolist() == [-12 * 3600e6, -36 * 3600e6]
    assert timed(np.array(["2026-01-02", "2026-01-01"], "datetime64[D]"))[0] == dates[0]
    assert timed([3, 1], None, 2) == [3, 1, 3, 3]
    assert timed([3, 1], np.array([5, 4]), 2) == [3, 1, 5, 4]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["yesterday", "today"], "order must hold numbers or dates, got <U9\n"),
        ([1.0, np.nan], "order is missing for example 1 (from 0)\n"),
        (np.array(["2026-01-02", "NaT"], "datetime64[D]"), "order is missing for example 1 (from 0)\n"),
        ([[1, 2], [3, 4]], "order must hold one value for each example, shape (2,), got shape (2, 2)\n"),
    ],
)
def test_times_that_cannot_be_compared_are_refused(values, said):
    with pytest.raises(DataError) as caught:
        timed(values)
    assert f"own: {said}  " in str(caught.value)
