"""Run a worker process: receive specs over a pipe, train them, and send epochs and outcomes back."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, final

from ablate import system
from ablate.errors import AblateError, reason_of, trace_of
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Epoch, Outcome, TrialSpec
from ablate.system import SIGNALS
from ablate.training.open_trainer import open_trainer
from ablate.training.trainers import Trainer, TrainerTask
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
        trainer, notices = _open(task, link)
    except BaseException as err:  # a user's model may call sys.exit, too
        _print_trace(err)
        link.say(Refused(why_not(err, model=task.study.model), is_whole=says_all(err)))
        return
    link.say(Ready(notices))
    while True:
        trainer.train(link.hear(), link)
        if link.is_worn():
            link.say(Retired())
            return
        link.say(Idle())


def _open(task: WorkerTask, link: "WorkerPipe") -> tuple[Trainer, tuple[str, ...]]:
    trainer = open_trainer(
        TrainerTask(
            task.study,
            task.arrays,
            task.threads,
            task.trial_folders(),
            cache=task.cache,
            room=task.room,
            stack=task.stack,
            kept_in=task.kept_in,
            on_life=lambda: link.say(Busy()),
        )
    )
    return trainer, trainer.check()


def _print_trace(err: BaseException) -> None:
    with suppress(Exception):  # as above
        print(trace_of(err), file=sys.stderr)


def why_not(err: BaseException, *, model: ModelRef) -> str:
    """What the user has to fix if a worker cannot start."""
    if isinstance(err, AblateError):
        return str(err)
    if isinstance(err, Exception):
        return f"no worker can start: {reason_of(err)}"
    if model.trains_itself:
        return f"model.{model.role}: {model.name} ends the program before its first trial: {reason_of(err)}"
    return f"model.name: {model.name} must return a keras.Model on the baseline, but ends the program: {reason_of(err)}"


def says_all(err: BaseException) -> bool:
    """Whether an error's message needs no trace: a rule of this package, not an exception inside of user code."""
    return isinstance(err, AblateError) and isinstance(err.__cause__, AblateError | SyntaxError | None)


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
