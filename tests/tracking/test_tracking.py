import json
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow_store import Followed, fresh_store
from records import epoch_of_classes

from ablate.errors import AblateError, DataError
from ablate.experiment.listeners import Journaled
from ablate.experiment.recording import Recorder
from ablate.storage.journal import Journal
from ablate.storage.preregistration import Declaration, Preregistration
from ablate.study.trial import COLUMNS, Label, LayerState, Outcome, RateTest, TrialSpec
from ablate.tracking import (
    BackgroundTracker,
    StudyRun,
    Tracker,
    experiment_pages,
    experiment_rows,
    shown_uri,
    ui_command,
)
from ablate.tracking.run_fields import (
    FACTOR_NAMES,
    clipped,
    epoch_metrics,
    named_metrics,
    one_line,
    run_name,
    unique_keys,
)
from ablate.tracking.store import connect, explained, open_experiment
from ablate.tracking.tracker import PAUSE_SECONDS, RETRY_SECONDS

REFERENCE = {"normalization": "none", "dropout": 0.0, "learning_rate": "find"}
SEARCH = TrialSpec("search-0014", Label("search", number=14), 0, {**REFERENCE, "learning_rate": "find*0.3"})
OF_BATCH = Label("ablation", "normalization=batch", "normalization", "batch", "find")
BATCH = TrialSpec(
    "ablation-normalization=batch-find-s3", OF_BATCH, 3, {**REFERENCE, "normalization": "batch"}, test=True
)
RATE_TEST = RateTest("abc123", (1e-4, 1e-3), (2.3, 2.1), {"valley": None}, 1e-3, "determined", "", 0.5)
DONE = Outcome(BATCH.trial, "finished", score=0.5, best_epoch=2, epochs=3, learning_rate=6e-4,
               parameters=1000, seconds=3.5, data="3f9a" * 16,
               metrics={"val_accuracy": 0.5, "val_loss": 1.4, "test_accuracy": 0.48, "test_loss": 1.5},
               timings={"train": 3.0}, rate_test=RATE_TEST)  # fmt: skip

KEYS = ((BATCH.trial, 1), (SEARCH.trial, 1))


class Flaky:
    """A client whose store can be switched off."""

    def __init__(self, client):
        self.client = client
        self.off = False
        self.full = False  # no room for artifacts
        self.error = ConnectionError("the server went away")

    def __getattr__(self, name):
        if self.off:
            raise self.error
        if self.full and name.startswith("log_artifact"):
            raise OSError("no space left on device")
        return getattr(self.client, name)


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return fresh_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def client(uri):
    return connect(uri)


@pytest.fixture
def flaky(client):
    return Flaky(client)


@pytest.fixture
def study():
    return study_run()


@pytest.fixture
def opened(uri, flaky, study, tmp_path):
    run = Followed(Tracker(uri, connect=lambda _: flaky), tmp_path)
    run.open_study(study, parent_run_id=None)
    return run


def study_run(name=None):
    data = {"name": "cifar10", "fingerprint": "3f9a" * 16, "source": "cifar10.npz", "shape": [32, 32, 3], "n_train": 9}
    return StudyRun(name or f"study-{uuid.uuid4().hex[:8]}", "A deep MLP", {"training.epochs": "20"},
                    {"git_commit": "e466d59"}, data, 'title = "A deep MLP"\n', REFERENCE)  # fmt: skip


def epoch(spec, number, *, loss=2.0):
    return epoch_of_classes(spec.trial, number, 2.1, 0.2, loss, 0.1 * number, 6e-4, 1.0)


def close(run, *, status="FINISHED", metrics=None, artifacts=None):
    run.close_study(status, note="batch helps", metrics=metrics or {}, artifacts=artifacts)


def artifacts(client, run_id, folder=None):
    return sorted(file.path for file in client.list_artifacts(run_id, folder))


