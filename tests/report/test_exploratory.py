import math

import pandas as pd

from ablate.report.exploratory import without_few


def test_fewer_than_six_seeds_have_no_interval_and_six_have() -> None:
    table = pd.DataFrame({"n": [5, 6], "mean": [1.0, 2.0], "low": [0.5, 1.5], "high": [1.5, 2.5]})
    found = without_few(table, ("",))
    assert found["mean"].tolist() == [1.0, 2.0]
    assert found["low"].isna().tolist() == found["high"].isna().tolist() == [True, False]
    assert table["low"].tolist() == [0.5, 1.5]


def test_each_measure_counts_its_own_seeds() -> None:
    table = pd.DataFrame({"shapley_n": [6], "shapley_low": [1.0], "shapley_high": [2.0], "change_low": [math.pi]})
    assert without_few(table, ("shapley_",), n="shapley_n")["change_low"].tolist() == [math.pi]
    assert without_few(table.assign(shapley_n=1), ("shapley_",), n="shapley_n")["shapley_low"].isna().all()
