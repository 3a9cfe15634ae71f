"""`to_dataset`: the rules that the arrays of a source have to keep, and the form they are brought into."""

import numpy as np
import pytest

from ablate.data.dataset import to_dataset
from ablate.data.source import FeatureColumn, Source, to_source
from ablate.errors import DataError
from ablate.study.task import Target

X_TRAIN = np.arange(6 * 2 * 2 * 3, dtype=np.uint8).reshape(6, 2, 2, 3)
Y_TRAIN = np.array([0, 1, 2, 0, 1, 2])


def dataset(*, loss=None, **changed):
    arrays = {"x_train": X_TRAIN, "y_train": Y_TRAIN, "x_test": X_TRAIN[:2], "y_test": Y_TRAIN[:2]}
    return to_dataset("small", to_source(arrays | changed, origin="small.npz"), loss=loss)


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
def test_other_whole_numbers_stay_whole_numbers_in_both_parts(odd):
    data = dataset(x_train=np.where(X_TRAIN == 5, odd, X_TRAIN.astype(int)))
    assert data.x_train.dtype == data.x_test.dtype == np.int32
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
        ({"y_train": Y_TRAIN.astype(float)}, "y_train holds 3 different whole numbers of type float64"),
        ({"y_train": Y_TRAIN.astype(str)}, "y_train must hold numbers, got <U"),
        ({"y_train": np.eye(3)[Y_TRAIN]}, r"y_train and y_test must have equal shapes .*\(6, 3\) and \(2,\)"),
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


def test_digests_of_four_arrays_of_classes_stay_as_they_were():
    assert dataset().digest == "86832be61c59aaad90eb885aa9793359088666832eb77520980c8cae9f601581"
    floats = dataset(x_train=X_TRAIN / 4, x_test=X_TRAIN[:2] / 4)
    assert floats.digest == "111a9093205402f07565b9a9ed077491a8d8438daa0c5a96a72f850e88e05427"
    grey = dataset(x_train=X_TRAIN[..., 0], x_test=X_TRAIN[:2, ..., 0])
    assert grey.digest == "afdc056c45969e2d13a30d55aeafd893a033ff6e0d49492d3053697098099405"


NUMBERS = np.random.default_rng(0).normal(size=6)


def made(loss=None, **parts):
    return to_dataset("own", Source(**parts, origin="own.npz"), loss=loss)


def failed(loss=None, **parts):
    with pytest.raises(DataError) as caught:
        made(loss, **parts)
    assert "\n  " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("shape", [(), (3,), (8, 5), (4, 4, 3), (3, 4, 4, 2), (2, 3, 4, 4, 2)])
def test_inputs_may_have_any_number_of_axes(shape):
    x = np.random.default_rng(0).normal(size=(6, *shape))
    data = made(x_train=x, y_train=NUMBERS, x_test=x[:2], y_test=NUMBERS[:2])
    assert data.x_train.shape == (6, *shape)
    assert data.targets[""] == Target("numbers")
    assert (data.n_classes, data.y_train.dtype) == (0, np.float32)


def test_sequences_stay_as_they_are_where_the_target_is_a_number_and_pictures_get_their_channel():
    x = np.random.default_rng(0).normal(size=(6, 8, 5))
    masks = np.arange(6 * 8 * 5).reshape(6, 8, 5) % 3
    assert made(x_train=x, y_train=NUMBERS).x_train.shape == (6, 8, 5)
    assert made(x_train=x, y_train=Y_TRAIN).x_train.shape == (6, 8, 5, 1)
    assert made(x_train=x, y_train=masks).x_train.shape == (6, 8, 5, 1)
    assert made(x_train=(10 * abs(x)).astype(np.uint8), y_train=NUMBERS).x_train.shape == (6, 8, 5, 1)
    assert made(x_train={"steps": x}, y_train=Y_TRAIN).x_train["steps"].shape == (6, 8, 5)


