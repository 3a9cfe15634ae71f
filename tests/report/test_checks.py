import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from careful_study import CLEAN, Facts, careful_study, changed, failed, state, why
from synthetic import provenance, write_study

from ablate.analysis.effects import confirmatory_runs, effects_table
from ablate.report.checks import checklist
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.trust import confirmation


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return careful_study(tmp_path_factory.mktemp("checks") / "cifar_mlp")


def test_a_careful_study_is_confirmed(inputs: Inputs) -> None:
    checks = checklist(inputs)
    assert [check.name for check in checks if not check.passed] == []
    assert confirmation(checks).text == f"Confirmed: all {len(checks)} checks passed"
    assert len(checks) == 11


def test_a_search_alone_is_not_confirmed(inputs: Inputs) -> None:
    searched = inputs.results[inputs.results["phase"] == "search"]
    checks = checklist(dataclasses.replace(inputs, results=searched, runs=confirmatory_runs(searched)))
    assert [check.name for check in checks if not check.passed] == ["At least one comparison was made"]
    assert confirmation(checks).text.startswith("Not confirmed: 1 of ")


def test_one_failure_or_one_unknown_is_enough_not_to_be(inputs: Inputs) -> None:
    dirty = checklist(changed(inputs, facts={"git": {"commit": "e466", "dirty": True}}))
    assert confirmation(dirty).text == "Not confirmed: 1 of 11 checks failed"
    unknown = checklist(changed(inputs, facts={"quick": None}))
    assert confirmation(unknown).text == "Not confirmed: 1 of 11 checks could not be made"


DIRTY: Facts = {"git": {"commit": "e466", "dirty": True}}
OWN: Facts = {"model": {"name": "mine.py:build", "code": "f00d" * 16}}


@pytest.mark.parametrize(
    ("facts", "passed", "why"),
    [
        ({"git": None}, True, "The model mlp is part of ablate 0.1.0: no other code ran."),
        ({"git": None, "model": {"name": "mlp", "code": "f00d" * 16}}, None,
         "No git commit is recorded, because the study ran outside a git checkout; the study's own functions have the "
         "digest f00df00df00d…."),
        (DIRTY | {"package_in_checkout": False}, True, "The model mlp is part of ablate 0.1.0: no other code ran."),
        (DIRTY | {"package_in_checkout": True}, False, "Commit e466, with uncommitted changes."),
        (OWN | CLEAN, True, "Commit e466d59c0ffe, without uncommitted changes."),
        (OWN | DIRTY | {"package_in_checkout": False}, False, "Commit e466, with uncommitted changes."),
        (OWN | {"git": None}, None, "No git commit is recorded, because the study ran outside a git checkout; "
                                    "the model's file has the digest f00df00df00d…."),
    ],
)  # fmt: skip
def test_a_commit_is_asked_for_where_the_study_has_code_of_its_own(
    inputs: Inputs, facts: Facts, passed: bool | None, why: str
) -> None:
    (check,) = (one for one in checklist(changed(inputs, facts=facts)) if one.name == "Code recorded and unchanged")
    assert (check.passed, check.why) == (passed, why)


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"complete": False}, "No planned run is missing"),
        ({"seeds": 10}, "No planned run is missing"),
        ({"quick": True}, "Full budget"),
        ({"frozen": {"contrasts": 11}}, "Comparisons preregistered before the test set was read"),
        ({"data": {"stand_in": True}}, "Real data"),
    ],
)
def test_a_fact_that_spoils_it_is_named(inputs: Inputs, facts: Facts, name: str) -> None:
    assert failed(changed(inputs, facts=facts)) == [name]


def test_what_is_not_recorded_is_not_guessed(inputs: Inputs) -> None:
    unknown = state(changed(inputs, facts={"frozen": None, "complete": None, "quick": None}))
    assert [name for name, passed in unknown.items() if passed is None] == [
        "Comparisons preregistered before the test set was read", "No planned run is missing", "Full budget",
    ]  # fmt: skip


