"""What the report says about other test examples."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import write_study

from ablate.errors import DataError
from ablate.report.inputs import read_inputs
from ablate.report.page import Folded, Paragraph, Table
from ablate.report.test_set import example_blocks
from ablate.storage.predictions import KeptPredictions, write_predictions

N = 10_000


def write_predicted(folder, *, own=0.35):
    """Predictions with the accuracies of the table; `own`: SD of what a variant changes about each example."""
    results = pd.read_csv(folder / "results.csv", keep_default_na=False)
    tested = results[results["test_accuracy"] != ""]
    rng, labels = np.random.default_rng(0), np.zeros(N, np.uint8)
    ease = rng.normal(size=N)
    change = {variant: rng.normal(0, own, N) for variant in tested["variant"].unique()}
    kept = {}
    for trial, accuracy, variant in tested[["trial", "test_accuracy", "variant"]].itertuples(index=False):
        order = np.argsort(ease + change[variant] + rng.normal(0, 0.3, N))
        kept[trial] = np.ones(N, np.uint8)
        kept[trial][order[N - round(float(accuracy) * N) :]] = 0
    write_predictions(KeptPredictions(labels, kept), folder / "test_predictions.npz")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_predicted(write_study(tmp_path_factory.mktemp("tested") / "cifar_mlp"))


def said_in(blocks) -> str:
    return " ".join(block.text for block in blocks if isinstance(block, Paragraph))


def test_the_scope_and_an_interval_over_seeds_and_examples_are_in_the_report(folder):
    blocks = example_blocks(read_inputs(folder))
    text = said_in(blocks)
    assert text.startswith(
        "The results hold for this data set, this test set of 10,000 examples and these settings. "
        "Another test set of this size and kind would move a difference by about ±0."
    )
    (table,) = (block for block in blocks if isinstance(block, Table))
    data = table.data.set_index("variant")
    batch = data.loc["normalization=batch"]
    assert batch["low_examples (fraction)"] < batch["low (fraction)"] < batch["mean (fraction)"]
    assert batch["only_variant"] - batch["only_reference"] == pytest.approx(N * batch["mean (fraction)"])
    assert batch["better_pairs"] == 9
    assert "1 comparison is not in the table: its runs are identical or lost, or lack predictions." in text
    assert "optimizer=sgd" not in data.index  # four of its runs diverged
    (pairs,) = (block.table for block in blocks if isinstance(block, Folded))
    assert len(pairs.data) == 9 * len(data)


def test_a_verdict_that_rests_on_these_examples_is_named(tmp_path):
    folder = write_predicted(write_study(tmp_path / "cifar_mlp"), own=4.0)
    text = said_in(example_blocks(read_inputs(folder)))
    assert "ctivation relu hurts" in text
    assert "on this test set; with other test examples that might not hold: the interval over seeds and " in text
    assert "normalization batch helps" not in text.lower()


def test_a_study_without_predictions_says_that_their_weight_is_unknown(tmp_path):
    folder = write_study(tmp_path / "cifar_mlp")
    (block,) = example_blocks(read_inputs(folder))
    assert block.text == (
        "The results hold for this data set, this test set of 10,000 examples and these settings. How far other test "
        "examples would move the differences is unknown, because the predictions of this study were not kept."
    )


def test_an_imported_table_has_no_test_set_that_we_know_of(tmp_path):
    folder = write_predicted(write_study(tmp_path / "cifar_mlp", facts={"foreign": True}))
    assert json.loads((folder / "provenance.json").read_text())["foreign"]
    assert example_blocks(read_inputs(folder)) == []


def test_intervals_that_the_examples_leave_as_they_are_are_counted(tmp_path):
    own = write_predicted(write_study(tmp_path / "own" / "cifar_mlp"), own=4.0)  # each variant has examples of its own
    assert "the seeds explain all that varies" not in said_in(example_blocks(read_inputs(own)))
    chance = write_predicted(write_study(tmp_path / "chance" / "cifar_mlp"), own=0.0)
    blocks = example_blocks(read_inputs(chance))
    (table,) = (block for block in blocks if isinstance(block, Table))
    same = int((~table.data["examples_add"]).sum())
    assert same > 0
    assert (
        f"For {same} of {len(table.data)} comparisons the seeds explain all that varies: the variance of the examples "
        "is estimated at 0, so the interval over seeds and examples is that over seeds."
    ) in said_in(blocks)


def test_an_accuracy_of_the_models_own_is_not_compared_with_the_predictions(folder):
    inputs = read_inputs(folder)
    shifted = inputs.scores.assign(value=inputs.scores["value"] - 0.01)
    with pytest.raises(DataError, match="not of the same runs"):
        example_blocks(replace(inputs, scores=shifted))
    facts = replace(inputs.facts, model={"name": "mine.py:build"})
    users = replace(inputs, scores=shifted, facts=facts)
    text = said_in(example_blocks(users))
    assert text.endswith(
        "not those of the kept predictions, as with a model that is compiled with an accuracy of its own."
    )
