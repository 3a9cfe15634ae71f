"""How much sooner is `ablate` done with a list of trials than plain Optuna with `model.fit`, and than KerasTuner?

    pip install ".[bench]"
    python tests/benchmarks/versus_peers.py [--trials 8] [--epochs 5] [--train 45000] [--data-dir DIR] [--cnn]
        [--sides optuna keras-tuner ablate] [--ours tensorflow jax] [--repeats 1]

All sides train the same list: normalization none or batch × activation elu or relu × optimizer nadam or adam, in an MLP
of 20 × 100, on CIFAR-10 with 5,000 images held out, batch 32, one fixed learning rate, all epochs, no pruning, no early
stopping, no range test. More trials than configurations repeat the list with other seeds. `--cnn` is three pairs of
3 × 3 convolutions (32, 64, 128) with batch normalization and 256 dense units: activation × optimizer, four
configurations.

Each side runs in a process of its own, and all take turns; `ablate` is a side on each backend of `--ours`, the peers
train on TensorFlow, their documentation's default. The peers run as their documentation shows, with their own
defaults, quietly, and find the split ready on disk; they seed nothing (DECISIONS.md says what a global seed does to
`model.fit`). `ablate` runs its command line on a study that crosses the three factors, with all that a study does:
journal, MLflow, tables, report; it also scores each trial on the test set, which the peers leave alone.

Three times, each to the end of the study, `ablate`'s report included. "command": from the start of the process to its
end. "study": from the end of the imports, so with reading the data; `ablate`'s workers import TensorFlow only then, and
the driver MLflow, which is counted. "trials": from where a side is ready for its first trial (for `ablate`: a worker
takes it; for the peers: before they create their study). Prints the median [least, most] of the repeats, the ratio of
the medians to those of `ablate` on the first backend of `--ours`, the mean of the trials' best validation accuracies,
and each peer's time of "command" over that of `ablate` on each backend. Aims: 8 at 8 trials × 5 epochs, 10 at 24 × 10,
2 for the CNN.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

SIDES = ("optuna", "keras-tuner", "ablate")
OURS = {"ablate, tensorflow": "tensorflow", "ablate, jax": "jax"}  # backends by the names of our sides
TIMES = ("command", "study", "trials")
DEPTH, WIDTH, BATCH, VALIDATION = 20, 100, 32, 5000
RATE = 3e-4  # trains all eight configurations; Keras' 1e-3 is much for 20 plain layers
LEVELS = {"normalization": ["none", "batch"], "activation": ["elu", "relu"], "optimizer": ["nadam", "adam"]}
Levels = dict[str, str]

STUDY = """
title = "The same list of trials as the peers'"
[data]
name = "cifar10"
validation = {validation}
train = {train}
[model]
{model}
[training]
epochs = {epochs}
batch_size = {batch}
patience = 0
[baseline]
{baseline}
[space]
{space}
[search]
trials = 0
[ablation]
design = "factorial"
factorial = {crossed}
learning_rate = "carry"
seeds = {seeds}
"""


@dataclass(frozen=True)
class Run:
    """One side's study as seen from outside."""

    command: float  # seconds
    study: float
    trials: float
    accuracies: list[float]  # best validation accuracy of each trial


@dataclass
class Marks:
    """When a side said what, in seconds since its process was started."""

    imported: float | None = None
    began: float | None = None
    ended: float | None = None
    accuracies: list[float] = field(default_factory=list)

    def take(self, line: str, now: float) -> None:
        """Read a line of JSON; others are the libraries' own."""
        if not line.startswith('{"event"'):
            return
        event = json.loads(line)
        match event["event"]:
            case "imported":
                self.imported = now
            case "trial_began":
                self.began = self.began or now
            case "trial_ended" if event["state"] == "finished":
                self.accuracies.append(event["val_accuracy"])
            case "closed":
                self.ended = now


