"""Does it scale? Two workers against one, and the driver alone with 100, 1,000 and 10,000 trials.

    python tests/benchmarks/does_it_scale.py [--parts driver search workers] [--repeats 1]
        [--trials 100 1000 10000] [--search-trials 100 1000] [--no-mlflow]
        [--seeds 8] [--epochs 3] [--train 20000] [--data-dir DIR]

"workers": one list of trials, `--seeds` seeds of the plain configuration of cifar_mlp at one fixed learning rate, in
fresh workers of the local scheduler with one thread each: 1, 2, 4 … as many as there are processors, all in turn, in
every other repeat from the other end. No range test, no early stopping, no test scores, no tracking. "seconds" count
from where the first worker, its libraries imported, takes a trial to the end of the last one, compilation included;
each worker compiles for itself. "train" is what the trials count as training and evaluation, summed over the workers,
"compile" what they count as compilation. "speed-up" is of the seconds, "of training" of the trained seconds as if
these were shared out evenly: what is missing there, the processors take from each other. Aim: 1.8 with two.

"driver": `run_study` in a fresh process, with its journal on disk, its tables and its report, the display off, and
trials that take no time. In the place of `running.open_workers` stands a scheduler that answers every spec at once with
made-up epochs and an outcome with a range test, pickled and read back as if they came through a worker's pipe. The
study is an ablation of the digits data, 10 cells × as many seeds as make up the number of trials, 5 epochs a trial,
once with MLflow on an SQLite file and once with a tracker that does nothing in the place of `experiment.Tracker`
(`--no-mlflow`: only that). "trials/s" is from the first tell to the last, the first one left out since it waits for
the store to open; "first" and "last" are the same over the first and the last tenth of the trials. "open" are the
seconds to the first tell, imports included, "close" those after the last one: what the tracker still has to write,
tables, report. "MB" is the process' peak of memory at the first tell, at the last one, and at the end.

"search": the same with Optuna's trials on the same space, TPE and median pruning, and no ablation. Aim of both: the
first tenth's pace in the last, and memory that does not grow with the trials.

Prints the median [least, most] of the repeats; of "first", "last", "open", "close" and "MB" the median.
"""

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import Any, Self
from zlib import crc32

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for `records`

from what_does_a_seed_cost import about_machine, make_task, train_seeds

AIM = 1.8  # two workers over one
PARTS = ("driver", "search", "workers")
AT_ONCE = 32  # specs asked for at a time, as the local scheduler does with two workers
CELLS = 10  # of the study below: the reference and nine variants
EPOCHS = 5
STUDY = """
title = "A study whose trials take no time"
[data]
name = "digits"
validation = 300
[model]
name = "mlp"
depth = 1
width = 8
[training]
epochs = {epochs}
[baseline]
normalization = "none"
activation = "elu"
initializer = "he_normal"
dropout = 0.0
optimizer = "nadam"
learning_rate = "find"
[space]
normalization = ["none", "batch", "layer"]
activation = ["relu", "elu", "tanh", "gelu"]
optimizer = ["sgd", "momentum", "adam", "nadam"]
dropout = {{ low = 0.0, high = 0.4, ablate = [0.0, 0.2] }}
learning_rate = {{ around = "find", span = [0.1, 3.0] }}
[search]
trials = {trials}
[ablation]
seeds = {seeds}
"""


@dataclass(frozen=True)
class List:
    """How a list of trials went with some number of workers, in seconds."""

    wall: float
    train: float  # and evaluation, summed over the workers
    compile: float


@dataclass(frozen=True)
class Drive:
    """How the driver alone went through its trials."""

    pace: float  # trials a second
    first: float  # the same over the first tenth
    last: float
    open: float  # seconds
    close: float
    mb: list[float]  # peak at the first tell, the last tell, the end
    lost: int  # runs that the tracker's store lacks


@dataclass
class Marks:
    """When the simulated scheduler had told each outcome, and the memory at the first and at the last."""

    told: list[float] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)


def main() -> None:
    arguments = parse()
    if arguments.run_as:
        drive(arguments.run_as, arguments.trials[0], tracked=not arguments.no_mlflow)
        return
    print(f"n = {arguments.repeats}; {about_machine()}; {date.today().isoformat()}")
    # The workers come last: where a child's peak of memory begins at what its parent held, the parent must be small.
    if "driver" in arguments.parts:
        print_drives("driver", arguments.trials, arguments)
    if "search" in arguments.parts:
        print_drives("search", arguments.search_trials, arguments)
    if "workers" in arguments.parts:
        print_lists(arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--search-trials", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--no-mlflow", action="store_true")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--train", type=int, default=20000)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--run-as", choices=PARTS[:2], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if any(n < 10 or n % CELLS for n in (*arguments.trials, *arguments.search_trials)):
        parser.error(f"numbers of trials must be multiples of {CELLS}, the cells of the ablation")
    return arguments


# Workers


