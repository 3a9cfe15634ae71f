"""Folders of TensorBoard logs; those in `logs` were written by Keras, TensorFlow and tensorboardX."""

import json
import shutil
from pathlib import Path

import pytest
from event_bytes import event, simple

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources.tensorboard import event_files, read_tensorboard
from ablate.errors import DataError

LOGS = Path(__file__).parent / "logs"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def gains(read):
    scores = read.results.query("design == 'one-factor' and state == 'finished'").groupby("variant")["score"].mean()
    return (scores - scores["reference"]).drop("reference").to_dict()


def test_what_keras_logged_is_what_is_read():
    runs = read_tensorboard(LOGS / "tensorboard_keras")
    assert set(runs.factors) == {"rate", "activation", "seed"}
    logged = {each["run"]: each for each in json.loads((LOGS / "tensorboard_keras.json").read_text())}
    names = {
        "train/epoch_loss": "loss",
        "validation/epoch_accuracy": "val_accuracy",
        "validation/epoch_loss": "val_loss",
    }
    assert len(runs.table) == len(logged) == 12
    for row in runs.table.to_dict("records"):
        known = logged[row["run"]]
        assert {name: row[name] for name in runs.factors} == {name: str(known[name]) for name in runs.factors}
        for column, name in names.items():
            assert float(row[column]) == pytest.approx(known[name], rel=1e-6)
    assert set(runs.table["status"]) == {"finished"}


def test_the_learning_rate_that_keras_logs_is_a_result_and_spoils_no_comparison():
    read = read_imported(read_tensorboard(LOGS / "tensorboard_keras"), ImportOptions(score="validation/epoch_accuracy"))
    assert not read.facts.confounded
    assert not read.facts.separating
    assert gains(read)["rate=0.1"] > 0.2
    assert abs(gains(read)["activation=tanh"]) < 0.05


def test_the_curves_above_a_session_of_pytorch_are_its_own_and_its_metric_is_the_score():
    runs = read_tensorboard(LOGS / "tensorboard_torch")
    assert runs.score == "hparam/accuracy"
    assert set(runs.table["loss/train"].astype(float).round(4)) == {0.3333}
    read = read_imported(runs, ImportOptions())
    assert read.facts.factors == ["dropout", "optimizer"]  # a log has them in no order: by name
    assert gains(read)["optimizer=adam"] == pytest.approx(0.03, abs=0.01)
    assert abs(gains(read)["dropout=0.5"]) < 0.01
    states = read.results.query("design == 'one-factor'")["state"].tolist()
    assert (states.count("finished"), states.count("diverged")) == (17, 1)


def test_curves_above_several_sessions_belong_to_none_and_are_left_out_in_words(tmp_path):
    for number in (1, 2):
        shutil.copytree(LOGS / f"tensorboard_torch/run0{number}/179000000{number}.5", tmp_path / f"all/{number}")
    write(tmp_path / "all/events.out.tfevents.1.host", event(simple("loss", 0.5)))
    runs = read_tensorboard(tmp_path)
    assert "loss" not in runs.table
    assert "Left out 1 folder with curves but no hyperparameters: all." in runs.notes


def test_sessions_say_how_runs_ended():
    runs = read_tensorboard(LOGS / "tensorboard_sessions")
    states = runs.table.set_index("run")["status"]
    assert states.value_counts().to_dict() == {"finished": 16, "failed": 1, "unfinished": 1}
    read = read_imported(runs, ImportOptions())
    assert gains(read)["optimizer=adam"] == pytest.approx(0.03, abs=0.01)
    assert read.results["state"].isin(["failed"]).any()
    assert read.results["state"].isin(["killed"]).any()


def test_settings_are_read_from_the_names_of_folders_and_runs_of_other_lengths_are_not_compared():
    runs = read_tensorboard(LOGS / "tensorboard_names")
    assert set(runs.factors) == {"optimizer", "dropout", "seed"}
    assert (runs.ends, runs.state) == ("step", "")
    assert any("The runs ended at different steps, between 1 and 2." in note for note in runs.notes)
    read = read_imported(runs, ImportOptions())
    assert any("the last step differs" in reason for reason in read.facts.confounded)
    assert not read_imported(runs, ImportOptions(ignore=("step",))).facts.confounded


