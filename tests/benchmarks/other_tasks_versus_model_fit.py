"""Is training as fast for other tasks as for classification? Seconds an epoch of `ablate` and of plain `model.fit`.

    python tests/benchmarks/other_tasks_versus_model_fit.py [--examples 12000] [--epochs 6] [--repeats 3] [--batch 32]
        [--tasks regression binary "binary by AUC" "two inputs"]

Both train the same user's network, three dense layers of 64, from the same weights on the same drawn data, validation
after each epoch included, in one process with one thread, and take turns. The first epoch of each turn, in which a
program is compiled, does not count. Prints the median [least, most] milliseconds an epoch over all turns, the ratio of
the medians, that of the medians of processor time, which other programs on the machine change less; and, from one more
turn of `model.fit` with the order of examples that `ablate` drew, the largest relative difference of validation losses
and metrics after any epoch: that of summation.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
BUILD = """
import keras
from keras import layers

def build(factors, data):
    shapes = data.input_shape if isinstance(data.input_shape, dict) else {"x": data.input_shape}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    x = layers.Concatenate()(list(inputs.values())) if len(inputs) > 1 else inputs["x"]
    for _ in range(3):
        x = layers.Dense(64, "relu")(x)
    return keras.Model(inputs if len(inputs) > 1 else inputs["x"], layers.Dense(1)(x))
"""
STUDY = """
[data]
name = "mine.npz"
scaling = "none"
validation = 0.2
[model]
name = "mine.py:build"
[training]
epochs = {epochs}
batch_size = {batch}
patience = 0
[metric]
name = "{metric}"
[baseline]
unused = 1
optimizer = "adam"
learning_rate = 0.001
[space]
unused = [1, 2]
[search]
trials = 0
"""
METRICS = {"regression": "mae", "binary": "accuracy", "binary by AUC": "auc", "two inputs": "mae"}


@dataclass(frozen=True)
class Turn:
    """What one training came to."""

    seconds: list[float]  # of each epoch
    cpu: list[float]  # seconds of processor time
    losses: list[float]  # of validation, after each epoch
    scores: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=12000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--tasks", nargs="+", choices=METRICS, default=list(METRICS))
    arguments = parser.parse_args()
    from ablate.training.engine.device import prepare_backend

    prepare_backend("tensorflow", 1)
    print(about(arguments))
    print(f"{'task':<14} {'model.fit, ms an epoch':>26} {'ablate':>26} {'ratio':>6} {'of CPU':>8} {'difference':>10}")
    for name in arguments.tasks:
        with tempfile.TemporaryDirectory(prefix="tasks-") as folder:
            print(measured(name, arguments, Path(folder)), flush=True)


def measured(name: str, arguments: argparse.Namespace, folder: Path) -> str:
    """A line of the table."""
    task = Task(name, arguments, folder)
    ours: list[Turn] = []
    theirs: list[Turn] = []
    for _ in range(arguments.repeats):
        ours.append(task.by_ablate())
        theirs.append(task.by_fit())
    same, exact = ours[0], task.by_fit(in_order=True)
    differences = [*zip(same.losses, exact.losses, strict=True), *zip(same.scores, exact.scores, strict=True)]
    most = max(abs(a - b) / max(abs(b), 1e-9) for a, b in differences)
    a, b = ([1000 * s for turn in turns for s in turn.seconds[1:]] for turns in (ours, theirs))
    cpu = [median(s for turn in turns for s in turn.cpu[1:]) for turns in (ours, theirs)]
    cells = [f"{median(some):.0f} [{min(some):.0f}, {max(some):.0f}] n={len(some)}" for some in (b, a)]
    ratios = f"{median(b) / median(a):>6.2f} {cpu[1] / cpu[0]:>8.2f}"
    return f"{name:<14} {cells[0]:>26} {cells[1]:>26} {ratios} {most:>10.1e}"


class Task:
    """One task: its data, its context, and the split that both sides train on."""

    def __init__(self, name: str, arguments: argparse.Namespace, folder: Path) -> None:
        from ablate.data import Source, to_dataset
        from ablate.study.load import load_study
        from ablate.training.engine.context import TrainingContext
        from ablate.training.run_range_test import RateFinder

        (folder / "mine.py").write_text(BUILD)
        text = STUDY.format(epochs=arguments.epochs, batch=arguments.batch, metric=METRICS[name])
        (folder / "mine.toml").write_text(text)
        self.study = load_study(folder / "mine.toml", overrides=[], quick=False)
        x, y = drawn(name, arguments.examples)
        few = {key: array[:100] for key, array in x.items()} if isinstance(x, dict) else x[:100]
        self.data = to_dataset("mine", Source(x, y, few, y[:100], origin="mine"))
        self.context = TrainingContext(self.study, self.data, stack=1)
        self.finder = RateFinder(self.context, cache=None)
        self.split = self.context.split(1, self.study.baseline)

    def by_ablate(self) -> Turn:
        """One trial as a worker trains it."""
        from ablate.study.trial import Label, TrialSpec
        from ablate.training.stack import run_trials

        feed = Feed()
        run_trials([TrialSpec("t", Label("search"), 1, self.study.baseline)], self.context, self.finder, feed)
        metric = self.context.task.decides
        losses, scores = ([epoch.metrics[f"val_{key}"] for epoch in feed.epochs] for key in ("loss", metric))
        return Turn([epoch.seconds for epoch in feed.epochs], feed.cpu, losses, scores)

    def by_fit(self, *, in_order: bool = False) -> Turn:
        """`model.fit` of the same network from the same weights; in the trial's own order, a call for each epoch."""
        from ablate.data.trees import rows_of

        model = self._compiled()
        x, y = ({part: rows_of(tree, getattr(self.split, part)) for part in ("train", "validation")}
                for tree in (self.data.x_train, self.data.y_train))  # fmt: skip
        how = {"batch_size": self.study.training.batch_size, "verbose": 0}
        if not in_order:
            clock, held = EpochClock(), (x["validation"], y["validation"])
            epochs = self.study.training.epochs
            made = model.fit(x["train"], y["train"], validation_data=held, epochs=epochs, callbacks=[clock()], **how)
            return Turn(clock.seconds, clock.cpu, made.history["val_loss"], [])
        found = Turn([], [], [], [])
        for rows in self._orders():
            model.fit(rows_of(self.data.x_train, rows), rows_of(self.data.y_train, rows), shuffle=False, **how)
            scores = model.evaluate(x["validation"], y["validation"], return_dict=True, **how)
            found.losses.append(scores["loss"])
            found.scores.append(scores["metric"])
        return found

    def _compiled(self) -> Any:
        import keras

        from ablate.clock import Clock

        start = self.context.start(self.study.baseline, 1, Clock())
        model = keras.models.clone_model(start.program.model)
        for variable, value in zip(model.trainable_variables, start.state[0], strict=True):
            variable.assign(value)
        metric = {
            "mae": lambda: keras.metrics.MeanAbsoluteError(name="metric"),
            "accuracy": lambda: keras.metrics.BinaryAccuracy(name="metric", threshold=0.0),
            "auc": lambda: keras.metrics.AUC(name="metric", from_logits=True),
        }[self.context.task.decides]()
        is_binary = self.data.targets[""].is_binary
        loss = keras.losses.BinaryCrossentropy(from_logits=True) if is_binary else "mse"
        model.compile(keras.optimizers.Adam(self.study.baseline["learning_rate"]), loss, metrics=[metric])
        return model

    def _orders(self) -> Any:
        from ablate.study import seeds

        rng = np.random.default_rng(seeds.stream(self.study.seed, 1, "order"))
        return (rng.permutation(self.split.train) for _ in range(self.study.training.epochs))


