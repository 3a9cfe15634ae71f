"""Whole studies with real workers, real stores and real digits, small enough for every day."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ablate.errors import StudyError
from ablate.events import PhaseBegan, TrialBegan, TrialEnded
from ablate.experiment import Options, best_entry, chance_score, run_study
from ablate.journal import Entry
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.results import read_results
from ablate.study import load_study
from ablate.wording import as_markdown


def options_for(folder: Path, **changes) -> Options:
    store = f"sqlite:///{folder / 'mlflow.db'}"
    return replace(Options(folder / "reports", store, "ablate study tiny", workers=2), **changes)


class Kept:
    """A watcher that keeps the events, and may do something at one of them."""

    def __init__(self, act=lambda _: None):
        self.events, self._act = [], act

    def __call__(self, event):
        self.events.append(event)
        self._act(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_study):
    """One study run to its end, for the tests that only look."""
    folder, watch = tmp_path_factory.mktemp("run"), Kept()
    return run_study(tiny_study, options_for(folder), watch), watch, folder


def numbers(path: Path) -> pd.DataFrame:
    """The table without what time and place decide."""
    table = read_results(path).drop(columns=["seconds", "run_id"])
    return table.sort_values("trial").reset_index(drop=True)


def test_a_study_ends_with_every_trial_in_every_place(finished):
    done, watch, folder = finished
    assert done.ending.complete
    table = read_results(done.folder.results)
    assert table.groupby("phase").size().to_dict() == {"search": 4, "ablation": 8}
    assert table["run_id"].str.len().eq(32).all()
    assert table.loc[table["phase"] == "ablation", "test_accuracy"].notna().all()
    assert table.loc[table["phase"] == "search", "test_accuracy"].isna().all()
    assert [event.phase for event in watch.of(PhaseBegan)] == ["search", "ablation"]
    assert len(watch.of(TrialEnded)) == 12
    assert watch.of(TrialBegan)
    assert watch.of(Epoch)
    for name in (
        "study.toml",
        "epochs.csv",
        "lr_tests.json",
        "provenance.json",
        "effects.csv",
        "effects.tex",
        "report.html",
    ):
        assert (done.folder.path / name).stat().st_size > 0, name
    assert (folder / "mlflow.db").exists()


def test_the_report_and_mlflow_know_the_data_and_the_verdict(finished):
    done, _, folder = finished
    provenance = json.loads(done.folder.provenance.read_text())
    page = done.report.html.read_text()
    assert provenance["data"]["fingerprint"][:12] in page
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(runs) == 13
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len(parents) == 1
    assert as_markdown(done.report.headline[0]) in parents[0].data.tags["mlflow.note.content"]
    assert "report.html" in {file.path for file in client.list_artifacts(parents[0].info.run_id)}


def test_the_same_command_again_trains_nothing_and_changes_nothing(finished, tiny_study):
    done, _, folder = finished
    before, watch = numbers(done.folder.results), Kept()
    again = run_study(tiny_study, options_for(folder), watch)
    assert again.ending.complete
    assert watch.of(TrialBegan) == []
    pd.testing.assert_frame_equal(numbers(again.folder.results), before)


def test_a_changed_study_is_refused_until_a_fresh_start(finished, tiny_study):
    _, _, folder = finished
    ablation = tiny_study.ablation.model_copy(update={"seeds": 1})
    changed = tiny_study.model_copy(update={"ablation": ablation})
    with pytest.raises(StudyError, match=r"ablation.seeds 2 → 1"):
        run_study(changed, options_for(folder), Kept())


def test_an_interrupted_study_resumes_to_the_same_table(finished, tiny_study, tmp_path):
    undisturbed = numbers(finished[0].folder.results)
    began = []

    def interrupt_at_the_sixth(event):
        if isinstance(event, Epoch) and len(began) >= 6 and not sent.is_set():
            sent.set()
            os.kill(os.getpid(), 2)
        if isinstance(event, TrialBegan):
            began.append(event)

    sent = threading.Event()
    first = run_study(tiny_study, options_for(tmp_path), Kept(interrupt_at_the_sixth))
    assert first.ending.interrupted
    assert not first.ending.complete
    assert first.report.html.exists()
    second = run_study(tiny_study, options_for(tmp_path), Kept())
    assert second.ending.complete
    pd.testing.assert_frame_equal(numbers(second.folder.results), undisturbed)


def entry(trial: str, score, state="finished", phase="search") -> Entry:
    return Entry(TrialSpec(trial, phase, "", "", "", "", 0, {}), Outcome(trial, state, score=score), (), "")


def test_the_best_is_the_first_finished_search_trial_with_the_highest_score():
    entries = [
        entry("a", 0.5),
        entry("b", 0.7),
        entry("c", 0.7),
        entry("d", 0.9, "pruned"),
        entry("e", 0.9, phase="ablation"),
    ]
    assert best_entry(entries).spec.trial == "b"
    assert best_entry([]) is None


def test_guessing_scores_one_in_n_or_minus_the_entropy():
    assert chance_score(10, "val_accuracy") == 0.1
    assert chance_score(10, "val_loss") == pytest.approx(-2.302585)


def test_a_study_on_the_best_of_its_search_keeps_its_rate_multiple(tiny_file, tmp_path):
    overrides = ["ablation.reference=best", "ablation.seeds=1", 'ablation.factors=["normalization"]', "search.trials=2"]
    study = load_study(tiny_file, overrides=overrides, quick=False)
    done = run_study(study, options_for(tmp_path), Kept())
    table = read_results(done.folder.results)
    best = table[table["phase"] == "search"].sort_values("score", ascending=False, kind="stable").iloc[0]
    reference = table[table["variant"] == "reference"].iloc[0]
    assert reference["optimizer"] == best["optimizer"]
    assert reference["learning_rate_setting"] == best["learning_rate_setting"]
