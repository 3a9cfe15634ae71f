import dataclasses
from pathlib import Path

import pytest
from synthetic import write_study

from ablate.report.inputs import Inputs, read_inputs
from ablate.report.methods import methods_section
from ablate.report.page import Definitions
from ablate.report.statistical_methods import lost_runs_paragraph, statistics_paragraph, verdicts_paragraph
from ablate.storage.provenance import Provenance


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return read_inputs(write_study(tmp_path_factory.mktemp("methods") / "cifar_mlp"))


def told(inputs: Inputs, **facts: object) -> dict[str, str]:
    changed = dataclasses.replace(inputs, facts=Provenance.from_json(inputs.facts.to_json() | facts))
    (block,) = methods_section(changed).blocks
    assert isinstance(block, Definitions)
    return dict(block.pairs)


def test_a_reviewer_finds_design_seeds_test_set_and_statistics(inputs: Inputs) -> None:
    said = told(inputs)
    assert "12 variants are compared" in said["Design"]
    assert "the study's baseline: normalization none" in said["Design"]
    assert "learning-rate range test of its own configuration" in said["Learning rates"]
    assert "carry" not in said["Learning rates"]
    assert said["Seeds"].startswith("Every compared configuration was trained with the same 9 seeds.")
    assert "used seed 1000" in said["Seeds"]
    assert "10,000 examples was read once" in said["Test set"]
    assert "Before that, on 2026-11-21 10:38, " in said["Test set"]
    assert "40 comparisons among 41 configurations were preregistered (SHA-256 5ee15ee1" in said["Test set"]
    assert said["Statistics"] == statistics_paragraph(inputs)
    assert said["Verdicts"] == verdicts_paragraph(inputs)
    assert said["Runs that did not finish"] == lost_runs_paragraph(inputs)
    assert said["Held fixed"].startswith("In all comparisons: model mlp, depth 20, 20 epochs at most, batches of 32")


@pytest.mark.parametrize(
    ("facts", "part", "text"),
    [
        (
            {"designs": ["factorial"], "factorial": ["dropout", "optimizer"]},
            "Design",
            "dropout and optimizer were fully crossed",
        ),
        ({"designs": ["path"]}, "Design", "One path leads from the reference to the best configuration"),
        (
            {"pruning": {"pruner": "asha", "rungs": [2, 8], "reduction_factor": 4}},
            "Design",
            "The search stopped trials early by asynchronous successive halving: only the best 1/4 of the trials so "
            "far go on after 2 and 8 epochs.",
        ),
        ({"pruning": {"pruner": "median"}}, "Design", "The search stopped trials early by the median rule: below the"),
        ({"reference_kind": "both"}, "Design", "Comparisons go in both directions"),
        (
            {"recipes": {"snn": {"activation": "selu", "dropout": 0.1}}},
            "Design",
            "sets activation selu, dropout 0.1.",
        ),
        ({"conditions": {"momentum": {"optimizer": ["sgd", "nag"]}}}, "Design", "only where optimizer is sgd or nag;"),
        ({"modes": ["tune"], "tune": {"points": 5, "at_edge": ["a=1"]}}, "Learning rates", "end of the grid for a=1."),
    ],
)
def test_each_fact_is_told(inputs: Inputs, facts: dict[str, object], part: str, text: str) -> None:
    assert text in told(inputs, **facts)[part]
    assert text not in told(inputs)[part]


def test_looks_are_told_with_what_they_spend(inputs: Inputs) -> None:
    said = told(dataclasses.replace(inputs, looks=(7, 14, 20)), seeds="auto")["Seeds"]
    assert (
        "looks were taken at 7, 14 and 20 seeds. The looks may spend .024, .016 and .011 of the 5 % error rate" in said
    )