def test_importing_tracking_does_not_import_mlflow():
    code = "import sys, ablate.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_two_processes_set_up_one_fresh_store_without_a_word_and_without_telemetry(tmp_path):
    code = (
        "from ablate.tracking.store import connect\n"
        "client = connect('sqlite:///mlflow.db')\n"
        "from mlflow.telemetry.client import get_telemetry_client\n"
        "assert get_telemetry_client() is None\n"
        "client.set_terminated(client.create_run('0').info.run_id)"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(2)
    ]
    assert [(process.communicate()[0], process.returncode) for process in both] == [(b"", 0), (b"", 0)]


def test_a_study_is_a_run_with_its_settings_its_data_and_its_description(client, opened, study, tmp_path):
    parent = client.get_run(opened.parent)
    assert parent.info.status == "RUNNING"
    assert parent.info.run_name.startswith(f"{study.study} · 20")
    assert parent.data.params == {"training.epochs": "20"}
    assert parent.data.tags["mlflow.source.git.commit"] == "e466d59"
    data = parent.inputs.dataset_inputs[0].dataset
    assert (data.name, data.digest, json.loads(data.profile)["n_train"]) == ("cifar10", "3f9a3f9a3f9a", 9)

    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "effects.svg").write_text("<svg/>")
    (tmp_path / "report.html").write_text("<h1>report</h1>")
    (tmp_path / "private.txt").write_text("not named, so not taken")
    close(opened, metrics={"effect/dropout=0.1": 0.039, "best_score": 0.5, "odd": float("nan")}, artifacts=tmp_path)

    parent = client.get_run(opened.parent)
    assert (parent.info.status, parent.data.tags["state"]) == ("FINISHED", "finished")
    assert parent.data.tags["mlflow.note.content"] == "batch helps"
    assert parent.data.metrics == {"effect/dropout 0.1": 0.039, "best_score": 0.5}
    assert artifacts(client, opened.parent) == ["figures", "report.html", "study.toml"]
    assert artifacts(client, opened.parent, "figures") == ["figures/effects.svg"]
    assert (opened.missing([]), opened.failure) == (0, "")
    assert opened.seconds > 0


def test_a_trial_is_a_nested_run_with_tags_params_curves_and_end_values(client, opened):
    run_id = opened.open_trial(BATCH)
    assert opened.run_ids == {(BATCH.trial, 1): run_id}
    running = client.get_run(run_id)
    assert running.info.run_name == "normalization=batch s3"
    assert running.data.tags["mlflow.parentRunId"] == opened.parent
    assert running.data.tags["state"] == "running"
    assert running.data.params == {"normalization": "batch", "dropout": "0.0", "learning_rate": "find"}

    for number in (1, 2, 3):
        opened.log_epoch(epoch(BATCH, number))
    opened.close_trial(DONE)
    ended = client.get_run(run_id)
    assert ended.info.status == "FINISHED"
    expected = {"phase": "ablation", "variant": "normalization=batch", "factor": "normalization", "level": "batch",
                "mode": "find", "seed": "3", "state": "finished", "lr_test": "abc123", "trained_by": "compiled",
                "time": "train 3.0 s"}  # fmt: skip
    assert {name: ended.data.tags[name] for name in expected} == expected
    assert {**ended.data.metrics, "score": 0.5, "best_val_accuracy": 0.5} == ended.data.metrics
    curve = client.get_metric_history(run_id, "val_accuracy")
    assert [(point.step, round(point.value, 6)) for point in curve] == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert artifacts(client, run_id) == ["lr_test.csv", "lr_test.json"]


def test_epochs_wait_for_the_next_pass_and_are_written_together_and_once(client, opened):
    run_id = opened.open_trial(BATCH)
    opened.log_epoch(epoch(BATCH, 1))
    assert client.get_metric_history(run_id, "val_loss") == []
    opened.log_epoch(epoch(BATCH, 2))
    for _ in range(2):
        opened.follow()
        assert [point.step for point in client.get_metric_history(run_id, "val_loss")] == [1, 2]
    taken = opened.progress
    opened.follow()
    assert opened.progress == taken  # nothing is behind, so nothing is written


