"""`check_parts` and `to_inputs`: what is swapped, turned, empty or no number is named with the way out."""

import numpy as np
import pytest

from ablate.data import to_dataset, to_source
from ablate.errors import DataError

RNG = np.random.default_rng(0)
X, X_TEST, Y, Y_TEST = RNG.normal(size=(60, 8)), RNG.normal(size=(20, 8)), np.arange(60) % 3, np.arange(20) % 3
IMAGES, TEST_IMAGES = RNG.integers(0, 256, (60, 16, 16, 3)), RNG.integers(0, 256, (20, 16, 16, 3))
GOOD = {"x_train": X, "y_train": Y, "x_test": X_TEST, "y_test": Y_TEST}


def refused(**changed):
    with pytest.raises(DataError) as caught:
        to_dataset("own", to_source(GOOD | changed, origin="own.npz"))
    said = str(caught.value)
    assert said.startswith("own.npz: ")
    assert "\n  " in said
    return said


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 16, 16), (4, 32, 20), (3, 8, 8)])
def test_images_with_their_channels_first_are_turned(shape):
    said = refused(x_train=np.zeros((60, *shape)), x_test=np.zeros((20, *shape)))
    channels, height, width = shape
    assert f"x_train has shape (60, {channels}, {height}, {width}), which would be images of {channels} × " in said
    assert f"\n  save numpy.moveaxis(x_train, 1, -1), of shape (60, {height}, {width}, {channels}); and" in said


def test_the_part_that_is_turned_is_the_one_named():
    assert "x_test has shape (20, 3, 16, 16)" in refused(x_train=IMAGES, x_test=np.moveaxis(TEST_IMAGES, -1, 1))


@pytest.mark.parametrize("shape", [(16, 16, 3), (4, 4, 4), (3, 3, 64), (1, 128, 9), (3, 4, 4), (1, 28, 1)])
def test_other_shapes_are_taken_as_they_are(shape):
    arrays = GOOD | {"x_train": RNG.random((60, *shape)), "x_test": RNG.random((20, *shape))}
    assert to_dataset("own", to_source(arrays, origin="own.npz")).x_train.shape[1:] == shape


def test_inputs_and_labels_that_are_swapped_are_named():
    said = refused(x_train=Y, y_train=X, x_test=Y_TEST, y_test=X_TEST)
    assert "inputs and labels are swapped: x_train has shape (60,), y_train (60, 8)" in said


@pytest.mark.parametrize(("x", "x_test"), [(X, X_TEST), (IMAGES, TEST_IMAGES)])
def test_the_order_of_train_test_split_is_named(x, x_test):
    said = refused(x_train=x, y_train=x_test, x_test=Y, y_test=Y_TEST)
    assert "x_test and y_train are swapped: x_test has shape (60,)" in said
    assert said.endswith("\n  train_test_split returns x_train, x_test, y_train, y_test, in this order")


def test_labels_of_the_other_part_are_named():
    said = refused(y_train=Y_TEST, y_test=Y)
    assert "y_train and y_test are swapped: x_train has 60 examples, y_train 20 labels, y_test 60" in said


def test_one_number_an_example_with_one_hot_labels_is_not_called_swapped():
    one = GOOD | {"x_train": X[:, 0], "x_test": X_TEST[:, 0], "y_train": np.eye(3)[Y], "y_test": np.eye(3)[Y_TEST]}
    assert to_dataset("own", to_source(one, origin="own.npz")).x_train.shape == (60,)


@pytest.mark.parametrize("y", [Y[:50], np.array(3)])
def test_labels_that_are_missing_are_counted(y):
    n = 50 if y.ndim else 1
    assert f"x_train and y_train must have the same length, got 60 and {n}\n  give each example its label" in refused(
        y_train=y
    )


@pytest.mark.parametrize(
    ("x", "x_test", "said"),
    [
        (X, X_TEST[:, :7], "got (8,) and (7,)\n  encode both with the columns of the training set"),
        (IMAGES, TEST_IMAGES.reshape(20, -1), "and (768,)\n  give both the same axes: x_test.reshape(-1, 16, 16, 3)"),
        (IMAGES[..., 0], TEST_IMAGES[..., :1], "got (16, 16) and (16, 16, 1)\n  give both the same axes"),
        (IMAGES, TEST_IMAGES[:, :8], "got (16, 16, 3) and (8, 16, 3)\n  resize or crop both to the same size"),
    ],
)  # fmt: skip
def test_shapes_that_differ_are_made_alike(x, x_test, said):
    assert said in refused(x_train=x, x_test=x_test)


def test_an_empty_test_set_is_named():
    said = refused(x_test=X_TEST[:0], y_test=Y_TEST[:0])
    assert "x_test must be (n, …) without a 0, got shape (0, 8)" in said
    assert said.endswith("it has no examples\n  set some examples aside for testing, e.g. a fifth")


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.array(["a sentence"] * 60), "got <U10\n  encode words and texts as numbers first"),
        (np.array([["red", "1"]] * 60), "got <U3\n  encode words and texts as numbers first"),
        (X.astype(str), "got <U32\n  these are numbers as text: save them with .astype(numpy.float32)"),
        (np.full((60, 8), np.datetime64("2020-01-01")), "got datetime64[D]\n  save times as numbers"),
        (X.astype(complex), "got complex128\n  save real and imaginary parts"),
        (np.zeros(60, [("age", float), ("size", int)]), "[x[column] for column in ('age', 'size')]"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_numbers_and_no_image_is_named(x, said):
    assert said in refused(x_train=x)


@pytest.mark.parametrize(
    ("value", "said"),
    [(np.nan, "1 NaN"), (-np.inf, "1 infinite value"), (1e200, "larger numbers")],
)  # fmt: skip
def test_numbers_that_are_missing_or_too_large_are_named_apart(value, said):
    x = X.copy()
    x[7, 3] = value
    hint = "remove these examples, or fill in"
    assert f"1 of 60 examples have {said}, the first is number 7 (from 0)\n  {hint}" in refused(x_train=x)


@pytest.mark.parametrize(("dtype", "kept"), [(np.uint16, np.int32), (np.float64, np.float32)])
def test_images_of_16_bits_stay_whole_numbers_and_whole_numbers_as_floats_are_float32(dtype, kept):
    x, x_test = IMAGES.astype(dtype) * 257, TEST_IMAGES.astype(dtype) * 257
    data = to_dataset("own", to_source(GOOD | {"x_train": x, "x_test": x_test}, origin="own.npz"))
    assert data.x_train.dtype == kept
    assert np.array_equal(data.x_train, x)