def test_several_inputs_and_outputs_keep_their_names_types_and_order():
    x = {"words": np.arange(12).reshape(6, 2) * 100, "image": X_TRAIN, "age": NUMBERS}
    y = {"price": NUMBERS, "kind": Y_TRAIN}
    data = made(x_train=x, y_train=y, x_test={k: v[:2] for k, v in x.items()}, y_test={k: v[:2] for k, v in y.items()})
    assert {name: array.dtype.name for name, array in data.x_train.items()} == {
        "words": "int32", "image": "uint8", "age": "float32"
    }  # fmt: skip
    assert data.targets == {"price": Target("numbers"), "kind": Target("classes", n_classes=3)}
    assert data.x_test["age"].shape == (2,)
    renamed = made(x_train={"w": x["words"], "image": X_TRAIN, "age": NUMBERS}, y_train=y)
    assert len({data.digest, renamed.digest, made(x_train=x, y_train=y).digest}) == 3


def test_inputs_of_different_names_and_lengths_are_refused():
    x = {"a": X_TRAIN, "b": NUMBERS}
    other = {"a": X_TRAIN[:2], "c": NUMBERS[:2]}
    assert 'must have the same inputs, got "a" and "b" and "a" and "c"' in failed(
        x_train=x, y_train=Y_TRAIN, x_test=other, y_test=Y_TRAIN[:2]
    )
    assert 'the arrays of x_train must have the same length, got 6 in "a" and 5 in "b"' in failed(
        x_train={"a": X_TRAIN, "b": NUMBERS[:5]}, y_train=Y_TRAIN
    )
    assert 'x_train["b"] must be finite' in failed(x_train={"a": X_TRAIN, "b": NUMBERS * np.nan}, y_train=Y_TRAIN)
    assert "x_train must hold at least one array" in failed(x_train={}, y_train=Y_TRAIN)


def test_the_sources_own_validation_part_comes_last():
    data = made(x_train=X_TRAIN, y_train=Y_TRAIN, x_validation=X_TRAIN[:3], y_validation=Y_TRAIN[:3],
                x_test=X_TRAIN[:2], y_test=Y_TRAIN[:2], groups=np.array(list("aabbcc")),
                order=np.array(["2026-01-02"] * 6), weights=np.arange(6))  # fmt: skip
    assert (len(data.x_train), len(data.y_train), data.n_given, len(data.x_test)) == (9, 9, 3, 2)
    assert np.array_equal(data.x_train[-3:], X_TRAIN[:3])
    assert data.group_of.tolist() == [0, 0, 1, 1, 2, 2, 3, 4, 5]
    assert data.weights_train.tolist() == [0, 1, 2, 3, 4, 5, 1, 1, 1]
    assert data.time_of.dtype == np.float64
    assert "y_validation has class 3, y_train only 0 to 2" in failed(
        x_train=X_TRAIN, y_train=Y_TRAIN, x_validation=X_TRAIN[:2], y_validation=np.array([0, 3])
    )
    assert "has a validation part without y_validation" in failed(
        x_train=X_TRAIN, y_train=Y_TRAIN, x_validation=X_TRAIN
    )


def test_without_a_test_part_there_are_no_test_rows():
    data = made(x_train=X_TRAIN, y_train=Y_TRAIN)
    assert (data.x_test.shape, data.y_test.shape) == ((0, 2, 2, 3), (0,))


def test_without_targets_the_model_makes_its_own_loss():
    data = made(x_train=X_TRAIN, y_train=None, x_test=X_TRAIN[:2])
    assert data.targets == {"": Target("none")}
    assert (data.y_train.shape, data.y_test.shape) == ((6, 0), (2, 0))