@pytest.mark.parametrize(
    ("state", "status"),
    [("pruned", "FINISHED"), ("diverged", "FAILED"), ("out_of_memory", "FAILED"), ("failed", "FAILED"),
     ("killed", "KILLED")],
)  # fmt: skip
def test_a_status_tells_how_a_trial_ended(client, opened, state, status):
    run_id = opened.open_trial(SEARCH)
    opened.close_trial(Outcome(SEARCH.trial, state, reason="why", traceback="Traceback …"))
    run = client.get_run(run_id)
    assert (run.info.status, run.data.tags["state"], run.data.tags["reason"]) == (status, state, "why")
    assert artifacts(client, run_id) == ["traceback.txt"]


def test_values_that_are_not_finite_are_left_out_and_stop_nothing(client, opened):
    run_id = opened.open_trial(SEARCH)
    opened.log_epoch(epoch(SEARCH, 1, loss=float("nan")))
    opened.log_epoch(epoch(SEARCH, 2, loss=float("inf")))
    opened.close_trial(Outcome(SEARCH.trial, "diverged", metrics={"val_loss": float("nan")}, epochs=2))
    metrics = client.get_run(run_id).data.metrics
    assert "val_loss" not in metrics
    assert (metrics["val_accuracy"], metrics["epochs"]) == (0.2, 2)
    assert "val_loss" not in epoch_metrics(epoch(SEARCH, 1, loss=float("-inf")))


def test_what_layers_were_like_inside_is_an_artifact_of_the_run(client, opened):
    layer = LayerState("start", 1, "Dense", 0.5, 1.0, None, 16, 16)
    run_id = opened.open_trial(BATCH)
    opened.close_trial(replace(DONE, layers=(layer,)))
    assert "layers.csv" in artifacts(client, run_id)
    text = Path(client.download_artifacts(run_id, "layers.csv")).read_text()
    assert text.splitlines()[1] == f"{DONE.trial},start,1,Dense,0.5,1.0,,16,16,"


def test_one_learning_rate_curve_is_stored_once(client, opened):
    second = replace(BATCH, trial="second")
    first_id, second_id = opened.open_trial(BATCH), opened.open_trial(second)
    opened.close_trial(DONE)
    opened.close_trial(replace(DONE, trial="second"))
    assert artifacts(client, first_id) == ["lr_test.csv", "lr_test.json"]
    assert artifacts(client, second_id) == []
    assert client.get_run(second_id).data.tags["lr_test"] == "abc123"


def test_telling_twice_and_what_comes_after_the_end_changes_nothing(client, opened):
    run_id = opened.open_trial(BATCH)
    opened.close_trial(DONE)
    opened.close_trial(replace(DONE, score=0.9))
    opened.log_epoch(epoch(BATCH, 9))
    opened.follow()
    assert client.get_run(run_id).data.metrics["score"] == 0.5
    assert opened.failure == ""


def test_runs_come_back_as_rows_of_the_results_table(uri, opened, study):
    opened.open_trial(BATCH)
    opened.open_trial(SEARCH)
    opened.close_trial(DONE)
    opened.close_trial(Outcome(SEARCH.trial, "diverged", epochs=1, reason="loss is NaN"))
    opened.open_trial(replace(SEARCH, trial="search-0015"))  # still running: no row
    batch, search = experiment_rows(uri, study.study)
    expected = {"trial": BATCH.trial, "phase": "ablation", "variant": "normalization=batch", "factor": "normalization",
                "level": "batch", "mode": "find", "seed": 3, "state": "finished", "score": 0.5, "val_accuracy": 0.5,
                "val_loss": 1.4, "test_accuracy": 0.48, "test_loss": 1.5, "predictive_sd": None, "best_epoch": 2,
                "epochs": 3, "learning_rate": 6e-4,
                "parameters": 1000, "seconds": 3.5, "data": "3f9a" * 16, "lr_test": "abc123", "trained_by": "compiled",
                "run_id": opened.run_ids[BATCH.trial, 1], "same_as": "", "read_at": "", "read_under": "", "reason": "",
                "design": "",
                "against": "", "attempt": 1}  # fmt: skip
    assert tuple(batch)[: len(COLUMNS)] == COLUMNS
    assert batch == {**expected, "normalization": "batch", "dropout": 0.0, "learning_rate_setting": "find"}
    assert (search["score"], search["state"], search["reason"]) == (None, "diverged", "loss is NaN")
    assert search["learning_rate_setting"] == "find*0.3"


