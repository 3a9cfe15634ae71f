"""How long does an epoch of each bundled network take on TensorFlow and on JAX? One core each, in turns.

    python tests/benchmarks/an_epoch_on_both_backends.py [--studies cifar_mlp cifar_cnn ...] [--repeats 5] [--epochs 1]
        [--data-dir DIR] [--core 0] [--set KEY=VALUE ...]

Each study trains its baseline at one fixed learning rate, with what its --quick replaces (fewer examples), in two
processes pinned to one core: one a backend. A first trial compiles and is not counted; then the two take turns,
`--repeats` times, while the other one waits. An epoch's time is what the trial counts as "train" and "evaluate", over
its epochs. The table has the median [least, most] of both, the median of the ratios within turns, TensorFlow's over
JAX's, and the seconds of building and compiling in the first trial.

Aim: at least 1 for every network, since JAX is to be the default only if no bundled network's epoch is slower on it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

STUDIES = ("cifar_mlp", "cifar_cnn", "resnet", "shapes", "docstrings", "diabetes", "eeg")
BACKENDS = ("tensorflow", "jax")
RATE = 1e-3
NOT_KEPT = {"ABLATE_PROGRAM_CACHE": "off"}  # the seconds of compiling are measured
AIM = 1.0


class Child:
    """A process that trains a trial on one backend when it is asked to."""

    def __init__(self, study: str, backend: str, arguments: argparse.Namespace) -> None:
        hidden = ["--child", study, backend]
        command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], *hidden]
        pipe, environment = subprocess.PIPE, {**os.environ, "KERAS_BACKEND": backend, **NOT_KEPT}
        self._log = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=self._log, text=True, env=environment, preexec_fn=pinned(arguments)
        )

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._log.close()

    def trial(self) -> dict[str, Any]:
        """The seconds of one trial, by part and epoch, and its score."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith("{"):
                said: dict[str, Any] = json.loads(line)
                return said
        self._log.seek(0)
        raise RuntimeError(f"a process has ended early; its last words:\n{self._log.read()[-2000:]}")


class Alone:
    """The feed of one trial, that keeps how it ended."""

    outcome: Any

    def more(self, _n: int) -> tuple[()]:
        return ()

    def report(self, epochs: Any) -> list[bool]:
        return [True for _ in epochs]

    def tell(self, outcome: Any) -> None:
        self.outcome = outcome


def main() -> None:
    arguments = parse()
    if arguments.child:
        child(arguments, *arguments.child)
        return
    print(f"{'study':12}{'tensorflow, s an epoch':>28}{'jax, s an epoch':>28}{'ratio':>22}{'compiling, s':>14}")
    for study in arguments.studies:
        print(compared(study, arguments), flush=True)
    from what_does_a_seed_cost import about_machine

    print(f"n = {arguments.repeats} turns of {arguments.epochs} epochs, one core each; aim: a ratio of {AIM:g} or more")
    print(f"{about_machine()}; {date.today().isoformat()}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", nargs="+", default=STUDIES)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--data-dir", type=lambda text: Path(text).resolve())
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def pinned(arguments: argparse.Namespace) -> Callable[[], None] | None:
    """Pins a process to the core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    return lambda: os.sched_setaffinity(0, {arguments.core})


def compared(study: str, arguments: argparse.Namespace) -> str:
    """The line of a study; a study that fails on a backend says so, and the others go on."""
    try:
        with ExitStack() as stack:
            children = [stack.enter_context(Child(study, backend, arguments)) for backend in BACKENDS]
            first = [one.trial() for one in children]
            turns = [[one.trial() for one in children] for _ in range(arguments.repeats)]
    except RuntimeError as err:
        return f"{study:12} failed: {err}"
    seconds = [[turn[side]["epoch"] for turn in turns] for side in range(len(BACKENDS))]
    ratios = [theirs / ours for theirs, ours in zip(*seconds, strict=True)]
    cells = "".join(f"{spread(some, 3):>28}" for some in seconds)
    compiling = " / ".join(f"{one['compile']:.1f}" for one in first)
    scores = " / ".join(f"{one['score']:.4f}" for one in first)
    return f"{study:12}{cells}{spread(ratios, 2):>22}{compiling:>14}   {first[0]['metric']}: {scores}"


def spread(values: list[float], digits: int) -> str:
    """Median [least, most]."""
    middle, least, most = (f"{value:.{digits}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} [{least}, {most}]"


def child(arguments: argparse.Namespace, name: str, backend: str) -> None:
    """Train a trial for each line of the standard input."""
    from ablate.data import save_arrays
    from ablate.experiment.options import open_data
    from ablate.study.load import load_study
    from ablate.study.names import find_study
    from ablate.study.trial import Label, TrialSpec
    from ablate.training.open_trainer import open_trainer
    from ablate.training.trainers import TrainerTask

    settings = {"training.backend": backend, "training.epochs": arguments.epochs, "training.patience": 0}
    overrides = [*(f"{name}={value}" for name, value in settings.items()), *arguments.overrides]
    study = load_study(find_study(name, folder=Path.cwd()), overrides=overrides, quick=True)
    factors = {**study.baseline, "learning_rate": RATE}
    with tempfile.TemporaryDirectory(prefix="epochs-") as folder:
        data = open_data(study, arguments.data_dir, announce=lambda said: print(said, file=sys.stderr))
        trainer = open_trainer(TrainerTask(study, save_arrays(data, Path(folder)), 1, Path(folder) / "trials"))
        for _ in sys.stdin:
            feed = Alone()
            trainer.train([TrialSpec("t", Label("ablation", "reference"), 1, factors)], feed)
            print(json.dumps(facts(feed.outcome)), flush=True)


def facts(outcome: Any) -> dict[str, Any]:
    """What the parent is told of a trial."""
    if outcome.state != "finished":
        raise SystemExit(f"the trial has {outcome.state}: {outcome.reason}")
    metric = next(name for name in outcome.metrics if name.startswith("val_"))
    times = outcome.timings
    return {
        "epoch": (times["train"] + times["evaluate"]) / outcome.epochs,
        "compile": times.get("compile", 0.0) + times.get("build", 0.0),
        "metric": metric,
        "score": outcome.metrics[metric],
    }


if __name__ == "__main__":
    main()
