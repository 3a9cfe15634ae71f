"""Run a worker process: receive specs over a pipe, train them, and send epochs and outcomes back."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, final

from ablate import system
from ablate.errors import AblateError, reason_of, trace_of
from ablate.study.trial import Epoch, Outcome, RateTest, TrialSpec
from ablate.system import SIGNALS
from ablate.workers.logs import print_to
from ablate.workers.messages import (
    Busy,
    EpochReport,
    Idle,
    Ready,
    Refused,
    Retired,
    TrialRequest,
    WorkerPlace,
    WorkerTask,
)
from ablate.workers.parent_watchdog import end_with_parent, leave_safe_path

if TYPE_CHECKING:
    from ablate.training.engine.contexts import Contexts


class Deserted(BaseException):
    """The scheduler is gone. A BaseException, so that no handler of a trial's errors catches it."""


def work(task: WorkerTask, place: WorkerPlace, pipe: Connection) -> None:
    """Train specs until the pipe closes or memory runs high. Waits for the verdicts after each epoch."""
    settle_in(task, place)
    code = 0
    try:
        _serve(task, WorkerPipe(pipe, max_memory=task.max_memory))
    except Deserted:
        pass
    except BaseException as err:  # the exit below must be reached whatever happened
        _print_trace(err)
        code = 1
    pipe.close()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a user's model may have replaced the streams
            stream.flush()
    os._exit(code)  # the libraries' own shutdown takes seconds, and the parent waits for it


def settle_in(task: WorkerTask, place: WorkerPlace) -> None:
    """Set up the parent watchdog, signals, output, processors and GPU, all before TensorFlow is imported."""
    end_with_parent()
    leave_safe_path()
    for number in SIGNALS:  # a terminal sends them to all processes of a study; the parent handles them
        signal.signal(number, signal.SIG_IGN)
    print_to(task.log_of(place.number))
    if place.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, place.cpus)
    if place.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = place.gpu


def _serve(task: WorkerTask, link: "WorkerPipe") -> None:
    try:
        contexts, notices = _open_contexts(task, link)
    except BaseException as err:  # a user's model may call sys.exit, too
        _print_trace(err)
        link.say(Refused(why_not(err, model=task.study.model.name)))
        return
    link.say(Ready(notices))
    found: dict[str, RateTest] = {}  # range tests
    while True:
        _train(link.hear(), contexts, task, link, found)
        if link.is_worn():
            link.say(Retired())
            return
        link.say(Idle())


def _train(
    specs: Sequence[TrialSpec], contexts: "Contexts", task: WorkerTask, link: "WorkerPipe", found: dict[str, RateTest]
) -> None:
    """Train specs of one structure on the examples of their configuration."""
    from ablate.training.engine.backend import TrialError, contained
    from ablate.training.run_range_test import RateFinder
    from ablate.training.stack import run_trials
    from ablate.training.train import failed

    began = time.perf_counter()
    try:
        context = contained(lambda: contexts.of(specs[0].factors))
    except TrialError as broken:  # its examples cannot be loaded
        for spec in specs:
            link.tell(failed(spec, broken, seconds=time.perf_counter() - began))
        return
    finder = RateFinder(context, cache=task.cache / "lr_tests" if task.cache else None, found=found)
    run_trials(specs, context, finder, link)


def _print_trace(err: BaseException) -> None:
    with suppress(Exception):  # as above
        print(trace_of(err), file=sys.stderr)


def _open_contexts(task: WorkerTask, link: "WorkerPipe") -> tuple["Contexts", tuple[str, ...]]:
    from ablate.training.engine.device import prepare_tensorflow

    prepare_tensorflow(task.threads)
    # Imported here: the settings above must come first.
    from ablate.data import load_arrays
    from ablate.training.engine.context import TrainingContext
    from ablate.training.engine.contexts import Contexts
    from ablate.training.fit.check import check_fitted
    from ablate.training.keeping import check_keeping
    from ablate.training.pretraining import find_origin

    memory, data = task.cache / "ways" if task.cache else None, load_arrays(task.arrays)
    origin = find_origin(task.study, data, cache=task.cache, room=task.room, on_epoch=lambda: link.say(Busy()))

    make = partial(
        TrainingContext, task.study, stack=task.stack, memory=memory, origin=origin, room=task.room, folder=task.folder
    )
    contexts = Contexts(task.study, data, make, room=task.room)
    context = contexts.of(task.study.baseline)
    notices = context.check()
    return contexts, (*check_fitted(context), *notices, *check_keeping(context))


def why_not(err: BaseException, *, model: str) -> str:
    """What the user has to fix if a worker cannot start."""
    if isinstance(err, AblateError):
        return str(err)
    if isinstance(err, Exception):
        return f"no worker can start: {reason_of(err)}"
    return f"model.name: {model} must return a keras.Model on the baseline, but ends the program: {reason_of(err)}"


@final
class WorkerPipe:
    """A worker's end of the pipe, as the feed of its trials."""

    def __init__(self, pipe: Connection, *, max_memory: int | None) -> None:
        self._pipe, self._max_memory = pipe, max_memory

    def is_worn(self) -> bool:
        """Whether this process holds more memory than allowed."""
        held = system.held_memory_bytes(os.getpid()) or system.peak_memory_bytes()  # a peak counts streamed files, too
        return self._max_memory is not None and held > self._max_memory

    def more(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` more specs of the structure in training; none if this worker is to be replaced."""
        if self.is_worn():
            return ()
        self.say(TrialRequest(n))
        specs: Sequence[TrialSpec] = self.hear()
        return specs

    def report(self, epochs: Sequence[Epoch]) -> Sequence[bool]:
        """Send epochs and wait for the verdicts."""
        self.say(EpochReport(tuple(epochs)))
        verdicts: Sequence[bool] = self.hear()
        return verdicts

    def tell(self, outcome: Outcome) -> None:
        """Send how a trial ended."""
        self.say(outcome)

    def say(self, message: object) -> None:
        """Send a message; raises `Deserted` if the scheduler is gone."""
        try:
            self._pipe.send(message)
        except OSError as err:
            raise Deserted from err

    def hear(self) -> Any:  # the type depends on the request
        """Wait for an answer; raises `Deserted` if the scheduler is gone."""
        try:
            return self._pipe.recv()
        except (EOFError, OSError) as err:
            raise Deserted from err
