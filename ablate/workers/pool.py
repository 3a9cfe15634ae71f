"""Train a plan with workers that train many trials each and get a verdict per epoch: on this machine or others."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from ablate import system
from ablate.clock import Clock
from ablate.errors import AblateError
from ablate.plans.protocol import Plan
from ablate.study.trial import Outcome, TrialSpec
from ablate.workers.crashes import CrashCounter
from ablate.workers.crew import Crew, End, Worker
from ablate.workers.local_crew import LocalCrew
from ablate.workers.logs import log_tail
from ablate.workers.messages import Busy, EpochReport, Idle, Ready, Refused, Retired, TrialRequest, WorkerTask
from ablate.workers.process import Serve
from ablate.workers.queue import TrialQueue, places
from ablate.workers.worker import work

LOOKAHEAD = 16  # specs held ready per worker, so that each worker can get a structure that it has compiled already
MOST_AHEAD = 4096  # specs held ready for all workers
LISTEN_SECONDS = 0.5  # between two looks at the stop and the workers, if none of them says anything
GRACE_SECONDS = 10.0  # for running epochs to end after a stop


class TrialScheduler:
    """A scheduler of the workers of a crew.

    A context manager; its exit ends the workers. The end of a worker affects only the trials that it trained:
    `on_lost` is called with the reason, and they begin again with `on_start`. A trial that a worker trained alone fails
    after `retries.killed` further attempts ended the same way, and at once if it went over a limit.

    `clock` measures the workers' time outside of trials, summed over them: "start" until they are ready, "idle" from a
    trial's end to the next start or to the end.
    """

    def __init__(
        self,
        task: WorkerTask,
        crew: Crew,
        *,
        stop: threading.Event,
        on_start: Callable[[TrialSpec], None],
        on_lost: Callable[[TrialSpec, str], None] = lambda _spec, _reason: None,
        on_notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._task, self._crew, self._stop = task, crew, stop
        self._on_start, self._on_lost, self._on_notice = on_start, on_lost, on_notice
        self.clock = Clock()
        self._waiting = TrialQueue(model=task.study.model.name)
        self._losses = CrashCounter(most=task.study.retries.killed)
        self._stopped: float | None = None  # time at which the stop was noticed
        self._announced: set[str] = set()

    @property
    def workers(self) -> Sequence[Worker]:
        """The workers that run."""
        return self._crew.workers

    def __enter__(self) -> Self:
        self._crew.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._crew.workers:
            if worker.is_idle:
                self._count("idle", worker)
        self._crew.close()

    def run(self, plan: Plan) -> None:
        """Train until the plan has nothing left and no trial is running; after a stop, until no trial is running."""
        while True:
            if self._stop.is_set():
                self._waiting.clear()
                self._end_late(plan)
            else:
                self._hand_out(plan)
            if not any(worker.trials for worker in self._crew.workers) and (self._stop.is_set() or not self._waiting):
                return
            self._listen(plan)
            self._look_after(plan)

    def _hand_out(self, plan: Plan) -> None:
        workers = self._crew.workers
        if not workers or any(not worker.trials for worker in workers):
            self._waiting.fill(plan, min(LOOKAHEAD * max(1, len(workers)), MOST_AHEAD))
        for worker in workers:
            if worker.is_idle and (begun := self._waiting.take(worker, workers)) is not None:
                worker.structure = begun[0]
                worker.seen.add(worker.structure)
                self._count("idle", worker)
                self._start(worker, [begun[1]])

    def _start(self, worker: Worker, specs: list[TrialSpec]) -> None:
        for spec in specs:
            self._on_start(spec)
        worker.start(specs)

    def _listen(self, plan: Plan) -> None:
        for worker, message in self._crew.hear(LISTEN_SECONDS):
            if isinstance(message, End):
                self._lose(worker, message, plan)
            else:
                worker.heard(message)
                self._take(worker, message, plan)

    def _take(self, worker: Worker, message: object, plan: Plan) -> None:
        match message:
            case Ready():
                self._losses.note_ready(worker)
                self._count("start", worker)
                self._announce(message.notices)
            case Refused():
                see = "" if message.is_whole else self._see(worker, before="\n  ")
                raise AblateError(message.reason + see)
            case Busy():
                pass  # a sign of life needs no reaction
            case TrialRequest():
                more = [] if self._stop.is_set() else self._waiting.more(worker, plan, n=message.n)
                self._start(worker, more)
            case EpochReport():
                self._judge(worker, message, plan)
            case Outcome():
                stopped = self._stop.is_set() and message.state == "pruned"
                plan.tell(replace(message, state="killed", reason="interrupted") if stopped else message)
            case Idle():
                worker.since = time.perf_counter()
            case Retired():
                worker.ended()
                self._crew.workers.remove(worker)
                self._crew.hire(worker.place)
            case _:
                raise AssertionError(f"a worker sent {message!r}")

    def _announce(self, notices: Sequence[str]) -> None:
        """Show each notice once: every worker sends the same ones."""
        for notice in notices:
            if notice not in self._announced:
                self._announced.add(notice)
                self._on_notice(notice)

    def _judge(self, worker: Worker, passed: EpochReport, plan: Plan) -> None:
        verdicts = [plan.report(epoch) for epoch in passed.epochs]
        worker.line.say([goes_on and not self._stop.is_set() for goes_on in verdicts])

    def _look_after(self, plan: Plan) -> None:
        for worker, end in self._crew.look_after():
            self._lose(worker, end, plan)

    def _end_late(self, plan: Plan) -> None:
        """After a stop and a grace period, end the workers that still train."""
        if self._stopped is None:
            self._stopped = time.monotonic()
        if time.monotonic() - self._stopped > GRACE_SECONDS:
            late = [worker for worker in self._crew.workers if worker.trials and not worker.line.has_more()]
            for worker in late:
                worker.line.kill()
                self._lose(worker, End("interrupted"), plan)

    def _lose(self, worker: Worker, end: End, plan: Plan) -> None:
        """Settle the trials of a dead worker, and refill its place."""
        self._crew.workers.remove(worker)
        if self._stop.is_set():
            for going in worker.trials.values():
                plan.tell(going.outcome("killed", "interrupted"))
            return
        self._refill(worker, end)
        if (outcome := self._losses.given_up(worker, end)) is not None:
            plan.tell(outcome)
            return
        specs = [going.spec for going in worker.trials.values()]
        for spec in specs:
            self._on_lost(spec, end.reason)
        self._waiting.put_back(worker.structure, specs)

    def _refill(self, worker: Worker, end: End) -> None:
        """Start another worker in a dead one's place, unless workers keep dying there before they start.

        Raises `AblateError` if no worker is left.
        """
        if not self._losses.is_hopeless(worker, end):
            self._crew.hire(worker.place)
            return
        reason = f"worker {worker.place.number} ended before its first trial: {end.reason}"
        if not self._crew.workers:  # while others still start, only the last one raises
            model = self._task.study.model.name
            said = f"{reason}\n  the likely cause is model.name {model} on the baseline"
            raise AblateError(f"{said}{self._see(worker, before='; ')}")
        self._on_notice(f"{reason}; continuing without it{self._see(worker, before=', ')}")

    def _see(self, worker: Worker, *, before: str) -> str:
        """Where the worker's output is; if it is deleted when the workers end, its last line instead."""
        if self._task.is_log_kept:
            return f"{before}see {worker.log}"
        last = log_tail(worker.log, most=1).strip()
        return f"{before}its last output: {last}" if last else ""

    def _count(self, part: str, worker: Worker) -> None:
        """Add a worker's time until now, and restart its timer."""
        now = time.perf_counter()
        self.clock.add(part, now - worker.since)
        worker.since = now


class LocalScheduler(TrialScheduler):
    """A scheduler of `workers` processes of this machine with `task.threads` threads each."""

    def __init__(
        self,
        task: WorkerTask,
        *,
        workers: int,
        stop: threading.Event,
        on_start: Callable[[TrialSpec], None],
        on_lost: Callable[[TrialSpec, str], None] = lambda _spec, _reason: None,
        on_notice: Callable[[str], None] = lambda _: None,
        serve: Serve = work,
    ) -> None:
        own = list(places(workers, threads=task.threads, gpus=system.gpu_names()))
        crew = LocalCrew(task, own, serve)
        super().__init__(task, crew, stop=stop, on_start=on_start, on_lost=on_lost, on_notice=on_notice)
