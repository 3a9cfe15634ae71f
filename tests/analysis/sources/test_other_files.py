import json
import pickle
import subprocess
import sys

import pandas as pd
import pytest

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import read_file_runs
from ablate.errors import DataError


def refused(path):
    with pytest.raises(DataError) as caught:
        read_file_runs(path)
    return str(caught.value)


def run_lines(message, folder):
    """Run the lines of Python that a message shows."""
    lines = [line.removeprefix("    ") for line in message.splitlines() if line.startswith("    ")]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


class Danger:
    """Unpickled, it would leave a file."""

    def __reduce__(self):
        return (open, ("opened.txt", "w"))


@pytest.mark.parametrize("name", ["runs.pkl", "runs.pickle", "model.pt", "study.joblib", "runs", "runs.csv"])
def test_a_pickle_is_never_opened(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Danger()))
    assert "may contain a pickle, which can run code, so it is not opened" in refused(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("runs.xlsx", b"PK\x03\x04rest", "is a spreadsheet\n  save the sheet as “CSV UTF-8”, or: "
         "python -c \"import pandas; pandas.read_excel('runs.xlsx').to_csv('runs.csv', index=False)\""),
        ("runs.ods", b"PK\x03\x04rest", "is a spreadsheet\n"),
        ("runs.xls", b"\xd0\xcf\x11\xe0", "is a spreadsheet\n"),
        ("runs.feather", b"ARROW1\0\0", "is a Feather file"),
        ("model.h5", b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        ("events.out.tfevents.1.host", b"\x18\0\0\0", "is one event file of TensorBoard\n  analyze the folder"),
        ("data.npz", b"PK\x03\x04rest", "holds arrays"),
        ("data.npy", b"\x93NUMPY\x01", "holds arrays"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_told_by_what_it_is(tmp_path, name, content, what):
    (tmp_path / name).write_bytes(content)
    assert f"{name}: {what}" in refused(tmp_path / name)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_ray_s_results_become_a_table_by_the_lines_shown(tmp_path):
    results = tmp_path / "train_2026"
    write(results / "experiment_state-2026.json", {})
    for number, (opt, seed) in enumerate((opt, seed) for opt in ("sgd", "adam") for seed in range(2)):
        lines = [{"mean_accuracy": accuracy + number / 10, "training_iteration": at, "trial_id": f"t{number}",
                  "time_total_s": at, "done": False, "config": {"opt": opt, "seed": seed}}
                 for at, accuracy in ((1, 0.1), (2, 0.4))]  # fmt: skip
        write(results / f"train_{number}" / "result.json", "\n".join(map(json.dumps, lines)) + "\n")
    write(results / "train_9" / "result.json", "")
    message = refused(results)
    assert "is a Ray Tune results folder" in message
    run_lines(message, tmp_path)
    foreign = read_imported(read_file_runs(tmp_path / "trials.csv"), ImportOptions())
    assert (foreign.facts.factors, foreign.facts.seed_column) == (["opt"], "config/seed")
    assert foreign.results["score"].max() == pytest.approx(0.7)


def test_sacred_s_runs_become_a_table_by_the_lines_shown(tmp_path):
    for number, (opt, seed) in enumerate((opt, seed) for opt in ("sgd", "adam") for seed in range(2)):
        write(tmp_path / "runs" / str(number) / "run.json", {"status": "COMPLETED", "result": 0.5, "heartbeat": "x"})
        write(tmp_path / "runs" / str(number) / "config.json", {"opt": opt, "seed": seed})
    message = refused(tmp_path / "runs")
    assert "is a folder of Sacred runs" in message
    run_lines(message, tmp_path)
    assert {"config.opt", "config.seed", "result", "status"} <= set(pd.read_csv(tmp_path / "runs.csv"))


def test_mlruns_is_named_with_its_experiments_and_the_commands(tmp_path):
    write(tmp_path / "mlruns/1/meta.yaml", "artifact_location: file:///x\nexperiment_id: '1'\nname: sweep\n")
    write(tmp_path / "mlruns/1/abc/meta.yaml", "artifact_uri: x\nrun_name: not-this\n")
    message = refused(tmp_path / "mlruns")
    assert "mlflow migrate-filestore --source" in message
    assert "ablate analyze mlflow:EXPERIMENT --tracking-uri sqlite:///migrated.db; experiments: sweep" in message
    assert "not-this" not in message


def test_other_folders_are_told_by_what_is_in_them(tmp_path):
    write(tmp_path / "study/results.csv", "a,acc\n1,2\n")
    assert f"analyze its table: ablate analyze {tmp_path}/study/results.csv" in refused(tmp_path / "study")
    write(tmp_path / "mine/a.csv", "a,acc\n1,2\n")
    assert "is a folder, not a table\n  tables in it: a.csv" in refused(tmp_path / "mine")
    assert refused(tmp_path / "mine").splitlines()[-1].startswith("  folders that are read: logs of KerasTuner, Tensor")


def test_a_name_that_may_be_an_experiment_s_is_told_how_those_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from pathlib import Path

    assert "no such file\n  tables in .: none; for an MLflow experiment use mlflow:sweep" in refused(Path("sweep"))
    assert "mlflow:" not in refused(Path("sweep.csv"))
