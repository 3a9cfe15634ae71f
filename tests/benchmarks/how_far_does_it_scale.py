"""How far does a cluster scale? What the driver bears, what Ray costs beside pipes, how soon a dead node is noticed.

    python tests/benchmarks/how_far_does_it_scale.py [--parts hand-out events overhead death study] [--repeats 3]
        [--workers 10 100 1000] [--seconds 15] [--trials 10000]

All on a Ray cluster of several nodes on this machine, which the benchmark starts; the nurses and the driver share its
processors. Real are `TrialScheduler` and `ClusterCrew`, and in "study" the whole of `run_study`.

"hand-out": seconds of one `_hand_out` with so many busy workers, and with one more that is idle; specs of 48
structures wait, as many as are held ready. Needs no Ray. Aim: 0.3 ms with 1,000 busy.

"events": so many simulated workers, in four actors that answer for all of them. An event is a call that the driver
hears: an epoch, or an outcome with its range test after 20 of them. "paced": a second an epoch; "flat out": none, so
that the driver is what they wait for. "CPU" is the driver's whole process, the threads of Ray in it included.
"verdict" is the time from an epoch at the worker to its verdict there.

"overhead": real processes that train nothing, by pipes and on a cluster. "verdict" as above, with 2 workers without
pauses, 2 workers with epochs of 50 ms and 10 workers with 2 epochs a second; trials a second of no epochs by 2
workers. Aim: a verdict in 2 ms with 10 workers.

"death": two nodes of one processor, trials with epochs of 50 ms; the raylet of one and all below get SIGKILL. Seconds
until the driver knows that its trial is lost, and from another node's coming until it trains. Aim: one attempt lost.

"study": an ablation of the digits of 10 cells × seeds, 5 epochs a trial which take 0.2 s each, on 1,000 simulated
workers in a fresh process, with journal, tables and report, and a tracker that does nothing. "MB" is the resident
memory at the first trial and at tenths of the trials. Aim: no more growth than without a cluster, which is what the
driver remembers of each trial (`does_it_scale.py`), and every trial once in the journal and in the results.

Prints the median [least, most] of the repeats, or of the events where it says so.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.extend(str(Path(__file__).parents[1] / name) for name in ("", "workers", "workers/cluster"))  # for `clusters`

from does_it_scale import CELLS, EPOCHS, STUDY, Silent, spread
from simulated_nurses import simulating, timing
from what_does_a_seed_cost import about_machine

HERE = Path(__file__).resolve().parent
PARTS = ("hand-out", "events", "overhead", "death", "study")
LOADS = ((2, "200x0", "no pause"), (2, "100x0.05", "50 ms"), (10, "20x0.5", "0.5 s"), (2, "0x0", "no epochs"))
LONG = 20  # epochs of a trial in "events"
SIMULATED = 1000  # workers in "study"
PACE = 0.2  # seconds an epoch there


def main() -> None:
    arguments = parse()
    if arguments.run_on:
        drive(arguments.run_on, arguments.trials)
        return
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"n = {arguments.repeats}; {about_machine()}; load {load}; {date.today().isoformat()}")
    if "hand-out" in arguments.parts:
        print_hand_outs(arguments)
    needing_ray = {"events": print_events, "overhead": print_overhead, "death": print_deaths, "study": print_study}
    if any(part in arguments.parts for part in needing_ray):
        with a_cluster() as nodes:
            for part, show in needing_ray.items():
                if part in arguments.parts:
                    show(nodes, arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement of events")
    parser.add_argument("--trials", type=int, default=10000)
    parser.add_argument("--run-on", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.trials % (10 * CELLS):
        parser.error(f"--trials must be a multiple of {10 * CELLS}: tenths of it are printed, of {CELLS} cells each")
    return arguments


@contextmanager
def a_cluster() -> Iterator[Any]:
    """A head and a node of one processor."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    from clusters import Nodes

    nodes = Nodes()
    try:
        nodes.be(1)
        yield nodes
    finally:
        nodes.cluster.shutdown()


