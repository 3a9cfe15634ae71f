"""Make the exports beside this file: small sweeps with a known truth, written by the tools that people use.

    python tests/analysis/imports/exports/make_exports.py [NAME…]      # of the functions below; all without a name

The training function is arithmetic: Adam is 3 points better than SGD, RMSprop as good as SGD where it ends but lost in
3 of 8 seeds, dropout does nothing. The tools write the files; only host names, users, paths and the time are replaced.
Made with optuna 5.0.0, mlflow 3.17.2, ray 2.60.0, keras-tuner 1.4.8 on keras 3.15.1, tensorboard 2.21.0, smac 2.4.1,
sacred 0.8.7, scikit-learn 1.9.1 and pandas 3.1.1. `imitations.py` writes what cannot be run here. The tests run
nothing of this.
"""

import argparse
import json
import math
import os
import random
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
OPTIMIZERS, DROPOUTS, SEEDS = ("sgd", "adam", "rmsprop"), (0.0, 0.5), range(8)
LOST_SEEDS = (1, 4, 6)  # of rmsprop
GAIN = {"sgd": 0.0, "adam": 0.03, "rmsprop": 0.0}


class LostError(Exception):
    """A run that does not end."""


def runs() -> Iterator[tuple[str, float, int]]:
    """The optimizer, the dropout and the seed of each run, in a shuffled order."""
    every = [(optimizer, dropout, seed) for seed in SEEDS for optimizer in OPTIMIZERS for dropout in DROPOUTS]
    random.Random(1).shuffle(every)
    return iter(every)


def is_lost(optimizer: str, seed: int) -> bool:
    """Whether the run fails."""
    return optimizer == "rmsprop" and seed in LOST_SEEDS


def accuracy(optimizer: str, dropout: float, seed: int) -> float:
    """What a run that ends comes to: 80 % and what the optimizer gains, with noise of the seed and of the run."""
    of_seed = random.Random(f"seed {seed}").gauss(0, 0.008)
    return 0.8 + GAIN[optimizer] + of_seed + random.Random(f"{optimizer} {dropout} {seed}").gauss(0, 0.003)


def train(optimizer: str, dropout: float, seed: int) -> float:
    """The accuracy. Raises `LostError` where the run fails."""
    if is_lost(optimizer, seed):
        raise LostError("loss is NaN")
    return accuracy(optimizer, dropout, seed)


def write(name: str, text: str) -> None:
    """Write the file without what tells of the machine that it was made on."""
    home = re.escape(str(Path.home()))
    for pattern, instead in (
        (r"file:///\S*?/mlruns", "file:///home/user/mlruns"), (rf"{home}(?=/)", "/home/user"),
        (r"/tmp/[\w./-]*?(?=/(?:mlruns|artifacts|ray|train|00))", "/home/user/work"),
        (re.escape(os.uname().nodename), "node0"),
    ):  # fmt: skip
        text = re.sub(pattern, instead, text)
    (HERE / name).write_text(text, encoding="utf-8")


def dump(name: str, database: Path) -> None:
    """An SQLite file as its SQL text: smaller, and to be read in a review."""
    connection = sqlite3.connect(database)
    write(name, "\n".join(connection.iterdump()) + "\n")
    connection.close()


def optuna_dataframe() -> None:
    """`study.trials_dataframe().to_csv()`: failed trials, the seed as a user attribute."""
    import optuna

    study = optuna.create_study(direction="maximize", study_name="sweep")
    _optimize(study)
    write("optuna_dataframe.csv", study.trials_dataframe().to_csv())
    frame = study.trials_dataframe(attrs=("number", "value", "params", "state"))
    write("optuna_dataframe_short.csv", frame.to_csv(index=False))  # the seed is a parameter, as many make it