def test_of_a_foreign_table_nothing_is_guessed(inputs: Inputs) -> None:
    facts = Provenance(foreign=True, source="runs.csv")
    (block,) = methods_section(dataclasses.replace(inputs, facts=facts)).blocks
    assert isinstance(block, Definitions)
    said = dict(block.pairs)
    assert "read from runs.csv" in said["Design"]
    assert "does not say how its runs were trained" in said["Design"]
    assert "Test set" not in said
    assert "Learning rates" not in said
    assert said["Seeds"] == "Comparisons use 9 paired seeds."
    one = dataclasses.replace(inputs, facts=facts, effects=inputs.effects.assign(n=1))
    (block,) = methods_section(one).blocks
    assert isinstance(block, Definitions)
    assert dict(block.pairs)["Seeds"] == "Comparisons use 1 paired seed."


def test_no_seed_is_said_to_draw_weights_where_all_start_from_the_same(inputs: Inputs) -> None:
    assert "the initial weights of each layer" in told(inputs)["Seeds"]
    shared = "all 3 seeds of reference start from the same weights"
    said = told(inputs, cautions={"initial_weights": [f"{shared}."]})["Seeds"]
    assert f"not the initial weights: {shared}. " in f"{said} "
    assert "of each layer" not in said
    users = told(inputs, model={"name": "mine.py:build"}, cautions={"initial_weights": []})["Seeds"]
    assert "the Keras seed, which is set before the model is built" in users
    assert "of each layer" not in users


def of_frozen(inputs: Inputs, **facts: object) -> dict[str, str]:
    return told(inputs, frozen=inputs.facts.to_json()["frozen"] | facts)


def test_test_scores_that_were_read_before_are_not_said_to_be_read_once(inputs: Inputs) -> None:
    before = {"study": "digits_mlp", "at": "2026-11-20T10:30:00+00:00"}
    said = of_frozen(inputs, read_before=[{**before, "scores": 12}], level=0.0125, earlier=[before], scores=16)
    assert "once" not in said["Test set"].partition("Judged")[0]
    assert "Before that" not in said["Test set"]
    assert "12 of 16 test scores were read before: 12 under the preregistration of digits_mlp on" in said["Test set"]
    assert "Judged at 1.25 %, not 5 %" in said["Test set"]
    assert "its adjusted p is at most .0125, its simultaneous" in said["Verdicts"]


def test_without_a_record_of_the_readings_no_order_is_claimed(inputs: Inputs) -> None:
    said = of_frozen(inputs, scores=None)["Test set"]
    assert "Before that" not in said
    assert said.endswith("It is not recorded whether test scores had been read before.")


def test_a_spent_level_judges_the_effects_and_not_the_words_alone(tmp_path: Path) -> None:
    spent = {"frozen": {"digest": "f00", "at": "2026-11-21T10:38:00+00:00", "contrasts": 12, "cells": 13}}
    whole = read_inputs(write_study(tmp_path / "whole", n_seeds=6, facts=spent))
    spent["frozen"]["level"] = 0.0125
    left = read_inputs(write_study(tmp_path / "left", n_seeds=6, facts=spent))
    assert (whole.effects["verdict"] == "helps").any()
    assert not left.effects["verdict"].isin(["helps", "hurts", "equivalent"]).any()  # six seeds: p is .03 at least
    assert left.effects["mde"].isna().all()  # no difference could be detected
    wider = left.effects["high_adjusted"] - left.effects["low_adjusted"]
    assert (wider > whole.effects["high_adjusted"] - whole.effects["low_adjusted"]).all()


@pytest.mark.parametrize(
    ("weights", "begins"),
    [("classes", "Classes count in the training loss by"), ("examples", "Examples count in the loss by the weights"),
     ("both", "Examples count in the training loss by the weights of the data times")],
)  # fmt: skip
def test_weights_are_said_with_the_metrics_that_leave_them_out(inputs: Inputs, weights: str, begins: str) -> None:
    data = {**inputs.facts.to_json()["data"], "weights": weights}
    said = told(inputs, data=data)["Weights"]
    assert said.startswith(begins)
    assert "metrics count every example once; only weighted_metrics" in said
    assert "Weights" not in told(inputs)
