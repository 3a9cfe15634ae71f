"""Workers that train nothing: real processes that do what their trials are named for, with no TensorFlow to start."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from ablate.study.trial import Epoch, Label, Outcome, TrialSpec
from ablate.workers.messages import Busy, Idle, Ready, Refused, WorkerPlace, WorkerTask
from ablate.workers.worker import Deserted, WorkerPipe, settle_in


class Listed:
    """A plan of a fixed list that keeps what passes."""

    def __init__(self, specs: Sequence[TrialSpec], on_epoch: Callable[[Epoch], bool] = lambda _: True) -> None:
        self.specs, self.on_epoch = list(specs), on_epoch
        self.outcomes: dict[str, Outcome] = {}
        self.epochs: list[tuple[str, int, float, float]] = []

    def ask(self, n: int) -> list[TrialSpec]:
        specs, self.specs = self.specs[:n], self.specs[n:]
        return specs

    def report(self, epoch: Epoch) -> bool:
        losses = epoch.metrics.get("train_loss", 0.0), epoch.metrics.get("val_loss", 0.0)
        self.epochs.append((epoch.trial, epoch.epoch, *losses))
        return self.on_epoch(epoch)

    def tell(self, outcome: Outcome) -> None:
        self.outcomes[outcome.trial] = outcome


def spec(trial: str) -> TrialSpec:
    """A trial that does what the first word of its name says; all have one structure."""
    return TrialSpec(trial, Label("search"), 0, {"optimizer": "adam", "learning_rate": 0.1})


def pretend(task: WorkerTask, place: WorkerPlace, pipe: Connection, notices: tuple[str, ...] = ()) -> None:
    """A worker that takes as many trials at once as `task.stack` says."""
    settle_in(task, place)
    link = WorkerPipe(pipe, max_memory=None)
    try:
        link.say(Ready(notices))
        while True:
            specs = link.hear()
            specs += link.more(task.stack - len(specs)) if task.stack else []
            for one in specs:
                do(one.trial, task, link)
                link.tell(Outcome(one.trial, "finished", score=0.5))
            link.say(Idle())
    except Deserted:
        os._exit(0)


def noticing(task: WorkerTask, place: WorkerPlace, pipe: Connection) -> None:
    """The same, with something to say of the models."""
    pretend(task, place, pipe, ("build did not look at the factor width", "nor at depth"))


def refusing(task: WorkerTask, place: WorkerPlace, pipe: Connection) -> None:
    settle_in(task, place)
    WorkerPipe(pipe, max_memory=None).say(Refused("model.name: mine.py:build fails on the baseline"))


def refusing_whole(task: WorkerTask, place: WorkerPlace, pipe: Connection) -> None:
    settle_in(task, place)
    WorkerPipe(pipe, max_memory=None).say(Refused("model.train: mine.py: there is no such file", is_whole=True))


def stillborn(task: WorkerTask, place: WorkerPlace, pipe: Connection) -> None:
    """Killed before it is ready as often as there are lines in the file `births`; it takes one out each time."""
    births = task.log.with_name(f"births-{place.number}")
    left = births.read_text().splitlines() if births.exists() else []
    if left:
        births.write_text("\n".join(left[1:]))
        os.kill(os.getpid(), signal.SIGKILL)
    pretend(task, place, pipe)


def leaving(task: WorkerTask, place: WorkerPlace, _pipe: Connection) -> None:
    settle_in(task, place)
    print("no such library")
    os._exit(5)


def mute(task: WorkerTask, place: WorkerPlace, _pipe: Connection) -> None:
    settle_in(task, place)
    hang()


METRICS = {"train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5}


def do(trial: str, task: WorkerTask, link: WorkerPipe) -> None:
    name = trial.partition("-")[0]
    if name == "once":
        flag = task.log.with_name(trial)
        if not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    elif name == "slow":
        number = 1
        while link.report([Epoch(trial, number, METRICS, 0.1, 0.05)])[0]:
            time.sleep(0.05)
            number += 1
    elif name == "busy":
        for _ in range(60):
            link.say(Busy())
            time.sleep(0.1)
    else:
        DEEDS[name]()


def grow() -> None:
    held = []
    while True:
        held.append(b"x" * (32 * 2**20))
        time.sleep(0.02)


def hang() -> None:
    """In foreign code, with the interpreter's lock held: no other thread runs, no signal of Python's is seen to."""
    ctypes.PyDLL(None).sleep(600)


def flood() -> None:
    for _ in range(160):
        print("x" * 2**19)


def fork() -> None:
    """Leave a child behind that holds the pipe."""
    if os.fork() == 0:
        time.sleep(4)
        os._exit(0)
    os._exit(6)


DEEDS: dict[str, Callable[[], object]] = {
    "fine": lambda: None,
    "segfault": lambda: ctypes.string_at(0),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(3),
    "asleep": lambda: time.sleep(600),
    "hang": hang,
    "grow": grow,
    "flood": flood,
    "fork": fork,
}
