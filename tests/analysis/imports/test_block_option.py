import numpy as np
import pandas as pd
import pytest
from tables import runs

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.errors import DataError


def table(gains, *, n=6, name="dataset", score="accuracy", unit=1.0) -> pd.DataFrame:
    """Method new gains as given on each data set over a score of 0.8, 0.7, …, each seed with its own luck."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {name: block, "seed": seed, "method": method, score: unit * round(0.8 - 0.1 * place + more + luck, 5)}
            for place, (block, gain) in enumerate(gains.items())
            for seed in range(n)
            for method, more in (("base", 0.0), ("new", gain))
            for luck in [rng.normal(0, 0.004)]
        ]
    )


def read(frame, **asked):
    return read_imported(runs(frame), ImportOptions(**asked))


@pytest.mark.parametrize("name", ["dataset", "environment", "Data Set", "site", "42"])
def test_the_named_column_is_the_block_whatever_its_name_is(name):
    foreign = read(table({"a": 0.08, "b": -0.02}, name=name), block=name, factors=("method",))
    compared = foreign.results.query("design == 'one-factor'")
    assert foreign.facts.block == name
    assert set(compared["data_set"]) == {"a", "b"}
    assert compared.groupby(["data_set", "variant"])["seed"].nunique().tolist() == [6] * 4
    assert foreign.facts.confounded == []  # where without it the effect "differs between the values of dataset"


def test_runs_of_one_block_share_no_seed_with_those_of_another():
    compared = read(table({"a": 0.08, "b": -0.02}), block="dataset").results.query("design == 'one-factor'")
    assert compared.groupby("seed")["data_set"].nunique().max() == 1
    assert compared.groupby("seed")["variant"].nunique().min() == 2


def test_the_block_may_be_named_as_part_of_the_seed_too():
    foreign = read(table({"a": 0.08, "b": -0.02}), block="dataset", seed="dataset,seed")
    assert foreign.facts.seed_column == "dataset and seed"


def test_a_table_with_one_run_on_each_block_is_paired_by_block():
    foreign = read(table(dict.fromkeys("abcdef", 0.05), n=1).drop(columns="seed"), block="dataset")
    compared = foreign.results.query("design == 'one-factor'")
    assert compared.groupby("data_set")["variant"].nunique().tolist() == [2] * 6


def test_equal_numbers_are_one_block_and_keep_their_first_spelling():
    foreign = read(table({"01": 0.05, "2": 0.05, "1": 0.05}), block="dataset")
    assert set(foreign.results["data_set"]) == {"01", "2"}


def test_rows_without_a_block_are_left_out_and_counted():
    frame = table({"a": 0.05, "b": 0.05})
    frame.loc[0, "dataset"] = ""
    assert "" not in set(read(frame, block="dataset").results.query("design == 'one-factor'")["data_set"])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"block": "nothing"}, 'no column "nothing"'),
        ({"block": "accuracy", "score": "accuracy"}, "--block accuracy: is named with --score too"),
        ({"block": "method", "factors": ("method",)}, "--block method: is named with --factors too"),
        ({"block": "dataset", "ignore": ("dataset",)}, "is the block"),
    ],
)
def test_a_block_has_no_other_role(asked, message):
    with pytest.raises(DataError) as caught:
        read(table({"a": 0.05, "b": 0.05}), **asked)
    assert message in str(caught.value)


def test_a_block_of_one_value_is_refused():
    with pytest.raises(DataError, match="--block dataset: must have two values or more, got 1"):
        read(table({"a": 0.05}), block="dataset")


def test_a_margin_in_the_unit_of_scores_that_are_compared_by_ratio_is_refused():
    frame = table({"a": 0.05, "b": 0.05}, score="mae", unit=100.0)
    with pytest.raises(DataError, match=r"--margin 0\.5: scores that have other sizes on each dataset"):
        read(frame, block="dataset", margin=0.5)
    assert read(frame, block="dataset").facts.block == "dataset"
    assert read(table({"a": 0.05, "b": 0.05}), block="dataset", margin=0.005).facts.margin == 0.005


def test_without_the_option_the_table_has_no_column_of_data_sets():
    assert "data_set" not in read(table({"a": 0.05, "b": 0.05})).results
