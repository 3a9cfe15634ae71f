"""`split_dataset`: sizes, strata, seeds, scaling and fingerprints."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ablate.data import Dataset, scale_inputs, split_dataset, to_dataset, to_source
from ablate.data.split import draw_by_class
from ablate.errors import DataError
from ablate.study.settings import Data


def dataset(x, y) -> Dataset:
    x, y = np.asarray(x), np.asarray(y)
    arrays = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    return to_dataset("small", to_source(arrays, origin="small.npz"))


def labelled(counts) -> Dataset:
    labels = np.repeat(np.arange(len(counts)), counts)
    return dataset(np.arange(len(labels))[:, None] % 251, labels)


def asked(**settings) -> Data:
    """The settings as they are, numbers out of their range too."""
    return Data(name="small.npz").model_copy(update=settings)


def split(data, n_train=None, n_validation=2, scaling="none", seed=0, replicate=1, **settings):
    wanted = asked(train=n_train, validation=n_validation, **settings)
    return split_dataset(data, wanted, seed=seed, replicate=replicate, scaling=scaling)


def split_unless_a_class_is_lost(data, n_train, n_validation, seed):
    try:
        return split(data, n_train, n_validation, seed=seed)
    except DataError as err:
        if "there is no training example of class" not in str(err):
            raise
        return None


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(1, 40), min_size=2, max_size=6),
    validation_share=st.floats(0.01, 0.9),
    train_share=st.one_of(st.none(), st.floats(0.01, 1.0)),
    seed=st.integers(0, 2**32),
)
def test_a_split_is_disjoint_exact_and_the_same_for_the_same_seed(counts, validation_share, train_share, seed):
    data = labelled(counts)
    n_validation = max(1, round(validation_share * len(data.y_train)))
    rest = len(data.y_train) - n_validation
    n_train = None if train_share is None else round(train_share * rest)
    assume(rest >= len(counts) and (n_train is None or n_train >= len(counts)))
    made = split_unless_a_class_is_lost(data, n_train, n_validation, seed=seed)
    assert made is not None or n_train is not None
    assume(made is not None)
    again = split(data, n_train, n_validation, seed=seed)
    assert len(made.validation) == n_validation
    assert len(made.train) == (rest if n_train is None else n_train)
    assert made.train.dtype == made.validation.dtype == np.int32
    together = np.concatenate([made.train, made.validation])
    assert len(np.unique(together)) == len(together)
    assert (np.diff(made.train) > 0).all()
    assert (np.diff(made.validation) > 0).all()
    assert np.array_equal(made.train, again.train)
    assert made.fingerprint == again.fingerprint
    assert np.bincount(data.y_train[made.train], minlength=len(counts)).min() >= 1


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(2, 40), min_size=2, max_size=6),
    share=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**32),
)
def test_every_class_is_drawn_within_one_of_its_share(counts, share, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    n = round(share * len(labels))
    drawn = draw_by_class(labels, n, rng=np.random.default_rng(seed))
    shares = np.bincount(labels[drawn], minlength=len(counts))
    assert shares.sum() == n
    assert (np.abs(shares - n * np.array(counts) / len(labels)) < 1).all()


def test_largest_remainders_decide():
    labels = np.repeat([0, 1, 2], [5, 3, 2])  # of 4: 2.0, 1.2 and 0.8
    drawn = draw_by_class(labels, 4, rng=np.random.default_rng(0))
    assert np.bincount(labels[drawn]).tolist() == [2, 1, 1]


def test_the_last_example_of_a_class_stays_for_training():
    data = labelled([1, 9])
    for seed in range(20):
        assert 0 in split(data, n_validation=8, seed=seed).train


@pytest.mark.parametrize("n_train", [16, 17, 4000])
def test_more_training_examples_than_there_are_means_all_the_rest(n_train):
    data = labelled([10, 10])
    assert np.array_equal(split(data, n_train, n_validation=4).train, split(data, n_validation=4).train)


def test_another_seed_draws_other_examples():
    data = labelled([50, 50])
    assert not np.array_equal(split(data, seed=1).validation, split(data, seed=2).validation)


def test_training_takes_all_the_rest_unless_told_how_many():
    assert len(split(labelled([10, 10]), n_validation=4).train) == 16
    assert len(split(labelled([10, 10]), n_train=6, n_validation=4).train) == 6


@pytest.mark.parametrize(
    ("n_train", "n_validation", "words"),
    [
        (
            9,
            9,
            "small: needs at least 2 training examples .one per class. and 9 for validation, but there are only 10",
        ),
        (
            None,
            5000,
            "and 5,000 for validation, but there are only 10 examples\n  lower data.validation, to about 1",
        ),
        (1, 2, "at least 1 example for validation and 2 for training .one per class., got .*data.train=1"),
        (5, 0, "at least 1 example for validation .*data.validation=0"),
        (5, -3, "data.validation=-3"),
    ],
)
def test_too_many_and_too_few_are_errors_with_the_numbers(n_train, n_validation, words):
    with pytest.raises(DataError, match=words):
        split(labelled([5, 5]), n_train, n_validation)


def test_a_class_that_a_small_training_split_would_lose_is_named():
    with pytest.raises(
        DataError, match=r"with data\.train=3 there is no training example of class 1; raise data\.train"
    ):
        split(labelled([1000, 1, 1000]), n_train=3)


def test_an_unknown_scaling_names_the_known_ones():
    with pytest.raises(
        DataError, match=r'unknown scaling "unti"\n  known: none, standardize, standardize_channels, unit .*"unit"'
    ):
        split(labelled([5, 5]), scaling="unti")


def test_without_scaling_inputs_are_only_cast():
    data = dataset(np.arange(48).reshape(4, 2, 2, 3), [0, 1, 0, 1])
    made = split(data, scaling="none", n_validation=1)
    scaled = scale_inputs(data.x_train, made)
    assert scaled.dtype == np.float32
    assert np.array_equal(scaled, data.x_train)
    assert made.shift.shape == made.scale.shape == (2, 2, 3)


def test_bytes_are_divided_by_255_whatever_the_split_holds():
    data = dataset(np.full((4, 2, 2, 1), 204) - np.arange(4)[:, None, None, None], [0, 1, 0, 1])
    made = split(data, scaling="unit", n_validation=1)
    assert np.allclose(scale_inputs(data.x_train[:1], made), 0.8)


def test_small_bytes_are_scaled_by_what_the_training_split_holds():
    data = dataset(np.arange(17)[:, None, None, None] + np.zeros((1, 2, 2, 1)), [0, 1] * 8 + [0])
    made = split(dataset(data.x_train.astype(np.uint8), data.y_train), scaling="unit", n_validation=1)
    low, high = made.train.min(), made.train.max()
    assert np.allclose(made.shift, low)
    assert np.allclose(made.scale, 1 / (high - low))


def test_unit_scaling_of_floats_is_by_feature_when_flat_and_of_all_pixels_in_images():
    x = np.array([[0.0, 10.0], [1.0, 30.0], [2.0, 20.0], [4.0, 50.0]])
    rows = split(dataset(x, [0, 1, 0, 1]), n_validation=1).train
    flat = split(dataset(x, [0, 1, 0, 1]), scaling="unit", n_validation=1)
    images = split(dataset(x.reshape(4, 1, 2, 1), [0, 1, 0, 1]), scaling="unit", n_validation=1)
    assert np.allclose(flat.shift, x[rows].min(axis=0))
    assert np.allclose(flat.scale, 1 / np.ptp(x[rows], axis=0))
    assert np.allclose(images.shift, x[rows].min())
    assert np.allclose(images.scale, 1 / np.ptp(x[rows]))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_standardizing_gives_mean_0_and_sd_1_in_the_training_split_alone(dtype):
    rng = np.random.default_rng(0)
    data = dataset(rng.integers(0, 256, (300, 3, 3, 2)).astype(dtype), np.arange(300) % 3)
    made = split(data, scaling="standardize", n_validation=100)
    scaled = scale_inputs(data.x_train, made).astype(np.float64)
    assert np.allclose(scaled[made.train].mean(axis=0), 0, atol=1e-5)
    assert np.allclose(scaled[made.train].std(axis=0), 1, atol=1e-5)
    assert not np.allclose(scaled[made.validation].mean(axis=0), 0, atol=1e-3)


def test_standardizing_channels_gives_each_mean_0_and_sd_1_over_all_its_pixels():
    rng = np.random.default_rng(0)
    x = rng.normal([0.0, 100.0], [1.0, 5.0], (300, 4, 3, 2)) * np.arange(1, 13).reshape(4, 3, 1)
    made = split(dataset(x, np.arange(300) % 3), scaling="standardize_channels", n_validation=100)
    scaled = scale_inputs(x.astype(np.float32), made)[made.train].astype(np.float64)
    assert np.allclose(scaled.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    assert np.allclose(scaled.std(axis=(0, 1, 2)), 1, atol=1e-4)
    assert not np.allclose(scaled.std(axis=0), 1, atol=0.1)
    assert np.ptp(made.shift, axis=(0, 1)).max() == 0


def test_validation_examples_do_not_touch_the_scaling():
    rng = np.random.default_rng(0)
    data = dataset(rng.normal(size=(30, 4)), np.arange(30) % 2)
    made = split(data, scaling="standardize", n_validation=10)
    other = data.x_train.copy()
    other[made.validation] += 1000
    again = split(replace(data, x_train=other), scaling="standardize", n_validation=10)
    assert np.array_equal(made.shift, again.shift)
    assert np.array_equal(made.scale, again.scale)


def test_many_chunks_give_the_moments_of_the_whole():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(500, 32, 32, 3)) * 3 + 1e4).astype(np.float32)
    data = dataset(x, np.arange(500) % 2)
    made = split(data, scaling="standardize", n_validation=50)
    exact = x[made.train].astype(np.float64)
    assert np.allclose(made.shift, exact.mean(axis=0), rtol=1e-6)
    assert np.allclose(made.scale, 1 / exact.std(axis=0), rtol=1e-6)


@pytest.mark.parametrize("scaling", ["unit", "standardize"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_a_constant_feature_is_shifted_to_0_and_not_scaled(scaling, value):
    x = np.stack([np.full(20, value), np.arange(20)], axis=1)
    made = split(dataset(x, np.arange(20) % 2), scaling=scaling)
    assert made.scale[0] == 1
    assert np.array_equal(scale_inputs(x.astype(np.float32), made)[:, 0], np.zeros(20))


def test_a_spread_too_small_for_float32_stays_finite():
    x = np.stack([np.arange(20) * 1e-40, np.arange(20)], axis=1)
    assert np.isfinite(split(dataset(x, np.arange(20) % 2), scaling="standardize").scale).all()


def test_fingerprints_tell_pixels_labels_sizes_and_seeds_apart():
    data = labelled([20, 20])
    pixel = data.x_train.copy()
    pixel[3] = 200
    made = [
        split(data),
        split(data, seed=1),
        split(data, n_validation=3),
        split(data, n_train=30),
        split(dataset(pixel, data.y_train)),
        split(dataset(data.x_train, data.y_train[::-1])),
    ]
    assert len({one.fingerprint for one in made}) == len(made)
    assert split(data, scaling="unit").fingerprint == made[0].fingerprint
