"""`how_to_rename`: which of the four arrays is meant where a file calls them otherwise."""

import pytest

from ablate.data.npz import how_to_rename


@pytest.mark.parametrize(
    "names",
    [
        ("X_train", "y_train", "X_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels"),
        ("trainX", "trainY", "testX", "testY"), ("xtrain", "ytrain", "xtest", "ytest"),
        ("x_tr", "y_tr", "x_te", "y_te"),
        ("train_data", "train_targets", "test_data", "test_targets"), ("x_train", "y_train", "x_val", "y_val"),
        ("inputs_training", "classes_training", "inputs_testing", "classes_testing"),
    ],
)  # fmt: skip
def test_four_arrays_of_other_names_are_renamed(names):
    x_train, y_train, x_test, y_test = names
    assert how_to_rename(list(names)) == (
        f"rename them: old = numpy.load(path); numpy.savez(path, x_train=old['{x_train}'], y_train=old['{y_train}'], "
        f"x_test=old['{x_test}'], y_test=old['{y_test}'])"
    )


def test_validation_arrays_are_not_taken_for_a_test_set_where_there_is_one():
    names = ["trainX", "trainY", "valX", "valY", "testX", "testY"]
    assert "x_test=old['testX'], y_test=old['testY']" in how_to_rename(names)


@pytest.mark.parametrize("names", [["arr_0"], ["arr_0", "arr_1", "arr_2", "arr_3"]])
def test_arrays_saved_without_names_are_explained(names):
    assert how_to_rename(names).startswith("arrays saved without a name become arr_0, arr_1, …: write numpy.savez")


@pytest.mark.parametrize("names", [["X", "y"], ["images", "labels"], ["trainX", "trainY"], ["data", "target", "z"]])
def test_one_set_without_a_test_part_is_renamed(names):
    x, y = names[:2]
    renamed = f"rename them: old = numpy.load(path); numpy.savez(path, x_train=old['{x}'], y_train=old['{y}'])"
    assert how_to_rename(names) == renamed


@pytest.mark.parametrize("names", [[], ["foo", "bar"], ["x_train", "y_train", "x_test"], ["X"]])
def test_of_other_names_nothing_is_guessed(names):
    assert how_to_rename(names) == ""