def main() -> None:
    arguments = parse()
    if arguments.run_as:
        os.environ["KERAS_BACKEND"] = OURS.get(arguments.run_as, "tensorflow")
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        os.environ["ABLATE_PROGRAM_CACHE"] = str(arguments.work / "programs")  # empty: no run has compiled before
        {"optuna": run_optuna, "keras-tuner": run_keras_tuner}.get(arguments.run_as, run_ablate)(arguments)
        return
    runs: dict[str, list[Run]] = {side: [] for side in sides_of(arguments)}
    with tempfile.TemporaryDirectory(prefix="versus-peers-") as folder:
        write_split(arguments, Path(folder))
        for repeat in range(arguments.repeats):
            for side in runs:
                work = Path(folder) / f"{side.replace(', ', '-')}-{repeat}"
                run = measure(side, Path(folder), work, n_trials=arguments.trials)
                runs[side].append(run)
                times = ", ".join(f"{name} {getattr(run, name):.1f} s" for name in TIMES)
                print(f"{side}: {times}", flush=True)
    print("\n".join(report(runs, arguments)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--train", type=int, default=45000)
    parser.add_argument("--data-dir", type=lambda text: Path(text).resolve())
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--cnn", action="store_true")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--ours", nargs="+", choices=list(OURS.values()), default=list(OURS.values()))
    parser.add_argument("--run-as", choices=(*SIDES, *OURS), help=argparse.SUPPRESS)
    parser.add_argument("--split", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    n = len(grid(cnn=arguments.cnn))
    if not arguments.trials or arguments.trials % n:
        parser.error(f"--trials must be a multiple of {n}, so that every configuration is repeated alike")
    return arguments


def sides_of(arguments: argparse.Namespace) -> list[str]:
    """The sides, with `ablate` on each backend that was asked for, in that order."""
    named = {backend: side for side, backend in OURS.items()}
    ours = [named[backend] for backend in arguments.ours] if "ablate" in arguments.sides else []
    return [*(side for side in arguments.sides if side != "ablate"), *ours]


def write_split(arguments: argparse.Namespace, folder: Path) -> None:
    """The peers' training and validation examples, as stored, and the scaling that the training split asks for."""
    from ablate.data import load_dataset, split_dataset
    from ablate.study.settings import Data

    data_dir = arguments.data_dir
    data = load_dataset("cifar10", data_dir=data_dir, explicit=data_dir is not None, base=Path.cwd())
    if data.stand_in:
        print("STAND-IN DATA: not CIFAR-10")
    settings = Data(name="cifar10", train=arguments.train, validation=VALIDATION)
    split = split_dataset(data, settings, seed=1, replicate=1, scaling="standardize")
    arrays = {"x": data.x_train[split.train], "y": data.y_train[split.train]}
    held_out = {"x_val": data.x_train[split.validation], "y_val": data.y_train[split.validation]}
    np.savez(folder / "split.npz", shift=split.shift, scale=split.scale, **arrays, **held_out)


def measure(side: str, split: Path, work: Path, *, n_trials: int) -> Run:
    """Run one side in a fresh process and note the times of what it says; every trial must finish."""
    work.mkdir()
    hidden = ["--run-as", side, "--split", str(split), "--work", str(work)]
    command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], *hidden]
    marks, log = Marks(), work / "stderr.log"
    began = time.perf_counter()
    with log.open("wb") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            marks.take(line, time.perf_counter() - began)
    total = time.perf_counter() - began
    n = len(marks.accuracies)
    if child.returncode or n < n_trials or marks.imported is None or marks.began is None or marks.ended is None:
        what = f"{side} finished {n} of {n_trials} trials, exit code {child.returncode}"
        raise SystemExit(f"{what}; its last words:\n{log.read_text()[-3000:]}")
    return Run(total, marks.ended - marks.imported, marks.ended - marks.began, marks.accuracies)


def report(runs: dict[str, list[Run]], arguments: argparse.Namespace) -> list[str]:
    """The table, and what it was measured on."""
    from ablate.system import hardware

    base = next((some for side, some in runs.items() if side in OURS), None)
    heads = "".join(f"{name:>24}  ratio" for name in TIMES)
    network = "CNN" if arguments.cnn else f"MLP {DEPTH} × {WIDTH}"
    lines = [
        "",
        f"{network}, {arguments.trials} trials × {arguments.epochs} epochs, {arguments.train:,} images, "
        f"batch {BATCH}, learning rate {RATE:g}, n = {arguments.repeats}",
        f"{'seconds':20}{heads} {'n':>4} {'accuracy':>9}",
    ]
    for side, ours in runs.items():
        cells = "".join(column(ours, base, name) for name in TIMES)
        accuracies = [accuracy for run in ours for accuracy in run.accuracies]
        lines.append(f"{side:20}{cells} {len(accuracies):4} {100 * mean(accuracies):7.2f} %")
    lines += [against(side, runs, arguments) for side in runs if side not in OURS and base]
    machine = hardware()
    names = ["keras", "tensorflow", "optuna", "mlflow", *(["keras-tuner"] if "keras-tuner" in runs else [])]
    names += ["jax"] if "ablate, jax" in runs else []
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    what = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, GPUs: {len(machine['gpus'])}"
    return [*lines, f"{what}; {machine['machine']}", f"{versions}; {date.today().isoformat()}"]


