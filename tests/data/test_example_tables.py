"""Tables of examples: what is read from which file, and every way in which a file or a setting can be wrong."""

import numpy as np
import pandas as pd
import pytest

from ablate.data.table import read_table, table_source
from ablate.errors import DataError
from ablate.study.settings import Data

HOUSES = "age,city,price\n30,Oslo,1.5\n,Rome,2.5\n50,,3.25\n40,Oslo,9.5\n"


@pytest.fixture
def read(tmp_path):
    def read(content, *, loss=None, target="price", **more):
        path = tmp_path / "a.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        settings = Data(name="a.csv", target=(target,) if isinstance(target, str) else target, **more)
        return read_table(path, settings, loss=loss, origin="a.csv")

    return read


def names(source):
    return [column.name for column in source.columns]


def test_numbers_come_first_and_each_level_and_missing_cell_has_a_flag(read):
    source = read(HOUSES)
    assert names(source) == ["age", "age is missing", "city=Oslo", "city=Rome", "city is missing"]
    assert [column.kind for column in source.columns] == ["number", "flag", "flag", "flag", "flag"]
    assert [column.feature for column in source.columns] == ["age", "age", "city", "city", "city"]
    nan = np.nan
    expected = [[30, 0, 1, 0, 0], [nan, 1, 0, 1, 0], [50, 0, 0, 0, 1], [40, 0, 1, 0, 0]]
    np.testing.assert_array_equal(source.x_train, np.array(expected, np.float32))
    assert source.x_train.dtype == source.y_train.dtype == np.float32
    assert source.y_train.tolist() == [1.5, 2.5, 3.25, 9.5]
    assert source.x_test is None
    assert source.origin == "a.csv"


@pytest.mark.parametrize(
    "content",
    [
        "a;b;price\n1,5;x;2,5\n2,5;y;3,5\n3;x;1e1\n", "sep=;\na;b;price\n1,5;x;2,5\n2,5;y;3,5\n3;x;1e1\n",
        "a\tb\tprice\n1,5\tx\t2,5\n2,5\ty\t3,5\n3\tx\t10\n", "a|b|price\n1.5|x|2.5\n2.5|y|3.5\n3|x|10\n",
        "a,b,price\r\n1.5,x,2.5\r\n2.5, y ,3.5\r\n3,x,10\r\n", "\ufeffa,b,price\n1.5,x,2.5\n\n2.5,y,3.5\n,,\n3,x,10\n",
        "a;b;price\n1,5;x;2,5\n2,5;y;3,5\n3;x;10\n".encode("utf-16"),
    ],
)  # fmt: skip
def test_separators_decimal_commas_marks_and_blank_rows_make_no_difference(read, content):
    source = read(content)
    assert names(source) == ["a", "b=x", "b=y"]
    assert source.x_train[:, 0].tolist() == [1.5, 2.5, 3]
    assert source.y_train.tolist() == [2.5, 3.5, 10]


def test_left_out_rows_and_a_column_that_numbers_the_rows_are_said(read):
    source = read(",a,price\n0,1,0.5\n1,3,0.25\n,,\n2,4,2.5\n")
    assert names(source) == ["a"]
    assert source.notes == (
        "a.csv: 1 blank row left out",
        "a.csv: the first column is not used: it only numbers the rows",
    )


def test_features_are_those_listed_else_all_that_have_no_other_role(read):
    text = "p,t,w,a,b,price\np1,2024-01-02,1,1,2,0.5\np1,2024-01-01,2,3,3,1.5\np2,2024-02-01,0,5,3,2.5\n"
    roles = {"groups": "p", "order": "t", "weights": "w"}
    source = read(text, **roles)
    assert names(source) == ["a", "b"]
    assert source.groups.tolist() == ["p1", "p1", "p2"]
    assert np.diff(source.order).tolist() == [-86400.0, 31 * 86400.0]
    assert source.weights.tolist() == [1, 2, 0]
    assert names(read(text, features=("b", "w"), **roles)) == ["b", "w"]
    assert read(text, features=("a",), weights="balanced").weights is None


def test_a_column_says_what_it_is_where_the_settings_do(read):
    text = "zip,n,price\n007,1,0.5\n012,2,1.5\n007,1,2.5\n"
    assert names(read(text)) == ["zip", "n"]
    assert names(read(text, columns={"zip": "category", "n": "category"})) == ["zip=007", "zip=012", "n=1", "n=2"]
    with pytest.raises(DataError, match=r'column "b": "x" in row 2 is not a number'):
        read("b,price\nx,0.5\ny,1.5\n", columns={"b": "number"})


