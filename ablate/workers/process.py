"""Start worker processes on this machine, talk to them, and end them."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import ModuleType
from typing import TypeAlias, final

from ablate.errors import AblateError
from ablate.workers.crew import End, Worker
from ablate.workers.logs import ask_where
from ablate.workers.messages import WorkerPlace, WorkerTask
from ablate.workers.parent_watchdog import OURS, SAFE_PATH

LEAVE_SECONDS = 2.0  # for a worker to exit after a request; then it is killed
Serve: TypeAlias = Callable[
    [WorkerTask, WorkerPlace, Connection], None
]  # the function that runs inside a worker process


@final
class ProcessLine:
    """The connection to a worker process of this machine."""

    def __init__(self, process: SpawnProcess, pipe: Connection) -> None:
        self._process, self.pipe = process, pipe

    @property
    def process(self) -> SpawnProcess:
        """The process."""
        return self._process

    def say(self, message: object) -> None:
        """Send it a message. If it died while idle, the scheduler notices that at its pipe."""
        with suppress(OSError):
            self.pipe.send(message)

    def has_more(self) -> bool:
        """Whether something that it sent was not heard yet."""
        return self.pipe.poll()

    def is_gone(self) -> bool:
        """Whether its process has ended and all its messages were read.

        Its pipe alone does not show that: child processes of the worker may still hold the other end.
        """
        return not self._process.is_alive() and not self.pipe.poll()

    def ended(self) -> End:
        """Why it ended, once no message can come any more."""
        self.pipe.close()
        self._process.join(LEAVE_SECONDS)
        if (code := self._process.exitcode) is None:
            self.kill()
            return End("its process lost contact with the scheduler and was killed")
        return End(in_words(code), is_final=code >= 0)

    def kill(self) -> None:
        """Kill it; its log says what it was doing."""
        self.pipe.close()
        if self._process.is_alive():
            ask_where(self._process.pid or 0)
        self._process.kill()
        self._process.join(LEAVE_SECONDS)


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
    return Worker(place, ProcessLine(process, ours), task.log_of(place.number), pid=process.pid or 0)


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


def shut_down(lines: Mapping[ProcessLine, bool]) -> None:
    """End all workers: busy ones at once, idle ones (True) after two seconds if they do not exit when asked."""
    processes = [line.process for line in lines]
    try:
        for line, is_idle in lines.items():
            line.pipe.close()  # an idle worker exits at once
            if not is_idle:
                line.process.kill()
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