def test_a_seed_of_the_search_may_not_confirm(inputs: Inputs) -> None:
    results = inputs.results.copy()
    results.loc[results["phase"] == "search", "seed"] = 3
    assert failed(changed(inputs, results=results)) == ["Tuned on other seeds"]


def test_a_missing_seed_fails_two_checks(inputs: Inputs) -> None:
    results = inputs.results[inputs.results["trial"] != "ablation-dropout=0.1-find-s4"]
    assert failed(changed(inputs, results=results)) == [
        "No planned run is missing",
        "Every configuration has the same seeds",
    ]


def test_seeds_added_to_the_undecided_are_no_missing_seeds(inputs: Inputs) -> None:
    runs = inputs.results
    is_late = (runs["variant"] == "dropout=0.1") & (pd.to_numeric(runs["seed"], errors="coerce") >= 6)
    auto = dataclasses.replace(changed(inputs, facts={"seeds": "auto"}, results=runs[~is_late]), looks=(6, 9))
    assert failed(auto) == []
    odd = dataclasses.replace(auto, looks=(7, 9))
    assert "Every configuration has the same seeds" in failed(odd)


def test_a_reused_result_names_where_it_is_from(inputs: Inputs) -> None:
    results = inputs.results.astype({"same_as": object})
    results.loc[results["trial"] == "ablation-dropout=0.1-find-s4", "same_as"] = "digits/ablation-reference-s4"
    assert failed(changed(inputs, results=results)) == ["Reused results name their run"]
    known = changed(inputs, results=results, facts={"reused": {"rows": 1, "from": ["digits"]}})
    assert state(known)["Reused results name their run"] is True


@pytest.fixture
def foreign(tmp_path: Path) -> Inputs:
    facts: Facts = dict.fromkeys(provenance()) | {"foreign": True, "looked_at": ["batch"]}
    folder = write_study(tmp_path / "s", modes=("",), facts=facts | {"metric": {"name": "score", "scale": 100.0}})
    return dataclasses.replace(read_inputs(folder), rate_tests=[])


def test_the_checklist_of_a_foreign_table_has_only_lines_that_can_be_known_of_it(foreign: Inputs) -> None:
    assert state(foreign) == dict.fromkeys(
        (
            "Enough seeds",
            "Every configuration has the same seeds",
            "Runs that did not finish are counted",
            "One row per configuration and seed",
            "Scores differ between seeds",
            "Effects of the factors can be separated",
            "No other setting differs between what is compared",
        ),
        True,
    )
    said = confirmation(checklist(foreign), is_imported=True).text
    assert said == "7 of 7 checks of the table passed; how its runs were made and tuned is not known"
    assert "onfirmed" not in said


def test_each_line_of_a_foreign_table_fails_with_what_was_seen(foreign: Inputs) -> None:
    facts = {"aliased": ["depth is decided by width."], "confounded": ["batch differs."], "overlap": 0.25}
    spoilt = changed(foreign, facts=facts)
    assert failed(spoilt) == [
        "Effects of the factors can be separated", "No other setting differs between what is compared",
    ]  # fmt: skip
    assert state(spoilt)["Overlapping folds are allowed for"] is True
    results = foreign.results
    same = results.assign(score=results["score"].mask(results["variant"] == "dropout=0.1", 0.5))
    why = {check.name: check.why for check in checklist(changed(foreign, results=same))}
    assert why["Scores differ between seeds"].startswith("All seeds gave the same score for dropout=0.1")
    search = results[results["phase"] == "search"]
    twice = pd.concat([results, search.assign(trial=search["trial"] + "-again")], ignore_index=True)
    assert "One row per configuration and seed" in failed(changed(foreign, results=twice))
    none = changed(foreign, results=search)
    assert failed(none) == ["At least one comparison was made"]