class EpochClock:
    """Seconds of each epoch of a fit, with its validation."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.cpu: list[float] = []
        self._began = 0.0, 0.0

    def __call__(self) -> Any:
        import keras

        return keras.callbacks.LambdaCallback(on_epoch_begin=self._begin, on_epoch_end=self._end)

    def _begin(self, _: int, __: Any) -> None:
        self._began = time.perf_counter(), time.process_time()

    def _end(self, _: int, __: Any) -> None:
        self.seconds.append(time.perf_counter() - self._began[0])
        self.cpu.append(time.process_time() - self._began[1])


class Feed:
    """The feed of one trial, that keeps its epochs."""

    def __init__(self) -> None:
        self.epochs: list[Any] = []
        self.cpu: list[float] = []
        self._last = time.process_time()

    def more(self, _n: int) -> tuple[()]:
        return ()

    def report(self, epochs: Any) -> list[bool]:
        self.epochs += epochs
        self.cpu.append(time.process_time() - self._last)
        self._last = time.process_time()
        return [True for _ in epochs]

    def tell(self, outcome: Any) -> None:
        if outcome.state != "finished":
            raise SystemExit(f"{outcome.state}: {outcome.reason}")


def drawn(name: str, n: int) -> tuple[Any, Any]:
    """Inputs and targets of a task."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, 20)).astype(np.float32)
    signal = np.sin(x[:, :5]).sum(axis=1) + 0.3 * rng.standard_normal(n)
    if name.startswith("binary"):
        return x, (signal > 0).astype(np.int32)
    y = signal.astype(np.float32)
    return ({"left": x[:, :12], "right": x[:, 12:]}, y) if name == "two inputs" else (x, y)


def about(arguments: argparse.Namespace) -> str:
    from ablate.system import hardware, versions

    machine, found = hardware(), versions()
    names = ", ".join(f"{name} {found[name]}" for name in ("keras", "tensorflow"))
    what = f"{arguments.examples:,} examples, batch {arguments.batch}, {arguments.epochs} epochs"
    return f"{what}; {machine['cpu']}, 1 thread; {names}; {date.today().isoformat()}"


if __name__ == "__main__":
    main()
