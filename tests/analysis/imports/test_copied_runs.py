import pandas as pd
from tables import configurations_of, crossed, flat, runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.columns import find_roles
from ablate.analysis.imports.copies import alike_notes, copied_seeds, once, without_copies


def test_copies_of_a_run_count_once_and_it_is_said():
    table = crossed()
    source = runs(pd.concat([table, table.iloc[:3]]))
    kept, notes = without_copies(source, find_roles(source, ImportOptions()), [])
    assert len(kept.table) == len(table)
    assert notes == ["3 rows repeat the configuration, seed and score of another row: each run counts once."]
    other = table.iloc[:3].assign(acc=0.123)  # another result of the same seed is another run
    source = runs(pd.concat([table, other]))
    assert without_copies(source, find_roles(source, ImportOptions()), []) == (source, [])


def test_lost_runs_and_runs_without_a_seed_are_no_copies():
    table = crossed().astype({"acc": object, "seed": object})
    table.loc[:1, "acc"] = ""
    table.loc[4:5, ["seed", "acc"]] = ["", 0.5]
    source = runs(pd.concat([table, table.iloc[:2], table.iloc[4:6]]))
    assert without_copies(source, find_roles(source, ImportOptions()), []) == (source, [])


def test_equal_rows_without_a_seed_count_and_are_said():
    table = crossed().drop(columns="seed")
    source = runs(pd.concat([table, table.iloc[:1]]))
    kept, notes = without_copies(source, find_roles(source, ImportOptions()), [])
    assert kept is source
    rule = "without a seed column this may be chance, so each row counts"
    assert notes == [f"1 row equals another row in every column: {rule}."]


def test_a_seed_that_does_not_reach_the_training_makes_no_pairs():
    _, cells = configurations_of(flat(score=lambda at, _seed: 0.8 + at / 50))
    [note] = alike_notes(cells)
    assert "the seed does not reach the training, or the rows are copies" in note
    single = once(cells)
    assert single.rows["seed"].tolist() == [0, 0, 0]
    assert single.rows["score"].round(6).tolist() == [0.8, 0.82, 0.84]


def test_scores_that_differ_in_one_configuration_are_those_of_runs():
    assert alike_notes(configurations_of(flat(score=lambda at, seed: 1.0 if at else 0.8 + seed / 500))[1]) == []
    assert alike_notes(configurations_of(flat(seeds=range(2), score=lambda at, _seed: 0.8 + at / 50))[1]) == []


def test_seeds_that_repeat_others_in_every_configuration_count_once():
    def score(at, seed):
        return round(0.8 + at / 50 + (seed % 4) ** 2 / 317 + (at * (seed % 4)) / 911, 5)

    _, cells = configurations_of(flat(seeds=range(8), score=score))
    kept, [said] = copied_seeds(cells)
    assert sorted(kept.rows["seed"].unique()) == [0, 1, 2, 3]
    assert len(kept.of_row) == len(kept.rows) == 12
    assert (
        said
        == "4 seeds (4, 5, 6, 7) have the same score as another seed in every configuration: copies, which count once."
    )


def test_coarse_scores_that_agree_are_no_copies():
    _, cells = configurations_of(
        flat(("adam", "sgd"), seeds=range(12), score=lambda _at, seed: round(0.8 + seed % 5 / 100, 2))
    )
    kept, notes = copied_seeds(cells)
    assert (len(kept.rows), notes) == (24, [])
