"""How soon does a search have a network that reaches a given accuracy? `ablate`, KerasTuner's Hyperband, Optuna.

    pip install ".[bench]"
    python tests/benchmarks/time_to_a_target.py [--target 0.40] [--train 20000] [--epochs 10] [--repeats 5]
        [--sides optuna keras-tuner ablate] [--ours tensorflow jax] [--limit 7200] [--data-dir DIR] [--quick]

The space is cifar_mlp's, in an MLP of 20 × 100 on CIFAR-10 with 5,000 images held out, batch 32: normalization,
activation, initializer, dropout before the outputs (alpha dropout with SELU), optimizer, learning rate. `ablate` runs
`ablate study cifar_mlp` with its own search: TPE, median pruning, rates around the one that a range test finds. The
peers search the rate too, between 1e-5 and 1e-1 on a log scale, and train with `model.fit` on TensorFlow: KerasTuner's
Hyperband with its defaults and `--epochs` as its most, and Optuna's TPE with its Hyperband pruner, a trial reporting
each epoch. All stop a trial after three epochs without improvement. None knows the target, each searches on until some
trial's validation accuracy is at or above it after an epoch; then it is ended.

Seconds count from the start of the side's process, imports included, to that first epoch; the peers find their split
ready on disk. All sides run alone, on the same cores, in turns; `ablate` with another study seed in each repeat, the
peers without one. A side that has not reached the target within `--limit` seconds, or whose search has ended, counts as
missed, and its median is over the others. Prints the median [least, most], how many reached it, and the epochs trained
until then, then the ratios of the medians. Aim: 10 for the MLP. `--quick`: an easy target, few images, one repeat.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from versus_peers import BATCH, DEPTH, OURS, SIDES, WIDTH, read_split, say, sides_of, write_split

AIM = 10
PATIENCE = 3  # epochs, as cifar_mlp has it
LEVELS: dict[str, list[Any]] = {
    "normalization": ["none", "batch", "layer"],
    "activation": ["relu", "leaky_relu", "elu", "selu", "gelu", "silu"],
    "initializer": ["he_normal", "lecun_normal", "glorot_uniform"],
    "dropout": [0.0, 0.05, 0.1, 0.2],
    "optimizer": ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "nadam"],
}
LOWEST, HIGHEST = 1e-5, 1e-1  # learning rates of the peers
MANY = 10_000  # trials: more than any side begins
QUICK = {"train": 2000, "epochs": 3, "target": 0.2, "repeats": 1, "limit": 300}


@dataclass(frozen=True)
class Reached:
    """How a side's search went."""

    seconds: float | None  # until the target; None: missed
    epochs: int  # trained until then
    best: float  # validation accuracy