def test_weights_groups_times_and_kinds_of_targets_are_in_the_digest():
    four = {"x_train": X_TRAIN, "y_train": Y_TRAIN}
    tags = np.eye(3)[Y_TRAIN]
    digests = {
        made(**four).digest,
        made(**four, weights=np.arange(6)).digest,
        made(**four, groups=np.arange(6) // 2).digest,
        made(**four, order=np.arange(6)).digest,
        made(**four, x_validation=X_TRAIN[:2], y_validation=Y_TRAIN[:2]).digest,
        made(x_train=X_TRAIN, y_train=tags).digest,
        made("binary_crossentropy", x_train=X_TRAIN, y_train=tags).digest,
    }
    assert len(digests) == 7


def test_a_table_may_miss_numbers_and_other_inputs_may_not():
    x = np.array([[1.0, np.nan], [2, 1], [np.nan, 0], [4, 1], [5, 0], [6, 1]])
    columns = (FeatureColumn("a", "number", "a"), FeatureColumn("b", "number", "b"))
    data = made(x_train=x, y_train=Y_TRAIN, columns=columns)
    assert np.array_equal(data.x_train, x.astype(np.float32), equal_nan=True)
    assert data.columns == columns
    assert "2 of 6 examples have 2 NaNs" in failed(x_train=x, y_train=Y_TRAIN)
    assert "1 infinite value" in failed(x_train=np.where(x == 4, np.inf, x), y_train=Y_TRAIN, columns=columns)


def test_names_belong_to_the_targets_and_must_be_as_many():
    assert made(x_train=X_TRAIN, y_train=Y_TRAIN, class_names=["a", "b", "c"]).targets[""].names == ("a", "b", "c")
    assert "names 2 classes, but y_train has 3" in failed(x_train=X_TRAIN, y_train=Y_TRAIN, class_names=["a", "b"])
    two = np.stack([NUMBERS, NUMBERS], axis=1)
    assert made(x_train=X_TRAIN, y_train=two, target_names=["p", "q"]).targets[""].names == ("p", "q")


def test_what_targets_were_read_as_is_said_unless_they_are_a_class_for_each_example():
    assert made(x_train=X_TRAIN, y_train=Y_TRAIN).notes == ()
    assert made(x_train=X_TRAIN, y_train=NUMBERS).notes == ("y_train is read as 1 real number for each example",)
    assert made(x_train=X_TRAIN, y_train=np.eye(3)[Y_TRAIN]).notes == (
        "y_train is read as one of 3 classes for each example",
    )
    masks = np.arange(24).reshape(6, 2, 2) % 3
    assert made(x_train=X_TRAIN, y_train=masks).notes == (
        "y_train is read as one of 3 classes for each of 2 × 2 places",
    )


def test_groups_that_are_trained_and_tested_are_said():
    four = {"x_train": X_TRAIN, "y_train": Y_TRAIN, "x_test": X_TRAIN[:2], "y_test": Y_TRAIN[:2]}
    data = made(**four, groups=np.array(list("aabbcc")), groups_test=np.array(["c", "d"]))
    assert data.groups == ("1 of 2 tested groups is in the training set too",)


def test_mapped_arrays_stay_mapped(tmp_path):
    x = np.random.default_rng(0).normal(size=(600, 40))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x[:, 0])
    mapped = {name: np.load(tmp_path / f"{name[0]}.npy", mmap_mode="r") for name in ("x_train", "y_train")}
    given = {"x_validation": x[:50], "y_validation": x[:50, 0]}
    data, plain = made(**mapped, **given), made(x_train=x, y_train=x[:, 0], **given)
    assert isinstance(data.x_train, np.memmap)
    assert data.digest == plain.digest
    assert np.array_equal(data.x_train, plain.x_train)


@pytest.mark.parametrize("part", ["weights", "weights_test"])
def test_weights_below_0_are_refused(part):
    four = {"x_train": X_TRAIN, "y_train": Y_TRAIN, "x_test": X_TRAIN, "y_test": Y_TRAIN}
    with pytest.raises(DataError, match=rf"own\.npz: {part}: weights must be finite and not below 0"):
        made(**four, **{part: np.array([1, 1, 1, 1, 1, -1])})


def test_amounts_in_a_column_are_other_data_as_own_losses_see_their_shape():
    x, y = np.arange(12.0).reshape(6, 2), np.linspace(0.5, 3, 6)
    flat, column = (to_dataset("own", Source(x, some, x, some, origin="own")) for some in (y, y[:, None]))
    assert np.array_equal(flat.y_train, column.y_train)
    assert flat.digest != column.digest
