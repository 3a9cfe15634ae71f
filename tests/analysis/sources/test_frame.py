import numpy as np
import pandas as pd
import pytest

from ablate.analysis.sources.frame import read_frame_runs, text_table
from ablate.errors import DataError


def test_each_type_of_a_cell_reads_as_it_would_from_a_file():
    table = pd.DataFrame(
        {
            "rate": np.array([0.001, 0.1], dtype=np.float32),
            "score": [np.float64(0.25), None],
            "bare": pd.Series([np.float64(0.1), np.int64(3)], dtype=object),
            "whole": pd.array([3, None], dtype="Int64"),
            "flag": [True, False],
            "word": pd.Categorical(["sgd", "adam"]),
            "day": pd.to_datetime(["2026-11-30", None]),
            "config": [{"lr": 0.1}, {"lr": 0.2}],
            "pair": [np.array([1, 2]), [3, 4]],
        }
    )
    text = text_table(table, place="x")
    assert text.to_dict("list") == {
        "rate": ["0.0010000000474974513", "0.10000000149011612"],
        "score": ["0.25", ""],
        "bare": ["0.1", "3"],
        "whole": ["3", ""],
        "flag": ["True", "False"],
        "word": ["sgd", "adam"],
        "day": ["2026-11-30 00:00:00", ""],
        "config": ['{"lr": 0.1}', '{"lr": 0.2}'],
        "pair": ["[1, 2]", "[3, 4]"],
    }


def test_an_index_with_a_name_is_a_column_and_another_is_none():
    table = pd.DataFrame({"acc": [1, 2]}, index=pd.Index(["a", "b"], name="variant"))
    assert text_table(table, place="x").columns.tolist() == ["variant", "acc"]
    assert text_table(table.rename_axis(None), place="x").columns.tolist() == ["acc"]


def test_an_index_whose_name_is_a_column_s_too_is_refused_as_a_column_twice():
    table = pd.DataFrame({"seed": [1, 2]}, index=pd.Index([0, 1], name="seed"))
    with pytest.raises(DataError, match='x: two columns are called "seed"\n  rename one of them'):
        text_table(table, place="x")


def test_header_rows_become_one_name():
    columns = pd.MultiIndex.from_tuples([("value", ""), ("params", "lr"), ("params", "opt")])
    text = text_table(pd.DataFrame([[0.5, 0.1, "sgd"]], columns=columns), place="x")
    assert text.columns.tolist() == ["value", "params_lr", "params_opt"]


@pytest.mark.parametrize("columns", [["a", "a"], [1, "1"]])
def test_two_columns_of_one_name_are_refused(columns):
    with pytest.raises(DataError, match=r'the DataFrame: two columns are called "[a1]"'):
        read_frame_runs(pd.DataFrame([[1, 2]], columns=columns))


def test_a_table_without_rows_has_no_runs():
    with pytest.raises(DataError, match="the DataFrame: has no runs"):
        read_frame_runs(pd.DataFrame({"a": []}))


def test_the_table_of_the_user_stays_as_it_is_and_its_fingerprint_tells_its_content():
    table = pd.DataFrame({"acc": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="variant"))
    before = table.copy(deep=True)
    first = read_frame_runs(table).fingerprint
    pd.testing.assert_frame_equal(table, before)
    assert first == read_frame_runs(before).fingerprint
    assert first != read_frame_runs(table.assign(acc=[1.0, 2.5])).fingerprint


def test_a_text_that_no_file_can_hold_is_refused():
    with pytest.raises(DataError, match=r"the DataFrame: has a text with half a character, '\\ud800'"):
        read_frame_runs(pd.DataFrame({"a": pd.Series(["\ud800"], dtype=object)}))
