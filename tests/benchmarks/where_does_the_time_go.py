"""Where does a study's time go? Wall time of `ablate study` by part, from what it records about itself.

    python tests/benchmarks/where_does_the_time_go.py [NAME] [--full] [--data-dir DIR] [--set KEY=VALUE ...]
        [--backend auto|jax|tensorflow] [--pairs N] [--warm]

Runs `ablate study NAME --quick --json` (NAME: cifar_mlp; `--full` leaves out --quick) in an empty folder, in a process
of its own, and reads the `time` of its provenance.json and the moments at which its events came.

The first table adds up to the wall time, from the start of the process to its end. What happens in the workers is
summed over all of them and divided by their number. "import" is all that passes before the first trial: the driver
until it announces the study (its imports, reading and saving the data), then the workers until the first takes a trial
(theirs, with the data onto the device), while the driver opens the tracking store. "data" is drawing splits. "idle" is
what workers spend between trials: waiting for the driver, for the rest of a round of the search, or for the last trial
of a phase. "track" is what the driver waited for the tracker, "stop" the rest from the last trial to the report,
"report" the tables and the report, "exit" what comes after. "other" is what nobody recorded inside the trials.

The second table is the driver's work beside the workers, which takes no wall time of its own unless they wait for it.

With `--pairs N` the study runs N times on each backend, TensorFlow and JAX taking turns, and the table is the median
[least, most] of each part on both, with the ratio of the medians, TensorFlow's over JAX's; then that of the wall times
pair by pair. Aims: the whole quick study in 1/1.4 of TensorFlow's time (n ≥ 5), compiling at most 15 % of the wall
time, range tests at most 3 %.

Each run finds an empty cache of compiled programs. With `--warm` it finds those of an earlier run on its backend, which
is not counted: what a second run takes (aim for compiling: 5 %).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

IN_WORKERS = ("data", "build", "compile", "lr_test", "pretrain", "train", "evaluate")
BESIDE = ("track", "search")
BACKENDS = ("tensorflow", "jax")
SHARES = {"compile (workers)": 15, "lr_test (workers)": 3}  # aims, in percent of the wall time
Parts = dict[str, float]  # seconds by part of the wall time


@dataclass
class Watch:
    """One run of the command line as its events tell it; moments in seconds since the process was started."""

    moments: dict[str, float] = field(default_factory=dict)
    opened: dict[str, Any] = field(default_factory=dict)
    closed: dict[str, Any] = field(default_factory=dict)
    in_trials: float = 0.0  # summed over the workers

    def take(self, event: dict[str, Any], now: float) -> None:
        name = event["event"]
        if name == "trial_ended":
            self.in_trials += event["seconds"]
            self.moments[name] = now  # the last one's stays
        elif name in ("opened", "trial_began", "closed"):
            self.moments.setdefault(name, now)
        if name in ("opened", "closed"):
            setattr(self, name, event)


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="programs-") as programs:
        measure(arguments, Path(programs) if arguments.warm else None)


def measure(arguments: argparse.Namespace, programs: Path | None) -> None:
    """Run the studies and print; `programs` is where compiled programs are kept between runs."""
    if programs is not None:
        for backend in BACKENDS if arguments.pairs else (arguments.backend,):
            study_on(arguments, backend, programs)
    if not arguments.pairs:
        print("\n".join(report(*study_on(arguments, arguments.backend, programs))))
        return
    runs: dict[str, list[Parts]] = {backend: [] for backend in BACKENDS}
    for number in range(1, arguments.pairs + 1):
        for backend in BACKENDS:
            watch, provenance = study_on(arguments, backend, programs)
            runs[backend].append(wall_parts(watch, provenance["time"], n_workers=provenance["workers"]))
            wall = watch.moments["exited"]
            print(f"pair {number} of {arguments.pairs}, {backend}: {wall:.1f} s, {states_of(watch)}", flush=True)
    print("\n".join(["", *compared(runs), about(provenance)]))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="cifar_mlp")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--backend", choices=("auto", *BACKENDS), default="auto")
    parser.add_argument("--warm", action="store_true", help="with the compiled programs of an earlier run")
    parser.add_argument("--pairs", type=int, default=0, help="run on both backends so many times")
    return parser.parse_args()


def study_on(arguments: argparse.Namespace, backend: str, programs: Path | None) -> tuple[Watch, Mapping[str, Any]]:
    """One run of the study, in a folder of its own, and what it recorded."""
    with tempfile.TemporaryDirectory(prefix="time-goes-") as folder:
        watch = run(command(arguments, backend), Path(folder), programs=programs or Path(folder) / "programs")
        return watch, json.loads((Path(watch.closed["results"]).parent / "provenance.json").read_text())


def command(arguments: argparse.Namespace, backend: str) -> list[str]:
    from ablate.study.names import find_study

    study = find_study(arguments.name, folder=Path.cwd()).resolve()
    options = [] if arguments.full else ["--quick"]
    options += ["--data-dir", str(arguments.data_dir.resolve())] if arguments.data_dir else []
    overrides = [*arguments.overrides, f"training.backend={backend}"]
    options += [part for override in overrides for part in ("--set", override)]
    return [sys.executable, "-m", "ablate.cli.main", "study", str(study), "--json", *options]


def run(command: list[str], folder: Path, *, programs: Path) -> Watch:
    """Run the study to its end, noting when it said what."""
    watch, log = Watch(), folder / "stderr.log"
    where = ["--out", str(folder / "reports"), "--tracking-uri", "sqlite:///mlflow.db"]
    environment = {**os.environ, "ABLATE_PROGRAM_CACHE": str(programs)}
    began = time.perf_counter()
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*command, *where], cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as child,
    ):
        assert child.stdout is not None
        for line in child.stdout:
            watch.take(json.loads(line), time.perf_counter() - began)
    watch.moments["exited"] = time.perf_counter() - began
    if child.returncode:
        raise SystemExit(f"the study ended with exit code {child.returncode}:\n{log.read_text()[-3000:]}")
    return watch


def report(watch: Watch, provenance: Mapping[str, Any]) -> list[str]:
    """Both tables, the shares that are aimed at, and what it was measured on."""
    wall, recorded, n = watch.moments["exited"], provenance["time"], provenance["workers"]
    parts = wall_parts(watch, recorded, n_workers=n)
    threads, backend = provenance["threads"], provenance.get("backend")
    lines = [
        f"{watch.opened['study']}, {backend}: {wall:.1f} s, {n} workers × {threads} threads, trials: {states_of(watch)}"
    ]
    if watch.opened["data"]["stand_in"]:
        lines.append("STAND-IN DATA: not the data set that the study names")
    lines += ["", f"{'part':28} {'seconds':>9} {'share':>7}"]
    lines += [row(name, seconds, wall) for name, seconds in parts.items()]
    lines += [row("wall time", wall, wall), "", "beside the workers, in the driver"]
    lines += [row(name, recorded.get(name), wall) for name in BESIDE]
    trained = parts["train (workers)"] + parts["evaluate (workers)"]
    lines += ["", f"all but train and evaluate: {1 - trained / wall:.1%} of the wall time (aim: 10 % of a full study)"]
    lines.append(f"tracking: {recorded['track_wait'] / wall:.2%} (aim: 1 %)")
    return [*lines, about(provenance)]


def compared(runs: Mapping[str, list[Parts]]) -> list[str]:
    """Each part on both backends, their shares that are aimed at, and the ratios of pairs."""
    whole = {backend: [sum(parts.values()) for parts in some] for backend, some in runs.items()}
    lines = [f"{'part':24}" + "".join(f"{f'{backend}, s':>26}" for backend in runs) + f"{'ratio':>8}"]
    for name in next(iter(runs.values()))[0]:
        seconds = {backend: [parts[name] for parts in some] for backend, some in runs.items()}
        lines += [of_both(name, seconds)]
    lines += [of_both("wall time", whole), ""]
    for name, aim in SHARES.items():
        shares = {
            backend: [100 * parts[name] / sum(parts.values()) for parts in some] for backend, some in runs.items()
        }
        told = "; ".join(f"{backend} {spread(values, 1)} %" for backend, values in shares.items())
        lines.append(f"share of {name}: {told} (aim: {aim} %)")
    ratios = [ours / theirs for ours, theirs in zip(*whole.values(), strict=True)]
    return [
        *lines,
        f"wall time, {' over '.join(runs)}, pair by pair: {spread(ratios, 2)} (n = {len(ratios)}; aim: 1.4)",
    ]


def of_both(name: str, values: Mapping[str, list[float]]) -> str:
    cells = "".join(f"{spread(some, 1):>26}" for some in values.values())
    first, second = (median(some) for some in values.values())
    return f"{name:24}{cells}{f'{first / second:.2f}' if min(first, second) > 0.05 else '–':>8}"


def spread(values: list[float], digits: int) -> str:
    """Median [least, most]."""
    middle, least, most = (f"{value:.{digits}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} [{least}, {most}]"


def states_of(watch: Watch) -> str:
    """How the trials ended, and whether the data are real."""
    states = ", ".join(f"{count} {state}" for state, count in watch.closed["states"].items())
    return states + (", STAND-IN DATA" if watch.opened["data"]["stand_in"] else "")


def about(provenance: Mapping[str, Any]) -> str:
    """What it was measured on."""
    machine, versions = provenance["hardware"], provenance["versions"]
    known = [name for name in ("keras", "tensorflow", "jax", "mlflow", "optuna") if name in versions]
    names = ", ".join(f"{name} {versions[name]}" for name in known)
    where = f"{machine['cpu']}, {machine['cores']} cores, GPUs: {len(machine['gpus'])}"
    return f"{where}; {names}; {date.today().isoformat()}"


def wall_parts(watch: Watch, recorded: Mapping[str, float], *, n_workers: int) -> Parts:
    """The wall time, split; the parts add up to it."""
    moments = watch.moments
    parts = {
        "import (driver)": moments["opened"],
        "import (workers)": moments["trial_began"] - moments["opened"],
        **{f"{name} (workers)": recorded.get(name, 0.0) for name in IN_WORKERS},
        "idle (workers)": moments["trial_ended"] - moments["trial_began"] - watch.in_trials / n_workers,
        "track (driver)": recorded["track_wait"],
        "stop (driver)": moments["closed"] - moments["trial_ended"] - recorded["report"] - recorded["track_wait"],
        "report (driver)": recorded["report"],
        "exit (driver)": moments["exited"] - moments["closed"],
    }
    return {**parts, "other": moments["exited"] - sum(parts.values())}


def row(name: str, seconds: float | None, wall: float) -> str:
    if seconds is None:
        return f"{name:28} {'not recorded':>17}"
    return f"{name:28} {seconds:9.2f} {seconds / wall:7.1%}"


if __name__ == "__main__":
    main()