@pytest.mark.parametrize(
    ("tag", "text", "rule"),
    [
        ("seed", "three", "must be a whole number"),
        ("seed", "", "must be a whole number"),
        ("seed", "1.5", "must be a whole number"),
        ("factor_names", "{", "must be JSON"),
        ("factor_names", "[1]", "must map keys to names"),
        ("factor_names", '{"a": 1}', "must map keys to names"),
    ],
)
def test_a_tag_that_someone_edited_is_named_with_its_run(uri, client, opened, study, tag, text, rule):
    run_id = opened.open_trial(BATCH)
    opened.close_trial(DONE)
    name = FACTOR_NAMES if tag == "factor_names" else tag
    client.set_tag(run_id, name, text)
    with pytest.raises(DataError, match=rf"run {run_id}: tag {name}: {rule}, got "):
        experiment_rows(uri, study.study)


def test_a_count_that_is_not_finite_is_none(uri, client, opened, study):
    run_id = opened.open_trial(BATCH)
    opened.close_trial(DONE)
    client.log_metric(run_id, "best_epoch", float("nan"))
    assert experiment_rows(uri, study.study)[0]["best_epoch"] is None


def test_rows_come_in_pages(uri, opened, study, monkeypatch):
    monkeypatch.setattr("ablate.tracking.reading._PAGE", 2)
    for i in range(5):
        opened.open_trial(replace(SEARCH, trial=f"search-{i}"))
        opened.close_trial(Outcome(f"search-{i}", "finished", score=i / 10))
    assert [row["score"] for row in experiment_rows(uri, study.study)] == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_hostile_names_pass_through_and_come_back(uri, client, tmp_path):
    name = '<b>"study"</b>\n\'; DROP TABLE runs; -- 😀/../x#?%20\ud800'
    factors = {"a/../b<c>": "=\n😀", "a/../b_c_": 1, "": "x" * 9000, "../": "\ud800", "z\0": "nan"}
    spec = TrialSpec("trial '\" 😀", Label("ablation", "v\n<i>", "f", "l" * 9000, "carry"), 1, factors)
    run = Followed(Tracker(uri), tmp_path)
    run.open_study(study_run(name), parent_run_id=None)
    run_id = run.open_trial(spec)
    run.close_trial(Outcome(spec.trial, "failed", reason="\ud800" + "r" * 9000, traceback="\ud800"))
    close(run, metrics={"effect/<b>=1": 1.0, "effect/_b_ 1": 2.0, "/": 3.0})
    assert (run.missing([(spec.trial, 1)]), run.failure) == (0, "")
    assert client.get_run(run_id).info.run_name == "v <i> s1 carry"
    assert client.get_run(run.parent).data.metrics == {"effect/_b_ 1": 1.0, "effect/_b_ 1 2": 2.0, "_": 3.0}
    row = experiment_rows(uri, one_line(name, 500))[0]
    assert row["a/../b<c>"] == "=\n😀"
    assert row["a/../b_c_"] == 1
    assert str(row[""]).startswith("xxx")


def test_more_settings_than_one_call_may_carry_are_split(uri, client):
    study = replace(study_run(), params={f"p{i}": "v" * 9000 for i in range(120)})
    run = Tracker(uri)
    parent = client.get_run(run.open_study(study, parent_run_id=None))
    assert len(parent.data.params) == 120
    assert len(parent.data.params["p0"]) == 6000


def test_thousands_of_epochs_are_split(client, opened):
    run_id = opened.open_trial(BATCH)
    for number in range(1, 401):
        opened.log_epoch(epoch(BATCH, number))
    opened.close_trial(DONE)
    assert len(client.get_metric_history(run_id, "train_loss")) == 400


def test_a_resumed_study_goes_on_in_its_run(uri, client, opened, study):
    again = Tracker(uri)
    changed = replace(study, params={"training.epochs": "40", "search.trials": "9"})
    assert again.open_study(changed, parent_run_id=opened.parent) == opened.parent
    parent = client.get_run(opened.parent)
    assert parent.info.status == "RUNNING"
    assert parent.data.params == {"training.epochs": "20", "search.trials": "9"}
    assert parent.data.tags["resumed_with"] == "training.epochs: 20 → 40"