def _optimize(study: "object") -> None:
    def objective(trial: "object") -> float:
        optimizer, dropout = (
            trial.suggest_categorical("optimizer", OPTIMIZERS), trial.suggest_categorical("dropout", DROPOUTS),
        )  # fmt: skip
        seed = trial.suggest_int("seed", 0, 7)
        trial.set_user_attr("node", f"node{trial.number % 3}")
        trial.set_user_attr("checkpoint", f"ckpt/{trial.number:04}.keras")
        return train(optimizer, dropout, seed)

    for optimizer, dropout, seed in runs():
        study.enqueue_trial({"optimizer": optimizer, "dropout": dropout, "seed": seed})
    study.optimize(objective, n_trials=48, catch=(LostError,))


def optuna_multi() -> None:
    """A study with two objectives: values_0 and values_1, and a metric name."""
    import optuna

    study = optuna.create_study(directions=["maximize", "minimize"])
    study.set_metric_names(["val_accuracy", "latency_ms"])
    for optimizer, dropout, seed in runs():
        study.enqueue_trial({"optimizer": optimizer, "dropout": dropout})
        trial = study.ask()
        at = trial.suggest_categorical("optimizer", OPTIMIZERS), trial.suggest_categorical("dropout", DROPOUTS)
        trial.set_user_attr("seed", seed)
        if is_lost(at[0], seed):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, [accuracy(*at, seed), 5.0 + random.Random(f"ms {trial.number}").random()])
    write("optuna_two_objectives.csv", study.trials_dataframe().to_csv())


def optuna_storages() -> None:
    """A storage with categories that read alike, a study in which all trials failed, and a journal.

    Optuna finds a category by ==: True is stored as the 1 before it, and four levels are left.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    levels = (1, "1", None, "None", True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "optuna.db"
        study = optuna.create_study(storage=f"sqlite:///{file}", study_name="categories", direction="maximize")
        for seed in range(4):
            for place, level in enumerate(levels):
                study.enqueue_trial({"level": level})
                trial = study.ask()
                chosen = trial.suggest_categorical("level", levels)
                assert chosen is level or chosen == level
                trial.set_user_attr("seed", seed)
                study.tell(trial, 0.5 + 0.05 * place + random.Random(f"{place} {seed}").gauss(0, 0.003))
        dump("optuna_categories.sql", file)
        file = Path(folder) / "failed.db"
        study = optuna.create_study(storage=f"sqlite:///{file}", study_name="failed", direction="maximize")
        for _ in range(6):
            trial = study.ask()
            trial.suggest_float("rate", 1e-4, 1e-1, log=True)
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        dump("optuna_all_failed.sql", file)
        file = Path(folder) / "journal.log"
        storage = JournalStorage(JournalFileBackend(str(file)))
        study = optuna.create_study(storage=storage, study_name="journal", direction="maximize")
        for optimizer in ("sgd", "adam"):
            for seed in range(5):
                study.enqueue_trial({"optimizer": optimizer})
                trial = study.ask()
                trial.suggest_categorical("optimizer", ("sgd", "adam"))
                trial.set_user_attr("seed", seed)
                study.tell(trial, accuracy(optimizer, 0.0, seed))
        write("optuna_journal.log", re.sub(r'"worker_id":"[^"]*"', '"worker_id":"w0"', file.read_text()))


def mlflow_runs() -> None:
    """`search_runs().to_csv()`, flat and with parent and child runs; a parameter that is unique to each run."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "mlruns"
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.create_experiment("flat", artifact_location=place.as_uri())
        mlflow.set_experiment("flat")
        for optimizer, dropout, seed in runs():
            _mlflow_run(mlflow, optimizer, dropout, seed, {"output_dir": f"out/{optimizer}-{dropout}-{seed}"})
        write("mlflow_search_runs.csv", mlflow.search_runs(experiment_names=["flat"]).to_csv(index=False))
        mlflow.create_experiment("nested", artifact_location=place.as_uri())
        mlflow.set_experiment("nested")
        for optimizer in OPTIMIZERS:
            for dropout in DROPOUTS:
                with mlflow.start_run(run_name=f"{optimizer}-{dropout}"):
                    mlflow.log_params({"optimizer": optimizer, "dropout": dropout})
                    mlflow.set_tags({"mlflow.user": "user", "mlflow.source.name": "train.py"})
                    mlflow.set_tags({"mlflow.source.git.commit": "0" * 40, "mlflow.source.git.branch": "main"})
                    for seed in SEEDS:
                        _mlflow_run(mlflow, optimizer, dropout, seed, {}, nested=True)
                    mlflow.log_metric("val_accuracy", 0.8 + GAIN[optimizer])
        write("mlflow_parents.csv", mlflow.search_runs(experiment_names=["nested"]).to_csv())