def the_study(folder: Path, *, seeds: int, trials: int = 0) -> Any:
    from ablate.study.load import load_study

    path = folder / "no_time.toml"
    path.write_text(STUDY.format(epochs=EPOCHS, trials=trials, seeds=seeds))
    return load_study(path, overrides=[], quick=False)


def the_task(folder: Path) -> Any:
    from ablate.workers.messages import WorkerTask

    return WorkerTask(the_study(folder, seeds=8), folder, cache=None, threads=1, log=folder / "worker")


class Endless:
    """A plan that gives specs until its time is over, then stops the scheduler, and notes when what came."""

    def __init__(self, make: Callable[[int], Any], *, seconds: float) -> None:
        self._make, self._seconds = make, seconds
        self._n, self._begun = 0, 0.0
        self.stop = threading.Event()
        self.events: list[tuple[float, float]] = []  # time, and CPU time of this process
        self.waited: list[float] = []

    def ask(self, n: int) -> list[Any]:
        first, self._n = self._n, self._n + n
        return [self._make(number) for number in range(first, self._n)]

    def report(self, epoch: Any) -> bool:
        self._note()
        if epoch.epoch > 1:
            self.waited.append(epoch.seconds)
        return not self.stop.is_set()

    def tell(self, outcome: Any) -> None:
        assert outcome.state == "finished" or self.stop.is_set(), outcome.reason
        self._note()

    def _note(self) -> None:
        now = time.perf_counter()
        self._begun = self._begun or now
        self.events.append((now, time.process_time()))
        if now - self._begun > self._seconds:
            self.stop.set()

    def window(self) -> tuple[float, float]:
        """Events a second and CPU seconds an event, without the first fifth, in which workers take their trials."""
        ended = self._begun + self._seconds
        inside = [one for one in self.events if self._begun + self._seconds / 5 <= one[0] <= ended]
        (began, cpu), (last, cpu_last), n = inside[0], inside[-1], len(inside) - 1
        return n / (last - began), (cpu_last - cpu) / n


# The hand-out


def print_hand_outs(arguments: argparse.Namespace) -> None:
    print(f"\nhand-out: {'busy':>6} {'ms':>24} {'with one idle, ms':>24}")
    for n in arguments.workers:
        busy, idle = hand_outs(n, is_idle=False), hand_outs(n, is_idle=True)
        print(f"{'':9} {n:6,} {milliseconds(busy, 3):>24} {milliseconds(idle, 3):>24}", flush=True)
    print("aim with 1,000 busy: 0.3; of 200 calls, and 5 % of them took longer than the last figure")


def hand_outs(n: int, *, is_idle: bool, calls: int = 200) -> list[float]:
    """The seconds of each call."""
    from ablate.workers.crew import Worker
    from ablate.workers.messages import Ready, WorkerPlace
    from ablate.workers.pool import TrialScheduler

    with tempfile.TemporaryDirectory() as name:
        task = the_task(Path(name))
        plan = Endless(spec_maker(task.study), seconds=1e9)
        crew = StillCrew()
        scheduler = TrialScheduler(task, crew, stop=threading.Event(), on_start=lambda _: None)
        for number in range(n + is_idle):
            worker = Worker(WorkerPlace(number), Still(), Path("log"))
            worker.heard(Ready())
            crew.workers.append(worker)
        scheduler._hand_out(plan)
        seconds = []
        for _ in range(calls):
            if is_idle:
                free = random.choice(crew.workers)
                free.trials.clear()
                free.is_idle = True
            began = time.perf_counter()
            scheduler._hand_out(plan)
            seconds.append(time.perf_counter() - began)
    return seconds


class Still:
    """A line that goes nowhere."""

    def say(self, _: object) -> None:
        pass


class StillCrew:
    """A crew whose workers say nothing."""

    def __init__(self) -> None:
        self.workers: list[Any] = []


