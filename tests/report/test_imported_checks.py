import dataclasses

import pytest
from synthetic import provenance, write_study

from ablate.report.imported_checks import table_checks
from ablate.report.inputs import Inputs, read_inputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = write_study(tmp_path_factory.mktemp("imported") / "s", modes=("",), facts=provenance() | {"foreign": True})
    return read_inputs(folder)


def told(inputs: Inputs, **facts: object) -> dict[str, tuple[bool | None, str]]:
    checks = table_checks(dataclasses.replace(inputs, facts=dataclasses.replace(inputs.facts, **facts)))
    return {check.name: (check.passed, check.why) for check in checks}


def test_settings_that_differ_with_the_same_mix_are_said_and_pass(inputs: Inputs) -> None:
    averaged = told(inputs, also_varies=["batch", "depth"])["No other setting differs between what is compared"]
    assert averaged == (True, "Comparisons average over batch, depth, with the same mix on both sides.")


def test_a_difference_that_was_let_through_is_said_and_does_not_pass(inputs: Inputs) -> None:
    said = "The last epoch differs between norm=a (20) and norm=b (3 to 9, median 5): a difference may come from it"
    others = told(inputs, ignored=[said], also_varies=["batch"])["No other setting differs between what is compared"]
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
    name = "No other setting differs between what is compared"
    assert told(inputs, ignored=["host differs and is ignored"])[name] == (None, "host differs and is ignored.")
    separating = ["n_params separates a from b in every run"]
    assert told(inputs, separating=separating)[name] == (False, "n_params separates a from b in every run.")


@pytest.mark.parametrize(
    ("seen", "unseen", "why"),
    [
        (["host", "date"], ["notes"], "No systematic difference is shown in host, date; left out: notes."),
        ([], ["notes"], "No other column was compared; left out: notes."),
        ([], [], "The table has no other column that varies."),
        (None, None, "No difference is shown."),
    ],
)
def test_the_clear_line_speaks_of_the_columns_compared_alone(
    inputs: Inputs, seen: list[str] | None, unseen: list[str] | None, why: str
) -> None:
    said = told(inputs, looked_at=seen, not_looked_at=unseen)["No other setting differs between what is compared"]
    assert said == (True, why)
