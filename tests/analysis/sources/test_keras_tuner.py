"""KerasTuner's projects; those in `logs` were written by KerasTuner, see logs/make_logs.py."""

import json
import shutil
from pathlib import Path

import pytest

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources.keras_tuner import is_project, read_keras_tuner
from ablate.errors import DataError

LOGS = Path(__file__).parent / "logs"


@pytest.fixture
def project(tmp_path):
    """A copy of a project, to be damaged."""
    return Path(shutil.copytree(LOGS / "keras_tuner", tmp_path / "mine"))


def change(path, **changes):
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | changes))


def test_the_trials_of_a_grid_are_runs_with_their_hyperparameters_metrics_and_states():
    runs = read_keras_tuner(LOGS / "keras_tuner")
    assert runs.factors == ("optimizer", "dropout", "seed")
    assert (runs.score, runs.direction, runs.name) == ("val_accuracy", "maximize", "keras_tuner")
    for row in runs.table.to_dict("records"):
        trial = json.loads((LOGS / "keras_tuner" / f"trial_{row['trial_id']}" / "trial.json").read_text())
        assert {name: row[name] for name in runs.factors} == {
            name: str(value) for name, value in trial["hyperparameters"]["values"].items()
        }
        assert row["score"] == ("" if trial["score"] is None else repr(trial["score"]))
        assert row["status"] == trial["status"]
        assert row["val_accuracy"] == row["score"]
    assert runs.table["status"].tolist().count("FAILED") == 1


def test_the_effect_that_the_grid_holds_is_found_and_no_other():
    read = read_imported(read_keras_tuner(LOGS / "keras_tuner"), ImportOptions())
    assert read.facts.factors == ["optimizer", "dropout"]
    assert read.facts.seed_column == "seed"
    means = read.results.query("design == 'one-factor' and state == 'finished'").groupby("variant")["score"].mean()
    assert means["optimizer=adam"] - means["reference"] == pytest.approx(0.03, abs=0.005)
    assert means["dropout=0.5"] - means["reference"] == pytest.approx(0, abs=0.005)
    assert sum("executions_per_trial" in note for note in read.notes) == 1


def test_executions_that_were_saved_one_by_one_are_runs_paired_by_their_number():
    runs = read_keras_tuner(LOGS / "keras_tuner_repeats")
    assert runs.table["repeat"].tolist() == ["0", "1", "2", "3", "4", "5"] * 2
    saved = json.loads((LOGS / "keras_tuner_repeats" / "trial_0" / "trial.json").read_text())
    values = saved["metrics"]["metrics"]["val_accuracy"]["observations"][0]["value"]
    assert runs.table["score"].astype(float).tolist()[:6] == values
    read = read_imported(runs, ImportOptions())
    assert (read.facts.factors, read.facts.seed_column) == (["optimizer"], "repeat")
    assert not any("executions_per_trial" in note for note in read.notes)


def test_hyperband_s_bookkeeping_is_no_factor_and_its_epochs_are_no_hidden_difference():
    runs = read_keras_tuner(LOGS / "keras_tuner_hyperband")
    assert runs.factors == ("units", "optimizer")
    assert runs.direction == "minimize"
    read = read_imported(runs, ImportOptions())
    assert any("tuner/epochs" in reason for reason in read.facts.confounded)


def test_a_score_that_sums_several_objectives_is_said_to_and_one_of_them_can_be_named():
    runs = read_keras_tuner(LOGS / "keras_tuner_two_objectives")
    assert runs.direction == "minimize"
    assert any("KerasTuner's sum of several objectives" in note for note in runs.notes)
    one = runs.table.iloc[0].astype(str)
    assert float(one["score"]) == pytest.approx(float(one["val_loss"]) - float(one["val_accuracy"]))
    read = read_imported(runs, ImportOptions(score="val_accuracy"))
    assert read.facts.metric.direction == "maximize"


def test_the_objective_is_known_where_the_first_trial_failed(project):
    change(project / "trial_00" / "trial.json", status="FAILED", score=None, metrics={"metrics": {}})
    runs = read_keras_tuner(project)
    assert (runs.score, runs.direction) == ("val_accuracy", "maximize")


def test_a_score_that_no_metric_explains_has_no_direction(project):
    for path in project.glob("trial_*/trial.json"):
        change(path, score=0.5)
    runs = read_keras_tuner(project)
    assert runs.direction == ""
    with pytest.raises(DataError, match=r'is a higher "score" better\?.*\n  add --direction'):
        read_imported(runs, ImportOptions())


def test_a_trial_that_has_not_ended_is_left_out_and_counted(project):
    for name in ("trial_00", "trial_01"):
        change(project / name / "trial.json", status="RUNNING", score=None)
    runs = read_keras_tuner(project)
    assert len(runs.table) == 22
    assert "Left out 2 trials that have not ended." in runs.notes


def test_a_trial_whose_folder_is_gone_is_counted(project):
    shutil.rmtree(project / "trial_03")
    assert "Missing: 1 trial of oracle.json, with no file of its own: 03." in read_keras_tuner(project).notes
    (project / "oracle.json").unlink()
    assert is_project(project)
    assert len(read_keras_tuner(project).table) == 23


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"trial_id": "03", "hyperpar', "is not JSON"),
        (b"", "is not JSON"),
        (b"\x80\x04", "is not JSON"),
        (b'{"trial_id": "\\ud800"}', "is not JSON: .*surrogates not allowed"),
        (b"[1]", "must hold a JSON object, got a list"),
        (b"{}", "has no trial_id or status"),
        (b'{"trial_id": "03", "status": "COMPLETED"}', "lacks hyperparameters, metrics or a score"),
        (b'{"trial_id": "03", "status": "COMPLETED", "hyperparameters": {"values": []}, "metrics": {"metrics": {}}, '
         b'"score": 1, "best_step": 0}', "lacks hyperparameters"),
        (b'{"trial_id": "03", "status": "COMPLETED", "hyperparameters": {"values": {}}, "metrics": {"metrics": '
         b'{"a": {"direction": "max", "observations": [{"step": 0, "value": "x"}]}}}, "score": 1, "best_step": 0}',
         "lacks hyperparameters"),
    ],
)  # fmt: skip
def test_a_damaged_trial_is_named_with_the_way_to_leave_it_out(project, content, why):
    (project / "trial_03" / "trial.json").write_bytes(content)
    with pytest.raises(DataError, match=rf"mine/trial_03/trial\.json: {why}.*\n  delete the folder trial_03 to leave"):
        read_keras_tuner(project)


def test_a_project_without_trials_is_told_as_such(tmp_path):
    (tmp_path / "oracle.json").write_text("{}")
    with pytest.raises(DataError, match=r"is a KerasTuner project, but has no trials\n  run the search first"):
        read_keras_tuner(tmp_path)


def test_levels_that_read_alike_and_a_setting_that_is_named_like_a_result_stay_apart(project):
    for number, path in enumerate(sorted(project.glob("trial_*/trial.json"))):
        values = {"level": 1 if number % 2 else "1", "score": number % 4 // 2, "seed": number // 4, "none": None}
        change(path, hyperparameters={"space": [], "values": values}, status="COMPLETED", score=0.5)
    runs = read_keras_tuner(project)
    assert runs.factors == ("level", "score_setting", "seed", "none")
    assert runs.table["level"].tolist()[:2] == ['"1"', "1"]
    assert set(runs.table["score"]) == {"0.5"}