def against(peer: str, runs: dict[str, list[Run]], arguments: argparse.Namespace) -> str:
    """A peer's time of the whole command over that of each of our sides, and the aim."""
    theirs = median(run.command for run in runs[peer])
    told = ", ".join(
        f"{theirs / median(run.command for run in some):.2f} × {side}" for side, some in runs.items() if side in OURS
    )
    aims = {(8, 5): 8, (24, 10): 10}
    aim = 2 if arguments.cnn else aims.get((arguments.trials, arguments.epochs))
    return f"{peer}, command: {told}" + (f" (aim: {aim})" if aim else "")


def column(ours: list[Run], base: list[Run] | None, name: str) -> str:
    """Median [least, most] of one of the times, and the ratio of the medians."""
    values = [getattr(run, name) for run in ours]
    ratio = f"{median(values) / median(getattr(run, name) for run in base):.2f}" if base else "–"
    return f"{f'{median(values):.1f} [{min(values):.1f}, {max(values):.1f}]':>24}{ratio:>7}"


def grid(*, cnn: bool) -> list[Levels]:
    """The configurations; the CNN has batch normalization in all of them."""
    levels = {**LEVELS, "normalization": ["batch"]} if cnn else LEVELS
    return [dict(zip(levels, chosen, strict=True)) for chosen in product(*levels.values())]


