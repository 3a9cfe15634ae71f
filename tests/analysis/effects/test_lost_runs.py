import math
from dataclasses import replace

import pandas as pd
import pytest
from effect_rows import ACCURACY, rows, table

from ablate.analysis import effects
from ablate.analysis.effects.lost_runs import RunStates, failure_rows
from ablate.analysis.statistics import Looks

REFERENCE = {seed: 0.5 + 0.001 * seed for seed in range(8)}
BETTER = {seed: value + 0.05 + 0.001 * (seed % 3) for seed, value in REFERENCE.items()}
UNKNOWN = replace(ACCURACY, chance=math.nan)


def lost(variant, values, *, seeds, state="diverged"):
    none = {"state": state, "score": None, "test_accuracy": None}
    return [row | none if row["seed"] in seeds else row for row in rows(variant, values)]


def found(*parts, metric=UNKNOWN, **more):
    return effects.effects_table(table(*parts), metric, **more).set_index("variant")


def test_failures_are_counted_on_both_sides_over_the_paired_seeds_and_tested_in_the_family():
    shown = found(
        lost("reference", REFERENCE, seeds=[0]),
        lost("a=1", BETTER, seeds=range(8)),
        lost("b=1", BETTER, seeds=[0, 1]),
        rows("c=1", BETTER),
        metric=ACCURACY,
    )
    columns = ["n_runs", "n_lost", "reference_runs", "reference_lost"]
    assert shown.loc["a=1", columns].tolist() == [8, 8, 8, 1]
    assert shown.loc["b=1", columns].tolist() == [8, 2, 8, 1]
    assert shown.loc["c=1", columns].tolist() == [8, 0, 8, 1]
    assert shown["p_failure"].to_dict() == pytest.approx({"a=1": 2 / 2**7, "b=1": 1.0, "c=1": 1.0})
    assert shown.loc["a=1", "p_failure_adjusted"] == pytest.approx(3 * 2 / 2**7)
    assert shown["failures"].to_dict() == {"a=1": "more", "b=1": "", "c=1": ""}
    assert shown.loc["c=1", "failure_high"] == pytest.approx(1 - 0.05 ** (1 / 8))


def test_a_reference_that_fails_more_often_is_told_as_well():
    shown = found(lost("reference", REFERENCE, seeds=range(8)), rows("a=1", BETTER))
    assert shown.loc["a=1", "failures"] == "fewer"


def test_without_a_score_of_guessing_a_lost_run_on_either_side_leaves_no_size():
    shown = found(rows("reference", REFERENCE), lost("a=1", BETTER, seeds=[0, 1, 2]), rows("b=1", BETTER))
    row = shown.loc["a=1"]
    assert (row["verdict"], row["n"], row["n_lost"]) == ("lost runs", 8, 3)
    sizes = ("mean", "sd", "low", "high", "low_adjusted", "high_adjusted", "p", "p_adjusted", "p_holm", "p_tost")
    assert row[list(sizes)].isna().all()
    assert row["p_failure"] == 2 / 2**3
    assert shown.loc["b=1", "verdict"] == "helps"
    assert shown.loc["b=1", "p_holm"] == pytest.approx(2 * 2 / 2**8)  # the other is of the family as well
    other = found(lost("reference", REFERENCE, seeds=[5]), rows("a=1", BETTER), rows("b=1", BETTER))
    assert other["verdict"].tolist() == ["lost runs"] * 2


def test_with_a_score_of_guessing_lost_runs_have_a_size():
    shown = found(rows("reference", REFERENCE), lost("a=1", BETTER, seeds=range(8)), metric=ACCURACY)
    assert (shown.loc["a=1", "verdict"], shown.loc["a=1", "failures"]) == ("hurts", "more")
    assert shown.loc["a=1", "variant_mean"] == pytest.approx(0.1)


@pytest.mark.parametrize("state", ["killed", "pruned"])
def test_runs_that_were_cut_short_are_no_failures(state):
    shown = found(rows("reference", REFERENCE), lost("a=1", BETTER, seeds=[0, 1], state=state))
    assert shown.loc["a=1", ["n_runs", "n_lost", "verdict"]].tolist() == [6, 0, "helps"]


def test_below_six_seeds_failures_are_counted_and_not_tested():
    few = {seed: REFERENCE[seed] for seed in range(5)}
    shown = found(rows("reference", few), lost("a=1", few, seeds=range(5)))
    assert shown.loc["a=1", ["n_runs", "n_lost", "failures"]].tolist() == [5, 5, ""]
    assert math.isnan(shown.loc["a=1", "p_failure"])


def test_with_looks_the_failures_are_those_of_the_judged_seeds_at_the_level_of_the_look():
    looks = Looks((6, 12), (0.03, 0.02))
    shown = found(
        rows("reference", REFERENCE), lost("a=1", BETTER, seeds=range(8)), metric=ACCURACY, looks=looks
    )  # fmt: skip
    assert shown.loc["a=1", ["look", "n_runs", "n_lost"]].tolist() == [1, 6, 6]
    assert shown.loc["a=1", "p_failure"] == pytest.approx(2 / 2**6 * 0.05 / 0.03)


def test_without_shared_seeds_the_states_are_two_samples():
    mine, theirs = pd.Series(["failed"] * 3 + ["finished"] * 3), pd.Series(["finished"] * 6)
    (row,) = failure_rows([RunStates(mine, theirs, is_paired=False)], alpha=0.05)
    assert (row["n_lost"], row["reference_lost"], row["p_failure"]) == (3, 0, pytest.approx(2 * 20 / 220))
