"""What the target columns of a table are read as, and what is asked where they may mean two things."""

import numpy as np
import pandas as pd
import pytest

from ablate.data.table_target import read_target
from ablate.errors import DataError


def target(*columns, loss=None, declared=None):
    table = pd.DataFrame({f"y{n}": column for n, column in enumerate(columns)})
    return read_target(table, list(table), declared=declared or {}, loss=loss, origin="a.csv")


def test_real_numbers_are_amounts():
    found = target([0.5, 2, 3.25])
    assert (found.values.dtype, found.values.tolist(), found.notes) == (np.float32, [0.5, 2, 3.25], ())


@pytest.mark.parametrize(
    ("column", "labels", "names"),
    [
        (["dog", "cat", "dog", "ant"], [2, 1, 2, 0], ("ant", "cat", "dog")),
        ([True, False, True], [1, 0, 1], ("false", "true")),
        ([0, 1, 0, 1], [0, 1, 0, 1], ()),
        ([-1, 1, 1, -1], [0, 1, 1, 0], ("-1", "1")),
        ([1, 2, 3, 1, 2, 3], [0, 1, 2, 0, 1, 2], ("1", "2", "3")),
        (pd.Categorical(["b", "a", "b"], categories=["b", "a", "unused"]), [1, 0, 1], ("a", "b")),
    ],
)
def test_names_flags_and_few_whole_numbers_are_classes_in_sorted_order(column, labels, names):
    found = target(column)
    assert (found.values.dtype, found.values.tolist(), found.class_names) == (np.int32, labels, names)


def test_whole_numbers_read_as_classes_are_said_with_the_way_to_amounts():
    (said,) = target([3, 4, 5] * 5).notes
    assert said == 'target "y0" is read as 3 classes (3 to 5); [training] loss = "mse" makes it an amount'
    assert target([0, 1] * 5).notes == ()


@pytest.mark.parametrize("loss", ["mse", "MeanAbsoluteError", "huber"])
def test_a_loss_for_amounts_makes_whole_numbers_amounts(loss):
    assert target([3, 4, 5] * 5, loss=loss).values.dtype == np.float32
    assert target(range(40), loss=loss).values.tolist() == list(range(40))


def test_a_loss_for_classes_makes_whole_numbers_classes():
    found = target([v * 10.0 for v in range(40)], loss="sparse_categorical_crossentropy")
    assert found.values.tolist() == list(range(40))
    assert found.class_names[:2] == ("0", "10")


def test_the_type_of_the_column_decides_before_the_loss():
    assert target([3, 4, 5] * 5, declared={"y0": "number"}).values.dtype == np.float32
    assert target(range(40), declared={"y0": "category"}).values.dtype == np.int32


@pytest.mark.parametrize("column", [range(40), [1.0, 2.0, 3.0] * 9, [10, 20, 30]])
@pytest.mark.parametrize("loss", [None, "my.py:loss"])
def test_whole_numbers_that_may_mean_both_are_asked_for(column, loss):
    with pytest.raises(
        DataError, match=r'may be amounts or classes\n  for amounts write \[training\] loss = "mse", for'
    ):
        target(column, loss=loss)


def test_texts_with_bars_are_tags_and_an_empty_cell_has_none():
    found = target(["x|y", None, "y", " z | x "])
    assert found.values.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0], [1, 0, 1]]
    assert (found.values.dtype, found.target_names) == (np.uint8, ("x", "y", "z"))
    assert found.notes == ('target "y0" is read as 3 tags (x, y, z); 1 row has none',)


def test_several_columns_are_tags_if_they_hold_0_and_1_else_numbers():
    tags = target([0, 1, 1], [True, False, True])
    assert (tags.values.dtype, tags.values.tolist()) == (np.uint8, [[0, 1], [1, 0], [1, 1]])
    numbers = target([0, 1, 1], [0.5, 1, 2])
    assert (numbers.values.dtype, numbers.values.shape, numbers.target_names) == (np.float32, (3, 2), ("y0", "y1"))
    assert target([0, 1, 1], [1, 1, 0], loss="mse").values.dtype == np.float32


@pytest.mark.parametrize(
    ("columns", "loss", "message"),
    [
        ([[0.5, np.nan, 1]], None, r'target "y0": is missing in 1 row of 3\n  remove these rows, .*subset=\[.y0.\]'),
        ([["a", None, "b"]], None, r'target "y0": is missing in 1 row of 3'),
        ([[0.5, np.inf, 1]], None, r'target "y0": 1 value is infinite'),
        ([[2, 2, 2]], None, r"is 2 in all 3 rows, so there is nothing to learn"),
        ([["a", "a"]], None, r'is "a" in all 2 rows, so there is nothing to learn'),
        ([[f"text {n}" for n in range(30)]], None, r"30 different texts in 30 rows .*, too many to be classes"),
        ([["a", "b"]], "mse", r'holds text, but training\.loss "mse" is for amounts'),
        ([["a|b", "b"]], "mse", r"holds tags, but training\.loss is for amounts"),
        ([[0.5, 1.5]], "sparse_categorical_crossentropy", r"holds amounts such as 0\.5, but training\.loss \"sparse_"),
        ([pd.to_datetime(["2024-01-02", "2024-01-03"])], None, r"holds dates\n  save it as numbers"),
        ([["2024-01-02", "2024-01-03"]], None, r"holds dates\n"),
        ([[1, 2], ["a", "b"]], None, r'target "y1": several targets must be numbers, or 0 and 1 for tags'),
        ([[1, 2], [3, 3]], None, r'target "y1": is 3 in all rows'),
        ([[1, 2], [3, 4]], "binary_crossentropy", r"lists 2 columns of amounts, but training\.loss is for classes"),
        ([["1", "2", "?"] * 9 + ["3"] * 20], None, r'holds numbers, but also 9 cells with "\?"'),
    ],
)
def test_what_cannot_be_predicted_is_refused(columns, loss, message):
    with pytest.raises(DataError, match=message):
        target(*columns, loss=loss)