def spec_maker(study: Any) -> Callable[[int], Any]:
    """Specs of 48 structures, in turn."""
    from ablate.study.trial import Label, TrialSpec

    spaces = [("none", "batch", "layer"), ("relu", "elu", "tanh", "gelu"), ("sgd", "momentum", "adam", "nadam")]

    def make(number: int) -> Any:
        left, factors = number, {**study.baseline, "learning_rate": 0.001}
        for factor, levels in zip(("normalization", "activation", "optimizer"), spaces, strict=True):
            left, at = divmod(left, len(levels))
            factors[factor] = levels[at]
        return TrialSpec(f"t{number}", Label("search"), number, factors)

    return make


# Events


def print_events(nodes: Any, arguments: argparse.Namespace) -> None:
    print(f"\nevents: {'workers':>8} {'events/s':>28} {'CPU ms an event':>21} {'verdict ms, median':>24} {'p99':>8}")
    for name, pause in (("paced", 1.0), ("flat out", 0.0)):
        for n in arguments.workers:
            runs = [events(nodes, n, pause=pause, seconds=arguments.seconds) for _ in range(arguments.repeats)]
            paces, cpus, waits = zip(*runs, strict=True)
            middle = milliseconds([median(own) for own in waits], 1)
            longest = median(quantiles(own, n=100)[98] for own in waits)
            shown = f"{name:>9} {n:6,} {spread(paces, 0):>28} {milliseconds(cpus, 2):>21}"
            print(f"{shown} {middle:>24} {1000 * longest:8.1f}", flush=True)


def events(nodes: Any, n: int, *, pause: float, seconds: float) -> tuple[float, float, list[float]]:
    """Events a second, CPU seconds an event, and the seconds until each verdict."""
    import ray

    with tempfile.TemporaryDirectory() as name, simulating(n, epochs=LONG, pause=pause) as wards:
        task = the_task(Path(name))
        plan = Endless(spec_maker(task.study), seconds=seconds)
        with on_cluster(nodes, task, plan.stop) as scheduler:
            scheduler.run(plan)
            waits = [wait for own in ray.get([ward.waits.remote() for ward in wards]) for wait in own]
    return *plan.window(), waits


@contextmanager
def on_cluster(nodes: Any, task: Any, stop: threading.Event, **told: Any) -> Iterator[Any]:
    from ablate.data import load_dataset
    from ablate.workers.cluster.address import ClusterRequest
    from ablate.workers.cluster.cluster import open_cluster
    from ablate.workers.pool import TrialScheduler

    data = load_dataset("digits", data_dir=None, explicit=False, base=Path())
    with open_cluster(ClusterRequest(nodes.address), task.study, device="", on_notice=lambda _: None) as cluster:
        crew = cluster.crew(task, data, serve=timing, on_notice=lambda _: None)
        told.setdefault("on_start", lambda _: None)
        with TrialScheduler(task, crew, stop=stop, **told) as scheduler:
            yield scheduler


# Beside pipes


