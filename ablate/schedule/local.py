"""A plan into outcomes on this machine's cores: spawned workers that live for many trials, verdicts epoch by epoch."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Self, TypeAlias

from ablate.errors import AblateError
from ablate.plan import Plan
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.schedule.worker import Place, Ready, Refused, Task, Worn, work

LOOKAHEAD = 16  # specs held ready per worker, so that each can be given a structure that it has compiled already
MAX_DEATHS = 2  # after so many dead workers a trial is given up
Structure: TypeAlias = tuple[tuple[str, object], ...]


@dataclass(slots=True)
class _Worker:
    place: Place
    process: SpawnProcess
    pipe: Connection
    spec: TrialSpec | None = None
    seen: set[Structure] = field(default_factory=set)
    is_ready: bool = False


class Local:
    """A scheduler of `workers` processes with `task.threads` threads each. A context manager: leaving it ends them."""

    def __init__(
        self, task: Task, *, workers: int, stop: threading.Event, on_start: Callable[[TrialSpec], None]
    ) -> None:
        self._task, self._stop, self._on_start = task, stop, on_start
        self._places = list(places(workers, threads=task.threads))
        self._workers: list[_Worker] = []
        self._waiting: list[TrialSpec] = []
        self._deaths: dict[str, int] = {}  # by trial: how many workers died under it

    def __enter__(self) -> Self:
        self._workers = [self._spawn(place) for place in self._places]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.pipe.close()  # a waiting worker ends at once
            if worker.spec is not None:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def run(self, plan: Plan) -> None:
        """Train until the plan has nothing left and no trial is running; after a stop, until none is running."""
        while True:
            if self._stop.is_set():
                self._waiting.clear()
            else:
                self._hand_out(plan)
            busy = [worker for worker in self._workers if worker.spec is not None]
            if not busy and (self._stop.is_set() or not self._waiting):
                return
            self._listen(plan)

    def _hand_out(self, plan: Plan) -> None:
        room = LOOKAHEAD * len(self._workers) - len(self._waiting)
        if room > 0 and any(worker.spec is None for worker in self._workers):
            self._waiting.extend(plan.ask(room))
        for worker in self._workers:
            if worker.spec is None and worker.is_ready and self._waiting:
                others = [other.seen for other in self._workers if other is not worker]
                spec = self._waiting.pop(choose(self._waiting, worker.seen, others))
                worker.spec = spec
                worker.seen.add(structure_of(spec))
                self._on_start(spec)
                worker.pipe.send(spec)

    def _listen(self, plan: Plan) -> None:
        by_pipe = {worker.pipe: worker for worker in self._workers}
        for pipe in wait(list(by_pipe), timeout=0.5):
            assert isinstance(pipe, Connection)
            worker = by_pipe[pipe]
            try:
                message = pipe.recv()
                self._take(worker, message, plan)
            except (EOFError, ConnectionResetError, BrokenPipeError):
                self._replace(worker, plan)

    def _take(self, worker: _Worker, message: object, plan: Plan) -> None:
        match message:
            case Ready():
                worker.is_ready = True
            case Refused():
                raise AblateError(message.reason)
            case Epoch():
                goes_on = plan.report(message)
                worker.pipe.send(goes_on and not self._stop.is_set())
            case Outcome():
                worker.spec = None
                stopped = self._stop.is_set() and message.state == "pruned"
                plan.tell(replace(message, state="killed", reason="interrupted") if stopped else message)
            case Worn():
                self._take(worker, message.outcome, plan)
                worker.process.join(5)
                worker.pipe.close()
                self._workers[self._workers.index(worker)] = self._spawn(worker.place)
            case _:
                raise AssertionError(f"a worker sent {message!r}")

    def _replace(self, worker: _Worker, plan: Plan) -> None:
        """Settle the trial of a dead worker and start another in its place."""
        worker.process.join(5)
        code = worker.process.exitcode
        if not worker.is_ready:
            log = f"{self._task.log}-{worker.place.number}.log"
            raise AblateError(f"a worker process ended with exit code {code} before its first trial\n  see {log}")
        worker.pipe.close()
        self._workers[self._workers.index(worker)] = self._spawn(worker.place)
        if worker.spec is None:
            return
        deaths = self._deaths[worker.spec.trial] = self._deaths.get(worker.spec.trial, 0) + 1
        if deaths < MAX_DEATHS:
            self._waiting.insert(0, worker.spec)  # a trial is a function of its spec: the same again
        else:
            reason = f"its process ended {deaths} times, the last time with exit code {code}"
            plan.tell(Outcome(worker.spec.trial, "failed", reason=reason))

    def _spawn(self, place: Place) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(self._task, place, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(place, process, ours)


def choose(waiting: list[TrialSpec], seen: set[Structure], others: list[set[Structure]]) -> int:
    """Which waiting spec a free worker takes: one it has compiled, else one nobody has, else the first."""
    known_elsewhere: set[Structure] = set().union(*others)
    for place, spec in enumerate(waiting):
        if structure_of(spec) in seen:
            return place
    for place, spec in enumerate(waiting):
        if structure_of(spec) not in known_elsewhere:
            return place
    return 0


def structure_of(spec: TrialSpec) -> Structure:
    """What probably decides the compiled program: all factors but the learning rate."""
    return tuple((name, level) for name, level in spec.factors.items() if name != "learning_rate")


def places(workers: int, *, threads: int) -> Iterable[Place]:
    """A place for each worker: `threads` processors of its own where there are enough."""
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for number in range(workers):
        own = cpus[number * threads : (number + 1) * threads] if workers * threads <= len(cpus) else []
        yield Place(number, frozenset(own))


def share_of_memory(workers: int, *, memory: int) -> int:
    """Bytes that a worker may come to hold: its share of six tenths of the machine's `memory`, at least 2 GiB."""
    return max(2 * 2**30, memory * 6 // 10 // workers)


def count_workers(cores: int, *, gpus: int) -> int:
    """One worker a GPU; without one, a worker a core, at most 8.

    A small network's trial gains less from a second thread than from a neighbour; two workers on one GPU would share
    its memory.
    """
    return gpus or max(1, min(8, cores))
