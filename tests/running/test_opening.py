from dataclasses import replace
from pathlib import Path

import pytest

from ablate import provenance
from ablate.running.opening import Options, gather_facts, label, study_run

OPTIONS = Options(Path("reports"), "sqlite:///mlflow.db", "ablate study tiny")


@pytest.fixture
def machine(monkeypatch):
    """Eight cores, no GPU, 64 GiB."""
    monkeypatch.setattr(provenance, "usable_cores", lambda: 8)
    monkeypatch.setattr(provenance, "count_gpus", lambda: 0)
    monkeypatch.setattr(provenance, "memory_bytes", lambda: 64 * 2**30)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("asked", "workers", "threads"), [(None, 8, 1), (3, 3, 2), (16, 16, 1)])
def test_the_cores_are_divided_among_the_workers(tiny_study, digits, asked, workers, threads):
    facts = gather_facts(tiny_study, digits, replace(OPTIONS, workers=asked))
    assert (facts.workers, facts.threads) == (workers, threads)


@pytest.mark.usefixtures("machine")
def test_automatic_workers_are_as_many_as_memory_bears(tiny_study, digits, monkeypatch):
    monkeypatch.setattr(provenance, "memory_bytes", lambda: 8 * 2**30)
    facts = gather_facts(tiny_study, digits, OPTIONS)
    assert (facts.workers, facts.threads) == (2, 4)


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