def print_overhead(nodes: Any, arguments: argparse.Namespace) -> None:
    print(f"\noverhead: {'':22} {'verdict ms, median':>21} {'p99':>7} {'trials/s':>22}")
    for n, trial, shown in (
        (2, "200x0", "no pause"),
        (2, "100x0.05", "50 ms"),
        (10, "20x0.5", "0.5 s"),
        (2, "0x0", ""),
    ):
        nodes.be(2)
        if n > 2:
            nodes.there.extend(nodes.cluster.add_node(num_cpus=(n - 2) // 2) for _ in range(2))
        for where in ("pipes", "cluster"):
            runs = [
                verdicts(nodes if where == "cluster" else None, n, trial=trial, seconds=arguments.seconds)
                for _ in range(arguments.repeats)
            ]
            print(overhead_row(f"{where:>9} {n:4} workers {shown:>9}", runs), flush=True)
    nodes.be(1)
    print("aim with 10 workers: 2 ms; of all verdicts of a run")


def overhead_row(said: str, runs: Sequence[tuple[list[float], float]]) -> str:
    waits = [own for own, _ in runs]
    if not waits[0]:
        return f"{said:32} {'':29} {spread([pace for _, pace in runs], 0):>22}"
    longest = median(quantiles(own, n=100)[98] for own in waits)
    return f"{said:32} {milliseconds([median(own) for own in waits], 2):>21} {1000 * longest:7.1f}"


def verdicts(nodes: Any, n: int, *, trial: str, seconds: float) -> tuple[list[float], float]:
    """The seconds until each verdict, and outcomes a second; on this machine without `nodes`."""
    from ablate.study.trial import Label, TrialSpec
    from ablate.workers.pool import LocalScheduler

    with tempfile.TemporaryDirectory() as name:
        task = the_task(Path(name))
        factors = {**task.study.baseline, "learning_rate": 0.1}
        plan = Endless(lambda number: TrialSpec(f"{trial}-{number}", Label("search"), number, factors), seconds=seconds)
        if nodes is None:
            opened: Any = LocalScheduler(task, workers=n, stop=plan.stop, on_start=lambda _: None, serve=timing)
        else:
            opened = on_cluster(nodes, task, plan.stop)
        with opened as scheduler:
            wait_for(scheduler, n)
            scheduler.run(plan)
    return plan.waited, plan.window()[0]


def wait_for(scheduler: Any, n: int) -> None:
    """Let all workers start before the first gets a trial."""
    while sum(worker.is_ready for worker in scheduler.workers) < n:
        scheduler._listen(None)
        scheduler._look_after(None)


# Death of a node


def print_deaths(nodes: Any, arguments: argparse.Namespace) -> None:
    nodes.be(2)
    found = deaths(nodes, n=max(3, arguments.repeats))
    nodes.be(1)
    noticed, working = found
    print(f"\ndeath of a node: noticed after {spread(noticed, 1)} s, another trains after {spread(working, 1)} s")
    print(f"n = {len(noticed)}; attempts lost: {len(noticed)}, one each")


def deaths(nodes: Any, *, n: int) -> tuple[list[float], list[float]]:
    """Seconds until `n` deaths were noticed, and until the nodes that came then trained."""
    from ablate.study.trial import Label, TrialSpec

    killed: list[float] = []
    noticed: list[float] = []
    added: list[float] = []
    working: list[float] = []

    def lost(_spec: Any, _reason: str) -> None:
        noticed.append(time.perf_counter())
        assert len(noticed) == len(killed), "more than one attempt was lost"
        nodes.add()
        added.append(time.perf_counter())

    def trains(scheduler: Any) -> None:
        if len(working) < len(added) and sum(worker.is_ready for worker in scheduler.workers) == 2:
            working.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as name:
        task = the_task(Path(name))
        factors = {**task.study.baseline, "learning_rate": 0.1}
        plan = Killing(lambda number: TrialSpec(f"20x0.05-{number}", Label("search"), number, factors), seconds=1e9)
        with on_cluster(nodes, task, plan.stop, on_lost=lost) as scheduler:
            wait_for(scheduler, 2)

            def on_event() -> bool:
                trains(scheduler)
                if len(killed) == len(working) < n and time.perf_counter() - max([plan.first, *working]) > 2:
                    killed.append(time.perf_counter())
                    kill_node(nodes)
                return len(working) < n

            plan.on_event = on_event
            scheduler.run(plan)
    seconds = [late - early for early, late in zip(killed, noticed, strict=True)]
    return seconds, [late - early for early, late in zip(added, working, strict=True)]


class Killing(Endless):
    """A plan that lets something happen at each epoch, and stops when that says no."""

    first = 0.0
    on_event: Callable[[], bool]

    def report(self, epoch: Any) -> bool:
        self.first = self.first or time.perf_counter()
        if not self.on_event():
            self.stop.set()
        return super().report(epoch)


def kill_node(nodes: Any) -> None:
    """SIGKILL for the raylet of the last node and for all below it."""
    node = nodes.there.pop()
    below = [one.process.pid for kind in node.all_processes.values() for one in kind]
    for pid in [*below, *descendants(below)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    threading.Thread(target=nodes.cluster.remove_node, args=(node, False), daemon=True).start()


def descendants(roots: Sequence[int]) -> list[int]:
    """The processes below others."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return sorted(found - set(roots))


# A whole study


def print_study(nodes: Any, arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="study-") as folder:
        command = [sys.executable, str(Path(__file__).resolve()), "--run-on", nodes.address]
        command += ["--trials", str(arguments.trials)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"the study ended with exit code {done.returncode}:\n{done.stderr[-3000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        [journal] = Path(folder, "reports").glob("*/trials.jsonl")
        wrong = wrong_rows(journal.parent, arguments.trials)
    print(f"\nstudy: {arguments.trials:,} trials on {SIMULATED:,} simulated workers, once")
    print(f"trials/s {found['pace']:.1f}, CPU ms an event {1000 * found['cpu']:.2f}")
    print(f"seconds: open {found['open']:.1f}, trials {found['train']:.1f}, close {found['close']:.1f}")
    print(
        "MB at the first trial and at tenths: "
        + ", ".join(f"{size:.0f}" for size in found["mb"])
        + f"; at the end {found['end_mb']:.0f}"
    )
    print("every trial once in the journal and in the results" if not wrong else f"WRONG: {'; '.join(wrong)}")


def wrong_rows(reports: Path, n: int) -> list[str]:
    """What is not as it should be in the journal and in the tables of a study of `n` trials."""
    import pandas as pd

    from ablate.storage.journal import Journal

    results, epochs = pd.read_csv(reports / "results.csv"), pd.read_csv(reports / "epochs.csv")
    said = [json.loads(line) for line in (reports / "trials.jsonl").read_text().splitlines()]
    lines = Counter(line["spec"]["trial"] for line in said if "outcome" in line)
    found = []
    if len(lines) != n or set(lines.values()) != {1}:
        found.append(f"the journal has {len(lines)} trials in {lines.total()} lines")
    if len(results) != n or set(results["trial"]) != set(lines):
        found.append(f"the results have {results['trial'].nunique()} trials in {len(results)} rows")
    if len(epochs) != n * EPOCHS or epochs.duplicated(["trial", "epoch"]).any():
        found.append(f"{len(epochs)} epochs")
    if len(Journal(reports / "trials.jsonl").known()) != n:
        found.append("the journal cannot be read whole")
    return found


def drive(address: str, n: int) -> None:
    """Run the study in the working folder and print what it took, as a line of JSON."""
    began = time.perf_counter()
    from ablate.experiment import run_study
    from ablate.experiment.options import Options
    from ablate.experiment.recording import Recorder
    from ablate.workers.cluster.address import ClusterRequest

    run_study.Tracker = Silent
    told: list[tuple[float, float]] = []
    sizes: list[float] = []
    tell = Recorder.tell

    def noting(*given: Any, **named: Any) -> None:
        tell(*given, **named)
        told.append((time.perf_counter(), time.process_time()))
        if len(told) % (n // 10) == 0 or len(told) == 1:
            sizes.append(resident_mb())

    Recorder.tell = noting
    study = the_study(Path(), seeds=n // CELLS)
    options = Options(Path("reports"), "sqlite:///mlflow.db", "", cluster=ClusterRequest(address), reuse=False)
    with simulating(SIMULATED, epochs=EPOCHS, pause=PACE):
        finished = run_study.run_study(study, options, lambda _: None)
    ended = time.perf_counter()
    if not finished.ending.complete:
        raise SystemExit(f"only {len(told)} of {n} trials were told")
    seconds, cpu = (told[-1][at] - told[0][at] for at in (0, 1))
    print(
        json.dumps(
            {
                "pace": (n - 1) / seconds,
                "cpu": cpu / (n * (EPOCHS + 1)),
                "open": told[0][0] - began,
                "train": seconds,
                "close": ended - told[-1][0],
                "mb": sizes,
                "end_mb": resident_mb(),
            }
        )
    )


def resident_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def milliseconds(values: Sequence[float], digits: int) -> str:
    """Median [least, most]; of many values 95 % are below the last."""
    most = sorted(values)[: -(-95 * len(values) // 100)] if len(values) > 20 else values
    middle, least, last = (f"{1000 * value:,.{digits}f}" for value in (median(values), min(values), max(most)))
    return f"{middle} [{least}, {last}]"


if __name__ == "__main__":
    main()
