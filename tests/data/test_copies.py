"""`find_copies`: equal examples are counted exactly, and copies are told from inputs of which few are possible."""

import numpy as np
import pytest
from small_sets import dataset, images, normal

from ablate.data.copies import find_copies, is_chance, row_keys


def test_nothing_is_found_among_different_examples():
    copies = find_copies(dataset(images(40), images(20, seed=1)))
    assert (copies.tested, copies.relabelled, copies.trained, copies.contradictory, copies.distinct) == (0,) * 5
    assert not copies.is_chance


def test_test_examples_that_are_training_examples_are_counted_with_those_of_another_label():
    train, test = images(40), images(20, seed=1)
    test[:5] = train[:5]  # labels 0, 1, 0, 1, 0 in both
    y_test = np.arange(20) % 2
    y_test[:2] = 1  # the first is labelled otherwise in training
    copies = find_copies(dataset(train, test, y_test=y_test))
    assert (copies.tested, copies.relabelled, copies.trained) == (5, 1, 0)
    assert not copies.is_chance


def test_an_equal_example_with_the_same_label_speaks_for_it_although_another_has_another_one():
    train, test = images(40), images(20, seed=1)
    train[1] = train[0]
    test[:2] = train[0]  # tested as 0 and 1, trained as 0 and 1
    copies = find_copies(dataset(train, test))
    assert (copies.tested, copies.relabelled) == (2, 0)


def test_training_examples_that_repeat_are_counted_with_their_contradictions():
    train = images(40)
    train[10] = train[12] = train[0]  # all three of label 0
    train[3] = train[4]  # labels 1 and 0
    copies = find_copies(dataset(train, images(20, seed=1)))
    assert (copies.trained, copies.contradictory, copies.distinct) == (5, 2, 2)


def test_floats_are_compared_as_float32_and_0_equals_minus_0():
    train = normal(30, 6)
    train[0, 0] = 0.0
    test = normal(20, 6, seed=1)
    test[:3] = train[:3] * (1 + 1e-12)
    test[0, 0] = -0.0
    assert find_copies(dataset(train, test)).tested == 3


def test_whole_numbers_and_floats_of_two_files_meet():
    train = images(30).astype(np.float64)
    test = images(30)[:10].astype(np.int64)
    assert find_copies(dataset(train, test)).tested == 10


def test_blank_images_are_counted_apart():
    train, test = images(40), images(20, seed=1)
    train[:4] = 7
    test[:3] = 7
    copies = find_copies(dataset(train, test))
    assert (copies.tested, copies.trained, copies.blank_tested, copies.blank_trained) == (0, 0, 3, 4)


@pytest.mark.parametrize("width", [1, 3, 7, 8, 9, 33])
def test_keys_are_equal_where_rows_are_and_only_there(width):
    x = np.random.default_rng(width).integers(0, 3, (2000, width)).astype(np.uint8)
    keys = row_keys(x)
    assert len(np.unique(keys)) == len(np.unique(x, axis=0))
    assert np.array_equal(keys[:50], row_keys(x[:50].copy()))


def test_keys_tell_rows_apart_that_differ_in_one_high_bit():
    x = np.zeros((64 * 31, 64), np.float32)
    for k in range(64):
        x.view(np.uint32)[31 * k : 31 * (k + 1), k] = 1 << np.arange(31)
    assert len(np.unique(row_keys(x[np.isfinite(x).all(axis=1)]))) == np.isfinite(x).all(axis=1).sum()


RNG = np.random.default_rng(0)
POOR = {
    "three flags": lambda n: RNG.random((n, 3)) < 0.5,
    "one category of ten": lambda n: np.eye(10)[RNG.integers(0, 10, n)],
    "three categories of six": lambda n: np.concatenate([np.eye(6)[RNG.integers(0, 6, n)] for _ in range(3)], axis=1),
    "rare words": lambda n: RNG.random((n, 500)) < 0.004,
    "answers that agree": lambda n: np.round(3 + RNG.normal(size=(n, 1)) + 0.5 * RNG.normal(size=(n, 12))),
}  # fmt: skip


@pytest.mark.parametrize("kind", POOR)
def test_where_few_inputs_are_possible_equal_ones_are_chance(kind):
    made = POOR[kind](1000).astype(np.float32)
    copies = find_copies(dataset(made[:800], made[800:]))
    assert copies.trained > 10
    assert copies.is_chance


RICH = {
    "images": lambda n: RNG.integers(0, 256, (n, 8, 8, 1)),
    "images with a border": lambda n: np.pad(RNG.integers(0, 256, (n, 4, 4, 1)), ((0, 0), (9, 9), (9, 9), (0, 0))),
    "four real features": lambda n: RNG.normal(size=(n, 4)),
    "real features and flags": lambda n: np.concatenate([RNG.normal(size=(n, 3)), RNG.random((n, 20)) < 0.1], axis=1),
}  # fmt: skip


@pytest.mark.parametrize("kind", RICH)
def test_where_many_inputs_are_possible_equal_ones_are_copies(kind):
    repeated = np.repeat(RICH[kind](200), 4, axis=0)[RNG.permutation(800)]
    copies = find_copies(dataset(repeated[:600], repeated[600:]))
    assert copies.tested > 150
    assert not copies.is_chance


def test_without_equal_examples_there_is_no_chance_to_speak_of():
    assert not is_chance(images(0), images(10))
