"""Splits by share, by the source, by group, by time and by folds, for all kinds of targets."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from splits import amounts, asked, drawn, of_classes, of_kind

from ablate.data import split_settings, split_sizes
from ablate.errors import DataError
from ablate.study.task import Target


def groups_of(sizes):
    return np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)


def sizes_or_none(data, share):
    try:
        return split_sizes(data, asked(validation=share))
    except DataError as err:
        if "in whole groups would leave no group for training" not in str(err):
            raise
        return None


def on_both_sides(split, groups):
    return np.intersect1d(groups[split.train], groups[split.validation])


def test_a_share_is_of_the_training_examples_and_stratified():
    data = of_classes(np.repeat([0, 1], [60, 20]))
    split = drawn(data, validation=0.25)
    assert np.bincount(data.y_train[split.validation]).tolist() == [15, 5]
    assert len(split.train) == 60


def test_one_hot_rows_are_stratified_by_their_class():
    y = np.eye(3, dtype=np.float32)[np.repeat([0, 1, 2], [40, 20, 20])]
    split = drawn(of_kind(Target("one-hot", (3,), 3), y), validation=0.25)
    assert y[split.validation].sum(axis=0).tolist() == [10, 5, 5]


@pytest.mark.parametrize(
    ("target", "y"),
    [
        (Target("numbers"), np.linspace(0, 1, 50, dtype=np.float32)),
        (Target("numbers", (3,)), np.ones((50, 3), np.float32)),
        (Target("tags", (4,), 4), np.zeros((50, 4), np.float32)),
        (Target("classes", (2, 2), 3), np.zeros((50, 2, 2), np.int32)),
        (Target("none"), np.zeros((50, 0), np.float32)),
    ],
)
def test_other_targets_are_drawn_at_random(target, y):
    data = of_kind(target, y)
    first, second = drawn(data, validation=0.2, replicate=1), drawn(data, validation=0.2, replicate=2)
    assert (len(first.train), len(first.validation)) == (40, 10)
    assert not np.array_equal(first.validation, second.validation)
    assert len(np.union1d(first.train, first.validation)) == 50
    assert len(drawn(data, validation=10, train=7).train) == 7


def test_the_sources_own_validation_part_is_taken_as_it_is():
    data = of_classes(np.arange(30) % 2, n_given=6)
    for replicate in (0, 1, 5):
        split = drawn(data, replicate=replicate, validation="given")
        assert split.validation.tolist() == [24, 25, 26, 27, 28, 29]
        assert split.train.tolist() == list(range(24))


def test_the_sources_own_validation_part_is_never_drawn_from_otherwise():
    split = drawn(of_classes(np.arange(30) % 2, n_given=6), validation=4)
    assert max(split.train.max(), split.validation.max()) < 24
    assert len(split.train) == 20


def test_a_source_without_a_validation_part_cannot_give_one():
    with pytest.raises(DataError, match=r'data\.validation is "given", but the source has no .*\n.*validation = 0\.2'):
        drawn(of_classes(np.arange(30) % 2), validation="given")


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=3, max_size=25),
    share=st.floats(0.02, 0.6),
    replicate=st.integers(0, 50),
)
def test_no_group_is_on_both_sides_and_all_splits_have_the_sizes_told_before(sizes, share, replicate):
    groups = groups_of(sizes)
    data = amounts(len(groups), group_of=groups)
    told = sizes_or_none(data, share)
    assume(told is not None)
    split = drawn(data, validation=share, replicate=replicate)
    assert not on_both_sides(split, groups).size
    assert (len(split.train), len(split.validation)) == (told.n_train, told.n_validation)
    assert told.n_validation == max(1, round(share * len(groups)))


def test_equal_groups_cost_no_examples():
    data = amounts(50, group_of=groups_of([10] * 5))
    assert split_sizes(data, asked(validation=10)).n_train == 40
    assert split_sizes(data, asked(validation=15)).n_train == 30  # of the second group, 5 are left out


def test_a_group_larger_than_the_validation_part_stays_in_training():
    groups = groups_of([60, *[5] * 8])
    data = amounts(100, group_of=groups)
    for replicate in range(20):
        split = drawn(data, validation=10, replicate=replicate)
        assert np.count_nonzero(groups[split.train] == 0) == 60
        assert len(split.train) == 90


def test_groups_that_leave_nothing_for_training_are_refused():
    with pytest.raises(DataError, match=r"30 validation examples in whole groups .* 2 groups, .*99 examples\n  lower"):
        drawn(amounts(100, group_of=groups_of([99, 1])), validation=30)


def test_groups_are_drawn_again_until_every_class_is_trained_on():
    groups = groups_of([10] * 4)
    labels = np.array([0] * 20 + [1] * 20)  # half of the draws of two groups take both of a class
    for replicate in range(20):
        split = drawn(of_classes(labels, group_of=groups), validation=20, replicate=replicate)
        assert set(labels[split.train]) == {0, 1}


def test_classes_of_one_group_each_cannot_be_split_by_group():
    groups = groups_of([10] * 2)
    with pytest.raises(DataError, match="in 100 draws of groups, there was always a class without a training example"):
        drawn(of_classes(np.repeat([0, 1], 10), group_of=groups), validation=10)


def test_by_time_validation_is_the_latest_and_the_same_for_all_seeds():
    time = np.array([5, 1, 9, 3, 7, 2, 8, 4, 6, 0], float)
    for replicate in (0, 1, 2):
        split = drawn(amounts(10, time_of=time), validation=3, replicate=replicate)
        assert sorted(time[split.validation]) == [7, 8, 9]
        assert sorted(time[split.train]) == [0, 1, 2, 3, 4, 5, 6]
    assert sorted(time[drawn(amounts(10, time_of=time), validation=3, train=2).train]) == [5, 6]


def test_a_moment_is_not_cut_by_a_split_by_time():
    time = np.array([0, 0, 1, 1, 2, 2], float)
    split = drawn(amounts(6, time_of=time), validation=3)
    assert split.validation.tolist() == [3, 4, 5]
    assert split.train.tolist() == [0, 1]  # not 2, which is of the moment of 3
    with pytest.raises(DataError, match=r"no training example is earlier than the latest 5.*\n.*a finer time"):
        drawn(amounts(6, time_of=time), validation=5)


def test_by_time_groups_of_validation_are_not_trained_on():
    groups = np.array([0, 1, 2, 0, 3, 1], np.int32)
    split = drawn(amounts(6, time_of=np.arange(6.0), group_of=groups), validation=2)
    assert groups[split.validation].tolist() == [3, 1]
    assert split.train.tolist() == [0, 2, 3]


@pytest.mark.parametrize("k", [2, 3, 5])
def test_k_seeds_hold_out_every_fold_once(k):
    labels = np.repeat([0, 1], [33, 21])
    held = [drawn(of_classes(labels), replicate=r, validation="folds", folds=k).validation for r in range(1, k + 1)]
    together = np.concatenate(held)
    assert len(np.unique(together)) == len(together) == k * (54 // k)
    assert max(np.ptp([np.count_nonzero(labels[rows] == c) for rows in held]) for c in (0, 1)) <= 1
    further = [drawn(of_classes(labels), replicate=r, validation="folds", folds=k).validation for r in (0, k + 1)]
    assert not any(np.array_equal(rows, other) for rows in further for other in held)


def test_folds_leave_training_all_but_one_of_them():
    data = amounts(23)
    sizes = split_sizes(data, asked(validation="folds", folds=5))
    assert (sizes.n_train, sizes.n_validation) == (19, 4)
    for replicate in range(12):
        split = drawn(data, replicate=replicate, validation="folds", folds=5)
        assert len(np.union1d(split.train, split.validation)) == 23


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=4, max_size=30), st.integers(2, 4), st.integers(0, 9))
def test_folds_of_groups_have_the_sizes_told_before(sizes, k, replicate):
    groups = groups_of(sizes)
    data = amounts(len(groups), group_of=groups)
    told = split_sizes(data, asked(validation="folds", folds=k))
    split = drawn(data, replicate=replicate, validation="folds", folds=k)
    assert (len(split.train), len(split.validation)) == (told.n_train, told.n_validation)
    assert not on_both_sides(split, groups).size


def test_more_folds_than_groups_are_refused():
    data = amounts(30, group_of=groups_of([10] * 3))
    with pytest.raises(
        DataError, match=r"data\.folds is 4, but there are only 3 groups\n  lower data\.folds, to at mos"
    ):
        drawn(data, validation="folds", folds=4)


def test_what_decides_a_split_is_in_its_fingerprint_and_nothing_is_for_splits_at_random():
    groups = groups_of([6] * 5)
    plain = of_classes(np.arange(30) % 2)
    assert split_settings(plain, asked(validation=0.2, train=10, test=0.5)) == ""
    texts = {
        split_settings(plain, asked(validation="folds", folds=5)),
        split_settings(plain, asked(validation="folds", folds=6)),
        split_settings(of_classes(np.arange(30) % 2, group_of=groups), asked()),
        split_settings(of_classes(np.arange(30) % 2, group_of=groups[::-1].copy()), asked()),
        split_settings(of_classes(np.arange(30) % 2, time_of=np.arange(30.0)), asked()),
        split_settings(of_classes(np.arange(30) % 2, weights_train=np.ones(30, np.float32)), asked()),
        split_settings(plain, asked(weights="balanced")),
        split_settings(plain, asked(target_scaling="standardize")),
        split_settings(of_classes(np.arange(30) % 2, n_given=3), asked(validation="given")),
    }
    assert len(texts) == 9
    assert "" not in texts


def test_a_present_split_is_the_same_to_the_bit():
    labels = np.repeat(np.arange(3), [30, 20, 7])
    data = of_classes(labels)
    split = drawn(data, validation=12, seed=5)
    rng = np.random.default_rng(np.random.SeedSequence(5, spawn_key=(1, 0, 0)))
    for label, share in ((0, 6), (1, 4), (2, 2)):  # 12 shared out as 6.3, 4.2 and 1.5: the largest remainder takes one
        members = rng.permutation(np.flatnonzero(labels == label))[:share]
        assert np.isin(members, split.validation).all()