def test_each_attempt_has_a_run_and_the_last_one_counts(uri, client, opened, study):
    first = opened.open_trial(SEARCH)
    opened.log_epoch(epoch(SEARCH, 1))
    opened.close_trial(Outcome(SEARCH.trial, "killed", reason="signal 9"))
    second = opened.open_trial(SEARCH)
    opened.log_epoch(epoch(SEARCH, 2))
    opened.close_trial(Outcome(SEARCH.trial, "finished", score=0.7, attempt=2))
    runs = [client.get_run(run_id) for run_id in (first, second)]
    assert [(run.info.status, run.data.tags["attempt"], run.info.run_name) for run in runs] == [
        ("KILLED", "1", "search #14"), ("FINISHED", "2", "search #14 try 2"),
    ]  # fmt: skip
    assert [run.data.metrics["val_accuracy"] for run in runs] == [0.1, 0.2]
    (row,) = experiment_rows(uri, study.study)
    assert (row["run_id"], row["score"], row["attempt"]) == (second, 0.7, 2)


@pytest.mark.parametrize("gone", ["0" * 32, "deleted", "other experiment"])
def test_a_parent_that_is_gone_is_replaced(uri, client, opened, study, gone):
    old = opened.parent
    if gone == "deleted":
        client.delete_run(old)
    asked = study_run() if gone == "other experiment" else study
    parent = Tracker(uri).open_study(asked, parent_run_id=gone if gone.startswith("0") else old)
    assert parent != old
    assert client.get_run(parent).info.status == "RUNNING"


def test_trials_still_open_end_as_killed_with_the_study(client, opened):
    run_id = opened.open_trial(SEARCH)
    opened.log_epoch(epoch(SEARCH, 1))
    close(opened, status="KILLED")
    run = client.get_run(run_id)
    assert (run.info.status, run.data.metrics["val_accuracy"]) == ("KILLED", 0.1)
    assert client.get_run(opened.parent).info.status == "KILLED"


def test_what_a_store_missed_while_it_was_away_is_written_when_it_is_back(client, opened, flaky):
    flaky.off = True
    assert opened.open_trial(BATCH) == ""
    opened.log_epoch(epoch(BATCH, 1))
    opened.close_trial(DONE)
    assert opened.failure == "the server went away"
    flaky.off = False
    opened.open_trial(SEARCH)
    opened.close_trial(Outcome(SEARCH.trial, "finished"))
    run = client.get_run(opened.run_ids[BATCH.trial, 1])
    assert (run.info.status, run.data.metrics["score"], run.data.metrics["val_accuracy"]) == ("FINISHED", 0.5, 0.1)
    assert opened.missing(KEYS) == 1  # the study has not ended


FREEZE = Preregistration("d1e2", "2026-11-21T10:30:00+00:00", Declaration((), {"alpha": 0.05}))


def test_a_freeze_is_tagged_and_kept_with_the_study(client, opened):
    opened.log_preregistration(FREEZE)
    opened.follow()
    tags = client.get_run(opened.parent).data.tags
    assert (tags["frozen"], tags["frozen_at"]) == ("d1e2", FREEZE.at)
    assert artifacts(client, opened.parent) == ["frozen.json", "study.toml"]


def test_no_trial_is_written_before_a_freeze_that_the_store_did_not_take(client, opened, flaky, monkeypatch):
    opened.follow()
    flaky.off = True
    opened.log_preregistration(FREEZE)
    opened.follow()
    assert opened.failure == "the server went away"
    flaky.off = False
    order = []
    for name in ("log_batch", "create_run"):
        call = getattr(client, name)
        monkeypatch.setattr(
            flaky, name, lambda *a, _n=name, _c=call, **k: order.append(_n) or _c(*a, **k), raising=False
        )
    opened.open_trial(BATCH)
    opened.close_trial(DONE)
    assert order[:2] == ["log_batch", "create_run"]
    assert client.get_run(opened.parent).data.tags["frozen"] == "d1e2"
    close(opened)
    assert "frozen.json" in artifacts(client, opened.parent)
    assert opened.missing([(BATCH.trial, 1)]) == 0


