"""What does another seed cost? The time of S seeds of the plain configuration of cifar_mlp over the time of one.

    python tests/benchmarks/what_does_a_seed_cost.py [--seeds 1 2 4 8 16] [--epochs 5] [--train 20000] [--data-dir DIR]
        [--repeats 1] [--backend jax|tensorflow]

Each S trains in fresh workers of the local scheduler, as many as this machine gets by default, at one fixed learning
rate: all epochs, no range test, no early stopping, no test scores, no tracking. Seconds count from where the first
worker, its libraries imported, takes a trial to the end of the last one, compilation included. Prints their median
[least, most] over the repeats, its ratio to that of the smallest S, and the seconds a seed.
"""

import argparse
import tempfile
import threading
import time
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

RATE = 3e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--train", type=int, default=20000)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--backend", choices=("auto", "jax", "tensorflow"), default="auto")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seed-cost-") as folder:
        task, workers = make_task(arguments, Path(folder))
        print(f"{arguments.train:,} images, {arguments.epochs} epochs, learning rate {RATE:g}, n = {arguments.repeats}")
        print(f"{about_machine()}; {workers} workers × {task.threads} threads; {date.today().isoformat()}")
        print(f"{'seeds':>5} {'seconds':>24} {'ratio':>7} {'seconds a seed':>15}")
        one = 0.0
        for n in sorted(arguments.seeds):
            seconds = [train_seeds(n, task, workers=workers)[0] for _ in range(arguments.repeats)]
            middle = median(seconds)
            one = one or middle
            shown = f"{middle:.1f} [{min(seconds):.1f}, {max(seconds):.1f}]"
            print(f"{n:5} {shown:>24} {middle / one:7.2f} {middle / n:15.2f}", flush=True)


def make_task(arguments: argparse.Namespace, folder: Path) -> tuple[Any, int]:
    """What the workers share, and how many a study would start here."""
    from ablate.data import load_dataset, save_arrays
    from ablate.study.load import load_study
    from ablate.study.names import find_study
    from ablate.system import count_gpus, memory_bytes, usable_cores
    from ablate.workers.messages import WorkerTask
    from ablate.workers.queue import count_workers

    settings = {"training.epochs": arguments.epochs, "training.patience": 0, "data.train": arguments.train}
    settings["training.backend"] = arguments.backend
    overrides = [f"{name}={value}" for name, value in settings.items()]
    study = load_study(find_study("cifar_mlp", folder=Path.cwd()), overrides=overrides, quick=False)
    data_dir = arguments.data_dir
    data = load_dataset(study.data.name, data_dir=data_dir, explicit=data_dir is not None, base=study.base)
    if data.stand_in:
        print("STAND-IN DATA: not CIFAR-10")
    cores = usable_cores()
    workers = count_workers(cores, gpus=count_gpus(), memory=memory_bytes())
    arrays, threads = save_arrays(data, folder), max(1, cores // workers)
    return WorkerTask(study=study, arrays=arrays, cache=None, threads=threads, log=folder / "worker"), workers


def train_seeds(n: int, task: Any, *, workers: int) -> tuple[float, list[Any]]:
    """Seconds from the first trial's start to the last one's end, in workers of its own, and the outcomes."""
    from ablate.study.trial import REFERENCE, Label, TrialSpec
    from ablate.workers.pool import LocalScheduler

    factors = {**task.study.baseline, "learning_rate": RATE}
    specs = [TrialSpec(f"s{seed}", Label("ablation", REFERENCE), seed, factors) for seed in range(1, n + 1)]
    plan, starts = Seeds(specs), []

    def on_start(_: TrialSpec) -> None:
        starts.append(time.perf_counter())

    with LocalScheduler(task, workers=workers, stop=threading.Event(), on_start=on_start) as local:
        local.run(plan)
        seconds = time.perf_counter() - starts[0]
    lost = [f"{outcome.state}: {outcome.reason}" for outcome in plan.outcomes if outcome.state != "finished"]
    if lost:
        raise SystemExit(f"of {n} seeds {len(lost)} did not finish; {lost[0]}")
    return seconds, plan.outcomes


class Seeds:
    """A plan that hands out its specs and keeps the outcomes."""

    def __init__(self, specs: list[Any]) -> None:
        self._waiting = specs
        self.outcomes: list[Any] = []

    def ask(self, n: int) -> list[Any]:
        asked, self._waiting = self._waiting[:n], self._waiting[n:]
        return asked

    def report(self, _: Any) -> bool:
        return True

    def tell(self, outcome: Any) -> None:
        self.outcomes.append(outcome)


def about_machine() -> str:
    from ablate.system import hardware, versions

    machine, found = hardware(), versions()
    names = ", ".join(f"{name} {found[name]}" for name in ("keras", "tensorflow", "jax") if name in found)
    return f"{machine['cpu']}, {machine['cores']} cores, GPUs: {len(machine['gpus'])}; {names}"


if __name__ == "__main__":
    main()
