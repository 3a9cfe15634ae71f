"""Make the folders beside this file: small studies with a known truth, written by the tools that people use.

    python tests/analysis/sources/logs/make_logs.py [NAME…]      # of the functions below; all without a name

Where nothing is trained, the score is arithmetic: Adam is 3 points better than SGD, dropout does nothing, and one run
is lost. The tools write the files; only the names of event files, which hold the host, and paths in messages are
replaced. Made with keras-tuner 1.4.8, tensorboard 2.21.0, tensorboardX 2.6.5 (the layout of PyTorch's SummaryWriter)
and tensorflow 2.21.0 on keras 3.15.1, wandb 0.31.0. The tests run nothing of this.
"""

import argparse
import json
import os
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
HERE = Path(__file__).resolve().parent
OPTIMIZERS, DROPOUTS, SEEDS = ("sgd", "adam"), (0.0, 0.5), range(6)
LOST = ("sgd", 0.5, 2)  # the run that fails


def runs() -> Iterator[tuple[str, float, int]]:
    """The optimizer, the dropout and the seed of each run: one change at a time."""
    return ((*each, seed) for seed in SEEDS for each in (("sgd", 0.0), ("adam", 0.0), ("sgd", 0.5)))


def accuracy(optimizer: str, dropout: float, seed: int, execution: int = 0) -> float:
    """What a run comes to: 80 % and 3 points for Adam, with noise of the seed and of the run."""
    of_run = random.Random(f"{optimizer} {dropout} {seed} {execution}").gauss(0, 0.003)
    return 0.8 + 0.03 * (optimizer == "adam") + random.Random(f"seed {seed}").gauss(0, 0.008) + of_run


def keep(name: str, made: Path) -> None:
    """Copy a folder here: event files without the host in their names, messages without paths."""
    target = HERE / name
    shutil.rmtree(target, ignore_errors=True)
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        if path.suffix in (".h5", ".keras") or path.name in ("build_config.json", "checkpoint"):
            continue
        file = re.sub(r"(events\.out\.tfevents)\.(\d+)\..*?(\.v2)?$", r"\1.\2.host\3", path.name)
        to = target / path.relative_to(made).with_name(file)
        while to.exists():  # several writers in one second
            to = to.with_name(re.sub(r"tfevents\.(\d+)", lambda found: f"tfevents.{int(found[1]) + 1}", to.name))
        to.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        if path.suffix == ".json":
            content = re.sub(rb'File \\"[^"]*/', rb'File \\"/home/user/', content)
        to.write_bytes(content)


def keras_tuner() -> None:
    """A grid with two executions per trial, of which KerasTuner saves the mean; one trial fails."""
    import keras
    import keras_tuner as kt

    class Arithmetic(kt.HyperModel):
        def build(self, hp: kt.HyperParameters) -> keras.Model:
            self.at = (hp.Choice("optimizer", OPTIMIZERS), hp.Choice("dropout", DROPOUTS), hp.Int("seed", 0, 5))
            return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

        def fit(self, _hp: kt.HyperParameters, _model: keras.Model, **_: object) -> dict[str, float]:
            if self.at == LOST:
                raise kt.errors.FailedTrialError("loss is NaN")
            self.executions = 1 - getattr(self, "executions", 1)
            score = accuracy(*self.at, self.executions)
            return {"val_accuracy": score, "val_loss": 1 - score}

    with tempfile.TemporaryDirectory() as folder:
        tuner = kt.GridSearch(
            Arithmetic(), objective=kt.Objective("val_accuracy", "max"), max_trials=24, executions_per_trial=2,
            max_consecutive_failed_trials=9, directory=folder, project_name="keras_tuner",
        )  # fmt: skip
        tuner.search()
        keep("keras_tuner", Path(folder) / "keras_tuner")


def keras_tuner_repeats() -> None:
    """A tuner that reports each execution by itself, so that KerasTuner saves them all."""
    import keras_tuner as kt

    class Reporting(kt.RandomSearch):
        def run_trial(self, trial: kt.engine.trial.Trial, *_: object, **__: object) -> None:
            optimizer = trial.hyperparameters.Choice("optimizer", OPTIMIZERS)
            for seed in SEEDS:
                self.oracle.update_trial(trial.trial_id, {"val_accuracy": accuracy(optimizer, 0.0, seed)})

    with tempfile.TemporaryDirectory() as folder:
        tuner = Reporting(
            objective=kt.Objective("val_accuracy", "max"),
            max_trials=2,
            seed=0,
            directory=folder,
            project_name="repeats",
        )
        tuner.search()
        keep("keras_tuner_repeats", Path(folder) / "repeats")


