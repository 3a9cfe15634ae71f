"""`to_labels`: whatever is no class an example is named as what it is, with the way out."""

import numpy as np
import pytest

from ablate.data.labels import count_classes, to_labels
from ablate.errors import DataError

Y = np.arange(60) % 3
RNG = np.random.default_rng(0)
WORDS = np.array(["cat", "dog", "frog"])[Y]
ENCODE = r"\n  number the classes in the same way in both parts: classes = numpy\.unique\(numpy\.concatenate"
REGRESSION = "only classification is supported so far, not regression"


def refused(y, n_dim_inputs=2):
    with pytest.raises(DataError) as caught:
        to_labels(y, "y_train", n_dim_inputs=n_dim_inputs, source="own.npz")
    said = str(caught.value)
    assert said.startswith("own.npz: y_train must ")
    assert "\n  " in said
    return said


@pytest.mark.parametrize("y", [Y, Y[:, None], Y.astype(np.uint8), Y.astype(np.int64), Y > 0])
def test_whole_numbers_and_truth_values_are_labels(y):
    made = to_labels(y, "y_train", n_dim_inputs=2, source="own.npz")
    assert (made.dtype, made.shape) == (np.int32, (60,))
    assert made.tolist() == y.reshape(-1).astype(int).tolist()


@pytest.mark.parametrize("y", [WORDS, WORDS[:, None], WORDS.astype("S"), np.char.add("class ", WORDS)])
def test_names_of_classes_are_numbered_and_not_cast(y):
    said = refused(y)
    assert "3 words ('" in said
    assert "are names of classes\n  number the classes in the same way in both parts: " in said
    assert "astype" not in said


def test_the_advice_for_names_of_classes_gives_both_parts_the_same_numbers():
    y_train, y_test = WORDS, np.array(["frog", "cat"])  # no dog is tested
    classes = np.unique(np.concatenate([y_train, y_test]))
    assert np.searchsorted(classes, y_train).tolist() == Y.tolist()
    assert np.searchsorted(classes, y_test).tolist() == [2, 0]


@pytest.mark.parametrize("y", [Y.astype(str), Y.astype("S"), (Y - 1).astype(str)])
def test_numbers_as_text_are_cast(y):
    assert "numbers as text (" in refused(y)
    assert refused(y).endswith("\n  save the labels with .astype(numpy.int32)")
    y.astype(np.int32)


@pytest.mark.parametrize("word", ["img{}.png", "a sentence, number {}"])
def test_a_word_of_its_own_for_each_example_is_no_class(word):
    assert "60 words (" in refused(np.array([word.format(k) for k in range(60)]))
    assert "nearly one per example, are not classes" in refused(np.array([word.format(k) for k in range(60)]))


@pytest.mark.parametrize("y", [RNG.normal(size=60), RNG.random(60) * 1e6, np.arange(60) / 7])
def test_real_numbers_are_a_regression_target(y):
    said = refused(y)
    assert "60 different real numbers from " in said
    assert f"look like a regression target\n  {REGRESSION}" in said
    assert "astype" not in said


def test_a_few_real_numbers_may_be_classes_or_amounts():
    said = refused(Y / 2)
    assert "3 different real numbers from 0 to 1\n  if they are classes, number the classes" in said
    assert f"\n  if they are amounts, {REGRESSION}" in said


def test_whole_numbers_as_floats_are_cast():
    said = "own.npz: y_train must have an integer type, got float64\n  save the labels with .astype(numpy.int32)"
    assert refused(Y.astype(float)) == said


def test_many_whole_numbers_as_floats_may_be_amounts():
    said = refused(1000.0 * np.arange(60))
    assert "got float64 with 60 different values\n  if they are classes, save them with .astype(numpy.int32)\n" in said
    assert f"\n  if they are amounts, {REGRESSION}" in said


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_missing_labels_are_counted(missing):
    assert "with 20 labels missing (NaN or infinite)" in refused(np.where(Y == 1, missing, Y))


@pytest.mark.parametrize("y", [np.eye(3)[Y], np.eye(3, dtype=bool)[Y], 2 * np.eye(3)[Y] - 1])
def test_one_hot_labels_have_an_argmax(y):
    assert refused(y).endswith("got shape (60, 3): these are one-hot labels\n  save their argmax(axis=1)")
    assert y.argmax(axis=1).tolist() == Y.tolist()


@pytest.mark.parametrize("dtype", [int, float, bool])
def test_tags_have_none(dtype):
    tags = np.zeros((60, 4), dtype)
    tags[:, 0] = 1
    tags[:10, 2] = 1  # two
    tags[10:15] = 0  # none
    said = refused(tags)
    assert "these are tags, 15 of 60 examples have none or several\n  only one class per example is supported" in said
    assert "argmax" not in said


def test_probabilities_are_named():
    assert "these are probabilities of classes\n  to use the likeliest" in refused(RNG.dirichlet([1, 1, 1], 60))


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (RNG.normal(size=(60, 2)), f"these are 2 real numbers per example\n  {REGRESSION}"),
        (RNG.integers(0, 9, (60, 5)), "these are 5 whole numbers per example\n  only one class per example"),
    ],
)
def test_several_targets_are_named(y, said):
    assert said in refused(y)
    assert "argmax" not in refused(y)


@pytest.mark.parametrize("shape", [(60, 8, 8), (60, 8, 8, 1)])
def test_masks_of_images_are_named(shape):
    masks = np.zeros(shape, int)
    assert "these look like masks, a class for each pixel\n  only one class per example" in refused(
        masks, n_dim_inputs=4
    )
    assert "several numbers per example" in refused(masks, n_dim_inputs=2)


@pytest.mark.parametrize("y", [np.array(["2020-01-01"] * 60, dtype="datetime64[D]"), Y.astype(complex)])
def test_other_types_are_named(y):
    assert f"got {y.dtype}\n  number the classes" in refused(y)


def test_minus_1_and_1_are_two_classes():
    said = refused(np.where(Y, 1, -1))
    assert said.endswith(
        "got -1\n  the classes are -1 and 1: save (y_train > 0).astype(numpy.int32), and y_test likewise"
    )


def counted(train, test=(0,)):
    with pytest.raises(DataError) as caught:
        count_classes(np.array(train), np.array(test), source="own.npz")
    return str(caught.value)


@pytest.mark.parametrize("classes", [(1, 2), (1, 2, 3, 4)])
def test_classes_counted_from_1_are_shifted(classes):
    said = counted(classes * 5)
    assert said.endswith(
        "class 0 is missing\n  the classes are counted from 1: subtract 1 from y_train and from y_test"
    )


@pytest.mark.parametrize("classes", [(0, 10, 20), (3, 5, 8)])
def test_classes_with_gaps_are_numbered(classes):
    assert "is missing\n  number the classes in the same way in both parts" in counted(classes * 5)


def test_many_whole_numbers_are_amounts():
    assert f"60 different values look like amounts, not classes: {REGRESSION}" in counted(1000 * np.arange(60))


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_alone_may_come_from_a_split_of_sorted_examples(only):
    said = counted([only] * 9)
    assert (
        f"must have at least 2 classes, got only class {only}\n  if the examples were sorted by class before the split"
        in said
    )


def test_a_class_that_is_only_tested_is_counted():
    said = counted([0, 1, 0], [0, 7, 7])
    assert said.endswith("y_test has class 7, y_train only 0 to 1\n  put some of its 2 test examples into the "
                         "training set, or remove them")  # fmt: skip
