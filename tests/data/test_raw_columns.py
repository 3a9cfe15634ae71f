"""From the inputs made of a table back to its columns."""

import numpy as np
import pytest
from small_sets import dataset

from ablate.data.raw_columns import by_feature, key_of, levels_of, raw_examples, to_columns
from ablate.data.source import FeatureColumn

AGE, NO_AGE = FeatureColumn("age", "number", "age"), FeatureColumn("age is missing", "flag", "age")
OSLO, ROME = FeatureColumn("city=Oslo", "flag", "city"), FeatureColumn("city=Rome", "flag", "city")
NO_CITY = FeatureColumn("city is missing", "flag", "city")
COLUMNS = (AGE, NO_AGE, OSLO, ROME, NO_CITY)


def test_a_number_has_no_levels_and_a_missing_text_is_empty():
    assert {name: levels_of(own) for name, own in by_feature(COLUMNS).items()} == {
        "age": (), "city": ("Oslo", "Rome", ""),
    }  # fmt: skip
    assert levels_of((FeatureColumn("city=", "flag", "city"), NO_CITY)) == ("", "[missing]")
    assert levels_of((FeatureColumn("a=b=c", "flag", "a"),)) == ("b=c",)


def test_inputs_go_back_to_the_cells_they_came_from():
    x = np.array([[30, 0, 1, 0, 0], [np.nan, 1, 0, 0, 1], [5, 0, 0, 1, 0]], np.float32)
    found = to_columns(x, COLUMNS)
    np.testing.assert_array_equal(found["age"], np.array([30, np.nan, 5], np.float32))
    assert found["city"].tolist() == ["Oslo", "", "Rome"]


@pytest.mark.parametrize(
    ("name", "names", "key"), [("age", ["age"], "age"), ("a/b", ["a/b"], "a_b"), ("a/b", ["a/b", "a_b"], "a_b_")]
)
def test_a_key_has_no_slash_and_is_unique(name, names, key):
    assert key_of(name, names) == key


def test_examples_are_those_of_the_training_part():
    data = dataset(np.arange(6).reshape(3, 2), np.zeros((1, 2)))
    assert {name: array.tolist() for name, array in raw_examples(data, 2).items()} == {"": [[0, 1], [2, 3]]}
