from tables import runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.history_runs import find_history, is_regular


def history(table):
    source = runs({"acc": [0.5] * len(table["epoch"]), **table})
    export = recognize(map(str, source.table))
    return find_history(source, ImportOptions(), export, step="epoch", score="acc", others=("epoch",))


def test_rows_of_one_seed_and_setting_are_one_run():
    found = history({"epoch": [1, 2, 3] * 4, "seed": [0] * 6 + [1] * 6, "lr": ([0.1] * 3 + [0.2] * 3) * 2})
    assert found.runs.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert is_regular(found)
    assert not found.is_named


def test_a_column_that_names_the_run_is_enough():
    found = history({"epoch": [1, 2, 3, 1, 2, 3], "run_id": ["a"] * 3 + ["b"] * 3, "lr": [0.3, 0.2, 0.1] * 2})
    assert found.runs.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.is_named


def test_without_any_column_a_run_starts_at_the_first_step():
    found = history({"epoch": [1, 2, 3, 1, 2]})
    assert found.runs.tolist() == [0, 0, 0, 1, 1]


def test_a_missing_step_makes_a_run_irregular():
    found = history({"epoch": [1, 2, 3, 1, 3], "seed": [0, 0, 0, 1, 1]})
    assert found.runs.tolist() == [0, 0, 0, 1, 1]
    assert not is_regular(found)