def test_a_freeze_that_never_arrives_is_counted(opened, flaky):
    flaky.off = True
    opened.log_preregistration(FREEZE)
    close(opened)
    assert opened.missing([]) == 1  # the run of the study lacks tags, frozen.json, and its end
    flaky.off = False
    close(opened)
    assert opened.missing([]) == 0


def test_a_store_that_failed_is_left_alone_for_a_while(opened, flaky):
    flaky.off = True
    assert opened.open_trial(BATCH) == ""
    assert opened.pause == RETRY_SECONDS
    flaky.off = False
    opened.open_trial(SEARCH)
    assert PAUSE_SECONDS <= opened.pause < RETRY_SECONDS
    close(opened)
    assert opened.missing(KEYS) == 0
    assert set(opened.run_ids) == set(KEYS)


def test_what_never_arrives_is_counted(opened, flaky):
    opened.open_trial(BATCH)
    flaky.off = True
    opened.log_epoch(epoch(BATCH, 1))
    opened.close_trial(DONE)
    close(opened)
    assert opened.missing(KEYS) == 3  # this one, one that the journal alone knows, and the run of the study
    assert opened.failure == "the server went away"


def test_a_run_deleted_in_the_ui_costs_itself_only(client, opened):
    run_id = opened.open_trial(BATCH)
    client.delete_run(run_id)
    opened.close_trial(DONE)
    assert opened.missing([(BATCH.trial, 1)]) == 2
    other = opened.open_trial(SEARCH)
    opened.close_trial(Outcome(SEARCH.trial, "finished"))
    assert client.get_run(other).info.status == "FINISHED"


def test_a_full_disk_for_artifacts_does_not_keep_the_numbers_back(client, opened, flaky):
    run_id = opened.open_trial(BATCH)
    flaky.full = True
    opened.close_trial(DONE)
    assert client.get_run(run_id).info.status == "FINISHED"
    close(opened)
    assert (opened.missing([(BATCH.trial, 1)]), opened.failure) == (1, "no space left on device")


@pytest.fixture
def beside(uri, study, tmp_path):
    """A tracker on a thread of its own, as a study has it, and the journal that it follows."""
    journal = Journal(tmp_path / "trials.jsonl")
    with closing(BackgroundTracker(Tracker(uri))) as tracker:
        tracker.open_study(study, parent_run_id=None, on_open=lambda _: None, attempts=journal.so_far)
        yield tracker, journal


class OnePlan:
    """A plan of one trial that stops it after the second epoch."""

    def __init__(self, spec):
        self.specs, self.told = [spec], []

    def ask(self, n):
        return [self.specs.pop() for _ in range(min(n, len(self.specs)))]

    def report(self, epoch):
        return epoch.epoch < 2

    def tell(self, outcome):
        self.told.append(outcome)


def test_a_tracked_plan_decides_as_the_plan_does(client, beside):
    (tracker, journal), plan = beside, OnePlan(SEARCH)
    tracked = Recorder(plan, [Journaled(journal)], journal=journal, tracker=tracker)
    assert tracked.ask(3) == [SEARCH]
    tracker.drain()
    assert (SEARCH.trial, 1) not in tracker.run_ids
    journal.begin(SEARCH, at=1)
    assert [tracked.report(epoch(SEARCH, 1)), tracked.report(epoch(SEARCH, 2))] == [True, False]
    outcome = Outcome(SEARCH.trial, "pruned", score=0.2)
    tracked.tell(outcome)
    assert (plan.told, tracked.ask(1)) == ([outcome], [])
    tracker.drain()
    assert client.get_run(tracker.run_ids[SEARCH.trial, 1]).data.metrics["score"] == 0.2


