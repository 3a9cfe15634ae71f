import pytest
from tables import crossed, runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.columns import find_roles
from ablate.errors import DataError

SCORES = [[0.81, 0.82, 0.83], [0.71, 0.72, 0.74]]


def refused(table) -> str:
    with pytest.raises(DataError) as caught:
        find_roles(runs(table), ImportOptions())
    return str(caught.value)


@pytest.mark.parametrize(
    ("cell", "advice"),
    [
        ("OOM", 'leave the cell empty and write "OOM" into a column "state"'),
        ("Crashed", 'leave the cell empty and write "Crashed" into a column "state"'),
        ("Out of memory", 'leave the cell empty and write "Out of memory" into a column "state"'),
        ("to do", "leave the cell empty if the run has no score"),
        ("79.8%", "write 79.8 for 79.8%"),
        ("12 %", "write 12 for 12 %"),
        ("0.8 ± 0.1", "write one row per run with its score, or the mean alone"),
        ("0,5", "write numbers as 1234.5"),
        ("=1+1", "write numbers as 1234.5"),
    ],
)
def test_a_cell_that_is_no_number_is_shown_with_advice_that_fits_it(cell, advice):
    said = refused({"a": [1, 2], "acc": ["0.5", cell]})
    assert f'the score "acc" must hold numbers, got "{cell}"\n  {advice}, or choose another column with --score' in said


def test_a_score_that_is_not_finite_is_not_what_is_wrong():
    assert 'got "OOM"' in refused({"a": [1, 2, 1], "acc": ["nan", "OOM", "0.5"]})
    assert "must hold numbers, and no run has one" in refused({"a": [1, 2], "acc": ["nan", "-"]})
    assert "must hold numbers, and it is empty" in refused({"a": [1, 2], "acc": ["", ""]})


def test_the_advice_for_a_lost_run_is_read():
    table = crossed().astype({"acc": object}).assign(state="finished")
    table.loc[0, ["acc", "state"]] = ["", "OOM"]
    assert find_roles(runs(table), ImportOptions()).states["OOM"] == "out_of_memory"


@pytest.mark.parametrize(
    ("names", "each"),
    [
        (["0", "1", "2"], "seed"), (["seed_0", "seed_1", "seed_2"], "seed"), (["run 1", "run 2", "run 3"], "seed"),
        (["acc_s1", "acc_s2", "acc_s3"], "seed"), (["fold1", "fold2", "fold3"], "fold"),
        (["sgd", "adam", "nadam"], "variant"),
    ],
)  # fmt: skip
def test_a_table_with_the_scores_of_several_runs_in_a_row_is_told_how_to_lay_them_out(names, each):
    key = {"seed": [0, 1]} if each == "variant" else {"optimizer": ["sgd", "adam"]}
    said = refused(key | {name: [row[at] for row in SCORES] for at, name in enumerate(names)})
    assert "which column is the score?\n  name it with --score" in said
    rows = f"write one row per run with its {each} in a column and its score in another"
    assert f"if each of {', '.join(names)} holds the scores of one {each}, {rows}" in said


def test_two_measures_of_one_run_are_no_two_runs():
    assert "one row per run" not in refused({"a": ["x", "y"], "acc1": [0.5, 0.6], "acc5": [0.7, 0.8]})
    assert "one row per run" not in refused({"a": ["x", "y"], "val_acc": [0.5, 0.6], "val_loss": [0.7, 0.8]})
    assert "one row per run" not in refused({"a": ["x", "y"], "b": [1, 2], "c": [3, 4]})
    assert "one row per run" not in refused({"a": ["x", "y"], "lr": [0.1, 0.2], "dropout": [0.3, 0.4]})
