"""Workers as the scheduler sees them, on this machine or others: what each does, and how it is talked to and ended."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, final

from ablate.study.catalog import Structure
from ablate.study.trial import FailedState, Outcome, State, TrialSpec
from ablate.workers.messages import EpochReport, Idle, Ready, WorkerPlace


@dataclass(frozen=True, slots=True)
class End:
    """Why a worker ended, and the state of its trial if it trained only that trial and it is not tried again."""

    reason: str
    state: FailedState = "failed"
    is_final: bool = False  # another attempt would end the same way
    counts: bool = True  # as an attempt at its trial; not where the machine went, whatever it trained


class Line(Protocol):
    """The connection to a worker process."""

    def say(self, message: object) -> None:
        """Send it a message. If it is gone, the message is lost, and its end is heard later."""
        ...

    def has_more(self) -> bool:
        """Whether something that it sent was not heard yet."""
        ...

    def is_gone(self) -> bool:
        """Whether its process has ended and all that it sent was heard."""
        ...

    def ended(self) -> End:
        """Why it ended, once nothing more can be heard of it."""
        ...

    def kill(self) -> None:
        """Kill it; its log says what it was doing."""
        ...


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
    line: Line
    log: Path  # file of its output, or of the last of it if it is on another machine
    pid: int = 0  # of its process on this machine
    trials: dict[str, RunningTrial] = field(default_factory=dict)  # running trials, by name
    silent: float = 0.0  # seconds since its last message, while it is not idle
    structure: Structure = ()  # of the running trials
    seen: set[Structure] = field(default_factory=set)
    is_ready: bool = False
    is_idle: bool = False
    since: float = field(default_factory=time.perf_counter)  # when it was started, or became idle

    def start(self, specs: Sequence[TrialSpec]) -> None:
        """Send it specs, all of one structure."""
        self.begin(specs)
        self.line.say(list(specs))

    def begin(self, specs: Sequence[TrialSpec]) -> None:
        """Note that it has specs, all of one structure."""
        self.trials.update({spec.trial: RunningTrial(spec) for spec in specs})
        self.is_idle, self.silent = False, 0.0

    def heard(self, message: object) -> None:
        """Note what it has sent."""
        self.silent = 0.0
        match message:
            case Ready():
                self.is_ready = self.is_idle = True
            case EpochReport():
                for epoch in message.epochs:
                    self.trials[epoch.trial].epochs = epoch.epoch
            case Outcome():
                del self.trials[message.trial]
            case Idle():
                self.is_idle = True

    def ended(self) -> End:
        """Why it ended, once nothing more can be heard of it: one that exits before it is ready would do so again."""
        end = self.line.ended()
        return replace(end, is_final=end.is_final and not self.is_ready)

    def age(self, seconds: float) -> None:
        """Add elapsed seconds to its timers."""
        if not self.is_idle:
            self.silent += seconds
        for going in self.trials.values():
            going.seconds += seconds


class Crew(Protocol):
    """The workers that there are, wherever they run."""

    @property
    def workers(self) -> list[Worker]:
        """Those that run; the scheduler takes the dead out."""
        ...

    def open(self) -> None:
        """Start the first workers. Raises `AblateError` if none can be started."""
        ...

    def hire(self, place: WorkerPlace) -> None:
        """Start a worker in the place of one that is gone."""
        ...

    def hear(self, timeout: float) -> Iterator[tuple[Worker, object]]:
        """What workers say, within some seconds: a message each, or their `End`."""
        ...

    def look_after(self) -> Sequence[tuple[Worker, End]]:
        """From time to time: the workers that died silently, and those that were ended as they went over a limit."""
        ...

    def close(self) -> None:
        """End all workers: busy ones at once, idle ones as they like to for a moment."""
        ...
