import dataclasses
import math

import pandas as pd
import pytest
from synthetic import provenance, write_study

from ablate.report.imported_checks import run_checks, table_checks
from ablate.report.inputs import Inputs, read_inputs

OTHERS = "No other setting differs between what is compared"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = write_study(tmp_path_factory.mktemp("imported") / "s", modes=("",), facts=provenance() | {"foreign": True})
    return read_inputs(folder)


def told(inputs: Inputs, **facts: object) -> dict[str, tuple[bool | None, str]]:
    checks = table_checks(dataclasses.replace(inputs, facts=dataclasses.replace(inputs.facts, **facts)))
    return {check.name: (check.passed, check.why) for check in checks}


def test_settings_that_differ_with_the_same_mix_are_said_and_pass(inputs: Inputs) -> None:
    averaged = told(inputs, also_varies=["batch", "depth"])[OTHERS]
    assert averaged == (True, "Comparisons average over batch, depth, with the same mix on both sides.")
    beside = told(inputs, also_varies=["batch"], not_looked_at=["notes"])[OTHERS]
    assert beside == (True, "Comparisons average over batch, with the same mix on both sides; left out: notes.")


def test_a_difference_that_was_let_through_is_said_and_does_not_pass(inputs: Inputs) -> None:
    said = "The last epoch differs between norm=a (20) and norm=b (3 to 9, median 5): a difference may come from it"
    others = told(inputs, ignored=[said], also_varies=["batch"])[OTHERS]
    assert others == (None, f"{said}.")


def test_folds_are_a_line_only_where_replicates_are_folds(inputs: Inputs) -> None:
    assert "Overlapping folds are allowed for" not in told(inputs)
    passed, why = told(inputs, overlap=0.25, seed_column="fold")["Overlapping folds are allowed for"]
    assert passed
    assert why == "Replicates are folds (fold); their variance is corrected for shared training data."


def test_one_run_of_each_configuration_tells_nothing_of_seeds(inputs: Inputs) -> None:
    alone = dataclasses.replace(inputs, runs=inputs.runs.drop_duplicates("variant"))
    checks = {check.name: check.passed for check in table_checks(alone)}
    assert checks["Scores differ between seeds"] is None


def test_columns_that_differ_do_not_pass_though_the_user_trusts_them_or_nobody_compared_them(inputs: Inputs) -> None:
    assert told(inputs, ignored=["host differs and is ignored"])[OTHERS] == (None, "host differs and is ignored.")
    separating = ["n_params separates a from b in every run"]
    assert told(inputs, separating=separating)[OTHERS] == (False, "n_params separates a from b in every run.")


@pytest.mark.parametrize(
    ("seen", "unseen", "passed", "why"),
    [
        (["host", "date"], ["notes"], True, "No systematic difference is shown in host, date; left out: notes."),
        ([], ["notes"], None, "No other column was compared; left out: notes."),
        ([], [], None, "The table has no other column that varies."),
        (None, None, None, "Not recorded."),
    ],
)
def test_the_line_on_other_settings_passes_only_where_a_column_was_compared(
    inputs: Inputs, seen: list[str] | None, unseen: list[str] | None, passed: bool | None, why: str
) -> None:
    assert told(inputs, looked_at=seen, not_looked_at=unseen)[OTHERS] == (passed, why)


def with_search(inputs: Inputs, *rows: dict[str, object]) -> Inputs:
    """The inputs with these rows of the table as its only search rows."""
    like = inputs.results[inputs.results["phase"] == "search"].iloc[0]
    table = pd.DataFrame([like.to_dict() | {"state": "finished"} | row for row in rows])
    return dataclasses.replace(inputs, results=table)


def test_rows_that_share_a_configuration_are_counted_with_and_without_seeds(inputs: Inputs) -> None:
    name = "One row per configuration and seed"
    alone, twice = with_search(inputs, {"seed": 0}, {"seed": 1}), with_search(inputs, {"seed": 0}, {"seed": 0})
    assert told(alone, seed_column="seed")[name] == (True, "No configuration counts twice with the same seed.")
    shared = "1 row shares configuration and seed with another; their mean counts."
    assert told(twice, seed_column="seed")[name] == (False, shared)
    nothing = with_search(inputs, {"seed": math.nan}, {"seed": math.nan})
    why = "The table has no seed column: 1 row shares the configuration with another; their mean counts."
    assert told(nothing, seed_column="")[name] == (None, why)
    single = with_search(inputs, {"seed": math.nan})
    assert told(single, seed_column="")[name] == (True, "No configuration counts twice.")


def test_a_row_without_a_seed_or_that_ended_early_is_no_second_row(inputs: Inputs) -> None:
    name = "One row per configuration and seed"
    unseeded = with_search(inputs, {"seed": 0}, {"seed": math.nan}, {"seed": math.nan})
    assert told(unseeded, seed_column="seed")[name] == (None, "2 rows without a seed are not compared.")
    stopped = with_search(inputs, {"seed": 0}, {"seed": 0, "state": "killed"})
    assert told(stopped, seed_column="seed")[name][0] is True
    retried = with_search(inputs, {"seed": 0}, {"seed": 0, "state": "failed"})  # the failed run has no part in a mean
    assert told(retried, seed_column="seed")[name] == (False, "1 row shares configuration and seed with another.")


def test_without_seeds_nobody_knows_whether_both_sides_have_the_same(inputs: Inputs) -> None:
    unknown = dataclasses.replace(inputs, facts=dataclasses.replace(inputs.facts, seed_column=""))
    same, _ = run_checks(unknown)
    assert same.passed is None
    assert same.why.startswith("The table has no seed column, so no run has a partner with the same seed.")
    assert "shared seeds" not in same.why
    [same, _] = run_checks(dataclasses.replace(inputs, facts=dataclasses.replace(inputs.facts, seed_column="seed")))
    assert "no seed column" not in same.why


def test_lost_runs_that_no_comparison_shows_are_said(inputs: Inputs) -> None:
    table = with_search(inputs, {"seed": 0}, {"seed": 0, "state": "diverged"})
    clean = dataclasses.replace(table, runs=inputs.runs[inputs.runs["state"] == "finished"])
    [_, counted] = run_checks(clean)
    assert counted.passed is None
    assert counted.why.startswith("1 run of the table did not finish; no comparison has a lost run")