def test_columns_that_may_name_groups_are_pointed_out_once(read):
    text = "patient,a,price\n" + "".join(f"{n // 2},{n},{n}.5\n" for n in range(12))
    (said,) = read(text).group_notes
    assert said.startswith("patient has 6 different values in 12 rows")
    assert said.endswith('write groups = "patient" in [data]')
    assert read(text, groups="patient").group_notes == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"a\.csv: cannot be read as a CSV table: it is empty"),
        ("a,price\n", r"a\.csv: holds no examples\n  a table needs a header and a row for each example"),
        ("a,price\n,\n", r"a\.csv: holds no examples"),
        ("a,a,price\n1,2,3.5\n", r'two columns are called "a"\n  rename one of them'),
        ("a,price\n1,2,3\n", r"row 2 has 3 fields, but the header has 2"),
        ("a,cost\n1,2.5\n", r'has no column "price", which data\.target names\n  known: a, cost'),
        ("price\n1.5\n2.5\n", r"no column is left to predict from\n  it holds price only"),
        ("a,b,price\n1,7,.5\n2,7,.7\n", r'column "b": is 7 in all 2 rows\n  leave "b" out of the features'),
        ("a,b,price\n1,x,.5\n2,x,.7\n", r'column "b": is "x" in all 2 rows\n  leave "b" out'),
        ("a,b,price\n1,,.5\n2,,.7\n", r'column "b": is empty in all 2 rows\n  leave "b" out'),
        ("a,b,price\n1,inf,.5\n2,7,.7\n", r'column "b": 1 value is infinite, the first in row 2\n  leave missing'),
        ("a,b,price\n1,1,.5\n2,1e39,.7\n", r'column "b": 1 value is too large for float32, the first in row 3\n'),
        ("a,b,price\n1,2024-01-02,.5\n2,2024-02-03,.7\n", r'column "b": holds dates, which are no numbers\n  .*month'),
        ("a,b,price\n1,02.01.2024,.5\n2,03.02.2024,.7\n", r'column "b": holds dates'),
        ("b,price\n16777216,.5\n16777217,.7\n", r"2 different whole numbers, of which float32 can tell 1 apart"),
        ("b,price\n1,.5\n2,.7\n3,.7\n4,1.5\n5,1.5\n?,2\n", r'numbers, but also 1 cell with "\?"\n  leave missing'),
        ('b,price\n"1,000",.5\n"2,000",.7\n', r'holds numbers in a form that is not read, as "1,000"\n  write them'),
        ("b;price\n1,5;2.5\n2,5;3.5\n", r'"price" has decimal points, other columns have decimal commas\n'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said_with_the_way_out(read, content, message):
    with pytest.raises(DataError, match=message):
        read(content)


def test_free_text_is_no_category(read):
    rows = "".join(f"the text {n},{n}.5\n" for n in range(60))
    with pytest.raises(
        DataError, match=r"60 different texts .* in 60 rows; a category has at most 50, .*\n.*my\.py:load"
    ):
        read("b,price\n" + rows)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"features": ("ag",)}, r'has no column "ag", which data\.features names\n  known: age, city, price .*"age"'),
        ({"groups": "patient"}, r'has no column "patient", which data\.groups names\n  known: age'),
        ({"order": "time"}, r'has no column "time", which data\.order names'),
        ({"weights": "w"}, r'has no column "w", which data\.weights names'),
        ({"columns": {"x": "number"}}, r'has no column "x", which data\.columns names'),
        ({"features": ("age",), "columns": {"city": "category"}}, r'"city" is, but data\.features does not list it'),
        ({"weights": "age"}, r'column "age" \(data\.weights\): is missing for 1 example of 4\n  fill in'),
        ({"order": "city"}, r'column "city" \(data\.order\): is missing for 1 example of 4\n'),
        ({"groups": "city"}, r'column "city" \(data\.groups\): is missing for 1 example of 4\n'),
    ],
)
def test_settings_that_do_not_fit_the_table_are_refused(read, settings, message):
    with pytest.raises(DataError, match=message):
        read(HOUSES, **settings)


def test_a_parquet_file_keeps_its_types(tmp_path):
    times = pd.to_datetime(["2024-01-03", "2024-01-02", "2024-01-01"]).tz_localize("Europe/Oslo")
    table = pd.DataFrame({
        "n": pd.array([1, None, 3], "Int64"), "ok": [True, False, True], "size": pd.Categorical(["S", "L", "S"]),
        "t": times, "y": [0.5, 1.5, 2.5],
    })  # fmt: skip
    table.to_parquet(tmp_path / "a.parquet")
    settings = Data(name="a.parquet", target=("y",), order="t")
    source = read_table(tmp_path / "a.parquet", settings, loss=None, origin="a.parquet")
    assert names(source) == ["n", "n is missing", "ok=false", "ok=true", "size=L", "size=S"]
    assert source.x_train[0].tolist() == [1, 0, 0, 1, 0, 1]
    assert np.isnan(source.x_train[1, 0])
    assert np.argsort(source.order).tolist() == [2, 1, 0]


def test_a_file_that_is_no_parquet_and_one_that_is_not_there_are_named(tmp_path):
    settings = Data(name="a.parquet", target=("y",))
    with pytest.raises(DataError, match=r"a\.parquet: no such file"):
        read_table(tmp_path / "a.parquet", settings, loss=None, origin="a.parquet")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"a\.parquet: cannot be read as a Parquet file: "):
        read_table(tmp_path / "a.parquet", settings, loss=None, origin="a.parquet")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1], [2, 3], None], r'column "b": holds neither numbers nor text \(pandas calls it mixed\)'),
        ([b"a", b"b", b"a"], r"neither numbers nor text"),
        ([1 + 2j, 3, 4], r"neither numbers nor text"),
        (pd.to_timedelta([1, 2, 3], unit="s"), r"neither numbers nor text|holds dates"),
        (["1", "2", "3"], r'column "b": holds numbers as text\n  .*"b" = "category" \(or "number"\)'),
    ],
)
def test_columns_of_other_types_are_refused(values, message):
    table = pd.DataFrame({"b": values, "y": [0.5, 1.5, 2.5]})
    with pytest.raises(DataError, match=message):
        table_source(table, Data(name="my.py:load", target=("y",)), loss=None, origin="my.py")


def test_a_table_without_a_target_in_the_settings_is_refused():
    table = pd.DataFrame({"a": [1, 2], "y": [0.5, 1.5]})
    with pytest.raises(DataError, match=r"my\.py: data\.target is missing\n"):
        table_source(table, Data(name="my.py:load"), loss=None, origin="my.py")


def test_a_table_larger_than_the_memory_is_refused(read, monkeypatch):
    monkeypatch.setattr("ablate.data.table.memory_bytes", lambda: 40)
    with pytest.raises(
        DataError, match=r"4 rows of 2 columns take more than half .*\n  list fewer columns in features"
    ):
        read(HOUSES)
