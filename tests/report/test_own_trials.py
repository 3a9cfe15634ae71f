"""What a report says of runs that a user's function or program trained by itself."""

import dataclasses

import pytest
from synthetic import write_study

from ablate.report.checks import checklist
from ablate.report.effects import effects_section
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.methods import methods_section
from ablate.report.page import Definitions
from ablate.report.rate_checks import rate_checks
from ablate.report.trust import trust_section
from ablate.storage.provenance import Provenance

FUNCTION, PROGRAM = '[model]\ntrain = "my.py:train"\n', '[model]\ncommand = "python fit.py --lr {learning_rate}"\n'


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return read_inputs(write_study(tmp_path_factory.mktemp("own") / "cifar_mlp"))


def own(study: Inputs, text: str = FUNCTION, **facts: object) -> Inputs:
    changed = study.facts.to_json() | {"data": None, "model": {"name": "my.py:train", "code": "c0de"}} | facts
    facts_now = Provenance.from_json({name: value for name, value in changed.items() if value is not None})
    return dataclasses.replace(study, facts=facts_now, study_file=text)


def said(inputs: Inputs) -> dict[str, str]:
    (block,) = methods_section(inputs).blocks
    assert isinstance(block, Definitions)
    return dict(block.pairs)


def test_methods_claim_nothing_that_only_the_engine_does(study):
    words = said(own(study))
    assert words["Training"].startswith("my.py:train trained")
    assert "runs by itself, each in a call of its own" in words["Training"]
    assert "what a seed fixes is up to the code of my.py:train" in words["Seeds"]
    assert words["Test set"].startswith("Test scores are those that my.py:train reported")
    everything = " ".join(words.values())
    for claim in ("batch order", "initial weights", "early stopping", "epoch with the best", "model my.py:train"):
        assert claim not in everything
    assert "train my.py:train" in words["Held fixed"]


def test_a_program_is_named_by_its_command_line(study):
    words = said(own(study, PROGRAM))
    assert words["Training"].startswith("The program “python fit.py --lr {learning_rate}” trained")
    assert "each in a process of its own" in words["Training"]
    assert "is up to the code of the program “python fit.py" in words["Seeds"]


def test_with_data_of_the_study_a_seed_fixes_the_split(study):
    assert "A seed fixes the split" in said(own(study, data=study.facts.to_json()["data"]))["Seeds"]


def test_scores_that_came_too_early_are_counted_in_the_checklist_and_in_the_methods(study):
    inputs = own(study, discarded={"test_accuracy": 8, "test_loss": 1})
    words = "were thrown away: test_accuracy of 8 runs and test_loss of 1 run."
    (check,) = [check for check in checklist(inputs) if check.name == "Test set read once per run"]
    assert words in check.why
    assert words in said(inputs)["Test set"]
    assert "thrown away" not in said(own(study))["Test set"]


def test_what_ablate_does_not_see_is_unknown_in_the_checklist(study):
    checks = {check.name: check for check in checklist(own(study))}
    assert checks["Real data"].passed is None
    assert "brings its own data" in checks["Real data"].why
    no_rates = dataclasses.replace(own(study), effects=study.effects.assign(mode=""))
    (check,) = rate_checks(no_rates)
    assert (check.name, check.passed) == ("Learning rate found for each variant", None)
    assert "no factor learning_rate" in check.why


def test_a_score_that_is_no_epochs_best_is_not_called_flattered_by_it(study):
    texts = [block.text for block in trust_section(study, []).blocks if hasattr(block, "text")]
    assert any("Choosing the best epoch" in text for text in texts)
    texts = [block.text for block in trust_section(own(study), []).blocks if hasattr(block, "text")]
    assert not any("Choosing the best epoch" in text for text in texts)


def test_pairs_share_the_seed_and_nothing_else_that_is_known(study):
    assert "batch order" in str(effects_section(study))
    assert "batch order" not in str(effects_section(own(study)))