def test_a_run_in_parts_is_one_run(tmp_path):
    for seed in (0, 1):
        for part in ("train", "validation"):
            write(tmp_path / f"lr=0.1;seed={seed}" / part / "events.out.tfevents.1.host", event(simple("acc", 0.5)))
    runs = read_tensorboard(tmp_path)
    assert runs.table[["lr", "seed", "train/acc", "validation/acc"]].to_numpy().tolist() == [
        ["0.1", "0", "0.5", "0.5"], ["0.1", "1", "0.5", "0.5"],
    ]  # fmt: skip


def test_a_run_whose_settings_nobody_wrote_down_is_refused_by_its_name(tmp_path):
    write(tmp_path / "lr=0.1" / "events.out.tfevents.1.host", event(simple("acc", 0.5)))
    write(tmp_path / "run_2" / "events.out.tfevents.1.host", event(simple("acc", 0.5)))
    with pytest.raises(
        DataError, match=r'which settings the run "run_2" had\n  log them with hp.hparams or .*add_hparams'
    ):
        read_tensorboard(tmp_path)


def test_a_run_cut_within_a_record_is_killed_and_its_file_is_named(tmp_path):
    logs = Path(shutil.copytree(LOGS / "tensorboard_sessions", tmp_path / "logs"))
    cut = event_files(logs / "02")[0]
    cut.write_bytes(cut.read_bytes()[:-40])
    runs = read_tensorboard(logs)
    assert runs.table.set_index("run")["status"]["02"] == "killed"
    assert any("The files of 1 run end within a record, as of a killed run: 02." in note for note in runs.notes)


def test_a_damaged_run_is_named_and_nothing_is_read_without_it(tmp_path):
    logs = Path(shutil.copytree(LOGS / "tensorboard_sessions", tmp_path / "logs"))
    event_files(logs / "02")[0].write_bytes(b"not an event file, but text")
    with pytest.raises(DataError, match=r"logs/02/events.*damaged at byte 0.*\n  .*move the folder of this run away"):
        read_tensorboard(logs)


def test_two_runs_in_one_folder_are_refused(tmp_path):
    for number in (1, 2):
        source = event_files(LOGS / f"tensorboard_torch/run0{number}/179000000{number}.5")[0]
        shutil.copy(source, tmp_path / f"events.out.tfevents.{number}.host")
    with pytest.raises(DataError, match=r"runs with different hyperparameters wrote to this folder\n  .* of its own"):
        read_tensorboard(tmp_path)


def test_a_hyperparameter_that_is_named_like_a_curve_gets_another_name(tmp_path):
    for value in ("a", "b"):
        write(tmp_path / f"acc={value},step=1" / "events.out.tfevents.1.host", event(simple("acc", 0.5)))
    assert read_tensorboard(tmp_path).factors == ("acc_setting", "step_setting")


def test_a_profiler_s_files_are_no_logs(tmp_path):
    write(tmp_path / "run/events.out.tfevents.1.host.profile-empty", b"")
    assert event_files(tmp_path) == []


def test_a_declared_metric_that_is_the_same_in_every_run_is_not_the_score(tmp_path):
    """PyTorch Lightning declares hp_metric, and logs −1 where nobody sets it."""
    logs = Path(shutil.copytree(LOGS / "tensorboard_torch", tmp_path / "logs"))
    for path in event_files(logs):
        if path.parent.name.startswith("1790"):
            path.write_bytes(path.read_bytes() + event(simple("hparam/accuracy", -1.0), wall_time=2e9))
        else:
            path.write_bytes(path.read_bytes() + event(simple("accuracy", len(path.parent.name) / 10), wall_time=2e9))
    runs = read_tensorboard(logs)
    assert set(runs.table["hparam/accuracy"]) == {"-1.0"}
    assert runs.score == ""