def test_the_runs_behind_every_section_are_those_of_the_table(inputs: Inputs) -> None:
    pd.testing.assert_frame_equal(inputs.runs, confirmatory_runs(inputs.results))
    pd.testing.assert_frame_equal(inputs.effects, effects_table(inputs.results, inputs.metric))


def test_what_data_and_runs_show_is_a_line_each_that_fails_with_what_was_seen(inputs: Inputs) -> None:
    seen = ["40 of 100 test examples are training examples."]
    checks = checklist(changed(inputs, facts={"cautions": {"contamination": seen, "imbalance": []}}))
    lines = {check.name: check for check in checks}
    assert lines["No test example is in the training set"].passed is False
    assert lines["No test example is in the training set"].why == "40 of 100 test examples are training examples."
    assert lines["No class makes up more than 90 % of the examples"].passed is True
    assert len(checks) == 13  # kinds that were not looked for have no line


@pytest.mark.parametrize(
    ("decides", "metrics", "name", "why"),
    [
        ("accuracy", [("accuracy", "maximize", "points")], "Test accuracy is close to validation accuracy",
         "On average it is less than 15 points below."),
        ("pr_auc", [("pr_auc", "maximize", "points"), ("accuracy", "maximize", "points")],
         "Test pr auc is close to validation pr auc", "On average it is less than 15 points below."),
        ("mae", [("mae", "minimize", "")], "Test mae is close to validation mae",
         "On average it is less than 30 % above, or within 4 SDs over the seeds."),
        ("loss", [("mae", "minimize", ""), ("loss", "minimize", "")], "Test loss is close to validation loss",
         "On average it is less than 30 % above, or within 4 SDs over the seeds."),
        ("loss", [("accuracy", "maximize", "points"), ("loss", "minimize", "nats")],
         "Test accuracy is close to validation accuracy", "On average it is less than 15 points below."),
        ("r2", [("r2", "maximize", "")], "Test r2 is close to validation r2", "On average it is not far below."),
    ],
)  # fmt: skip
def test_the_line_on_the_test_set_names_the_metric_that_was_looked_at(
    decides: str, metrics: list[tuple[str, str, str]], name: str, why: str, inputs: Inputs
) -> None:
    task = {"decides": decides, "metrics": [dict(zip(("name", "goal", "unit"), one, strict=True)) for one in metrics]}
    checks = checklist(changed(inputs, facts={"cautions": {"test_gap": []}, "task": task}))
    assert (name, why) in [(check.name, check.why) for check in checks]


def test_of_many_cautions_of_a_kind_the_first_are_listed(inputs: Inputs) -> None:
    checks = checklist(changed(inputs, facts={"cautions": {"identical_runs": [f"pair {n}" for n in range(10)]}}))
    why = next(check.why for check in checks if check.name == "Every level of a factor changes the runs")
    assert why.startswith("pair 0; pair 1; ")
    assert why.endswith("; pair 7; and 2 more.")


def test_a_remark_is_said_where_nothing_speaks_against_a_kind(inputs: Inputs) -> None:
    remark = "2 of 1,000 test examples (0.2 %) equal a training example: too few to matter."
    facts = {"cautions": {"contamination": [], "groups": []}, "remarks": {"contamination": remark}}
    lines = {check.name: check for check in checklist(changed(inputs, facts=facts))}
    assert lines["No test example is in the training set"].passed is True
    assert lines["No test example is in the training set"].why == remark
    assert (
        lines["No group of examples is on both sides of a split"].why
        == "No repeated, overlapping or successive examples were found (other near duplicates were not checked)."
    )


def test_real_data_of_several_data_sets_are_each_said_with_their_source(inputs: Inputs) -> None:
    sources = {"a": "a.npz", "b": "UCI", "c": "UCI", "d": None}
    data_sets = [{"name": name, "source": source, "stand_in": False, "n_test": 9} for name, source in sources.items()]
    several = changed(inputs, facts={"data": None, "data_sets": data_sets})
    assert why(several, "Real data") == "a from a.npz; b and c from UCI; d from an unknown source."