def test_a_repeat_that_no_worker_started_gets_a_run_too(client, beside):
    spec, (tracker, journal) = replace(SEARCH, trial="search-0015"), beside
    tracked = Recorder(OnePlan(spec), [Journaled(journal)], journal=journal, tracker=tracker)
    tracked.ask(1)
    tracked.tell(Outcome(spec.trial, "finished", score=0.3, same_as="search-0001"))
    tracker.drain()
    run = client.get_run(tracker.run_ids[spec.trial, 1])
    assert (run.data.tags["same_as"], run.info.status) == ("search-0001", "FINISHED")


def test_a_run_begins_and_ends_when_its_trial_did(client, opened):
    run_id = opened.open_trial(BATCH, at=1_700_000_000_000)
    opened.log_epoch(epoch(BATCH, 1), at=1_700_000_001_000)
    opened.close_trial(DONE, at=1_700_000_002_000)
    info = client.get_run(run_id).info
    assert (info.start_time, info.end_time) == (1_700_000_000_000, 1_700_000_002_000)
    assert [point.timestamp for point in client.get_metric_history(run_id, "val_loss")] == [1_700_000_001_000]


def test_a_deleted_experiment_is_an_error_with_a_way_out(uri, client, study):
    client.delete_experiment(client.create_experiment(study.study))
    with pytest.raises(AblateError, match=r"trash\n.*experiments restore.*\n.*mlflow gc"):
        Tracker(uri).open_study(study, parent_run_id=None)


def test_two_studies_that_start_at_once_share_the_experiment(uri, client, study):
    class Slower(Flaky):
        """Looks for the experiment before another process has made it, and makes it after."""

        looked = False

        def get_experiment_by_name(self, name):
            if not self.looked:
                self.looked = True
                client.create_experiment(name)
                return None
            return client.get_experiment_by_name(name)

    parent = Tracker(uri, connect=lambda _: Slower(client)).open_study(study, parent_run_id=None)
    assert client.get_run(parent).info.experiment_id == client.get_experiment_by_name(study.study).experiment_id


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "http://127.0.0.1:9",
            r"http://127.0.0.1:9: cannot be used: nothing answers there .*\n  check that the server runs",
        ),
        ("postgresql://me:secret@127.0.0.1:9/x", r"postgresql://me:\*\*\*@127.0.0.1:9/x: cannot be used: .*refused"),
        ("mlruns", r"mlruns: is a folder, .*\n.*sqlite:///mlflow.db"),
        ("ftp://x", r"ftp://x: cannot be used: .*\n  known: sqlite"),
    ],
)
def test_a_store_that_cannot_be_used_is_told_at_once_with_a_way_out(uri, message, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(AblateError, match=message):
        Tracker(uri).open_study(study_run(), parent_run_id=None)


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path):
    path = tmp_path / "mlflow.db"
    path.write_text("my notes, not a database, and longer than a header would be" * 20)
    with pytest.raises(AblateError, match=r"is not an SQLite database, but text\n"):
        Tracker(f"sqlite:///{path}").open_study(study_run(), parent_run_id=None)
    assert path.read_text().startswith("my notes")


def test_a_store_below_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AblateError, match="Not a directory"):
        Tracker(f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}").open_study(study_run(), parent_run_id=None)


def test_artifacts_lie_beside_an_sqlite_store(uri, client, study):
    Tracker(uri).open_study(study, parent_run_id=None)
    location = client.get_experiment_by_name(study.study).artifact_location
    assert location == uri.removeprefix("sqlite:///").replace("mlflow.db", f"mlruns/{study.study}")


KIND = "mlflow.experimentKind"


def test_an_experiment_is_for_model_training_also_one_that_was_there_without_a_kind(uri, client):
    for name in ("new", "old"):
        if name == "old":
            client.create_experiment(name)
        number = open_experiment(client, uri, name=name, title="A study")
        assert client.get_experiment(number).tags[KIND] == "custom_model_development"
    client.set_experiment_tag(number, KIND, "finetuning")
    assert open_experiment(client, uri, name="old", title="A study") == number
    assert client.get_experiment(number).tags[KIND] == "finetuning"  # as somebody has set it


