import numpy as np
import pandas as pd
import pytest

from ablate.analysis.importance.cells import complete_cells, level_key, varying
from ablate.errors import DataError


def table() -> pd.DataFrame:
    rows = [(a, b, s, 100 * s + 10 * (a == "y") + b) for s in (5, 3) for a in ("x", "y") for b in (2.0, 0.5, 1.0)]
    return pd.DataFrame(rows, columns=["a", "b", "seed", "score"])


def test_an_axis_a_factor_numbers_ascending_and_words_as_they_came() -> None:
    cells = complete_cells(table(), ["a", "b"], "score", replicate="seed")
    assert cells.levels == (("x", "y"), (0.5, 1.0, 2.0))
    assert cells.replicates == (3, 5)
    assert cells.size == 6
    np.testing.assert_allclose(cells.values[0], [[300.5, 301, 302], [310.5, 311, 312]])
    np.testing.assert_allclose(cells.means(), [[400.5, 401, 402], [410.5, 411, 412]])


def test_rows_without_a_seed_are_counted_and_those_of_one_seed_averaged() -> None:
    counted = complete_cells(table(), ["a"], "score")
    assert counted.replicates == ()
    assert counted.values.shape == (6, 2)
    averaged = complete_cells(table(), ["a"], "score", replicate="seed")
    np.testing.assert_allclose(averaged.values[:, 0], [300 + 3.5 / 3, 500 + 3.5 / 3])


def test_missing_cells_are_named() -> None:
    rows = table()
    rows.loc[(rows["a"] == "y") & (rows["b"] == 1.0), "score"] = np.inf
    with pytest.raises(DataError, match="1 of 4 cells"):
        complete_cells(pd.DataFrame({"a": [0, 0, 1], "b": [0, 1, 1], "v": [1.0, 2.0, 3.0]}), ["a", "b"], "v")
    with pytest.raises(DataError, match=r"1 of 6 cells have no value\n  such as a=y, b=1.0\n"):
        complete_cells(rows, ["a", "b"], "score")


def test_a_cross_that_no_memory_holds_is_refused_at_once() -> None:
    columns = {f"f{number}": np.arange(100) for number in range(20)}
    with pytest.raises(DataError, match="cells have no value"):
        complete_cells(pd.DataFrame(columns).assign(score=1.0), list(columns), "score")


def test_an_unknown_column_or_level_names_the_nearest() -> None:
    with pytest.raises(DataError, match=r'column "scor" is missing(.|\n)*did you mean "score"'):
        complete_cells(table(), ["a", "b"], "scor")
    cells = complete_cells(table(), ["a", "b"], "score")
    with pytest.raises(DataError, match=r'b: unknown level "0\.7"'):
        cells.place({"a": "x", "b": 0.7})
    with pytest.raises(DataError, match="the factor b is missing"):
        cells.place({"a": "x"})


def test_a_table_without_values_is_refused() -> None:
    with pytest.raises(DataError, match="no cell has a value"):
        complete_cells(table().iloc[:0], ["a", "b"], "score")


def test_a_level_is_the_same_as_text_and_as_a_number() -> None:
    cells = complete_cells(table(), ["a", "b"], "score")
    assert cells.place({"a": "y", "b": "2", "other": 1}) == cells.place({"a": "y", "b": 2.0}) == (1, 2)
    assert cells.at((1, 2)) == {"a": "y", "b": 2.0}
    assert level_key("1e-3") == level_key(0.001)
    assert level_key("none") == "none"


def test_constant_columns_do_not_vary() -> None:
    assert varying(table().assign(c=1), ["a", "b", "c"]) == ["a", "b"]


def test_a_blank_level_among_numbers_equals_itself() -> None:
    assert level_key(float("nan")) == level_key(np.float64("nan")) == level_key("") == ""
    blank = pd.DataFrame({"a": [0.1, 0.1, np.nan, np.nan], "b": [1, 2, 1, 2], "y": [1.0, 2.0, 3.0, 4.0]})
    cells = complete_cells(blank, ["a", "b"], "y")
    assert cells.levels == ((0.1, ""), (1, 2))
    assert cells.place({"a": np.nan, "b": 2}) == (1, 1)