def trial_list(arguments: argparse.Namespace) -> list[tuple[Levels, int]]:
    """Configuration and seed of each trial: all configurations with the first seed, then with the next."""
    configurations = grid(cnn=arguments.cnn)
    n = len(configurations)
    return [(configurations[i % n], 1 + i // n) for i in range(arguments.trials)]


def say(event: str, **facts: object) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


def read_split(folder: Path) -> tuple[Any, Any, tuple[Any, Any]]:
    with np.load(folder / "split.npz") as arrays:
        shift, scale = arrays["shift"], arrays["scale"]
        x, x_val = ((arrays[name].astype(np.float32) - shift) * scale for name in ("x", "x_val"))
        return x, arrays["y"], (x_val, arrays["y_val"])


def run_optuna(arguments: argparse.Namespace) -> None:
    """As in Optuna's Keras example: an objective that builds, fits and returns the best accuracy."""
    import keras
    import optuna

    say("imported")
    x, y, held_out = read_split(arguments.split)

    def objective(trial: optuna.Trial) -> float:
        keras.backend.clear_session()
        levels = {name: trial.suggest_categorical(name, options) for name, options in LEVELS.items()}
        model = compiled_model(levels, x.shape[1:], cnn=arguments.cnn)
        history = model.fit(x, y, batch_size=BATCH, epochs=arguments.epochs, validation_data=held_out, verbose=0)
        best: float = max(history.history["val_accuracy"])
        say("trial_ended", state="finished", val_accuracy=best)
        return best

    say("trial_began")
    study = optuna.create_study(direction="maximize")
    for levels, _ in trial_list(arguments):
        study.enqueue_trial(levels)
    study.optimize(objective, n_trials=arguments.trials)
    say("closed")


def run_keras_tuner(arguments: argparse.Namespace) -> None:
    """As in KerasTuner's guide: a tuner over a function that builds a compiled model."""
    import keras_tuner

    say("imported")
    x, y, held_out = read_split(arguments.split)
    trials = trial_list(arguments)
    seeds = sorted({seed for _, seed in trials})
    options = {name: list(dict.fromkeys(levels[name] for levels, _ in trials)) for name in LEVELS}

    def build(hp: Any) -> Any:
        if len(seeds) > 1:
            hp.Choice("repeat", seeds)
        levels = {name: hp.Choice(name, values) for name, values in options.items()}
        return compiled_model(levels, x.shape[1:], cnn=arguments.cnn)

    say("trial_began")
    tuner = keras_tuner.GridSearch(
        build,
        objective="val_accuracy",
        max_trials=arguments.trials,
        directory=arguments.work,
        project_name="grid",
        overwrite=True,
    )
    tuner.search(x, y, batch_size=BATCH, epochs=arguments.epochs, validation_data=held_out, verbose=0)
    for trial in tuner.oracle.trials.values():
        state = "finished" if trial.status == "COMPLETED" else trial.status
        say("trial_ended", state=state, val_accuracy=trial.score)
    say("closed")


def run_ablate(arguments: argparse.Namespace) -> None:
    """`ablate study list.toml`, which is a factorial of the same configurations."""
    from ablate.cli import main as cli

    say("imported")
    where = ["--data-dir", str(arguments.data_dir)] if arguments.data_dir else []
    with contextlib.chdir(arguments.work):
        Path("list.toml").write_text(study_file(arguments))
        store = ["--tracking-uri", "sqlite:///mlflow.db"]
        sys.argv = ["ablate", "study", "list.toml", "--json", *store, *where]
        cli.main()


def study_file(arguments: argparse.Namespace) -> str:
    """The study whose settings the trials share."""
    baseline: dict[str, object] = {**grid(cnn=arguments.cnn)[0], "learning_rate": RATE}
    space: dict[str, object] = {name: levels for name, levels in LEVELS.items() if not is_fixed(name, arguments)}
    model: dict[str, object] = {"name": f"{Path(__file__).resolve()}:build_cnn"}
    if not arguments.cnn:
        baseline |= {"initializer": "he_normal", "dropout": 0.0}
        model = {"name": "mlp", "depth": DEPTH, "width": WIDTH}
    return STUDY.format(
        validation=VALIDATION,
        train=arguments.train,
        epochs=arguments.epochs,
        batch=BATCH,
        seeds=trial_list(arguments)[-1][1],
        space=as_toml(space),
        crossed=json.dumps(list(space)),
        model=as_toml(model),
        baseline=as_toml(baseline),
    )


def is_fixed(factor: str, arguments: argparse.Namespace) -> bool:
    """Whether the configurations have one level of it."""
    return len({levels[factor] for levels in grid(cnn=arguments.cnn)}) == 1


def as_toml(table: dict[str, object]) -> str:
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items())


def compiled_model(levels: Levels, shape: tuple[int, ...], *, cnn: bool) -> Any:
    """What the peers train."""
    import keras

    model = (build_cnn if cnn else build_mlp)(levels, shape, 10)
    optimizer = {"nadam": keras.optimizers.Nadam, "adam": keras.optimizers.Adam}[levels["optimizer"]](RATE)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build_mlp(levels: Levels, input_shape: tuple[int, ...], n_classes: int) -> Any:
    """The built-in `mlp` of ablate, written with Keras' own layers."""
    import keras
    from keras import layers

    is_plain = levels["normalization"] == "none"
    x = inputs = keras.Input(input_shape)
    x = layers.Flatten()(x)
    for _ in range(DEPTH):
        x = layers.Dense(WIDTH, use_bias=is_plain, kernel_initializer="he_normal")(x)
        x = x if is_plain else layers.BatchNormalization()(x)
        x = layers.Activation(levels["activation"])(x)
    return keras.Model(inputs, layers.Dense(n_classes, "softmax")(x))


def build_cnn(levels: Levels, input_shape: tuple[int, ...], n_classes: int) -> Any:
    """Three pairs of convolutions with batch normalization, and a dense layer: also ablate's user model."""
    import keras
    from keras import layers

    x = inputs = keras.Input(input_shape)
    for filters in (32, 32, 64, 64, 128, 128):
        is_second = x.shape[-1] == filters
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        x = layers.Activation(levels["activation"])(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D()(x) if is_second else x
    x = layers.Dense(256, levels["activation"], kernel_initializer="he_normal")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(n_classes, "softmax")(x))


if __name__ == "__main__":
    main()