def test_the_pages_of_studies_are_those_for_training_the_latest_first_and_no_other_experiments(tmp_path):
    uri = fresh_store(tmp_path)
    assert experiment_pages(uri) == {}
    client = connect(uri)
    client.create_experiment("somebody's")
    numbers = [open_experiment(client, uri, name=f"study {n}", title="A study") for n in range(7)]
    assert experiment_pages(uri) == {
        f"study {n}": f"/#/experiments/{numbers[n]}/runs?workflowType=machine_learning" for n in (6, 5, 4, 3, 2)
    }


def test_reading_a_store_that_is_not_there_does_not_make_it(tmp_path):
    path = tmp_path / "mlflow.db"
    with pytest.raises(AblateError, match="no runs yet"):
        experiment_rows(f"sqlite:///{path}", "cifar_mlp")
    with pytest.raises(AblateError, match="no runs yet"):
        ui_command(f"sqlite:///{path}")
    assert not path.exists()


def test_the_ui_listens_on_this_computer_only_and_a_server_has_its_own(uri):
    argv = ui_command(uri, port=5501)
    assert argv[:5] == [sys.executable, "-P", "-m", "mlflow", "server"]  # nothing from the working folder
    assert argv[argv.index("--host") + 1] == "127.0.0.1"
    assert argv[argv.index("--port") + 1] == "5501"
    with pytest.raises(AblateError, match="in the browser"):
        ui_command("https://me:secret@mlflow.example")


def test_no_experiment_of_that_name_is_an_error(uri, opened):
    close(opened)
    with pytest.raises(AblateError, match='no experiment "nothing"'):
        experiment_rows(uri, "nothing")


def test_a_store_locked_by_another_program_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("ablate.tracking.store_file.SECONDS_TO_REACH", 0.1)
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as lock:
        lock.execute("CREATE TABLE x (y)")
        lock.execute("BEGIN EXCLUSIVE")
        with pytest.raises(AblateError, match="database is locked"):
            connect(f"sqlite:///{path}")
    lock.close()


def test_a_database_whose_driver_is_missing_is_told_with_the_way_out():
    said = r"No module named 'psycopg2'\n  install the driver of this database\n"
    with pytest.raises(AblateError, match=said), explained("postgresql://me@host/db"):
        raise ModuleNotFoundError("No module named 'psycopg2'")


def test_names_say_what_a_run_is():
    assert run_name(SEARCH, attempt=2) == "search #14 try 2"
    assert run_name(replace(BATCH, label=replace(OF_BATCH, variant="v" * 300)), attempt=3) == "v" * 243 + "… try 3"
    assert run_name(SEARCH) == "search #14"
    label, factors = replace(OF_BATCH, phase="tune", mode="tune"), {**BATCH.factors, "learning_rate": "find*3.162"}
    tuned = replace(BATCH, label=label, seed=0, factors=factors)
    assert run_name(tuned) == "tune normalization=batch at find*3.162"
    assert run_name(BATCH) == "normalization=batch s3"
    assert run_name(replace(BATCH, label=replace(OF_BATCH, mode="carry"))) == "normalization=batch s3 carry"
    assert run_name(replace(BATCH, label=Label("ablation", "reference"))) == "reference s3"


def test_keys_are_valid_and_never_shared():
    assert unique_keys(["a=b", "a b", "ü/x", "/", "a//../b", "k" * 300]) == {
        "a=b": "a b", "a b": "a b 2", "ü/x": "ü/x", "/": "_", "a//../b": "a/b", "k" * 300: "k" * 249 + "_",
    }  # fmt: skip
    assert named_metrics({"x": float("inf")}) == {}


def test_text_is_cut_to_what_a_store_takes():
    assert clipped("abcdef", 4) == "abc…"
    assert clipped("a\ud800b\0", 9) == "a?b"
    assert one_line("a\n\tb\x07", 9) == "a b"
    assert one_line(" ", 9) == "(no name)"


def test_a_password_is_not_shown():
    assert shown_uri("postgresql://me:s:e/c@t@host/db") == "postgresql://me:***@host/db"
    assert shown_uri("mysql://me:secret@host/db") == "mysql://me:***@host/db"
    assert shown_uri("sqlite:///a/b@c:d.db") == "sqlite:///a/b@c:d.db"
