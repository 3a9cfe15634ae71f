from dataclasses import replace
from pathlib import Path

import pytest

from ablate import system
from ablate.experiment.options import Options, gather_facts, label, study_run, warnings
from ablate.study.model_ref import ModelRef
from ablate.study.settings import LrTest

OPTIONS = Options(Path("reports"), "sqlite:///mlflow.db", "ablate study tiny")


@pytest.fixture
def machine(monkeypatch):
    """Eight cores, no GPU, 64 GiB."""
    monkeypatch.setattr(system, "usable_cores", lambda: 8)
    monkeypatch.setattr(system, "count_gpus", lambda: 0)
    monkeypatch.setattr(system, "gpu_memory_bytes", list)
    monkeypatch.setattr(system, "memory_bytes", lambda: 64 * 2**30)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("asked", "workers", "threads"), [(None, 8, 1), (3, 3, 2), (16, 16, 1)])
def test_the_cores_are_divided_among_the_workers(tiny_study, digits, asked, workers, threads):
    facts = gather_facts(tiny_study, digits, replace(OPTIONS, workers=asked))
    assert (facts.workers, facts.threads) == (workers, threads)


@pytest.mark.usefixtures("machine")
def test_automatic_workers_are_as_many_as_memory_bears(tiny_study, digits, monkeypatch):
    monkeypatch.setattr(system, "memory_bytes", lambda: 8 * 2**30)
    facts = gather_facts(tiny_study, digits, OPTIONS)
    assert (facts.workers, facts.threads) == (2, 4)


@pytest.mark.usefixtures("machine")
def test_fewer_training_examples_than_were_asked_for_are_said(tiny_study, digits):
    asked = tiny_study.model_copy(update={"data": tiny_study.data.model_copy(update={"train": 20_000})})
    n = len(digits.y_train) - tiny_study.data.validation
    said = f"data.train is 20,000, but there are only {n:,} training examples: all are used"
    assert warnings(gather_facts(asked, digits, OPTIONS)) == [said]
    assert warnings(gather_facts(asked.model_copy(update={"quick": True}), digits, OPTIONS)) == []
    assert warnings(gather_facts(tiny_study, digits, OPTIONS)) == []


@pytest.mark.usefixtures("machine")
def test_examples_that_will_be_streamed_are_said_by_plan_study_and_report(tiny_study, digits, monkeypatch):
    monkeypatch.setattr(system, "memory_bytes", lambda: 200_000)
    facts = gather_facts(tiny_study, digits, OPTIONS)
    assert warnings(facts) == [facts.placement] == [facts.about_data().placement]
    assert facts.placement.startswith("examples are streamed from disk: 0.000")


@pytest.mark.usefixtures("machine")
def test_what_a_shortened_range_test_costs_is_said_except_in_a_quick_run(tiny_study, digits):
    short = tiny_study.model_copy(update={"lr_test": LrTest()})
    (said,) = warnings(gather_facts(short, digits, OPTIONS))
    assert said.startswith(
        "a range test takes 190% of a trial's 60 training steps: 2 curves of 57 steps instead of 3 of 176"
    )
    assert warnings(gather_facts(short.model_copy(update={"quick": True}), digits, OPTIONS)) == []


@pytest.mark.usefixtures("machine")
def test_a_typed_rate_that_no_comparison_trains_at_is_said(tiny_study, digits):
    def said(rate, **of_ablation):
        changed = {"baseline": {**tiny_study.baseline, "learning_rate": rate}}
        changed["ablation"] = tiny_study.ablation.model_copy(update=of_ablation)
        return warnings(gather_facts(tiny_study.model_copy(update=changed), digits, OPTIONS))

    (line,) = said(0.003, learning_rate=("find",))
    assert line.startswith("the comparisons do not use baseline.learning_rate 0.003: ")
    assert line.endswith('with "carry" all variants train at 0.003')
    assert len(said(0.003, learning_rate=("tune",))) == 1
    for rate, modes in ((0.003, ("carry",)), (0.003, ("find", "carry")), ("find", ("find",)), ("find*3", ("find",))):
        assert said(rate, learning_rate=modes) == []


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("trials", "n_said"), [(6, 1), (0, 0)])
def test_the_objectives_are_said_where_there_is_a_search(tiny_study, digits, trials, n_said):
    changed = {"trials": trials, "objectives": ("accuracy", "parameters"), "pruner": "none"}
    study = tiny_study.model_copy(update={"search": tiny_study.search.model_copy(update=changed)})
    lines = warnings(gather_facts(study, digits, OPTIONS))
    assert [line.startswith("the search is for high validation accuracy and few") for line in lines] == [True] * n_said


@pytest.mark.usefixtures("machine")
def test_what_data_show_is_said_before_the_first_trial(tiny_study, digits):
    copied = replace(digits, x_test=digits.x_train[: len(digits.x_test)], y_test=digits.y_train[: len(digits.y_test)])
    (said,) = warnings(gather_facts(tiny_study, copied, OPTIONS))
    assert said.startswith(f"{len(digits.x_test)} of {len(digits.x_test)} test examples (100.0 %) equal a training")


def test_quick_runs_and_stand_ins_have_names_of_their_own(tiny_study, digits):
    assert label(tiny_study, digits) == "tiny"
    quick = tiny_study.model_copy(update={"quick": True})
    assert label(quick, replace(digits, stand_in=True)) == "tiny@quick@stand-in"


def test_the_tracker_is_told_settings_versions_command_and_data(tiny_study, digits):
    run = study_run(gather_facts(tiny_study, digits, OPTIONS))
    assert (run.study, run.title, run.reference) == ("tiny", "A tiny MLP on digits", tiny_study.baseline)
    assert run.params["training.epochs"] == "3"
    assert run.tags["command"] == "ablate study tiny"
    assert "version.python" in run.tags
    assert run.data["n_train"] == 640
    assert 'title = "A tiny MLP on digits"' in run.study_toml


def test_the_tracker_is_told_the_backend_unless_a_program_trains(tiny_study, digits):
    def tags(**changes):
        return study_run(gather_facts(tiny_study.model_copy(update=changes), digits, OPTIONS)).tags

    on_jax = tiny_study.training.model_copy(update={"backend": "jax"})
    assert tags(training=on_jax)["backend"] == "jax"
    assert tags()["backend"] == "tensorflow"  # KERAS_BACKEND of the tests
    assert "backend" not in tags(model=ModelRef.of("$ python train.py"))
