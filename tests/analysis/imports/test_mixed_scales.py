import pandas as pd
import pytest
from tables import runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.mixed_scales import check_split
from ablate.analysis.imports.reading import read_imported
from ablate.errors import DataError

NORMS = ["none", "batch"] * 4
SPLIT = [0.81, 82.5, 0.79, 83.5, 0.80, 81.0, 0.82, 84.0]


def split(values, levels=NORMS):
    check_split(runs({"norm": levels, "acc": values}), "acc", pd.Series(values, dtype=float))


@pytest.mark.parametrize("unit", ["", "points", "%"])
def test_scales_that_a_column_decides_are_refused_whatever_the_unit(unit):
    table = runs({"norm": NORMS, "seed": [0, 0, 1, 1, 2, 2, 3, 3], "acc": SPLIT})
    with pytest.raises(DataError, match=r"it is 0\.81 where norm is none, and 82\.5 where norm is batch") as caught:
        read_imported(table, ImportOptions(factors=("norm",), seed="seed", score="acc", unit=unit))
    assert "--unit" not in str(caught.value)


def test_scales_that_mix_within_a_level_are_a_question_that_a_unit_settles():
    split([0.81, 82.5, 79.0, 0.835, 0.80, 81.0, 0.82, 84.0])


@pytest.mark.parametrize("collapsed", [(1.0, 1.0, 1.0, 1.0), (0.12, 0.09, 0.11, 0.10)])
def test_a_collapsed_level_in_percents_is_no_fraction(collapsed):
    split([value for pair in zip(collapsed, (72.5, 73.5, 71.0, 74.0), strict=True) for value in pair])
