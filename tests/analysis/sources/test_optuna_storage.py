import sqlite3

import optuna
import pytest

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import is_storage_url, read_optuna_runs
from ablate.analysis.sources.optuna_storage import read_optuna_study
from ablate.errors import DataError

FAIL = optuna.trial.TrialState.FAIL


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """One study of five trials that ended and one that did not."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = f"sqlite:///{tmp_path_factory.mktemp('optuna') / 'study.db'}"
    storage = optuna.storages.RDBStorage(url)
    sampler = optuna.samplers.RandomSampler(seed=0)  # draws both norms
    study = optuna.create_study(storage=storage, study_name="mine", direction="minimize", sampler=sampler)
    study.optimize(objective, n_trials=5, catch=(ValueError,))
    study.ask()
    optuna.logging.set_verbosity(before)
    return url


def objective(trial):
    norm = trial.suggest_categorical("norm", ["none", "batch"])
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    if norm == "batch":
        trial.suggest_float("momentum", 0.1, 0.9)
    trial.set_user_attr("seed", trial.number % 2)
    trial.report(3.0, 0)
    trial.report(2.0, 1)
    if trial.number == 3:
        raise optuna.TrialPruned
    if trial.number == 4:
        raise ValueError
    return rate


def test_parameters_are_factors_and_the_value_is_the_score(url):
    runs = read_optuna_runs(url, study=None)
    assert set(runs.factors) == {"norm", "rate", "momentum"}
    assert (runs.score, runs.direction, runs.name) == ("value", "minimize", "mine")
    assert runs.table["state"].tolist() == ["COMPLETE"] * 3 + ["PRUNED", "FAIL"]
    assert runs.table["value"].tolist()[:3] == runs.table["rate"].tolist()[:3]
    assert runs.table["value"].tolist()[3:] == ["2.0", ""]  # a pruned trial has its last value, a failed one none
    assert runs.table["seed"].tolist() == ["0", "1", "0", "1", "0"]
    assert ((runs.table["norm"] == "batch") == (runs.table["momentum"] != "")).all()
    results = read_imported(runs, ImportOptions()).results
    assert results["state"].tolist()[:5] == ["finished"] * 3 + ["pruned", "failed"]
    assert results["score"].tolist()[:4] == [-float(value) for value in runs.table["value"][:4]]
    assert runs.notes == ("Left out 1 trial that has not ended.",)


def test_a_study_that_is_not_there_is_refused_with_those_there_are(url):
    with pytest.raises(DataError, match=r'no study "mein"\n  known: mine .*did you mean "mine"'):
        read_optuna_runs(url, study="mein")


def test_nothing_is_made_and_nothing_else_is_opened(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_optuna_runs(f"sqlite:///{tmp_path / 'none.db'}", study=None)
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("not a database, but a longer text than the header of one")
    with pytest.raises(DataError, match="cannot be read as an SQLite file"):
        read_optuna_runs(f"sqlite:///{tmp_path / 'text.db'}", study=None)
    sqlite3.connect(tmp_path / "other.db").close()
    with pytest.raises(DataError, match=r"is an SQLite file, but not from Optuna or MLflow \(no tables\)"):
        read_optuna_runs(f"sqlite:///{tmp_path / 'other.db'}", study=None)
    with pytest.raises(DataError, match=r"redis://:\*\*\*@host: cannot be read"):
        read_optuna_runs("redis://:secret@host", study=None)
    assert is_storage_url("postgresql+psycopg2://me@host/db")
    assert not any(map(is_storage_url, ("journal.log", "study.db", "C:/a.csv", "mlflow:mine")))
    assert (tmp_path / "other.db").stat().st_size == 0


def two_objectives(*, named):
    """Adam is better in the first objective, and slower."""
    study = optuna.create_study(directions=["maximize", "minimize"], study_name="two")
    if named:
        study.set_metric_names(["fit", "seconds"])
    for seed in range(3):
        for opt in ("sgd", "adam"):
            study.enqueue_trial({"opt": opt})
            trial = study.ask()
            trial.suggest_categorical("opt", ["sgd", "adam"])
            trial.set_user_attr("seed", seed)
            study.tell(trial, [0.5 + 0.1 * (opt == "adam") + seed / 100, 5.0 + (opt == "adam") + seed / 100])
    study.tell(study.ask({"opt": optuna.distributions.CategoricalDistribution(["sgd", "adam"])}), state=FAIL)
    return study


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    ("named", "scores"), [(True, ("values_fit", "values_seconds")), (False, ("values_0", "values_1"))]
)
def test_of_several_objectives_the_user_names_one_and_its_direction_is_known(named, scores):
    runs = read_optuna_study(two_objectives(named=named))
    with pytest.raises(DataError, match=f"the score\\?\n  name it with --score; it may be {scores[0]}, {scores[1]}"):
        read_imported(runs, ImportOptions())
    for score, gain in zip(scores, (0.1, -1.0), strict=True):
        read = read_imported(runs, ImportOptions(score=score))
        assert read.facts.factors == ["opt"]
        compared = read.results.query("design == 'one-factor' and state == 'finished'").groupby("opt")["score"].mean()
        assert compared["adam"] - compared["sgd"] == pytest.approx(gain)  # in the direction of the score
    assert read_imported(runs, ImportOptions(score=scores[1])).facts.metric.direction == "minimize"
    assert runs.table[list(scores)].iloc[-1].tolist() == ["", ""]
