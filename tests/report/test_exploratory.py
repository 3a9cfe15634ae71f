import math
from pathlib import Path

import pandas as pd
import pytest
from design_tables import METRIC, factorial

from ablate.report.exploratory import caveats, describe, outside
from ablate.report.inputs import Inputs
from ablate.storage.provenance import Provenance


def inputs(*, overlap: float | None = None, chance: float = 0.1, state: str = "finished") -> Inputs:
    results = factorial({"a": [0, 1]}, lambda cell, seed: 0.5 + 0.01 * seed * cell["a"], seeds=range(2))
    results.loc[results.index[-1], "state"] = state
    none = pd.DataFrame()
    metric = METRIC.__class__("score", "score", 1, 1.0, "", chance, 0.0)
    return Inputs(Path(), results, none, [], Provenance(overlap=overlap), "", metric, none, none, none)


TABLE = pd.DataFrame({"n": [5, 6], "mean": [1.0, 2.0], "low": [0.5, 1.5], "high": [1.5, 2.5]})


def test_fewer_than_six_seeds_have_no_interval_and_six_have() -> None:
    found = describe(inputs(), TABLE, ("",))
    assert found["mean"].tolist() == [1.0, 2.0]
    assert found["low"].isna().tolist() == found["high"].isna().tolist() == [True, False]
    assert TABLE["low"].tolist() == [0.5, 1.5]


def test_overlapping_folds_have_no_interval_and_it_is_said() -> None:
    folds = inputs(overlap=0.25)
    assert describe(folds, TABLE, ("",))["low"].isna().all()
    assert "folds share training examples" in outside(folds)
    assert caveats(inputs(), designs=("factorial",)) == []


def test_each_measure_counts_its_own_seeds() -> None:
    table = pd.DataFrame({"shapley_n": [6], "shapley_low": [1.0], "shapley_high": [2.0], "change_low": [math.pi]})
    assert describe(inputs(), table, ("shapley_",), n="shapley_n")["change_low"].tolist() == [math.pi]
    assert describe(inputs(), table.assign(shapley_n=1), ("shapley_",), n="shapley_n")["shapley_low"].isna().all()


@pytest.mark.parametrize(("state", "chance", "said"), [
    ("diverged", math.nan, True), ("diverged", 0.1, False), ("killed", math.nan, False), ("finished", math.nan, False),
])  # fmt: skip
def test_lost_runs_that_no_score_stands_for_are_said(state: str, chance: float, said: bool) -> None:
    assert bool(caveats(inputs(state=state, chance=chance), designs=("factorial",))) is said
    assert caveats(inputs(state=state, chance=chance), designs=("path",)) == []
