import numpy as np
import pandas as pd
import pytest
from tables import crossed, runs

from ablate.analysis.imports import read_imported
from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.replicates import find_replicates, seeds_of
from ablate.errors import DataError


def columns(table, **asked):
    source = runs(table)
    return find_replicates(source, ImportOptions(**asked), recognize(source.table)).columns


def folds(first, second):
    """norm under each pair of two replicates."""
    return pd.DataFrame(
        [{first: one, second: other, "norm": norm, "acc": 0.5 + 0.1 * (norm == "b") + one / 100 + other / 1000}
         for norm in ("a", "b") for one in range(3) for other in range(2)]
    )  # fmt: skip


@pytest.mark.parametrize("name", ["seed", "Random Seed", "params.seed", "config/seed", "user_attrs_fold", "rng_seed",
                                  "hparams.random_state", "replicate", "tags.seed", "seed_id", "shuffle_seed",
                                  "env_seed", "fold_number", "rep_id", "cv_split", "seeds"])  # fmt: skip
def test_a_seed_is_known_with_any_prefix(name):
    table = crossed().rename(columns={"seed": name}).assign(params_a=[1, 2] * 6, datetime_start=range(12))
    assert columns(table) == (name,)


@pytest.mark.parametrize("names", [("seed", "fold"), ("repeat", "fold"), ("split_seed", "cv_fold")])
def test_fold_and_seed_are_a_replicate_together_in_whatever_order(names):
    for table in (folds(*names), folds(*names)[[*reversed(names), "norm", "acc"]]):
        foreign = read_imported(runs(table), ImportOptions())
        assert foreign.facts.factors == ["norm"]
        assert set(foreign.facts.seed_column.split(" and ")) == set(names)
        compared = foreign.results.query("variant == 'norm=b'")
        assert sorted(compared["seed"]) == list(range(6))
        note = next(note for note in foreign.notes if note.startswith("A replicate is a pair of"))
        assert "6 blocks" in note
        assert "their training sets overlap" in note
        assert foreign.facts.overlap == 1  # two folds: as many rows to test as to train


@pytest.mark.parametrize("names", [("fold", "seed"), ("cv_fold", "random_state"), ("split", "init_seed")])
def test_runs_of_a_fold_are_averaged_where_the_scores_show_that_the_seeds_share_the_folds(names):
    foreign = read_imported(runs(folds(*names)), ImportOptions())
    assert foreign.facts.factors == ["norm"]
    assert foreign.facts.seed_column == names[0]
    assert f"averaged over {names[1]}, which leaves 3 replicates." in " ".join(foreign.notes)
    compared = foreign.results.query("variant == 'norm=b'")
    assert compared["score"].round(4).tolist() == [0.6005, 0.6105, 0.6205]
    assert foreign.facts.overlap == 0.5
    asked = read_imported(runs(folds(*names)), ImportOptions(seed=",".join(names)))
    assert asked.facts.seed_column == names[0]


def test_inner_folds_are_averaged_within_outer_folds():
    table = folds("inner_fold", "outer_fold").rename(columns={"acc": "score"})
    foreign = read_imported(runs(table), ImportOptions())
    assert (foreign.facts.seed_column, foreign.facts.overlap) == ("outer_fold", 1)


@pytest.mark.parametrize(
    ("name", "values", "overlap"),
    [
        ("fold", range(10), 1 / 9),
        ("cv_fold", range(1, 6), 1 / 4),
        ("Fold", [f"fold_{k}" for k in range(1, 6)], 1 / 4),
        ("kfold", list("ABCDE"), 1 / 4),
        ("fold", [0, 2, 7], 1 / 7),
        ("split", range(4), 1 / 3),
        ("split", list("ABC"), None),
        ("split", [3, 17, 20], None),
        ("seed", range(5), None),
        ("split_seed", range(5), None),
        ("data_seed", range(5), None),
        ("repeat", range(5), None),
    ],
)
def test_folds_overlap_and_seeds_do_not(name, values, overlap):
    table = pd.DataFrame(
        [{name: value, "norm": norm, "acc": 0.5 + 0.1 * (norm == "b")} for norm in "ab" for value in values]
    )
    foreign = read_imported(runs(table), ImportOptions())
    assert foreign.facts.factors == ["norm"]
    assert foreign.facts.overlap == (overlap if overlap is None else pytest.approx(overlap))
    assert ("Nadeau and Bengio" in " ".join(foreign.notes)) == (overlap is not None)


def test_a_fold_that_the_seed_counts_still_overlaps():
    table = crossed(seeds=range(5)).assign(fold=lambda rows: rows["seed"])
    foreign = read_imported(runs(table.assign(seed=table["seed"] + 100)), ImportOptions())
    assert (foreign.facts.seed_column, foreign.facts.overlap) == ("seed", 0.25)
    assert "fold (goes with seed)" in foreign.notes[0]


