"""Test examples set aside from data without a test part."""

from dataclasses import replace

import numpy as np
import pytest
from splits import amounts, asked, of_classes

from ablate.data import set_aside_test
from ablate.errors import DataError


def untested(data):
    return replace(data, x_test=data.x_test[:0], y_test=data.y_test[:0])


def numbers(x):
    return np.floor(x[:, 0]).astype(int)


def test_a_fifth_is_kept_by_default_by_class_and_said():
    made = set_aside_test(untested(of_classes(np.repeat([0, 1], [75, 25]))), asked(), seed=3)
    assert np.bincount(made.y_test).tolist() == [15, 5]
    assert sorted([*numbers(made.x_train), *numbers(made.x_test)]) == list(range(100))
    assert made.notes == ("no test part: 20 % (20 examples, at random, by class) kept for testing",)


@pytest.mark.parametrize(("asked_for", "n"), [(0.3, 15), (7, 7)])
def test_a_number_or_a_share_is_kept(asked_for, n):
    made = set_aside_test(untested(amounts(50)), asked(test=asked_for), seed=0)
    assert len(made.x_test) == n
    assert np.array_equal(made.y_test, numbers(made.x_test))


def test_the_studys_seed_draws_them_once():
    data = untested(amounts(50))
    first, again, other = (set_aside_test(data, asked(), seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.x_test, again.x_test)
    assert first.digest == again.digest
    assert len({first.digest, other.digest, data.digest}) == 3


@pytest.mark.parametrize(("counts", "share", "n"), [([2, 2], None, 1), ([3, 3], 0.5, 3), ([1, 1, 4, 1], 0.3, 2)])
def test_small_classes_leave_one_example_each_for_training(counts, share, n):
    made = set_aside_test(untested(of_classes(np.repeat(np.arange(len(counts)), counts))), asked(test=share), seed=0)
    assert len(made.x_test) == n
    assert np.bincount(made.y_train, minlength=len(counts)).min() >= 1


def test_whole_groups_are_kept():
    groups = np.repeat(np.arange(10, dtype=np.int32), 7)
    made = set_aside_test(untested(amounts(70, group_of=groups)), asked(), seed=0)
    tested = groups[numbers(made.x_test)]
    assert np.bincount(tested).max() == 7
    assert len(made.x_test) == 14
    assert not np.intersect1d(tested, made.group_of).size
    assert np.array_equal(made.group_of, groups[numbers(made.x_train)])
    assert "(14 examples, whole groups)" in made.notes[0]


def test_by_time_the_latest_are_kept_and_no_moment_is_cut():
    time = np.array([3, 0, 2, 1, 2, 3], float)
    made = set_aside_test(untested(amounts(6, time_of=time)), asked(test=3), seed=0)
    assert numbers(made.x_test).tolist() == [0, 4, 5]
    assert numbers(made.x_train).tolist() == [1, 3]
    assert made.time_of.tolist() == [0, 1]
    assert made.notes[0].endswith("; 1 example of the same times or groups is not used")


def test_the_sources_own_validation_part_stays_whole():
    made = set_aside_test(untested(amounts(30, n_given=10)), asked(), seed=0)
    assert numbers(made.x_train)[-10:].tolist() == list(range(20, 30))
    assert (made.n_given, len(made.x_test)) == (10, 4)


def test_weights_go_with_their_examples():
    made = set_aside_test(untested(amounts(30, weights_train=np.arange(30, dtype=np.float32))), asked(), seed=0)
    assert np.array_equal(made.weights_test, numbers(made.x_test))
    assert np.array_equal(made.weights_train, numbers(made.x_train))


def test_a_number_counts_the_chosen_classes():
    made = set_aside_test(untested(of_classes(np.repeat([0, 1, 2], 40))), asked(test=10, classes=(0, 2)), seed=0)
    assert np.isin(made.y_test, (0, 2)).sum() == 10


def test_arrays_on_a_disk_stay_on_a_disk(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(50, dtype=np.float32)[:, None] + 0.5)
    data = replace(untested(amounts(50)), x_train=np.load(tmp_path / "x.npy", mmap_mode="r"))
    made = set_aside_test(data, asked(), seed=0)
    assert isinstance(made.x_train, np.memmap)
    assert np.array_equal(made.y_train, numbers(made.x_train))


def test_a_test_part_is_left_as_it_is_and_no_share_of_it_is_taken():
    data = amounts(30)
    assert set_aside_test(data, asked(test=5), seed=0) is data
    with pytest.raises(
        DataError, match=r"data\.test = 0\.2 is a share .* has a test part of 10 examples\n  remove data\.t"
    ):
        set_aside_test(data, asked(test=0.2), seed=0)


@pytest.mark.parametrize("settings", [{"test": 29}, {"test": 5000}, {"test": 0.99}])
def test_a_test_part_that_leaves_too_few_is_refused(settings):
    with pytest.raises(DataError, match=r"data\.test: small has no test part, and keeping .* leaves too few for train"):
        set_aside_test(untested(amounts(30)), asked(**settings), seed=0)
    groups = np.repeat(np.arange(2, dtype=np.int32), 15)
    with pytest.raises(DataError, match="keeping whole groups of small for testing leaves none for training"):
        set_aside_test(untested(amounts(30, group_of=groups)), asked(test=16), seed=0)
