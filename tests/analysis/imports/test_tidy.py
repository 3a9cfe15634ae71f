import pandas as pd
import pytest
from tables import crossed, runs

from ablate.analysis.imports.exports import tidied


def test_blank_rows_are_skipped_wherever_they_stand():
    table = crossed().astype(object)
    for place in (0, 5, 12):
        blank = pd.concat([table.iloc[:place], pd.DataFrame([dict.fromkeys(table, " ")]), table.iloc[place:]])
        found = tidied(runs(blank))
        assert len(found.table) == 12
        assert found.notes == ("Skipped: 1 blank row.",)
    assert tidied(runs(table)).notes == ()


@pytest.mark.parametrize(("one", "other"), [("adam", "adam "), ("adam", "\tadam"), ("a b", " a b  ")])
def test_spaces_around_words_make_no_level(one, other):
    found = tidied(runs({"optimizer": [one, other, "sgd"], "acc": [1, 2, 3]}))
    assert found.table["optimizer"].tolist() == [one, one, "sgd"]
    assert found.notes == ("Removed spaces around words in optimizer.",)
    assert tidied(runs({"optimizer": ["a b", "a  b"]})).notes == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [("0.001", "0.0010000000474974513"), ("1e-4", "9.999999747378752e-05"), ("0.3", "0.30000000000000004"),
     ("0.1", "0.10000000149011612")],
)  # fmt: skip
def test_a_number_in_two_roundings_is_one_level_and_it_is_said(one, other):
    for cells in ([one, other, "0.5"], ["0.5", other, one]):
        found = tidied(runs({"lr": cells, "acc": [1, 2, 3]}))
        assert set(found.table["lr"]) == {one, "0.5"}
        assert found.notes == (f"lr: read {other} as {one}: one level, rounded differently.",)


@pytest.mark.parametrize(
    "cells",
    [
        ["0.001", "0.0010001"],
        ["16777216", "16777217"],
        ["0.1", "0.10000002"],
        ["a", "b"],
        ["0.1", "9" * 400],
        ["1e400", "1e-400"],
    ],
)
def test_levels_that_differ_stay_two(cells):
    found = tidied(runs({"lr": cells}))
    assert found.table["lr"].tolist() == cells
    assert found.notes == ()
