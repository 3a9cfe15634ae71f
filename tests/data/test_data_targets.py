"""`to_targets`: what kind of targets there are is told from their values, or the message says how to settle it."""

import numpy as np
import pytest

from ablate.data.target_faults import MANY
from ablate.data.targets import count_classes, to_targets
from ablate.errors import DataError
from ablate.study.task import Target

Y = np.arange(60) % 3
RNG = np.random.default_rng(0)
WORDS = np.array(["cat", "dog", "frog"])[Y]
REAL = RNG.normal(size=60)
TAGS = np.zeros((60, 4), int)
TAGS[:, 0] = 1
TAGS[:10, 2] = 1  # two
TAGS[10:15] = 0  # none
MASKS = RNG.integers(0, 3, (60, 8, 8))
ENCODE = "number the classes in the same way in both parts: classes = numpy.unique(numpy.concatenate("
AMOUNTS = 'if they are amounts, set [training] loss, e.g. "mse"; for a compiled model, save them as float32'


def read(y, loss=None, inputs=((4,),), y_test=None, **more):
    parts = {"y_train": y, "y_test": y[:20] if y_test is None else y_test}
    return to_targets(parts, input_shapes=inputs, loss=loss, source="own.npz", **more)


def kind(y, loss=None, inputs=((4,),), y_test=None):
    target, arrays = read(y, loss, inputs, y_test)
    assert arrays["y_train"].dtype == (np.int32 if target.kind == "classes" else np.float32)
    assert arrays["y_train"].shape == (len(y), *target.shape)
    return target.kind, target.shape, target.n_classes


def refused(y, loss=None, inputs=((4,),), y_test=None):
    with pytest.raises(DataError) as caught:
        read(y, loss, inputs, y_test)
    said = str(caught.value)
    assert said.startswith("own.npz: ")
    assert "\n  " in said
    return said


@pytest.mark.parametrize("y", [Y, Y[:, None], Y.astype(np.uint8), Y.astype(np.int64)])
def test_whole_numbers_that_count_from_0_are_classes(y):
    assert kind(y) == ("classes", (), 3)
    assert read(y)[1]["y_train"].tolist() == Y.tolist()


def test_truth_values_are_two_classes():
    target, arrays = read(Y > 0)
    assert target.is_binary
    assert set(arrays["y_train"].tolist()) == {0, 1}


@pytest.mark.parametrize("dtype", [int, float, bool])
def test_one_hot_labels_are_served_as_they_are(dtype):
    assert kind(np.eye(3, dtype=dtype)[Y]) == ("one-hot", (3,), 3)
    assert np.array_equal(read(np.eye(3, dtype=dtype)[Y])[1]["y_train"], np.eye(3)[Y])


@pytest.mark.parametrize("dtype", [int, float, bool])
def test_tags_are_served_as_they_are(dtype):
    assert kind(TAGS.astype(dtype)) == ("tags", (4,), 4)
    assert np.array_equal(read(TAGS.astype(dtype))[1]["y_train"], TAGS)


def test_examples_with_one_tag_each_are_tags_if_others_or_the_loss_say_so():
    one_each = np.eye(4, dtype=int)[np.arange(60) % 4]
    assert kind(one_each) == ("one-hot", (4,), 4)
    assert kind(one_each, y_test=TAGS[:20]) == ("tags", (4,), 4)
    assert kind(one_each, "binary_crossentropy") == ("tags", (4,), 4)
    assert kind(one_each, "my.py:loss", y_test=TAGS[:20]) == ("tags", (4,), 4)


@pytest.mark.parametrize(
    ("y", "shape"),
    [
        (REAL, ()), (REAL[:, None], ()), (1000.0 * np.arange(60), ()), (Y / 2, ()), (RNG.normal(size=(60, 2)), (2,)),
        (RNG.normal(size=(60, 12, 3)), (12, 3)), (RNG.normal(size=(60, 12, 1)), (12, 1)), (REAL.astype(np.float16), ()),
    ],
)  # fmt: skip
def test_real_numbers_are_amounts(y, shape):
    assert kind(y) == ("numbers", shape, 0)


