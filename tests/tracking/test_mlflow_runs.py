import math
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.errors import AblateError
from ablate.tracking import mlflow_runs, reading
from ablate.tracking.store import connect


def made(number, *, params, metrics, status="FINISHED", tags=None):
    """A run as MLflow's client gives it."""
    info = SimpleNamespace(run_id=f"id{number}", status=status, start_time=number)
    return SimpleNamespace(info=info, data=SimpleNamespace(params=params, metrics=metrics, tags=tags or {}))


@pytest.fixture
def experiment(monkeypatch):
    """Fills an experiment with runs, without a store."""

    def fill(*filled):
        monkeypatch.setattr(reading, "reading", lambda _: nullcontext())
        monkeypatch.setattr(reading, "find_experiment", lambda *_: "1")
        monkeypatch.setattr(reading, "runs_of", lambda *_: list(filled))
        return mlflow_runs("sqlite:///mlflow.db", "sweep")

    return fill


def test_params_are_factors_and_the_only_metric_is_the_score(experiment):
    found = experiment(
        made(0, params={"norm": "none"}, metrics={"acc": 0.5}, tags={"seed": "3", "mlflow.user": "me"}),
        made(1, params={"norm": "batch", "momentum": "0.9"}, metrics={"acc": math.nan}, tags={"seed": "3"}),
        made(2, params={"norm": "batch"}, metrics={}, status="FAILED"),
        made(3, params={}, metrics={}),  # a parent that holds the others
        made(4, params={"norm": "layer"}, metrics={"acc": 0.1}, status="RUNNING"),
    )
    assert found.factors == ("norm", "momentum")
    assert found.score == "acc"
    assert found.place == "experiment sweep at sqlite:///mlflow.db"
    assert found.table.to_dict("list") == {
        "norm": ["none", "batch", "batch"], "momentum": ["", "0.9", ""], "acc": ["0.5", "nan", ""],
        "seed": ["3", "3", ""], "status": ["FINISHED", "FINISHED", "FAILED"], "run_id": ["id0", "id1", "id2"],
    }  # fmt: skip
    assert found.notes == ("Left out (not ended): 1 run.",)


def test_runs_that_hold_others_are_left_out_and_it_is_said(experiment):
    found = experiment(
        made(0, params={"n_trials": "2", "search": "random"}, metrics={"best_acc": 0.7}),
        made(1, params={"norm": "none"}, metrics={"acc": 0.5}, tags={"mlflow.parentRunId": "id0"}),
        made(2, params={"norm": "batch"}, metrics={"acc": 0.7}, tags={"mlflow.parentRunId": "id0"}),
    )
    assert (found.factors, found.score) == (("norm",), "acc")
    assert found.notes == ("Left out (parents of other runs): 1 run.",)


def test_a_param_that_is_unique_to_each_run_does_not_end_the_comparison(experiment):
    reading = [
        made(n, params={"norm": norm, "seed": str(seed), "lr": "0.1" if seed % 2 else "1e-1", "out": f"/tmp/run{n}"},
             metrics={"acc": 0.5 + n / 100})
        for n, (norm, seed) in enumerate((norm, seed) for norm in ("none", "batch") for seed in range(3))
    ]  # fmt: skip
    foreign = read_imported(experiment(*reading), ImportOptions())
    assert foreign.facts.factors == ["norm"]
    assert "out (different in every run)" in foreign.notes[0]
    assert foreign.results.query("design == 'one-factor'")["variant"].unique().tolist() == ["reference", "norm=batch"]


def test_an_experiment_without_a_run_to_compare_is_told_as_such(experiment):
    with pytest.raises(AblateError, match="has no run that ended with params or metrics\n  it has 1 run"):
        experiment(made(0, params={}, metrics={}))


def test_a_metric_that_has_the_name_of_a_param_gets_another(experiment):
    found = experiment(made(0, params={"loss": "huber"}, metrics={"loss": 0.5, "acc": 0.9}))
    assert (found.factors, found.score) == (("loss",), "")
    assert found.table[["loss", "metrics.loss", "acc"]].iloc[0].tolist() == ["huber", "0.5", "0.9"]


@pytest.mark.slow
def test_runs_of_a_real_store_become_effects(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = connect(uri)
    number = client.create_experiment("sweep", artifact_location=str(tmp_path))
    for norm, rate, score in (("none", 0.1, 0.5), ("batch", 0.1, 0.7), ("none", 0.2, 0.4)):
        run = client.create_run(number, tags={"seed": "1"})
        for name, level in {"norm": norm, "rate": rate}.items():
            client.log_param(run.info.run_id, name, level)
        client.log_metric(run.info.run_id, "val_acc", 0.0, step=0)
        client.log_metric(run.info.run_id, "val_acc", score, step=1)
        client.set_terminated(run.info.run_id)
    results = read_imported(mlflow_runs(uri, "sweep"), ImportOptions()).results
    compared = results[results["design"] == "one-factor"].set_index("variant")
    assert compared["score"].to_dict() == {"reference": 0.5, "norm=batch": 0.7, "rate=0.2": 0.4}
    assert compared["run_id"].str.len().eq(32).all()
    with pytest.raises(AblateError, match='no experiment "sweap"'):
        mlflow_runs(uri, "sweap")
