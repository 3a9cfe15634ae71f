"""The kind of a column's values, and the inputs that a feature becomes."""

import numpy as np
import pandas as pd
import pytest

from ablate.data.table_columns import encode_feature, kind_of_values, sorted_levels, to_floats, to_texts
from ablate.errors import DataError


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "number"), ([0.5, None], "number"), ([True, None], "bool"), ([True, False], "bool"),
        (["a", None], "text"), (["2024-01-02", None], "date"), (["3.1.2024"], "date"), (["2024-01-02 10:30"], "date"),
        (["1-2-3"], "text"), (pd.Categorical(["b", "a"]), "text"), (pd.Categorical([1, 2]), "number"),
        (pd.to_datetime(["2024-01-02"]), "date"), (pd.period_range("2024-01", periods=2, freq="M"), "date"),
        ([None, None], "number"), ([[1], [2]], "other"), ([1, "a"], "text"),
    ],
)  # fmt: skip
def test_the_kind_of_values_is_told_apart_from_missing_cells(values, kind):
    assert kind_of_values(pd.Series(values)) == kind


def test_whole_floats_are_the_levels_of_whole_numbers():
    assert to_texts(pd.Series([1.0, None, 2.5])) == ["1", None, "2.5"]
    assert to_texts(pd.Series([True, None])) == ["true", None]
    assert sorted_levels(["10", "9", "10"]) == ["9", "10"]
    assert sorted_levels(["b10", "b9"]) == ["b10", "b9"]


@pytest.mark.parametrize("values", [["0.5", "٣", None], [0.5, 3, None], pd.array([0.5, 3, None], "Float64")])
def test_numbers_of_any_type_become_floats_with_nan(values):
    np.testing.assert_array_equal(to_floats(pd.Series(values), place="a"), [0.5, 3, np.nan])


def test_a_number_beyond_any_float_is_infinite():
    with pytest.raises(DataError, match=r"a: 1 value is infinite, the first in row 3"):
        to_floats(pd.Series([1, 10**400], dtype=object), place="a")


def test_a_declared_category_may_hold_few_numbers_and_a_date():
    days = pd.Series(["2024-01-02", "2024-01-03", "2024-01-02"])
    encoded = encode_feature(days, "day", declared="category", origin="a.csv")
    assert [column.name for column, _ in encoded] == ["day=2024-01-02", "day=2024-01-03"]
    with pytest.raises(DataError, match=r"60 different texts"):
        encode_feature(pd.Series(range(60)), "n", declared="category", origin="a.csv")
