"""The workers of this machine: a process each, with a pipe to it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from typing import final

from ablate import system
from ablate.workers.crashes import ResourceMonitor
from ablate.workers.crew import End, Worker
from ablate.workers.logs import cut
from ablate.workers.messages import WorkerPlace, WorkerTask
from ablate.workers.process import ProcessLine, Serve, shut_down, spawn_worker


@final
class LocalCrew:
    """Worker processes in `places`, each of which runs `serve`; a `Crew`.

    `neighbours` names the processes of other crews on this machine, which share its memory.
    """

    def __init__(
        self,
        task: WorkerTask,
        places: Sequence[WorkerPlace],
        serve: Serve,
        *,
        neighbours: Callable[[], Sequence[int]] = tuple,
    ) -> None:
        self._task, self._places, self._serve = task, places, serve
        self._watch = ResourceMonitor(task.study.limits, memory=system.memory_bytes(), neighbours=neighbours)
        self.workers: list[Worker] = []

    def open(self) -> None:
        """Start a worker in each place. Raises `AblateError` if the system refuses."""
        with ExitStack() as undo:
            undo.callback(self.close)
            for place in self._places:
                self.hire(place)
            undo.pop_all()

    def hire(self, place: WorkerPlace) -> None:
        """Start a worker in the place of one that is gone."""
        self.workers.append(spawn_worker(self._task, place, self._serve))

    def hear(self, timeout: float) -> Iterator[tuple[Worker, object]]:
        """What workers say, within some seconds: a message each, or their `End`."""
        by_pipe = {_line(worker).pipe: worker for worker in self.workers}
        for pipe in wait(list(by_pipe), timeout):
            assert isinstance(pipe, Connection)
            worker = by_pipe[pipe]
            try:
                message = pipe.recv()
            except Exception:  # end of the pipe or an unreadable message: nothing more will come
                message = worker.ended()
            yield worker, message

    def look_after(self) -> list[tuple[Worker, End]]:
        """About once a second: end workers that went over a limit, find those that died silently, shorten logs."""
        if not self._watch.is_due():
            return []
        over = self._watch.over(self.workers)
        for worker, _ in over:
            worker.line.kill()
        ended = [worker for worker, _ in over]
        left = [worker for worker in self.workers if worker not in ended]
        for worker in left:
            cut(worker.log)
        return [*over, *((worker, worker.ended()) for worker in left if worker.line.is_gone())]

    def close(self) -> None:
        """End all workers, and shorten their logs."""
        shut_down({_line(worker): worker.is_idle for worker in self.workers})
        for worker in self.workers:
            cut(worker.log)


def _line(worker: Worker) -> ProcessLine:
    assert isinstance(worker.line, ProcessLine)  # only this crew's `hire` makes them
    return worker.line