def main() -> None:
    arguments = parse()
    if arguments.run_as:
        os.environ["KERAS_BACKEND"] = OURS.get(arguments.run_as, "tensorflow")
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        os.environ["ABLATE_PROGRAM_CACHE"] = str(arguments.work / "programs")  # empty: no run has compiled before
        {"optuna": run_optuna, "keras-tuner": run_keras_tuner}.get(arguments.run_as, run_ablate)(arguments)
        return
    found: dict[str, list[Reached]] = {side: [] for side in sides_of(arguments)}
    with tempfile.TemporaryDirectory(prefix="time-to-a-target-") as folder:
        write_split(arguments, Path(folder))
        for repeat in range(1, arguments.repeats + 1):
            for side in found:
                work = Path(folder) / f"{side.replace(', ', '-')}-{repeat}"
                reached = measure(side, work, arguments, seed=repeat)
                found[side].append(reached)
                when = "missed" if reached.seconds is None else f"{reached.seconds:.1f} s"
                print(f"{side}, {repeat}: {when}, {reached.epochs} epochs, best {reached.best:.4f}", flush=True)
    print("\n".join(report(found, arguments)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--target", type=float, default=0.40)
    parser.add_argument("--train", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=float, default=7200)
    parser.add_argument("--data-dir", type=lambda text: Path(text).resolve())
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--ours", nargs="+", choices=list(OURS.values()), default=list(OURS.values()))
    parser.add_argument("--run-as", choices=(*SIDES, *OURS), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    if "--quick" in sys.argv:
        parser.set_defaults(**QUICK)
    return parser.parse_args()


def measure(side: str, work: Path, arguments: argparse.Namespace, *, seed: int) -> Reached:
    """Run one side in a process of its own until an epoch reaches the target."""
    work.mkdir()
    hidden = ["--run-as", side, "--work", str(work), "--seed", str(seed)]
    command, log = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], *hidden], work / "stderr.log"
    epochs, best, began = 0, 0.0, time.perf_counter()
    with log.open("wb") as errors:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
    assert child.stdout is not None
    alarm = Alarm(child, arguments.limit)
    try:
        for line in child.stdout:
            event = json.loads(line) if line.startswith('{"event"') else {"event": ""}
            if event["event"] == "part" and event["part"] == "ablation":
                break  # the search has ended
            if event["event"] == "epoch":
                accuracy = event["metrics"]["val_accuracy"]
                epochs, best = epochs + 1, max(best, accuracy)
                if accuracy >= arguments.target:
                    return Reached(time.perf_counter() - began, epochs, best)
    finally:
        alarm.end()
    if epochs == 0:
        raise SystemExit(f"{side} trained no epoch; its last words:\n{log.read_text()[-3000:]}")
    return Reached(None, epochs, best)


class Alarm:
    """Ends a process and those that it started: when the time is over, or when asked to."""

    def __init__(self, child: "subprocess.Popen[str]", seconds: float) -> None:
        self._child = child
        self._timer = threading.Timer(seconds, self._stop)
        self._timer.start()

    def end(self) -> None:
        self._timer.cancel()
        self._stop()
        try:
            self._child.wait(30)
        except subprocess.TimeoutExpired:
            self._stop(signal.SIGKILL)
            self._child.wait()

    def _stop(self, number: int = signal.SIGTERM) -> None:
        if self._child.poll() is None:
            os.killpg(self._child.pid, number)  # a session of its own, made by `measure`


def report(found: dict[str, list[Reached]], arguments: argparse.Namespace) -> list[str]:
    """The table, the ratios, and what it was measured on."""
    from ablate.system import hardware

    lines = [
        "",
        f"MLP {DEPTH} × {WIDTH}, {arguments.train:,} images, at most {arguments.epochs} epochs a trial, batch {BATCH}; "
        f"validation accuracy {arguments.target:g}, n = {arguments.repeats}",
        f"{'':20}{'seconds':>26}{'reached':>10}{'epochs until then':>22}",
    ]
    lines += [of_side(side, some) for side, some in found.items()]
    ours = {side: middle for side, some in found.items() if side in OURS and (middle := middle_of(some))}
    for peer, some in found.items():
        if peer not in OURS and (theirs := middle_of(some)):
            told = ", ".join(f"{theirs / middle:.2f} × {side}" for side, middle in ours.items())
            lines.append(f"{peer}: {told} (aim: {AIM})")
    machine = hardware()
    names = ["keras", "tensorflow", "optuna", *(["keras-tuner"] if "keras-tuner" in found else [])]
    names += ["jax"] if "ablate, jax" in found else []
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, GPUs: {len(machine['gpus'])}"
    return [*lines, f"{where}; {versions}; {date.today().isoformat()}"]


def of_side(side: str, runs: list[Reached]) -> str:
    seconds, epochs = [run.seconds for run in runs if run.seconds is not None], [run.epochs for run in runs]
    shown = f"{median(seconds):.1f} [{min(seconds):.1f}, {max(seconds):.1f}]" if seconds else "–"
    until = f"{median(epochs):.0f} [{min(epochs)}, {max(epochs)}]"
    return f"{side:20}{shown:>26}{f'{len(seconds)} of {len(runs)}':>10}{until:>22}"


def middle_of(runs: list[Reached]) -> float | None:
    seconds = [run.seconds for run in runs if run.seconds is not None]
    return median(seconds) if seconds else None


def run_optuna(arguments: argparse.Namespace) -> None:
    """TPE with the Hyperband pruner; a trial reports its accuracy after each epoch."""
    import keras
    import optuna

    x, y, held_out = read_split(arguments.work.parent)

    def objective(trial: optuna.Trial) -> float:
        keras.backend.clear_session()
        levels = {name: trial.suggest_categorical(name, options) for name, options in LEVELS.items()}
        model = compiled_model(levels, trial.suggest_float("rate", LOWEST, HIGHEST, log=True), x.shape[1:])

        def prune(epoch: int, logs: dict[str, float]) -> None:
            trial.report(logs["val_accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        callbacks = [*telling(), keras.callbacks.LambdaCallback(on_epoch_end=prune)]
        given = {"validation_data": held_out, "callbacks": callbacks, "verbose": 0}
        history = model.fit(x, y, batch_size=BATCH, epochs=arguments.epochs, **given)
        return float(max(history.history["val_accuracy"]))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=arguments.epochs)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(), pruner=pruner)
    study.optimize(objective, n_trials=MANY)


def run_keras_tuner(arguments: argparse.Namespace) -> None:
    """Hyperband with its defaults, again and again."""
    import keras_tuner

    x, y, held_out = read_split(arguments.work.parent)

    def build(hp: Any) -> Any:
        levels = {name: hp.Choice(name, options) for name, options in LEVELS.items()}
        return compiled_model(levels, hp.Float("rate", LOWEST, HIGHEST, sampling="log"), x.shape[1:])

    tuner = keras_tuner.Hyperband(
        build,
        objective="val_accuracy",
        max_epochs=arguments.epochs,
        hyperband_iterations=MANY,
        directory=arguments.work,
        project_name="hyperband",
        overwrite=True,
    )
    tuner.search(x, y, batch_size=BATCH, validation_data=held_out, callbacks=telling(), verbose=0)


def run_ablate(arguments: argparse.Namespace) -> None:
    """`ablate study cifar_mlp`, of which the search is wanted."""
    from ablate.cli import main as cli

    settings = {
        "seed": arguments.seed,
        "data.train": arguments.train,
        "training.epochs": arguments.epochs,
        "training.patience": PATIENCE,
        "search.trials": MANY,
    }
    overrides = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    where = ["--data-dir", str(arguments.data_dir)] if arguments.data_dir else []
    os.chdir(arguments.work)
    store = ["--tracking-uri", "sqlite:///mlflow.db"]
    sys.argv = ["ablate", "study", "cifar_mlp", "--json", *store, *where, *overrides]
    cli.main()


def telling() -> list[Any]:
    """Callbacks that tell each epoch's accuracy, and stop early."""
    import keras

    tell = keras.callbacks.LambdaCallback(on_epoch_end=tell_epoch)
    return [tell, keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=PATIENCE)]


