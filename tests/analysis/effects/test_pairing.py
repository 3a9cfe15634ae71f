import pandas as pd
import pytest
from effect_rows import ACCURACY, BATCH, REFERENCE, SEEDS, rows, table

from ablate.analysis import effects


def differences(results):
    pairs = effects.paired_scores(results, ACCURACY)
    return pairs.groupby(["variant", "mode"])["difference"].mean().round(6).to_dict()


def at(level):
    return dict.fromkeys(SEEDS, level)


def test_a_variant_is_paired_with_the_reference_of_its_mode_or_else_with_the_shared_one():
    results = table(
        rows("reference", REFERENCE),
        rows("reference", at(0.6), mode="tune"),
        rows("a=1", BATCH, mode="find"),
        rows("a=1", at(0.65), mode="tune"),
    )
    assert differences(results) == {("a=1", "find"): 0.03, ("a=1", "tune"): 0.05}
    assert set(effects.effects_table(results, ACCURACY)["variant"]) == {"a=1"}


def test_a_reference_of_the_mode_that_lacks_a_seed_is_not_replaced_by_the_shared_one():
    results = table(
        rows("reference", REFERENCE), rows("reference", {0: 0.6, 1: 0.6}, mode="tune"), rows("a=1", BATCH, mode="tune")
    )
    assert effects.paired_scores(results, ACCURACY)["seed"].tolist() == [0, 1]


def test_a_variant_of_the_best_is_paired_with_the_best():
    results = table(
        rows("reference", REFERENCE),
        rows("best", at(0.7), against="reference"),
        rows("a=1", BATCH, mode="find", against="reference"),
        rows("a=1", BATCH, mode="carry", against="reference"),
        rows("best: a=0", at(0.6), mode="find", against="best"),
        rows("best: a=0", at(0.65), mode="carry", against="best"),
    )
    assert differences(results) == {
        ("a=1", "find"): 0.03, ("a=1", "carry"): 0.03, ("best", "find"): 0.2, ("best", "carry"): 0.2,
        ("best: a=0", "find"): -0.1, ("best: a=0", "carry"): -0.05,
    }  # fmt: skip


def test_a_second_reference_that_is_compared_with_none_is_no_contrast():
    results = table(
        rows("reference", REFERENCE), rows("target", at(0.7), against=""), rows("x", at(0.6), against="target")
    )
    assert differences(results) == {("x", ""): -0.1}


def test_each_pair_names_both_runs():
    results = table(rows("reference", REFERENCE), rows("a=1", BATCH, mode="find", same_as="other/t3"))
    pair = effects.paired_scores(results, ACCURACY).iloc[2].to_dict()
    assert (pair["trial"], pair["reference_trial"]) == ("a=1-find-2", "reference--2")
    assert (pair["run_id"], pair["reference_run_id"], pair["same_as"]) == ("run2", "run2", "other/t3")
    assert pair["against"] == "reference"


@pytest.mark.parametrize("columns", [["against", "design"], ["against", "design", "mode", "run_id", "same_as"]])
def test_older_tables_mean_the_reference_and_one_factor(columns):
    results = table(rows("reference", REFERENCE, against="", design=""), rows("a=1", BATCH, against="", design=""))
    newer = table(rows("reference", REFERENCE), rows("a=1", BATCH, against="reference", design="one-factor"))
    older = results.drop(columns=columns, errors="ignore")
    pd.testing.assert_series_equal(
        effects.paired_scores(older, ACCURACY)["difference"], effects.paired_scores(newer, ACCURACY)["difference"]
    )
    assert effects.effects_table(older, ACCURACY)["against"].tolist() == ["reference"]
