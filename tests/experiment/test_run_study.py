"""Whole studies with real workers, real stores and real digits, small enough for every day."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from records import epoch_of_classes

from ablate.clock import Clock
from ablate.errors import StorageError, StudyError
from ablate.experiment import run_parts as running
from ablate.experiment import run_study as experiment
from ablate.experiment.events import Notice, PartBegan, Stopping, TrialBegan, TrialEnded
from ablate.experiment.options import Options
from ablate.experiment.run_study import run_study
from ablate.report.wording import as_markdown
from ablate.storage.files.atomic import ASIDE
from ablate.storage.journal import Journal
from ablate.storage.predictions import read_predictions
from ablate.storage.results import read_results
from ablate.study.load import load_study
from ablate.study.trial import Epoch, Outcome


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
    table = read_results(path).drop(columns=["seconds", "run_id", "attempt", "read_at"])
    return table.sort_values("trial").reset_index(drop=True)


def litter_of_the_dead(folder: Path) -> Path:
    """What a process that was killed while it wrote into `folder` left there."""
    killed = (
        "import os, pathlib, sys\nfrom ablate.storage.files.atomic import write_aside\n"
        "os.fsync = lambda _: os._exit(9)\n"
        "write_aside(pathlib.Path(sys.argv[1]) / 'x', '')"
    )
    assert subprocess.run([sys.executable, "-c", killed, str(folder)], check=False).returncode == 9
    (litter,) = folder.glob(f"{ASIDE}*")
    return litter


def test_a_study_ends_with_every_trial_in_every_place(finished):
    done, watch, folder = finished
    assert done.ending.complete
    table = read_results(done.folder.results)
    assert table.groupby("phase").size().to_dict() == {"search": 4, "ablation": 8}
    assert table["run_id"].str.len().eq(32).all()
    assert table.loc[table["phase"] == "ablation", "test_accuracy"].notna().all()
    assert table.loc[table["phase"] == "search", "test_accuracy"].isna().all()
    tested = table[table["phase"] == "ablation"].set_index("trial")["test_accuracy"]
    kept = read_predictions(done.folder.predictions)
    assert {trial: kept.correct(trial).mean() for trial in kept.classes} == tested.to_dict()
    assert [event.part for event in watch.of(PartBegan)] == ["search", "ablation"]
    assert len(watch.of(TrialEnded)) == 12
    assert watch.of(TrialBegan)
    assert watch.of(Epoch)
    for name in (
        "study.toml",
        "epochs.csv",
        "lr_tests.json",
        "test_predictions.npz",
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
    assert {"open", "search", "track", "track_wait", "report"} < provenance["time"].keys()
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(runs) == 13
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len(parents) == 1
    assert as_markdown(done.report.headline[0]) in parents[0].data.tags["mlflow.note.content"]
    frozen = json.loads((done.folder.path / "frozen.json").read_text())
    assert parents[0].data.tags["frozen"] == frozen["digest"]
    assert "report.html" in {file.path for file in client.list_artifacts(parents[0].info.run_id)}


def test_the_same_command_again_trains_nothing_and_changes_nothing(finished, tiny_study):
    done, _, folder = finished
    before, watch = numbers(done.folder.results), Kept()
    litter = litter_of_the_dead(folder / "reports" / ".cache" / "trials")
    again = run_study(tiny_study, options_for(folder), watch)
    assert not litter.exists()
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


def test_a_study_on_the_best_of_its_search_keeps_its_rate_multiple(tiny_file, tmp_path):
    overrides = ["ablation.reference=best", "ablation.seeds=1", 'ablation.factors=["normalization"]', "search.trials=2"]
    study = load_study(tiny_file, overrides=overrides, quick=False)
    done = run_study(study, options_for(tmp_path), Kept())
    table = read_results(done.folder.results)
    best = table[table["phase"] == "search"].sort_values("score", ascending=False, kind="stable").iloc[0]
    reference = table[table["variant"] == "reference"].iloc[0]
    assert reference["optimizer"] == best["optimizer"]
    assert reference["learning_rate_setting"] == best["learning_rate_setting"]


def test_a_changed_study_trains_only_what_no_study_has_trained(finished, tiny_study):
    done, _, folder = finished
    ablation = tiny_study.ablation.model_copy(update={"seeds": 3})
    longer = tiny_study.model_copy(update={"ablation": ablation, "name": "longer"})
    watch = Kept()
    again = run_study(longer, options_for(folder, only="ablation"), watch)
    table, before = read_results(again.folder.results), read_results(done.folder.results)
    reused = table["same_as"].str.startswith("tiny/")
    assert set(table.loc[~reused & (table["same_as"] == ""), "seed"]) == {3}
    assert reused.sum() >= 7  # of 8: the reference and one variant may have been pruned when the search met them
    kept = ["trial", "score", "test_accuracy", "best_epoch", "learning_rate"]
    old = before[before["phase"] == "ablation"].set_index("trial")[kept[1:]]
    pd.testing.assert_frame_equal(table[reused].set_index("trial")[kept[1:]], old.loc[table.loc[reused, "trial"]])
    facts = json.loads(again.folder.provenance.read_text())
    assert facts["reused"]["rows"] == reused.sum()
    assert facts["reused"]["from"] == ["tiny"]
    assert facts["frozen"]["cells"] == 4


EVERYTHING = [
    'ablation.reference="both"',
    'ablation.design=["one-factor", "factorial", "path"]',
    'ablation.factorial=["normalization", "optimizer"]',
    'ablation.learning_rate=["find", "tune"]',
    'ablation.seeds="auto"',
    "ablation.max_seeds=9",
    "ablation.looks=2",
    "ablation.margin=0.05",
    "training.epochs=1",
]


@pytest.mark.slow
def test_a_study_of_all_designs_interrupted_in_every_part_ends_as_an_undisturbed_one(tiny_file, tmp_path):
    study = load_study(tiny_file, overrides=EVERYTHING, quick=False)
    whole, watch = tmp_path / "whole", Kept()
    undisturbed = run_study(study, options_for(whole), watch)
    assert undisturbed.ending.complete
    assert [event.part for event in watch.of(PartBegan)] == ["search", "tune", "ablation", "path"]
    table = read_results(undisturbed.folder.results)
    assert table.loc[table["phase"] != "ablation", "test_accuracy"].isna().all()
    assert table.loc[table["design"] == "path", "test_accuracy"].isna().all()
    assert table.loc[table["design"].isin(["one-factor", "factorial"]), "test_accuracy"].notna().all()
    interrupted, parts = tmp_path / "parts", set()

    def interrupt_in_a_new_part(event):
        if isinstance(event, PartBegan):
            now.append(event.part)
        if isinstance(event, TrialEnded) and now and now[-1] not in parts:
            parts.add(now[-1])
            os.kill(os.getpid(), 2)

    for _ in range(6):
        now = []
        done = run_study(study, options_for(interrupted, reuse=False), Kept(interrupt_in_a_new_part))
        if not done.ending.interrupted:
            break
    assert done.ending.complete
    assert parts >= {"search", "tune", "ablation"}
    pd.testing.assert_frame_equal(numbers(done.folder.results), numbers(undisturbed.folder.results))


FRONT = [
    'search.objectives=["accuracy", "parameters"]',
    "search.sampler=nsga2",
    "search.trials=8",
    "baseline.width=16",
    'model={ name = "mlp", depth = 2 }',
    "space.width=[4, 16, 32]",
    "ablation.reference=best",
    'ablation.factors=["width"]',
    "training.epochs=1",
]


@pytest.mark.slow
def test_a_search_with_two_objectives_interrupted_twice_ends_as_an_undisturbed_one(tiny_file, tmp_path):
    study = load_study(tiny_file, overrides=FRONT, quick=False)
    whole = Kept()
    undisturbed = run_study(study, options_for(tmp_path / "whole"), whole)
    assert undisturbed.ending.complete
    (said,) = [event.text for event in whole.of(Notice) if "are on the front" in event.text]
    chosen = json.loads(undisturbed.folder.provenance.read_text())["front"]["chosen"]
    assert f"The best configuration is {chosen} (" in said
    table = read_results(undisturbed.folder.results).set_index("trial")
    assert set(table.loc[table["variant"] == "reference", "width"]) == {table.loc[chosen, "width"]}
    assert said.split(". The best")[0] in undisturbed.report.html.read_text()

    def interrupt(event):
        if isinstance(event, TrialEnded):
            ended.append(event)
            if len(ended) == 4:
                os.kill(os.getpid(), 2)

    for watch in (Kept(interrupt), Kept(interrupt), Kept()):
        ended = []
        done = run_study(study, options_for(tmp_path / "parts", reuse=False), watch)
    assert done.ending.complete
    pd.testing.assert_frame_equal(numbers(done.folder.results), numbers(undisturbed.folder.results))


FIXED = """
import keras

