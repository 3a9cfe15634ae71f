import pandas as pd
from tables import runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.columns import find_roles
from ablate.analysis.imports.summaries import without_summaries


def table(*more):
    rows = [
        {"optimizer": name, "seed": str(seed), "acc": 0.8 + seed / 100} for name in ("adam", "sgd") for seed in range(6)
    ]
    return pd.DataFrame([*rows, *more])


def kept(*more):
    source = runs(table(*more))
    left, notes = without_summaries(source, find_roles(source, ImportOptions()))
    return len(left.table), notes


def test_rows_of_means_below_the_runs_are_left_out_and_said():
    rows = [{"optimizer": name, "seed": word, "acc": 0.8} for name in ("adam", "sgd") for word in ("mean", "Std")]
    assert kept(*rows) == (12, ["4 rows (mean, Std) are summaries of other rows and left out."])


def test_a_seed_that_is_another_word_or_no_word_is_no_summary():
    assert kept() == (12, [])
    assert kept({"optimizer": "adam", "seed": "a", "acc": 0.8}) == (13, [])