def tell_epoch(_epoch: int, logs: dict[str, float]) -> None:
    say("epoch", metrics={"val_accuracy": float(logs["val_accuracy"])})


def compiled_model(levels: dict[str, Any], rate: float, shape: tuple[int, ...]) -> Any:
    """cifar_mlp's network, written with Keras' own layers."""
    import keras
    from keras import layers

    normalizations = {"batch": layers.BatchNormalization, "layer": layers.LayerNormalization}
    normalization = normalizations.get(levels["normalization"])
    x = inputs = keras.Input(shape)
    x = layers.Flatten()(x)
    for _ in range(DEPTH):
        x = layers.Dense(WIDTH, use_bias=normalization is None, kernel_initializer=levels["initializer"])(x)
        x = x if normalization is None else normalization()(x)
        x = layers.Activation(levels["activation"])(x)
    dropout = layers.AlphaDropout if levels["activation"] == "selu" else layers.Dropout
    x = dropout(levels["dropout"])(x) if levels["dropout"] else x
    model = keras.Model(inputs, layers.Dense(10, "softmax")(x))
    model.compile(optimizer_of(levels["optimizer"], rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def optimizer_of(name: str, rate: float) -> Any:
    from keras import optimizers

    momentum = {"momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9, "nesterov": True}}
    if name in ("sgd", *momentum):
        return optimizers.SGD(rate, **momentum.get(name, {}))
    kinds = {"rmsprop": optimizers.RMSprop, "adam": optimizers.Adam, "adamw": optimizers.AdamW}
    return (kinds | {"nadam": optimizers.Nadam})[name](rate)


if __name__ == "__main__":
    main()