def build(factors, input_shape, n_classes):
    keras.utils.set_random_seed(42)
    hidden = [keras.layers.Flatten(), keras.layers.Dense(16, activation="relu")]
    return keras.Sequential([keras.Input(input_shape), *hidden, keras.layers.Dense(n_classes)])
"""
USERS = """
[data]
name = "digits"
validation = 200
train = 320
[model]
name = "mine.py:build"
[training]
epochs = 2
batch_size = 32
[baseline]
width = 16
optimizer = "adam"
learning_rate = 0.003
[space]
width = [16, 32]
optimizer = ["adam", "sgd"]
[search]
trials = 0
[ablation]
seeds = 2
learning_rate = "carry"
"""


@pytest.mark.slow
def test_a_study_whose_build_fixes_a_seed_and_ignores_a_factor_says_so_everywhere(tmp_path):
    (tmp_path / "mine.py").write_text(FIXED)
    (tmp_path / "users.toml").write_text(USERS)
    study, watch = load_study(tmp_path / "users.toml", overrides=[], quick=False), Kept()
    done = run_study(study, options_for(tmp_path, workers=1), watch)
    alike = "the levels 16 and 32 of width give identical runs: build does not seem to use it"
    shared = (
        "both seeds of reference, width=32 and optimizer=sgd start from the same weights, so they differ only in split"
    )
    cautions = json.loads(done.folder.provenance.read_text())["cautions"]
    assert cautions["identical_runs"] == [alike]
    assert [text.startswith(shared) for text in cautions["initial_weights"]] == [True]
    assert alike in done.notes
    unread = "build never reads the factor width (configurations tried: 2)"
    assert sum(notice.text.startswith(unread) for notice in watch.of(Notice)) == 1
    said = [line.replace("\N{NO-BREAK SPACE}", " ") for line in done.report.headline]
    assert "Identical runs, so nothing was compared: width 32 (does the model use it?)." in said
    page = done.report.html.read_text()
    assert alike in page
    assert "the initial weights of each layer" not in page
    assert "initial_weights" not in read_results(done.folder.results).columns


class Instant:
    """A scheduler in whose hands every trial is done as soon as it is handed out, or fails with `reason`."""

    reason = ""

    def __init__(self, _study, _data, _options, *, stop, on_start, on_lost, on_notice):
        del on_lost, on_notice
        self._stop, self._on_start = stop, on_start
        self.clock = Clock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, plan):
        while not self._stop.is_set() and (specs := plan.ask(1)):
            self._on_start(specs[0])
            if self.reason and specs[0].label.phase == "ablation":
                plan.tell(Outcome(specs[0].trial, "failed", reason=self.reason))
                continue
            plan.report(epoch_of_classes(specs[0].trial, 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0))
            plan.tell(
                Outcome(specs[0].trial, "finished", score=0.5, metrics={"test_accuracy": 0.5}, epochs=1, best_epoch=1)
            )


class SlowTracker:
    """A tracker that takes its time for every run; `gate` is what opening the store waits for."""

    gate = None
    failure = ""

    def __init__(self, _uri):
        self.run_ids, self.seconds, self.progress, self.pause = {}, 0.0, 0, 60.0
        self.is_down = self.is_ended = False

    def missing(self, attempts):
        return len(set(attempts) - set(self.run_ids))

    def reconcile(self, attempts, *, again):
        del again
        for attempt in attempts:
            if attempt.key not in self.run_ids:
                time.sleep(0.01)
                self.run_ids[attempt.key] = f"run-{attempt.key[0]}"

    def open_study(self, _study, *, parent_run_id):
        del parent_run_id
        if self.gate is not None:
            self.gate.wait(5)
        return "parent"

    def log_preregistration(self, _freeze):
        pass

    def close_study(self, _attempts, _status, *, note, metrics, artifacts, models):
        del note, metrics, models
        table = read_results(artifacts / "results.csv")
        assert table["run_id"].eq("run-" + table["trial"]).all()


@pytest.fixture
def instant(monkeypatch):
    monkeypatch.setattr(running, "open_workers", Instant)
    monkeypatch.setattr(experiment, "Tracker", SlowTracker)


@pytest.mark.usefixtures("instant")
def test_runs_that_open_long_after_their_trials_ended_are_in_the_table(tiny_study, tmp_path):
    done = run_study(tiny_study, options_for(tmp_path), Kept())
    table = read_results(done.folder.results)
    assert len(table) == 12
    assert table["run_id"].eq("run-" + table["trial"]).all()
    assert (done.missing_runs, done.tracker_failure) == (0, "")


@pytest.mark.usefixtures("instant")
def test_stopping_twice_does_not_wait_for_a_store_that_hangs(tiny_study, tmp_path, monkeypatch):
    gate, stopping = threading.Event(), threading.Event()
    monkeypatch.setattr(SlowTracker, "gate", gate)

    def stop_twice():
        os.kill(os.getpid(), 2)
        stopping.wait(5)
        time.sleep(0.05)  # one that comes while the first is being handled is seen when something else happens
        os.kill(os.getpid(), 2)

    def act(event):
        if isinstance(event, Epoch):  # the next thing is a result, which waits for the store
            threading.Timer(0.05, stop_twice).start()
        if isinstance(event, Stopping):
            stopping.set()

    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        run_study(tiny_study, options_for(tmp_path), Kept(act))
    assert time.perf_counter() - began < 4
    assert Journal(tmp_path / "reports" / "tiny" / "trials.jsonl").entries == {}
    gate.set()


@pytest.mark.usefixtures("instant")
def test_a_study_whose_trials_fail_alike_gives_up_and_goes_on_when_they_are_retried(tiny_study, tmp_path, monkeypatch):
    study = tiny_study.model_copy(update={"limits": tiny_study.limits.model_copy(update={"same_failures": 3})})
    monkeypatch.setattr(Instant, "reason", "ValueError: no such layer")
    done = run_study(study, options_for(tmp_path), Kept())
    assert done.ending.gave_up == "3 trials in a row failed for the same reason: ValueError: no such layer"
    assert (done.ending.complete, done.ending.interrupted) == (False, False)
    assert done.states == {"finished": 4, "failed": 3}
    assert json.loads(done.folder.provenance.read_text())["gave_up"] == done.ending.gave_up
    monkeypatch.setattr(Instant, "reason", "")
    again = run_study(study, options_for(tmp_path, retry=True), Kept())
    assert again.ending.complete
    assert again.states == {"finished": 12}
    table = read_results(again.folder.results)
    assert sorted(table.loc[table["phase"] == "ablation", "attempt"]) == [1, 1, 1, 1, 1, 2, 2, 2]


@pytest.mark.usefixtures("instant")
def test_a_study_that_can_no_longer_write_ends_with_the_reason_and_goes_on_later(tiny_study, tmp_path, monkeypatch):
    told, closed, append = [], [], Journal.append

    def fill(journal, entry):
        told.append(entry)
        if len(told) == 6:
            raise StorageError("trials.jsonl: cannot be written: No space left on device")
        append(journal, entry)

    monkeypatch.setattr(Journal, "append", fill)
    monkeypatch.setattr(SlowTracker, "close_study", lambda _self, _attempts, status, **_: closed.append(status))
    with pytest.raises(StorageError, match="No space left"):
        run_study(tiny_study, options_for(tmp_path), Kept())
    assert closed == ["FAILED"]
    assert len(read_results(tmp_path / "reports" / "tiny" / "results.csv")) == 5
    done = run_study(tiny_study, options_for(tmp_path), Kept())
    assert done.ending.complete
    assert len(read_results(done.folder.results)) == 12


@pytest.mark.usefixtures("instant")
def test_what_has_changed_on_the_way_is_told_and_stands_in_the_provenance(tiny_study, tmp_path):
    run_study(tiny_study, options_for(tmp_path, only="search"), Kept())
    more = tiny_study.model_copy(update={"search": tiny_study.search.model_copy(update={"trials": 5})})
    with pytest.raises(StudyError, match=r"search.trials 4 → 5\n  --continue resumes"):
        run_study(more, options_for(tmp_path), Kept())
    watch = Kept()
    done = run_study(more, options_for(tmp_path, go_on=True), watch)
    assert "search.trials 4 → 5" in [event.text for event in watch.of(Notice)]
    assert json.loads(done.folder.provenance.read_text())["changes"] == ["search.trials 4 → 5"]
    assert len(read_results(done.folder.results)) == 13
