"""`compare_scales`: another scale in the test set is found, and luck in drawing it is none."""

import numpy as np
import pytest
from small_sets import dataset, images, normal

from ablate.data.scales import compare_scales


def compare(train, test):
    data = dataset(train, test)
    return compare_scales(data.x_train, data.x_test)


IMAGES, TEST_IMAGES = images(200).astype(np.float64), images(60, seed=1).astype(np.float64)

IMAGE_FAULTS = {
    "bytes and 0 … 1": (IMAGES, TEST_IMAGES / 255),
    "0 … 1 and bytes": (IMAGES / 255, TEST_IMAGES),
    "standardized and raw": ((IMAGES - IMAGES.mean()) / IMAGES.std(), TEST_IMAGES),
    "raw and standardized": (IMAGES, (TEST_IMAGES - IMAGES.mean()) / IMAGES.std()),
    "0 … 1 and -1 … 1": (IMAGES / 255, TEST_IMAGES / 127.5 - 1),
    "centred and raw": (IMAGES - IMAGES.mean(axis=0), TEST_IMAGES),
    "bytes and bytes divided": (IMAGES.astype(np.uint8), (TEST_IMAGES / 255).astype(np.uint8)),
}


@pytest.mark.parametrize("kind", IMAGE_FAULTS)
@pytest.mark.parametrize("is_flat", [False, True])
def test_images_of_two_scales_are_found(kind, is_flat):
    train, test = (part.reshape(len(part), -1) if is_flat else part for part in IMAGE_FAULTS[kind])
    scales = compare(train, test)
    assert scales.differ
    assert len(scales.features) > (32 if is_flat else 0)


@pytest.mark.parametrize("factor", [0.01, 1000])
def test_one_feature_in_another_unit_is_found_by_its_number(factor):
    test = normal(60, 5, seed=1)
    test[:, 3] *= factor
    scales = compare(normal(200, 5), test)
    assert (scales.differ, scales.features) == (False, (3,))


def test_of_very_many_features_some_are_looked_at_and_named_by_their_own_number():
    test = normal(60, 2048, seed=1)
    test[:, 1000] *= 1000  # every second one is looked at
    scales = compare(normal(100, 2048), test)
    assert (scales.differ, scales.features, scales.looked_at) == (False, (1000,), 1024)


def test_a_feature_beyond_all_training_values_is_found_whatever_its_spread():
    train, test = normal(200, 5), normal(60, 5, seed=1)
    train[:, 1] = np.arange(200)  # a running number
    test[:, 1] = np.arange(200, 260)
    assert compare(train, test).features == (1,)


def test_a_feature_that_is_constant_only_in_training_is_found():
    train, test = normal(200, 5), normal(60, 5, seed=1)
    train[:, 2] = 0.0
    test[:, 2] = 5 + test[:, 2] ** 2
    assert compare(train, test).features == (2,)


DRAWN = {
    "normal": lambda rng, n, d: rng.normal(size=(n, d)),
    "log-normal": lambda rng, n, d: np.exp(rng.normal(size=(n, d))),
    "correlated": lambda rng, n, d: rng.normal(size=(n, 1)) + 0.3 * rng.normal(size=(n, d)),
    "one-hot": lambda rng, n, d: np.eye(d)[rng.integers(0, d, n)],
    "rare flags": lambda rng, n, d: (rng.random((n, d)) < 0.01).astype(float),
    "flags": lambda rng, n, d: (rng.random((n, d)) < 0.1).astype(float),
    "sparse counts": lambda rng, n, d: rng.poisson(0.1 * np.exp(rng.normal(size=(n, 1))), (n, d)).astype(float),
}


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize(("n_train", "n_test", "d"), [(100, 20, 1), (200, 50, 200), (1000, 400, 30)])
def test_luck_in_drawing_the_test_set_is_no_other_scale(kind, n_train, n_test, d):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        scales = compare(DRAWN[kind](rng, n_train, d), DRAWN[kind](rng, n_test, d))
        assert scales is None or not scales.features


def test_too_few_examples_say_nothing():
    assert compare(normal(200, 5), 1000 * normal(19, 5)) is None
    assert compare(normal(19, 5), 1000 * normal(200, 5)) is None


def test_features_that_are_nearly_always_0_say_nothing():
    rare = np.random.default_rng(0).random((100, 50)) < 0.01
    assert compare(rare, rare[:30]) is None