@pytest.mark.parametrize(
    "loss", ["mse", "MSE", "mean_squared_error", "MeanSquaredError", "keras.losses.MeanSquaredError", "mae", "huber",
             "Huber", "log_cosh", "LogCosh", "poisson", "msle", "mape"],
)  # fmt: skip
@pytest.mark.parametrize("y", [Y, Y + 1, 10 * Y, Y.astype(float), 1000 * np.arange(60), TAGS])
def test_a_regression_loss_makes_whole_numbers_amounts(y, loss):
    assert kind(y, loss) == ("numbers", y.shape[1:], 0)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"])
def test_a_cross_entropy_makes_whole_numbers_classes(loss):
    assert kind(Y.astype(float), loss) == ("classes", (), 3)
    assert kind(np.arange(120) // 3, loss)[0] == "classes"
    assert kind(RNG.integers(0, 9, (60, 5)), loss) == ("classes", (5,), 9)
    assert kind(MASKS.astype(float), loss) == ("classes", (8, 8), 3)
    assert "class 1 is missing" in refused(10 * Y, loss)
    assert AMOUNTS not in refused(10 * Y, loss)


def test_binary_cross_entropy_takes_one_column_of_classes_several_of_tags_and_probabilities():
    assert kind((Y > 0).astype(float), "binary_crossentropy") == ("classes", (), 2)
    assert kind(RNG.random((60, 784)), "binary_crossentropy") == ("numbers", (784,), 0)
    assert kind(RNG.random(60), "bce") == ("numbers", (), 0)
    said = refused(Y, "binary_crossentropy")
    assert '"binary_crossentropy" takes targets from 0 to 1, but y_train holds whole numbers from 0 to 2\n' in said
    assert 'set loss = "sparse_categorical_crossentropy" if they are classes' in said


def test_minus_1_and_1_are_two_classes_and_a_hinge_loss_takes_them():
    signs = np.where(Y, 1, -1)
    assert "got -1\n  the classes are -1 and 1: save (y_train > 0).astype(numpy.int32), and y_test likewise" in refused(
        signs
    )
    for y in (signs, signs.astype(float), np.where(Y, 1, 0)):
        assert kind(y, "hinge") == ("classes", (), 2)
        assert read(y, "squared_hinge")[1]["y_train"].tolist() == (Y > 0).astype(int).tolist()
    assert kind(2 * TAGS - 1, "hinge") == ("tags", (4,), 4)
    assert "these are -1 and 1\n  save (y_train > 0)" in refused(2 * TAGS - 1)


def test_probabilities_are_learned_with_the_loss_for_them():
    shares = RNG.dirichlet([1, 1, 1], 60)
    assert "these are probabilities of classes\n  to learn them, set [training] loss" in refused(shares)
    assert kind(shares, "categorical_crossentropy") == ("one-hot", (3,), 3)
    assert kind(shares, "mse") == ("numbers", (3,), 0)


def test_masks_are_a_class_for_each_pixel():
    images = ((8, 8, 1),)
    assert kind(MASKS, inputs=images) == ("classes", (8, 8), 3)
    assert kind(MASKS[..., None], inputs=images) == ("classes", (8, 8), 3)
    assert kind((MASKS > 0)[..., None], inputs=images) == ("classes", (8, 8), 2)
    assert kind((MASKS > 0).astype(np.float32), inputs=images) == ("classes", (8, 8), 2)
    assert kind((MASKS > 0).astype(int), "binary_crossentropy", images) == ("classes", (8, 8), 2)
    assert kind(np.eye(3, dtype=int)[MASKS], inputs=images) == ("one-hot", (8, 8, 3), 3)
    assert kind(RNG.integers(0, 2, (60, 8, 8, 3)), inputs=images) == ("tags", (8, 8, 3), 3)
    assert kind((MASKS > 0).astype(int), "dice", images) == ("tags", (8, 8, 1), 1)


def test_a_class_for_each_step_is_one_too():
    steps = (MASKS[:, 0] > 0).astype(int)
    assert kind(steps[..., None], inputs=((8, 2),)) == ("classes", (8,), 2)
    assert kind(steps, "sparse_categorical_crossentropy", ((8, 2),)) == ("classes", (8,), 2)


def test_masks_of_0_and_255_and_pixels_without_a_class_are_named():
    assert "got 2 numbers up to 255 (0, 255)\n  save (y_train > 0).astype(numpy.uint8)" in refused(255 * (MASKS > 0))
    void = np.where(MASKS == 2, 255, MASKS)
    assert "if 255 marks places without a class" in refused(void)
    assert "y_test has class 5, y_train only 0 to 2" in refused(MASKS, y_test=MASKS[:20] + 3)
    assert "at least 2 classes, got only class 0" in refused(np.zeros((60, 8, 8), int))


def test_many_whole_numbers_for_each_example_may_be_classes_or_amounts():
    for y in (RNG.integers(0, 9, (60, 5)), RNG.integers(0, 256, (60, 8, 8, 3))):
        said = refused(y)
        assert f"which may be classes or amounts\n  {AMOUNTS}\n  if each is a class, set" in said


@pytest.mark.parametrize("y", [WORDS, WORDS[:, None], WORDS.astype("S"), np.char.add("class ", WORDS)])
def test_names_of_classes_are_numbered_and_not_cast(y):
    said = refused(y)
    assert "3 words ('" in said
    assert f"are names of classes\n  {ENCODE}" in said
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


def test_whole_numbers_as_floats_may_be_either():
    for y in (Y.astype(float), np.repeat(np.arange(100.0), 3)):
        said = refused(y)
        assert "different whole numbers of type float64, which may be classes or amounts\n  if they are classes" in said
        assert said.endswith(f"save them with .astype(numpy.int32)\n  {AMOUNTS}")


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_missing_targets_are_counted(missing):
    assert "with 20 targets missing (NaN or infinite)" in refused(np.where(Y == 1, missing, Y))
    assert "with 20 targets missing (NaN or infinite)" in refused(np.where(Y == 1, missing, REAL), "mse")


@pytest.mark.parametrize("y", [np.array(["2020-01-01"] * 60, dtype="datetime64[D]"), Y.astype(complex)])
def test_other_types_are_named(y):
    assert f"y_train must hold numbers, got {y.dtype}\n  " in refused(y)


@pytest.mark.parametrize("classes", [(1, 2), (1, 2, 3, 4)])
def test_classes_counted_from_1_are_shifted(classes):
    said = refused(np.array(classes * 20))
    assert "class 0 is missing\n  the classes are counted from 1: subtract 1 from y_train and from y_test" in said
    assert said.endswith(AMOUNTS)


@pytest.mark.parametrize("classes", [(0, 10, 20), (3, 5, 8)])
def test_classes_with_gaps_are_numbered(classes):
    said = refused(np.array(classes * 20))
    assert f"is missing\n  {ENCODE}" in said
    assert said.endswith(AMOUNTS)


def test_up_to_20_different_values_may_be_classes_however_few_the_examples():
    few = np.arange(MANY)
    assert kind(few, y_test=few) == ("classes", (), 20)
    assert "21 different whole numbers, which may be" in refused(np.arange(MANY + 1), y_test=few)


def test_many_whole_numbers_are_amounts_once_a_loss_says_so():
    assert 'different values look like amounts: set [training] loss, e.g. "mse"' in refused(1000 * np.arange(60))
    assert "60 different whole numbers, which may be classes or amounts" in refused(np.arange(60))
    assert "must count the classes from 0, got -5" in refused(np.arange(60) - 5)


def test_a_loss_of_the_user_s_takes_what_is_there():
    assert kind(Y, "my.py:loss") == ("classes", (), 3)
    assert kind(10 * Y, "my.py:loss") == ("numbers", (), 0)
    assert kind(Y.astype(float), "my.py:loss") == ("numbers", (), 0)
    assert kind(TAGS, "my.py:loss") == ("tags", (4,), 4)


@pytest.mark.parametrize(
    ("y", "loss", "said"),
    [
        (Y, "categorical_crossentropy", "takes one-hot targets or probabilities"),
        (TAGS, "categorical_crossentropy", 'set loss = "binary_crossentropy"'),
        (np.eye(3)[Y], "sparse_categorical_crossentropy", 'set loss = "categorical_crossentropy"'),
        (REAL, "sparse_categorical_crossentropy", 'takes class numbers 0, 1, 2, …, but y_train holds real numbers'),
        (REAL, "hinge", 'takes targets of -1 and 1, or of 0 and 1'),
        (REAL, "poisson", 'takes numbers from 0 up, but y_train holds -'),
        (np.full(60, 3.5), None, "must hold different numbers, got only 3.5"),
        (REAL * 1e200, None, "must be finite in float32"),
    ],
)  # fmt: skip
def test_targets_that_the_loss_cannot_take_are_refused(y, loss, said):
    assert said in refused(y, loss)


def test_parts_with_other_targets_are_refused():
    assert "must have equal shapes after the first axis, got (60, 3) and (20, 2)" in refused(
        np.eye(3)[Y], y_test=np.eye(2)[Y[:20] % 2]
    )
    assert "y_test must hold 0 and 1, as y_train does" in refused(TAGS, y_test=2 * TAGS[:20])
    assert "y_test has class 2, y_train only 0 to 1\n  put some of its 6 test examples" in refused(
        np.eye(3)[Y % 2], y_test=np.eye(3)[Y[:20]]
    )
    assert "y_test must hold whole numbers as y_train does" in refused(Y, y_test=Y[:20] / 2)


def counted(train, test=(0,)):
    with pytest.raises(DataError) as caught:
        count_classes(np.array(train), np.array(test), names=("y_train", "y_test"))
    return str(caught.value)


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


TWO = Y % 2


@pytest.mark.parametrize("loss", [None, "binary_crossentropy", "hinge", "my.py:loss"])
@pytest.mark.parametrize("may_compile", [False, True])
@pytest.mark.parametrize(
    "y", [TWO, TWO == 1, TWO.astype(np.float32), TWO.astype(float)[:, None], TWO.astype(np.float16)],
    ids=["int", "bool", "float32", "column", "float16"],
)  # fmt: skip
def test_0_and_1_in_one_column_are_two_classes_of_whatever_type(y, loss, may_compile):
    target, arrays = read(y, loss, may_compile=may_compile)
    assert target == Target("classes", n_classes=2, is_column=y.ndim == 2)
    assert arrays["y_train"].tolist() == TWO.tolist()


@pytest.mark.parametrize(
    "y",
    [2 * TWO - 1, 2.0 * TWO - 1, (2.0 * TWO - 1)[:, None], RNG.random(60), Y.astype(float) + 1, Y.astype(np.float32)],
    ids=["signs", "real signs", "column", "soft", "ratings", "numbers"],
)
def test_the_loss_of_a_compiled_model_takes_real_numbers_and_signs_as_they_are(y):
    target, arrays = read(y, may_compile=True)
    assert target == Target("numbers", is_column=y.ndim == 2)
    assert arrays["y_train"] == pytest.approx(np.ravel(y))


def test_rows_of_probabilities_and_signs_go_to_a_compiled_loss_as_they_are():
    for y in (RNG.dirichlet((1, 1, 1), 60), 2 * TAGS - 1, 2.0 * TAGS - 1):
        assert read(y, may_compile=True)[0] == Target("numbers", y.shape[1:])
    one_hot = np.eye(3, dtype=np.float32)[Y]
    assert read(one_hot, may_compile=True)[0] == read(one_hot)[0] == Target("one-hot", (3,), 3)
    assert read(TAGS.astype(float), may_compile=True)[0].kind == "tags"


@pytest.mark.parametrize("y", [2 * TWO - 1, 2.0 * TWO - 1])
def test_signs_without_a_loss_are_refused_with_both_ways_out(y):
    said = refused(y)
    assert "the classes are -1 and 1: save (y_train > 0).astype(numpy.int32), and y_test likewise; or set" in said
    assert said.endswith('[training] loss = "hinge"')


def test_whole_numbers_stay_classes_where_a_model_may_be_compiled():
    assert read(Y, may_compile=True)[0] == Target("classes", n_classes=3)
    with pytest.raises(DataError, match=r"subtract 1 from y_train .*\n  if they are amounts, .* save them as float32"):
        read(Y + 1, may_compile=True)


def test_a_single_class_among_real_labels_is_refused():
    assert "at least 2 classes, got only class 0" in refused(np.zeros(60))