def _build(hp: "object") -> "object":
    import keras

    hidden = keras.layers.Dense(hp.Choice("units", [2, 32]), "relu")
    model = keras.Sequential([keras.Input((64,)), hidden, keras.layers.Dense(10, "softmax")])
    model.compile(hp.Choice("optimizer", ["sgd", "adam"]), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _search(name: str, tuner: str, **settings: object) -> None:
    import keras
    import keras_tuner as kt

    keras.utils.set_random_seed(0)
    x, y = _digits()
    with tempfile.TemporaryDirectory() as folder:
        made = getattr(kt, tuner)(_build, seed=0, directory=folder, project_name=name, **settings)
        made.search(x[:400], y[:400], validation_data=(x[400:], y[400:]), verbose=0)
        keep(name, Path(folder) / name)


def keras_tuner_two_objectives() -> None:
    """Several objectives, with Keras on scikit-learn's digits: the score is a signed sum of them."""
    _search("keras_tuner_two_objectives", "RandomSearch", objective=["val_loss", "val_accuracy"], max_trials=4)


def keras_tuner_hyperband() -> None:
    """Hyperband with Keras on scikit-learn's digits: its bookkeeping is among the hyperparameters."""
    _search("keras_tuner_hyperband", "Hyperband", objective="val_loss", max_epochs=4, factor=2)


def _digits() -> tuple[object, object]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.data[:600] / 16, digits.target[:600]


def tensorboard_keras() -> None:
    """Keras' TensorBoard callback with the callback of the HParams plugin, and beside it what Keras logged."""
    import keras
    from tensorboard.plugins.hparams import api as hp

    x, y = _digits()
    logged = []
    with tempfile.TemporaryDirectory() as folder:
        for rate in (0.001, 0.1):
            for activation in ("relu", "tanh"):
                for seed in range(3):
                    keras.utils.set_random_seed(seed)
                    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(16, activation),
                                              keras.layers.Dense(10, "softmax")])  # fmt: skip
                    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
                    run = f"{folder}/run-{len(logged)}"
                    config = {"rate": rate, "activation": activation, "seed": seed}
                    seen = model.fit(
                        x[:400], y[:400], validation_data=(x[400:], y[400:]), epochs=3, verbose=0,
                        callbacks=[keras.callbacks.TensorBoard(run, write_graph=False), hp.KerasCallback(run, config)],
                    )  # fmt: skip
                    last = {name: values[-1] for name, values in seen.history.items()}
                    logged.append(config | last | {"run": f"run-{len(logged)}"})
        keep("tensorboard_keras", Path(folder))
    (HERE / "tensorboard_keras.json").write_text("[\n" + ",\n".join(map(json.dumps, logged)) + "\n]\n")


def tensorboard_torch() -> None:
    """`SummaryWriter` as in PyTorch: curves in the run's folder, `add_hparams` in a folder below."""
    from tensorboardX import SummaryWriter

    with tempfile.TemporaryDirectory() as folder:
        for number, at in enumerate(runs()):
            with SummaryWriter(f"{folder}/run{number:02}") as writer:
                for step in range(3):
                    writer.add_scalar("loss/train", 1.0 / (step + 1), step)
                score = float("nan") if at == LOST else accuracy(*at)
                config = dict(zip(("optimizer", "dropout", "seed"), at, strict=True)) | {"amp": True}
                writer.add_hparams(config, {"hparam/accuracy": score}, name=f"{1790000000 + number}.5")
        keep("tensorboard_torch", Path(folder))


