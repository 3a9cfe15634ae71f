"""`to_dataset`: the rules that four arrays have to keep, and the form they are brought into."""

import numpy as np
import pytest

from ablate.data.dataset import to_dataset
from ablate.errors import DataError

X_TRAIN = np.arange(6 * 2 * 2 * 3, dtype=np.uint8).reshape(6, 2, 2, 3)
Y_TRAIN = np.array([0, 1, 2, 0, 1, 2])


def dataset(**changed):
    arrays = {"x_train": X_TRAIN, "y_train": Y_TRAIN, "x_test": X_TRAIN[:2], "y_test": Y_TRAIN[:2]}
    return to_dataset("small", arrays | changed, source="small.npz", stand_in=False)


def test_good_arrays_keep_their_values():
    data = dataset()
    assert data.x_train.dtype == np.uint8
    assert data.y_train.dtype == data.y_test.dtype == np.int32
    assert data.n_classes == 3
    assert data.x_train.shape[1:] == (2, 2, 3)
    assert np.array_equal(data.x_train, X_TRAIN)
    assert (data.name, data.source, data.stand_in) == ("small", "small.npz", False)


def test_grey_images_get_a_channel_axis_and_flat_features_do_not():
    grey = dataset(x_train=X_TRAIN[..., 0], x_test=X_TRAIN[:2, ..., 0])
    flat = dataset(x_train=X_TRAIN.reshape(6, 12), x_test=X_TRAIN[:2].reshape(2, 12))
    assert grey.x_train.shape == (6, 2, 2, 1)
    assert flat.x_train.shape == (6, 12)


def test_labels_in_a_column_are_squeezed_and_change_no_digest():
    column = dataset(y_train=Y_TRAIN[:, None].astype(np.uint8), y_test=Y_TRAIN[:2, None])
    assert column.y_train.shape == (6,)
    assert column.digest == dataset().digest


def test_arrays_in_another_memory_order_are_the_same_data():
    assert dataset(x_train=np.asfortranarray(X_TRAIN)).digest == dataset().digest
    assert dataset(x_train=np.asfortranarray(X_TRAIN)).x_train.flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.int8])
def test_whole_numbers_up_to_255_become_bytes(dtype):
    data = dataset(x_train=X_TRAIN.astype(dtype), x_test=X_TRAIN[:2].astype(dtype))
    assert data.x_train.dtype == np.uint8
    assert data.digest == dataset().digest


def test_truth_values_become_bytes():
    assert dataset(x_train=X_TRAIN > 3).x_train.dtype == np.uint8


@pytest.mark.parametrize("odd", [-1, 256])
def test_other_whole_numbers_become_float32_in_both_parts(odd):
    data = dataset(x_train=np.where(X_TRAIN == 5, odd, X_TRAIN.astype(int)))
    assert data.x_train.dtype == data.x_test.dtype == np.float32
    assert data.x_train.reshape(-1)[5] == odd


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_become_float32(dtype):
    data = dataset(x_train=X_TRAIN.astype(dtype) / 4, x_test=X_TRAIN[:2].astype(dtype))
    assert data.x_train.dtype == data.x_test.dtype == np.float32
    assert np.array_equal(data.x_train, X_TRAIN / 4)


def changed_at(array, index, value):
    array = array.copy()
    array[index] = value
    return array


def test_one_pixel_and_one_label_change_the_digest():
    digests = {
        dataset().digest,
        dataset(x_train=changed_at(X_TRAIN, (0, 0, 0, 0), 9)).digest,
        dataset(x_test=changed_at(X_TRAIN[:2], (0, 0, 0, 0), 9)).digest,
        dataset(y_train=np.array([1, 0, 2, 0, 1, 2])).digest,
        dataset(y_test=np.array([1, 1])).digest,
        dataset(x_train=X_TRAIN.astype(np.float32)).digest,
        dataset(x_train=X_TRAIN.reshape(6, 12), x_test=X_TRAIN[:2].reshape(2, 12)).digest,
    }
    assert len(digests) == 7
    assert all(len(digest) == 64 for digest in digests)


FLOATS = X_TRAIN.astype(np.float64)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"x_train": X_TRAIN[:5]}, "x_train and y_train must have the same length, got 5 and 6"),
        ({"y_test": Y_TRAIN}, "x_test and y_test must have the same length, got 2 and 6"),
        ({"x_test": X_TRAIN[:2, :1]}, r"must have equal shapes, got \(2, 2, 3\) and \(1, 2, 3\)"),
        ({"x_train": np.arange(6)}, r"x_train must be \(n, features\), .*got shape \(6,\)"),
        ({"x_train": np.zeros((6, 1, 2, 2, 3))}, r"x_train must be .*got shape \(6, 1, 2, 2, 3\)"),
        ({"x_test": X_TRAIN[:0], "y_test": Y_TRAIN[:0]}, r"x_test must be .* without a 0, got shape \(0, 2, 2, 3\)"),
        ({"x_train": np.array(5)}, r"x_train must be .*got shape \(\)"),
        ({"x_train": X_TRAIN.astype(str)}, r"x_train must hold numbers .*got <U"),
        ({"x_train": X_TRAIN.astype(complex)}, "x_train must hold numbers .*got complex128"),
        ({"x_test": X_TRAIN[:2].astype(int) * 10**7}, r"x_test holds integers 0 to 230000000, but .*loses digits"),
        (
            {"x_train": changed_at(FLOATS, (4, 0, 0, 0), np.nan)},
            "x_train must be finite in float32; 1 of 6 .* number 4",
        ),
        ({"x_test": changed_at(FLOATS[:2], (1, 0, 0, 0), -np.inf)}, "x_test must be finite .*; 1 of 2 .* number 1"),
        ({"x_train": FLOATS * 1e38}, "x_train must be finite in float32; .*larger numbers"),
        ({"y_train": Y_TRAIN.astype(float)}, "y_train must have an integer type, got float64\n  save the labels"),
        ({"y_train": Y_TRAIN.astype(str)}, "y_train must have an integer type, got <U"),
        (
            {"y_train": np.eye(3, dtype=int)[Y_TRAIN]},
            r"y_train must be one whole number .*\(6, 3\): these are one-hot labels",
        ),
        ({"y_test": np.array([0, -1])}, "y_test must count the classes from 0, got -1"),
        ({"y_test": np.array([0, 2**40])}, "y_test must count the classes from 0 .*got 1099511627776"),
        ({"y_train": np.array([0, 1, 3, 0, 1, 3])}, "every class from 0 to 3, but class 2 is missing"),
        ({"y_train": Y_TRAIN + 1}, "every class from 0 to 3, but class 0 is missing"),
        ({"y_test": np.array([0, 3])}, "y_test has class 3, y_train only 0 to 2"),
        ({"y_train": Y_TRAIN * 0}, "y_train must have at least 2 classes, got only class 0"),
    ],
)
def test_a_broken_rule_is_an_error_that_names_source_array_and_rule(changed, rule):
    with pytest.raises(DataError, match=r"(?s)^small\.npz: .*" + rule):
        dataset(**changed)