def _mlflow_run(
    mlflow: "object", optimizer: str, dropout: float, seed: int, more: dict[str, str], *, nested: bool = False
) -> None:
    try:
        with mlflow.start_run(nested=nested):
            mlflow.log_params({"optimizer": optimizer, "dropout": dropout, "seed": seed, "epochs": 3, **more})
            mlflow.set_tags({"mlflow.user": "user", "mlflow.source.name": "train.py"})
            mlflow.set_tags({"mlflow.source.git.commit": "0" * 40, "mlflow.source.git.branch": "main"})
            mlflow.log_metric("val_accuracy", 0.4, step=0)  # the last one before it breaks
            mlflow.log_metric("val_accuracy", train(optimizer, dropout, seed), step=1)
            mlflow.log_metric("val_loss", 1 - accuracy(optimizer, dropout, seed))
    except LostError:
        pass


def ray_tune() -> None:
    """`results.get_dataframe().to_csv()`, with failed trials, and one trial's progress.csv."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AIR_NEW_OUTPUT="0")
    import ray
    from ray import tune

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    for name, first in (("ray_dataframe.csv", 0), ("ray_failed_early.csv", 1)):  # the first epoch that is reported
        _ray_table(tune, name, first)
    ray.shutdown()


def _ray_table(tune: "object", name: str, first: int) -> None:
    def objective(config: dict) -> None:
        for epoch in range(first, 2):
            if epoch and is_lost(config["optimizer"], config["seed"]):
                raise LostError("loss is NaN")
            final = accuracy(config["optimizer"], config["dropout"], config["seed"])
            tune.report({"mean_accuracy": final - 0.2 * (epoch == 0), "epoch": epoch})

    space = {
        "optimizer": tune.grid_search(list(OPTIMIZERS)), "dropout": tune.grid_search(list(DROPOUTS)),
        "seed": tune.grid_search(list(SEEDS)),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        results = tune.Tuner(
            objective,
            param_space=space,
            run_config=tune.RunConfig(name="train", storage_path=folder, verbose=0),
            tune_config=tune.TuneConfig(reuse_actors=True, metric="mean_accuracy", mode="max"),
        ).fit()
        table = results.get_dataframe()
        table["hostname"] = table["hostname"].where(table["hostname"].isna(), "node0")
        table["node_ip"] = table["node_ip"].where(table["node_ip"].isna(), "10.0.0.1")
        write(name, table.to_csv(index=False))
        if first == 0:
            progress = sorted(Path(folder).rglob("progress.csv"))[0].read_text()
            write("ray_progress.csv", re.sub(r"\d+\.\d+\.\d+\.\d+", "10.0.0.1", progress))


def keras_tuner() -> None:
    """A random search whose trial.json files are made a table, as people do with `json_normalize`."""
    import keras_tuner as kt
    import pandas as pd

    class Toy(kt.RandomSearch):
        def run_trial(self, trial: "object", *_: object, **__: object) -> float:
            hp = trial.hyperparameters
            optimizer, dropout = hp.Choice("optimizer", list(OPTIMIZERS)), hp.Choice("dropout", list(DROPOUTS))
            seed = hp.Int("seed", 0, 7)
            if is_lost(optimizer, seed):
                raise kt.errors.FailedTrialError("loss is NaN")
            return {"val_accuracy": accuracy(optimizer, dropout, seed)}

    space = kt.HyperParameters()
    space.Choice("optimizer", list(OPTIMIZERS)), space.Choice("dropout", list(DROPOUTS)), space.Int("seed", 0, 7)
    with tempfile.TemporaryDirectory() as folder:
        tuner = Toy(
            hypermodel=None, objective=kt.Objective("val_accuracy", "max"), hyperparameters=space, max_trials=48,
            seed=3, directory=folder, project_name="train", max_consecutive_failed_trials=48,
        )  # fmt: skip
        tuner.search()
        trials = [json.loads(path.read_text()) for path in sorted(Path(folder).rglob("trial.json"))]
    flat = [{k: v for k, v in trial.items() if k not in ("metrics", "message")} for trial in trials]
    table = pd.json_normalize(flat).drop(columns="hyperparameters.space")
    write("keras_tuner_normalized.csv", table.to_csv(index=False))  # hyperparameters.values.optimizer, score, status
    rows = [
        {"trial_id": t["trial_id"], **t["hyperparameters"]["values"], "score": t["score"], "status": t["status"]}
        for t in trials
    ]
    write("keras_tuner_by_hand.csv", pd.DataFrame(rows).to_csv())


def tensorboard_hparams() -> None:
    """What the HParams page downloads as CSV: its own handler writes it; it tells no status."""
    import types

    import tensorflow as tf
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api as hp
    from tensorboard.plugins.hparams import api_pb2, backend_context, download_data, get_experiment, list_session_groups

    with tempfile.TemporaryDirectory() as folder:
        for number, (optimizer, dropout, seed) in enumerate(runs()):
            with tf.summary.create_file_writer(f"{folder}/run-{number}").as_default():
                hp.hparams({"optimizer": optimizer, "dropout": dropout, "seed": seed}, trial_id=f"run-{number}")
                value = math.nan if is_lost(optimizer, seed) else accuracy(optimizer, dropout, seed)
                tf.summary.scalar("epoch_accuracy", value, step=1)
        multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(folder)
        multiplexer.Reload()
        context = base_plugin.TBContext(
            logdir=folder, data_provider=data_provider.MultiplexerDataProvider(multiplexer, folder),
            flags=types.SimpleNamespace(),
        )  # fmt: skip
        backend = backend_context.Context(context)
        from tensorboard.context import RequestContext

        request = RequestContext()
        experiment = get_experiment.Handler(request, backend, "", api_pb2.GetExperimentRequest()).run()
        names = [api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos]
        names += [api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos]
        wanted = api_pb2.ListSessionGroupsRequest(
            col_params=names, start_index=0, slice_size=100, allowed_statuses=[0, 1, 2, 3]
        )
        groups = list_session_groups.Handler(request, backend, "", wanted).run()
        body, _ = download_data.Handler(backend, experiment, groups, "csv", [True] * 99).run()
    write("tensorboard_hparams.csv", body.replace("\r\n", "\n"))


def smac() -> None:
    """SMAC's run history as a table: a cost, and for the status a word or, as in runhistory.json, a number."""
    import pandas as pd
    from ConfigSpace import Categorical, Configuration, ConfigurationSpace
    from smac import HyperparameterOptimizationFacade, Scenario
    from smac.runhistory import StatusType, TrialInfo, TrialValue

    space = ConfigurationSpace(seed=1)
    space.add(Categorical("optimizer", OPTIMIZERS), Categorical("dropout", DROPOUTS))
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(space, n_trials=48, deterministic=False, output_directory=Path(folder))
        facade = HyperparameterOptimizationFacade(scenario, _not_called, overwrite=True, logging_level=50)
        for optimizer, dropout, seed in runs():
            config = Configuration(space, values={"optimizer": optimizer, "dropout": dropout})
            lost = is_lost(optimizer, seed)
            value = TrialValue(
                cost=math.inf if lost else 1 - accuracy(optimizer, dropout, seed), time=1.5,
                status=StatusType.CRASHED if lost else StatusType.SUCCESS, starttime=1.0, endtime=2.5,
            )  # fmt: skip
            facade.tell(TrialInfo(config, seed=seed), value)
        rows = []
        for key, value in facade.runhistory.items():
            config = dict(facade.runhistory.get_config(key.config_id))
            rows.append({
                "config_id": key.config_id, "instance": key.instance, "seed": key.seed, "budget": key.budget,
                "cost": value.cost, "time": value.time, "status": value.status.name, "starttime": value.starttime,
                "endtime": value.endtime, **config,
            })  # fmt: skip
    write("smac_runhistory.csv", pd.DataFrame(rows).to_csv(index=False))
    for row in rows:
        row["status"] = int(StatusType[row["status"]])  # as runhistory.json has it
    write("smac_runhistory_numbers.csv", pd.DataFrame(rows).to_csv(index=False))


