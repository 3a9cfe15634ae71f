"""A plan into outcomes on this machine's cores: spawned workers that live for many trials, verdicts epoch by epoch."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Self

from ablate import provenance
from ablate.clock import Clock
from ablate.errors import AblateError
from ablate.plan import Plan
from ablate.records import Outcome, TrialSpec
from ablate.schedule.choice import choose, places
from ablate.schedule.messages import Idle, Passed, Place, Ready, Refused, Task, Wanted, Worn
from ablate.schedule.worker import work
from ablate.structure import Structure, structure_of

LOOKAHEAD = 16  # specs held ready per worker, so that each can be given a structure that it has compiled already
STACK_LOOKAHEAD = 256  # and so many where a worker looks for more trials of one structure
MAX_DEATHS = 2  # after so many workers that died under it alone, a trial is given up


@dataclass(slots=True)
class _Worker:
    place: Place
    process: SpawnProcess
    pipe: Connection
    specs: dict[str, TrialSpec] = field(default_factory=dict)  # in training, by trial
    structure: Structure = ()  # of these
    seen: set[Structure] = field(default_factory=set)
    is_ready: bool = False
    is_idle: bool = False
    since: float = field(default_factory=time.perf_counter)  # when it was spawned, or fell idle


class Local:
    """A scheduler of `workers` processes with `task.threads` threads each. A context manager: leaving it ends them.

    Its `clock` counts what the workers' time goes to outside of trials, summed over them: "start" until they are
    ready, "idle" from a trial's end to the next one's start, or to the end.
    """

    def __init__(
        self, task: Task, *, workers: int, stop: threading.Event, on_start: Callable[[TrialSpec], None]
    ) -> None:
        self._task, self._stop, self._on_start = task, stop, on_start
        self._places = list(places(workers, threads=task.threads, gpus=provenance.gpu_names()))
        self.clock = Clock()
        self._workers: list[_Worker] = []
        self._waiting: list[tuple[Structure, TrialSpec]] = []
        self._deaths: dict[str, int] = {}  # by trial: how many workers died under it
        self._alone: set[str] = set()  # trials that share no program any more: a worker died under their stack

    def __enter__(self) -> Self:
        self._workers = [self._spawn(place) for place in self._places]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            if worker.is_idle:
                self.clock.add("idle", time.perf_counter() - worker.since)
            worker.pipe.close()  # a waiting worker ends at once
            if worker.specs:
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
            if not any(worker.specs for worker in self._workers) and (self._stop.is_set() or not self._waiting):
                return
            self._listen(plan)

    def _hand_out(self, plan: Plan) -> None:
        if any(not worker.specs for worker in self._workers):
            self._look_ahead(plan, LOOKAHEAD * len(self._workers))
        for worker in self._workers:
            if worker.is_idle and self._waiting:
                others = [other.seen for other in self._workers if other is not worker]
                place = choose([structure for structure, _ in self._waiting], worker.seen, others)
                worker.structure = self._waiting[place][0]
                worker.seen.add(worker.structure)
                worker.is_idle = False
                self.clock.add("idle", time.perf_counter() - worker.since)
                self._start(worker, [self._waiting.pop(place)[1]])

    def _look_ahead(self, plan: Plan, n: int) -> None:
        if n > len(self._waiting):
            specs = plan.ask(n - len(self._waiting))
            model = self._task.study.model.name
            self._waiting.extend((structure_of(spec.factors, model=model), spec) for spec in specs)

    def _start(self, worker: _Worker, specs: list[TrialSpec]) -> None:
        worker.specs.update({spec.trial: spec for spec in specs})
        for spec in specs:
            self._on_start(spec)
        with suppress(OSError):  # it died while it waited: listening finds that out, and settles the specs
            worker.pipe.send(specs)

    def _listen(self, plan: Plan) -> None:
        by_pipe = {worker.pipe: worker for worker in self._workers}
        for pipe in wait(list(by_pipe), timeout=0.5):
            assert isinstance(pipe, Connection)
            worker = by_pipe[pipe]
            try:
                self._take(worker, pipe.recv(), plan)
            except (EOFError, ConnectionResetError, BrokenPipeError):
                self._replace_dead(worker, plan)

    def _take(self, worker: _Worker, message: object, plan: Plan) -> None:
        match message:
            case Ready():
                worker.is_ready = worker.is_idle = True
                self.clock.add("start", time.perf_counter() - worker.since)
                worker.since = time.perf_counter()
            case Refused():
                raise AblateError(message.reason)
            case Wanted():
                self._start(worker, self._more(worker, message.n, plan))
            case Passed():
                verdicts = [plan.report(epoch) for epoch in message.epochs]
                worker.pipe.send([goes_on and not self._stop.is_set() for goes_on in verdicts])
            case Outcome():
                del worker.specs[message.trial]
                stopped = self._stop.is_set() and message.state == "pruned"
                plan.tell(replace(message, state="killed", reason="interrupted") if stopped else message)
            case Idle():
                worker.is_idle, worker.since = True, time.perf_counter()
            case Worn():
                worker.process.join(5)
                self._respawn(worker)
            case _:
                raise AssertionError(f"a worker sent {message!r}")

    def _more(self, worker: _Worker, n: int, plan: Plan) -> list[TrialSpec]:
        """Up to `n` specs to stack with those that a worker trains."""
        if self._stop.is_set() or not self._alone.isdisjoint(worker.specs):
            return []
        self._look_ahead(plan, STACK_LOOKAHEAD)
        fitting = [pair for pair in self._waiting if pair[0] == worker.structure and pair[1].trial not in self._alone]
        for pair in fitting[:n]:
            self._waiting.remove(pair)
        return [spec for _, spec in fitting[:n]]

    def _replace_dead(self, worker: _Worker, plan: Plan) -> None:
        """Settle the trials of a dead worker and start another in its place."""
        worker.process.join(5)
        code = worker.process.exitcode
        if not worker.is_ready:
            log = f"{self._task.log}-{worker.place.number}.log"
            raise AblateError(f"a worker process ended with exit code {code} before its first trial\n  see {log}")
        self._respawn(worker)
        again = [(worker.structure, spec) for spec in worker.specs.values()]
        if len(again) == 1:
            trial = again[0][1].trial
            self._deaths[trial] = self._deaths.get(trial, 0) + 1
            if self._deaths[trial] >= MAX_DEATHS:
                reason = f"its process ended {self._deaths[trial]} times, the last time with exit code {code}"
                plan.tell(Outcome(trial, "failed", reason=reason))
                return
        else:
            self._alone |= set(worker.specs)  # whose fault it was shows when each has a worker of its own
        self._waiting[:0] = again  # a trial is a function of its spec: the same again

    def _respawn(self, worker: _Worker) -> None:
        worker.pipe.close()
        self._workers[self._workers.index(worker)] = self._spawn(worker.place)

    def _spawn(self, place: Place) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(self._task, place, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(place, process, ours)