def tensorboard_names() -> None:
    """A folder per run and no hyperparameters but in its name; the step counts are those of early stopping."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        for optimizer, dropout, seed in runs():
            name = f"{folder}/optimizer={optimizer},dropout={dropout}/seed={seed}"
            with tf.summary.create_file_writer(name).as_default():
                for step in range(2 + (optimizer == "adam")):
                    tf.summary.scalar("val/accuracy", accuracy(optimizer, dropout, seed) - 0.1 * (2 - step), step=step)
        keep("tensorboard_names", Path(folder))


def tensorboard_sessions() -> None:
    """Sessions of the HParams API: ended well, failed, and left without an end."""
    import tensorflow as tf
    from tensorboard.plugins.hparams import api as hp
    from tensorboard.plugins.hparams import api_pb2, summary

    with tempfile.TemporaryDirectory() as folder:
        for number, at in enumerate(runs()):
            with tf.summary.create_file_writer(f"{folder}/{number:02}").as_default():
                hp.hparams(dict(zip(("optimizer", "dropout", "seed"), at, strict=True)), trial_id=f"trial {number}")
                if at != LOST:
                    tf.summary.scalar("accuracy", accuracy(*at), step=1)
                status = api_pb2.STATUS_FAILURE if at == LOST else api_pb2.STATUS_SUCCESS
                if number != 17:
                    end = summary.session_end_pb(status).SerializeToString()
                    tf.summary.experimental.write_raw_pb(end, step=0)
        keep("tensorboard_sessions", Path(folder))
        _download(folder)


def _download(folder: str) -> None:
    """The JSON of the HParams page and the CSV and JSON of a curve, by TensorBoard's own handlers."""
    import types

    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, download_data, get_experiment, list_session_groups
    from tensorboard.plugins.scalar import scalars_plugin

    multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(folder)
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, folder)
    context = base_plugin.TBContext(logdir=folder, data_provider=provider, flags=types.SimpleNamespace())
    backend, request = backend_context.Context(context), RequestContext()
    experiment = get_experiment.Handler(request, backend, "", api_pb2.GetExperimentRequest()).run()
    names = [api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos]
    names += [api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos]
    wanted = api_pb2.ListSessionGroupsRequest(
        col_params=names, start_index=0, slice_size=100, allowed_statuses=[0, 1, 2, 3]
    )
    groups = list_session_groups.Handler(request, backend, "", wanted).run()
    body, _ = download_data.Handler(backend, experiment, groups, "json", [True] * 99).run()
    (HERE / "tensorboard_hparams.json").write_text(json.dumps(body))
    plugin = scalars_plugin.ScalarsPlugin(context)
    for form, file in ((scalars_plugin.OutputFormat.CSV, "csv"), (scalars_plugin.OutputFormat.JSON, "json")):
        body, _ = plugin.scalars_impl(request, "accuracy", "00", "", form)
        text = body if isinstance(body, str) else json.dumps(body)
        (HERE / f"tensorboard_curve.{file}").write_text(text.replace("\r\n", "\n"))


def wandb_runs() -> None:
    """Local folders of online runs: W&B's program writes them while it talks to a stand-in for the server.

    An offline run has no such files, only the binary file. The lost run crashes after its first step.
    """
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class StandIn(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            query = json.loads(asked) if self.path == "/graphql" else {"query": ""}
            name = query.get("variables", {}).get("name")
            project = {"id": "p", "name": "p", "entity": {"id": "e", "name": "e"}}
            bucket = {"id": "b", "name": name, "displayName": name, "config": "{}", "historyLineCount": 0}
            data = {"viewer": {"id": "u", "entity": "e", "username": "u", "flags": "{}", "teams": {"edges": []}}}
            if "upsertBucket" in query["query"]:
                data = {"upsertBucket": {"bucket": bucket | {"project": project}, "inserted": True}}
            if "createRunFiles" in query["query"]:
                url = f"http://{self.headers['Host']}/upload"
                files = [{"name": name, "uploadUrl": url} for name in query["variables"]["files"]]
                data = {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
            body = json.dumps({"data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST  # noqa: N815  # names of the library

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ |= {"WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}", "WANDB_API_KEY": "0" * 40}
    import wandb

    with tempfile.TemporaryDirectory() as folder:
        for number, at in enumerate(runs()):
            config = dict(zip(("optimizer", "dropout", "seed"), at, strict=True)) | {
                "model": {"depth": 2},
                "sizes": [1, 2],
            }
            settings = wandb.Settings(console="off", silent=True, x_disable_stats=True, x_disable_meta=True)
            run = wandb.init(
                project="p", entity="e", id=f"run{number:02}", config=config, dir=folder, settings=settings
            )
            for step in range(1 if at == LOST else 3):
                run.log({"val_accuracy": accuracy(*at) - 0.1 * (2 - step), "loss": float("nan")})
            run.finish(exit_code=int(at == LOST))
        for path in sorted(Path(folder).glob("wandb/run-*/files/*")):
            if path.name in ("config.yaml", "wandb-summary.json"):
                folder_name = re.sub(r"-\d{8}_\d{6}-", "-20261130_120000-", path.parents[1].name)
                to = HERE / "wandb" / folder_name / "files" / path.name
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(path.read_bytes())


ALL = (
    keras_tuner, keras_tuner_repeats, keras_tuner_two_objectives, keras_tuner_hyperband, tensorboard_keras,
    tensorboard_torch, tensorboard_names, tensorboard_sessions, wandb_runs,
)  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args().names
    for make in ALL:
        if not asked or make.__name__ in asked:
            print(make.__name__, file=sys.stderr)
            make()