def _not_called(config: object, seed: int = 0) -> float:
    raise NotImplementedError(config, seed)  # the runs are told


def sacred() -> None:
    """Sacred's run.json and config.json of a FileStorageObserver, normalized into a table."""
    import contextlib
    import io

    import pandas as pd
    from sacred import Experiment
    from sacred.observers import FileStorageObserver

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        experiment = Experiment("toy", save_git_info=False, interactive=True)
        experiment.observers.append(FileStorageObserver(folder))

        @experiment.main
        def main(optimizer: str, dropout: float, seed: int) -> float:
            return train(optimizer, dropout, seed)

        for optimizer, dropout, seed in runs():
            with contextlib.suppress(LostError):
                experiment.run(config_updates={"optimizer": optimizer, "dropout": dropout, "seed": seed})
        rows = []
        for path in sorted(Path(folder).glob("*/run.json"), key=lambda path: int(path.parent.name)):
            run = json.loads(path.read_text())
            config = json.loads((path.parent / "config.json").read_text())
            kept = {name: run[name] for name in ("start_time", "stop_time", "heartbeat", "status", "result")}
            rows.append({"_id": int(path.parent.name), "host.hostname": "node0", "host.cpu": "cpu", **kept,
                         **{f"config.{name}": value for name, value in config.items()}})  # fmt: skip
    write("sacred_runs.csv", pd.DataFrame(rows).to_csv(index=False))


