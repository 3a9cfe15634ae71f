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
                                  "hparams.random_state", "replicate", "tags.seed", "seed_id"])  # fmt: skip
def test_a_seed_is_known_with_any_prefix(name):
    table = crossed().rename(columns={"seed": name}).assign(params_a=[1, 2] * 6, datetime_start=range(12))
    assert columns(table) == (name,)


@pytest.mark.parametrize("names", [("seed", "fold"), ("fold", "seed"), ("repeat", "fold"), ("cv_fold", "random_state")])
def test_fold_and_seed_are_a_replicate_together_in_whatever_order(names):
    foreign = read_imported(runs(folds(*names)), ImportOptions())
    assert foreign.facts.factors == ["norm"]
    assert set(foreign.facts.seed_column.split(" and ")) == set(names)
    compared = foreign.results.query("variant == 'norm=b'")
    assert sorted(compared["seed"]) == list(range(6))
    note = next(note for note in foreign.notes if note.startswith("A replicate is a pair of"))
    assert "6 blocks" in note
    assert "intervals may be too narrow" in note


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


@pytest.mark.parametrize("name", ["n_seeds", "seed_prompt", "num_seeds", "seedling", "reseed"])
def test_other_seeds_are_none(name):
    assert columns(crossed().rename(columns={"seed": name})) == ()
