import math

import pandas as pd
import pytest

from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers
from ablate.errors import DataError


def test_a_column_that_is_not_there_is_refused_with_the_nearest_name():
    runs = Runs(pd.DataFrame({"val_acc": ["1"], "lr": ["2"]}), place="sweep.csv", name="sweep")
    assert runs.column("lr").tolist() == ["2"]
    with pytest.raises(
        DataError, match=r'sweep.csv: no column "val_ac"\n  known: lr, val_acc .*did you mean "val_acc"'
    ):
        runs.column("val_ac")


def test_a_table_needs_runs_and_a_name_for_each_column():
    with pytest.raises(DataError, match="has no runs"):
        Runs(pd.DataFrame({"a": []}), place="x.csv", name="x")
    with pytest.raises(DataError, match='two columns are called "a"'):
        Runs(pd.DataFrame([["1", "2"]], columns=["a", "a"]), place="x.csv", name="x")


def test_text_is_numbers_only_where_all_that_is_recorded_reads_as_numbers():
    numbers = to_numbers(pd.Series(["1", "", "2.5e-1"]))
    assert numbers is not None
    assert numbers.tolist()[::2] == [1, 0.25]
    assert math.isnan(numbers[1])
    assert to_numbers(pd.Series(["1", "none"])) is None
    with_words = to_numbers(pd.Series(["1", "NaN", " NA", "-inf"]))
    assert with_words is not None
    assert with_words.isna().tolist() == [False, True, True, False]
    assert to_numbers(pd.Series(["", ""])) is None
