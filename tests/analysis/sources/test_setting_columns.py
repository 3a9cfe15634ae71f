import pytest

from ablate.analysis.sources.setting_columns import named_apart, setting_columns
from ablate.errors import DataError


def test_a_setting_that_is_called_like_a_result_gets_another_name():
    assert named_apart(["lr", "score"], taken={"score"}, place="x") == {"lr": "lr", "score": "score_setting"}


def test_two_settings_never_share_a_column():
    with pytest.raises(DataError, match="x: two settings would share one column\n  export the runs as a CSV table"):
        named_apart(["score", "score_setting"], taken={"score"}, place="x")


def test_values_that_read_alike_stay_apart_and_none_is_empty():
    columns = setting_columns([{"a": 1}, {"a": "1", "b": None}, {"b": [1, 2]}], taken=(), place="x")
    assert [columns.cells(run) for run in ({"a": 1}, {"a": "1", "b": None}, {"b": [1, 2]})] == [
        {"a": "1"}, {"a": '"1"', "b": ""}, {"b": "[1, 2]"},
    ]  # fmt: skip