def test_a_seed_that_is_not_chosen_is_no_factor():
    table = folds("seed", "shuffle_seed")
    foreign = read_imported(runs(table), ImportOptions(seed="seed"))
    assert foreign.facts.factors == ["norm"]
    assert "shuffle_seed (a seed or fold that is not used)" in foreign.notes[0]


def test_a_column_that_the_seed_decides_adds_nothing():
    assert columns(crossed().assign(fold=lambda rows: rows["seed"] + 1)) == ("seed",)
    assert columns(crossed().assign(fold=0)) == ("seed",)
    assert columns(crossed().assign(seed=0)) == ("seed",)


def test_several_columns_can_be_asked_for():
    table = folds("a", "b").rename(columns={"norm": "c"})
    assert columns(table, seed="a") == ("a",)
    assert columns(table, seed="a, b") == ("a", "b")
    with pytest.raises(DataError, match='no column "d"'):
        columns(table, seed="a,d")


def test_pairs_with_a_blank_are_no_replicate():
    source = runs({"fold": ["0", "0", ""], "seed": ["1", "2", "1"]})
    numbers = seeds_of(source, ("fold", "seed"))
    assert numbers is not None
    assert numbers.tolist()[:2] == [0, 1]
    assert numbers.isna().tolist() == [False, False, True]


def test_parts_of_the_data_are_no_folds():
    table = pd.concat([crossed().assign(split=part) for part in ("train", "Test")])
    with pytest.raises(DataError, match='mixes several parts of the data: "split" is test, train\n  keep the rows'):
        columns(table)
    assert columns(table, factors=("norm", "drop", "split")) == ("seed",)


@pytest.mark.parametrize("name", ["n_seeds", "seed_prompt", "num_seeds", "seedling", "reseed", "use_seed", "n_folds"])
def test_other_seeds_are_none(name):
    assert columns(crossed().rename(columns={"seed": name})) == ()


def test_repeats_of_a_seed_are_no_further_seeds():
    foreign = read_imported(runs(folds("seed", "repeat")), ImportOptions())
    assert foreign.facts.seed_column == "seed"
    assert "averaged over repeat, which leaves 3 replicates." in " ".join(foreign.notes)


@pytest.mark.parametrize(("name", "scope"), [("dataset", True), ("Data Set", True), ("subject_id", False)])
def test_data_sets_and_subjects_are_blocks_unless_they_are_what_is_compared(name, scope):
    table = folds("seed", name)
    foreign = read_imported(runs(table), ImportOptions())
    assert foreign.facts.factors == ["norm"]
    said = " ".join(foreign.notes)
    assert f"{name} is taken for a block, not for a factor" in said
    assert ("hold for these alone" in said) == scope
    assert read_imported(runs(table), ImportOptions(factors=("norm", name))).facts.factors == ["norm", name]
    alone = table[table["norm"] == "a"].drop(columns="norm")
    assert read_imported(runs(alone), ImportOptions()).facts.factors == [name]


def test_tries_of_a_run_are_no_factor_where_it_has_a_seed():
    table = crossed(seeds=range(6)).assign(attempt=[1, 2] * 18)
    foreign = read_imported(runs(table), ImportOptions())
    assert foreign.facts.factors == ["norm", "drop"]
    assert "attempt (counts the tries of a run)" in foreign.notes[0]


def test_folds_are_shared_too_where_what_a_factor_does_depends_on_them():
    rng = np.random.default_rng(0)
    rows = [
        {"fold": fold, "seed": seed, "norm": norm, "acc": luck + gain * (norm == "b") + 0.01 * rng.normal()}
        for fold, gain in enumerate((-0.1, 0.0, 0.2, -0.2, 0.1))
        for seed, luck in enumerate(rng.normal(size=4))
        for norm in "ab"
    ]
    assert read_imported(runs(pd.DataFrame(rows)), ImportOptions()).facts.seed_column == "fold"


def test_seeds_beyond_the_exact_floats_are_told_apart_by_their_digits():
    seeds = ["123456789012345678", "123456789012345679", ""] * 2  # with a blank, numbers would be floats
    table = pd.DataFrame({"norm": ["a"] * 3 + ["b"] * 3, "seed": seeds, "acc": np.linspace(0.5, 0.6, 6)})
    source = runs(table)
    found = seeds_of(source, ("seed",))
    assert found[:2].tolist() == found[3:5].tolist() == [0, 1]
    assert found.isna().tolist() == [False, False, True] * 2
    assert "above 2^53" not in find_replicates(source, ImportOptions(), recognize(source.table)).note


def test_seeds_that_lost_their_last_digits_are_said():
    table = crossed().astype({"seed": object})
    table["seed"] = [{0: "1.2345678901234568e+17"}.get(seed, f"{seed}.0") for seed in table["seed"]]
    source = runs(table)
    note = find_replicates(source, ImportOptions(), recognize(source.table)).note
    assert note.startswith("seed has values above 2^53 that are written with an exponent: ")