def sklearn_grid() -> None:
    """`pd.DataFrame(search.cv_results_).to_csv()` of a grid search; a fit that fails scores NaN."""
    import warnings

    import numpy as np
    import pandas as pd
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.model_selection import GridSearchCV, KFold

    class Toy(ClassifierMixin, BaseEstimator):
        def __init__(self, optimizer: str = "sgd", dropout: float = 0.0) -> None:
            self.optimizer, self.dropout = optimizer, dropout

        def fit(self, x: np.ndarray, y: np.ndarray) -> "Toy":
            self.classes_ = np.unique(y)
            train(self.optimizer, self.dropout, 28 - int(x.sum()))  # the sample that is left out is the fold
            return self

        def score(self, x: np.ndarray, y: np.ndarray) -> float:  # noqa: ARG002  # sklearn's
            return accuracy(self.optimizer, self.dropout, int(x[0, 0]))

    grid = {"optimizer": list(OPTIMIZERS), "dropout": list(DROPOUTS)}
    search = GridSearchCV(Toy(), grid, cv=KFold(8), error_score=np.nan, refit=False)
    with warnings.catch_warnings(action="ignore"):
        search.fit(np.arange(8.0).reshape(-1, 1), np.array([0, 1] * 4))
    write("sklearn_cv_results.csv", pd.DataFrame(search.cv_results_).to_csv())


MAKERS: dict[str, Callable[[], None]] = {
    made.__name__: made
    for made in (
        optuna_dataframe, optuna_multi, optuna_storages, mlflow_runs, ray_tune, keras_tuner, tensorboard_hparams, smac,
        sacred, sklearn_grid,
    )
}  # fmt: skip


def main() -> None:
    """Make those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of the makers")
    for name in parser.parse_args().names or MAKERS:
        MAKERS[name]()
        print(name, "made")


if __name__ == "__main__":
    sys.exit(main())
