"""One worker process: specs from a pipe into epochs and outcomes on it."""

import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, final

from ablate import provenance
from ablate.errors import AblateError
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.schedule.messages import Idle, Passed, Place, Ready, Refused, Task, Wanted, Worn


class Deserted(BaseException):
    """The scheduler is gone, and with it the reason to work; no handler of a trial's errors may take it for one."""


def work(task: Task, place: Place, pipe: Connection) -> None:
    """Serve specs until the pipe closes or memory runs high. After each epoch it sent, it waits for the verdicts."""
    _settle_in(task, place)
    # Imported here: the settings above must come first.
    from ablate.datasets import load_arrays
    from ablate.engine.workbench import Workbench
    from ablate.rate_finder import RateFinder
    from ablate.stack import run_trials

    link = Link(pipe, max_memory=task.max_memory)
    try:
        memory = task.cache / "ways" if task.cache else None
        bench = Workbench(task.study, load_arrays(task.arrays), stack=task.stack, memory=memory)
        bench.check()
    except AblateError as err:
        link.say(Refused(str(err)))
        return
    finder = RateFinder(bench, cache=task.cache / "lr_tests" if task.cache else None)
    try:
        link.say(Ready())
        while True:
            run_trials(link.hear(), bench, finder, link)
            if link.is_worn():
                link.say(Worn())
                break
            link.say(Idle())
    except Deserted:
        pass
    pipe.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the libraries' own way out takes seconds, and the parent waits for it


@final
class Link:
    """A worker's end of the pipe, as the feed of its trials."""

    def __init__(self, pipe: Connection, *, max_memory: int | None) -> None:
        self._pipe, self._max_memory = pipe, max_memory

    def is_worn(self) -> bool:
        """Whether this process has come to hold more memory than it may."""
        return self._max_memory is not None and provenance.peak_memory_bytes() > self._max_memory

    def more(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` more specs of the structure in training; none for a worker that is to be replaced."""
        if self.is_worn():
            return ()
        self.say(Wanted(n))
        specs: Sequence[TrialSpec] = self.hear()
        return specs

    def report(self, epochs: Sequence[Epoch]) -> Sequence[bool]:
        """Send epochs and wait for the verdicts."""
        self.say(Passed(tuple(epochs)))
        verdicts: Sequence[bool] = self.hear()
        return verdicts

    def tell(self, outcome: Outcome) -> None:
        """Send how a trial ended."""
        self.say(outcome)

    def say(self, message: object) -> None:
        """Send; raises `Deserted` where nobody listens."""
        try:
            self._pipe.send(message)
        except OSError as err:
            raise Deserted from err

    def hear(self) -> Any:  # Any: what the message before it asked for
        """Wait for an answer; raises `Deserted` where none will come."""
        try:
            return self._pipe.recv()
        except (EOFError, OSError) as err:
            raise Deserted from err


def _settle_in(task: Task, place: Place) -> None:
    """Signals, output, processors, GPU and threads, all before TensorFlow is imported."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    with Path(task.log.parent / f"{task.log.name}-{place.number}.log").open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    if place.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, place.cpus)
    if place.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = place.gpu
    from ablate.engine.device import prepare_tensorflow

    prepare_tensorflow(task.threads)
