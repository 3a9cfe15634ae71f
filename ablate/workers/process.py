"""Worker processes as the scheduler sees them: start, talk to, time and end them."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import ModuleType
from typing import TypeAlias, final

from ablate.errors import AblateError
from ablate.study.catalog import Structure
from ablate.study.trial import Epoch, FailedState, Outcome, State, TrialSpec
from ablate.workers.logs import ask_where
from ablate.workers.messages import WorkerPlace, WorkerTask
from ablate.workers.parent_watchdog import OURS, SAFE_PATH

LEAVE_SECONDS = 2.0  # for a worker to exit after a request; then it is killed
Serve: TypeAlias = Callable[
    [WorkerTask, WorkerPlace, Connection], None
]  # the function that runs inside a worker process


@dataclass(frozen=True, slots=True)
class End:
    """Why a worker ended, and the state of its trial if it trained only that trial and it is not tried again."""

    reason: str
    state: FailedState = "failed"
    is_final: bool = False  # another attempt would end the same way


@final
@dataclass(slots=True)
class RunningTrial:
    """A trial in training, and its progress."""

    spec: TrialSpec
    seconds: float = 0.0  # since its worker took it
    epochs: int = 0

    def outcome(self, state: State, reason: str, *, traceback: str = "") -> Outcome:
        """The trial's outcome, where its worker can no longer report it."""
        told = Outcome(self.spec.trial, state, epochs=self.epochs, seconds=self.seconds)
        return replace(told, reason=reason, traceback=traceback)


@final
@dataclass(slots=True, eq=False)
class Worker:
    """A worker: its place, its running trials, and its timers."""

    place: WorkerPlace
    process: SpawnProcess
    pipe: Connection
    log: Path  # file of its output
    trials: dict[str, RunningTrial] = field(default_factory=dict)  # running trials, by name
    silent: float = 0.0  # seconds since its last message, while it is not idle
    structure: Structure = ()  # of the running trials
    seen: set[Structure] = field(default_factory=set)
    is_ready: bool = False
    is_idle: bool = False
    since: float = field(default_factory=time.perf_counter)  # when it was started, or became idle

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid or 0

    def start(self, specs: Sequence[TrialSpec]) -> None:
        """Send it specs, all of one structure."""
        self.trials.update({spec.trial: RunningTrial(spec) for spec in specs})
        self.silent = 0.0
        self.say(list(specs))

    def say(self, message: object) -> None:
        """Send it a message."""
        with suppress(OSError):  # it died while idle: the scheduler notices that at its pipe, and settles the specs
            self.pipe.send(message)

    def note(self, epoch: Epoch) -> None:
        """Note that one of its trials has finished an epoch."""
        self.trials[epoch.trial].epochs = epoch.epoch

    def age(self, seconds: float) -> None:
        """Add elapsed seconds to its timers."""
        if not self.is_idle:
            self.silent += seconds
        for going in self.trials.values():
            going.seconds += seconds

    def is_gone(self) -> bool:
        """Whether its process has ended and all its messages were read.

        Its pipe alone does not show that: child processes of the worker may still hold the other end.
        """
        return not self.process.is_alive() and not self.pipe.poll()

    def ended(self) -> End:
        """Why it ended, once no message can come any more."""
        self.pipe.close()
        self.process.join(LEAVE_SECONDS)
        if (code := self.process.exitcode) is None:
            self.kill()
            return End("its process lost contact with the scheduler and was killed")
        return End(in_words(code), is_final=code >= 0 and not self.is_ready)

    def kill(self) -> None:
        """Kill it; its log says what it was doing."""
        self.pipe.close()
        if self.process.is_alive():
            ask_where(self.pid)
        self.process.kill()
        self.process.join(LEAVE_SECONDS)


def spawn_worker(task: WorkerTask, place: WorkerPlace, serve: Serve) -> Worker:
    """Start a worker process. Raises `AblateError` if the system refuses."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(task, place, theirs), daemon=True)
    try:
        with _spawning():
            process.start()
    except OSError as err:
        ours.close()
        raise AblateError(f"no worker process can be started: {err}\n  try fewer workers with --workers") from err
    finally:
        theirs.close()
    return Worker(place, process, ours, task.log_of(place.number))


@contextmanager
def _spawning() -> Iterator[None]:
    """Keep the working folder and the main script out of the processes that are started inside the block.

    Spawned by `python -c`, they would search the working folder first, where a user's `types.py` hides Python's; and
    they would run the main script again, which breaks many scripts without `if __name__ == "__main__"`.
    """
    main, is_safe = sys.modules["__main__"], bool(os.environ.get(SAFE_PATH))
    sys.modules["__main__"] = ModuleType("__main__")
    if not is_safe:
        os.environ[SAFE_PATH] = OURS
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if not is_safe:
            del os.environ[SAFE_PATH]


def shut_down(workers: Sequence[Worker]) -> None:
    """End all workers: busy ones at once, idle ones after two seconds if they do not exit when asked."""
    processes = [worker.process for worker in workers]
    try:
        for worker in workers:
            worker.pipe.close()  # an idle worker exits at once
            if not worker.is_idle:
                worker.process.kill()
        deadline = time.monotonic() + LEAVE_SECONDS
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.join(LEAVE_SECONDS)


def in_words(code: int) -> str:
    """What an exit code says about the end of a process; negative: the signal that ended it."""
    if code >= 0:
        return f"its process exited with code {code}"
    names = {number.value: number.name for number in signal.Signals}
    text = f"its process was killed by signal {-code} ({names.get(-code, 'unnamed')})"
    return f"{text}, often a sign that the system ran out of memory" if names.get(-code) == "SIGKILL" else text