def print_lists(arguments: argparse.Namespace) -> None:
    """The table of the same list with 1, 2, 4 … workers."""
    counts = worker_counts()
    if arguments.seeds % counts[-1]:
        raise SystemExit(f"--seeds must be a multiple of {counts[-1]}, so that every worker has as many")
    print(f"\nworkers: {arguments.seeds} trials × {arguments.epochs} epochs, {arguments.train:,} images, 1 thread each")
    runs: dict[int, list[List]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        task = replace(make_task(arguments, Path(folder))[0], threads=1, stack=1)
        for repeat in range(arguments.repeats):
            for count in counts if repeat % 2 == 0 else reversed(counts):
                runs[count].append(run_list(arguments.seeds, task, workers=count))
    print(f"{'workers':>7} {'seconds':>22} {'speed-up':>19} {'train':>8} {'of training':>12} {'compile':>8}")
    for count, own in runs.items():
        print(list_row(count, own, runs[1]))
    print(f"aim with two: {AIM}")


def worker_counts() -> list[int]:
    """1, 2, 4 … up to the processors there are."""
    from ablate.system import usable_cores

    return [2**power for power in range(usable_cores().bit_length())]


def run_list(n: int, task: Any, *, workers: int) -> List:
    """Train the first `n` seeds in workers of their own."""
    wall, outcomes = train_seeds(n, task, workers=workers)
    spent = [outcome.timings for outcome in outcomes]
    train = sum(timings["train"] + timings["evaluate"] for timings in spent)
    return List(wall, train, sum(timings.get("compile", 0.0) for timings in spent))


def list_row(count: int, own: list[List], one: list[List]) -> str:
    speed_up = [alone.wall / run.wall for alone, run in zip(one, own, strict=True)]
    of_training = [count * alone.train / run.train for alone, run in zip(one, own, strict=True)]
    seconds = spread([run.wall for run in own], 1)
    train, compiled = median(run.train for run in own), median(run.compile for run in own)
    shown = f"{count:7} {seconds:>22} {spread(speed_up, 2):>19} {train:8.1f}"
    return f"{shown} {median(of_training):12.2f} {compiled:8.1f}"


# The driver alone


def print_drives(kind: str, counts: Sequence[int], arguments: argparse.Namespace) -> None:
    """The table of the driver with each number of trials, with MLflow and without."""
    what = "search, TPE and median pruning" if kind == "search" else f"ablation, {CELLS} cells"
    print(f"\n{kind} alone: {what}, up to {EPOCHS} epochs a trial, which take no time")
    heads = f"{'first':>8} {'last':>8} {'open':>6} {'close':>7}  MB: first, last, end"
    print(f"{'trials':>7} {'tracking':>8} {'trials/s':>24} {heads}")
    for n in counts:
        for tracked in (False,) if arguments.no_mlflow else (True, False):
            runs = [in_a_process(kind, n, tracked=tracked) for _ in range(arguments.repeats)]
            print(drive_row(n, runs, tracked=tracked), flush=True)


def drive_row(n: int, runs: list[Drive], *, tracked: bool) -> str:
    first, last, opened, close = (
        median(getattr(run, name) for run in runs) for name in ("first", "last", "open", "close")
    )
    mb = ", ".join(f"{median(values):.0f}" for values in zip(*(run.mb for run in runs), strict=True))
    rate = spread([run.pace for run in runs], 1)
    lost = sum(run.lost for run in runs)
    shown = f"{n:7,} {'MLflow' if tracked else 'none':>8} {rate:>24}"
    shown = f"{shown} {first:8.1f} {last:8.1f} {opened:6.1f} {close:7.1f}  {mb}"
    return f"{shown}; {lost:,} events LOST" if lost else shown


def in_a_process(kind: str, n: int, *, tracked: bool) -> Drive:
    """Run the driver in a fresh process, in an empty folder."""
    hidden = ["--run-as", kind, "--trials", str(n), *([] if tracked else ["--no-mlflow"])]
    command = [sys.executable, str(Path(__file__).resolve()), *hidden]
    with tempfile.TemporaryDirectory(prefix="driver-") as folder:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{kind} with {n} trials ended with exit code {done.returncode}:\n{done.stderr[-3000:]}")
    return Drive(**json.loads(done.stdout.splitlines()[-1]))


def drive(kind: str, n: int, *, tracked: bool) -> None:
    """Run the study in the working folder and print what it took, as a line of JSON."""
    began = time.perf_counter()
    from ablate.experiment import options as opening
    from ablate.experiment import run_parts as running
    from ablate.experiment import run_study
    from ablate.study.load import load_study
    from ablate.system import peak_memory_bytes

    marks = Marks()
    assert callable(running.open_workers)
    assert callable(run_study.Tracker)
    running.open_workers = partial(Instant, marks)
    if not tracked:
        run_study.Tracker = Silent
    seeds, trials = (0, n) if kind == "search" else (n // CELLS, 0)
    path = Path("no_time.toml")
    path.write_text(STUDY.format(epochs=EPOCHS, trials=trials, seeds=seeds))
    study = load_study(path, overrides=[], quick=False)
    options = opening.Options(Path("reports"), "sqlite:///mlflow.db", "", workers=2)
    finished = run_study.run_study(study, options, lambda _: None)
    ended = time.perf_counter()
    told = marks.told
    if not finished.ending.complete:
        raise SystemExit(f"only {len(told)} of {n} trials were told")
    tenth = n // 10
    result = Drive(
        pace=pace(told),
        first=pace(told[: tenth + 1]),
        last=pace(told[-tenth - 1 :]),
        open=told[0] - began,
        close=ended - told[-1],
        mb=[size / 2**20 for size in (*marks.bytes, peak_memory_bytes())],
        lost=finished.missing_runs,
    )
    print(json.dumps(asdict(result)))


def pace(told: Sequence[float]) -> float:
    """Trials a second between the first of these moments and the last."""
    return (len(told) - 1) / (told[-1] - told[0])


class Instant:
    """A scheduler in which a trial takes no time: each spec is answered at once."""

    def __init__(self, marks: Marks, *_asked: Any, on_start: Any, **_: Any) -> None:
        self._marks, self._on_start = marks, on_start
        from ablate.clock import Clock

        self.clock = Clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, plan: Any) -> None:
        from ablate.system import peak_memory_bytes

        marks = self._marks
        while specs := plan.ask(AT_ONCE):
            for spec in specs:
                self._on_start(spec)
                plan.tell(sent(self._train(spec, plan)))
                marks.told.append(time.perf_counter())
                if len(marks.told) == 1:
                    marks.bytes.append(peak_memory_bytes())
        marks.bytes.append(peak_memory_bytes())

    def _train(self, spec: Any, plan: Any) -> Any:
        epochs = []
        for epoch in made_up_epochs(spec):
            epochs.append(epoch)
            if not plan.report(sent(epoch)):
                return made_up_outcome(spec, epochs, state="pruned")
        return made_up_outcome(spec, epochs, state="finished")


class Silent:
    """A tracker that writes nothing down."""

    progress = 0
    failure = ""
    seconds = 0.0
    pause = 60.0
    is_down = is_ended = False
    run_ids: Mapping[Any, str] = {}

    def __init__(self, _uri: str) -> None:
        pass

    def missing(self, _attempts: object) -> int:
        return 0

    def reconcile(self, *_: object, **__: object) -> None:
        pass

    def open_study(self, *_: object, **__: object) -> str:
        return "none"

    def log_preregistration(self, *_: object, **__: object) -> None:
        pass

    def close_study(self, *_: object, **__: object) -> None:
        pass


def sent(message: Any) -> Any:
    """What the parent gets of a worker's message: a copy of all that is in it."""
    return pickle.loads(pickle.dumps(message))


def made_up_epochs(spec: Any) -> list[Any]:
    """The learning curve that a spec always has."""
    from records import epoch_of_classes

    rng = np.random.default_rng(crc32(repr((sorted(spec.factors.items()), spec.seed)).encode()))
    accuracies = 0.9 - 0.3 * 0.5 ** np.arange(EPOCHS) + 0.01 * rng.standard_normal(EPOCHS)
    return [
        epoch_of_classes(spec.trial, number, 1.1 - value, value, 1.2 - value, value - 0.01, 0.001, 0.0)
        for number, value in enumerate(accuracies.tolist(), start=1)
    ]


def made_up_outcome(spec: Any, epochs: list[Any], *, state: str) -> Any:
    """What a worker says of a trial at its end, range test included."""
    from ablate.study.trial import Outcome

    best = max(epochs, key=lambda epoch: epoch.metrics["val_accuracy"])
    accuracy, loss = best.metrics["val_accuracy"], best.metrics["val_loss"]
    test = {"test_accuracy": accuracy - 0.01, "test_loss": loss} if spec.test else {}
    return Outcome(
        spec.trial,
        state,
        score=best.metrics["val_accuracy"],
        best_epoch=best.epoch,
        epochs=len(epochs),
        metrics={"val_accuracy": accuracy, "val_loss": loss, **test},
        learning_rate=0.001,
        parameters=1000,
        timings=dict.fromkeys(("data", "build", "compile", "lr_test", "train", "evaluate"), 0.0),
        data="0123456789abcdef",
        rate_test=made_up_rate_test(tuple((k, v) for k, v in spec.factors.items() if k != "learning_rate")),
    )


@cache
def made_up_rate_test(factors: tuple[tuple[str, object], ...]) -> Any:
    """The range test of a configuration, as long as a study's own."""
    from ablate.study.settings import LrTest
    from ablate.study.trial import RateTest
    from ablate.training.ramp_plan import plan_ramps

    rates = plan_ramps(LrTest()).rates()
    losses = 2.3 - np.exp(-((np.log10(rates) + 2.5) ** 2))
    key = f"{crc32(repr(factors).encode()):08x}"
    return RateTest(key, tuple(rates.tolist()), tuple(losses.tolist()), {"valley": 1e-3}, 1e-3, "determined", "", 0.0)


def spread(values: Sequence[float], digits: int) -> str:
    """Median [least, most]."""
    middle, least, most = (f"{value:,.{digits}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} [{least}, {most}]"


if __name__ == "__main__":
    main()
