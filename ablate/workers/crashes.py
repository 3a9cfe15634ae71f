"""Decide what happens to a dead worker's trial and its place, and find workers over a memory or time limit."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias, final

from ablate import system
from ablate.study.settings import Limits
from ablate.study.trial import Outcome
from ablate.workers.crew import End, Worker
from ablate.workers.logs import log_tail

LOOK_SECONDS = 1.0  # least time between two checks of the workers
# A longer gap between two checks is not the workers' fault: the machine slept, or Ctrl-Z had stopped all processes.
LEAP_SECONDS = 5.0
SHARE = 0.9  # of the machine's memory: the limit for all workers together
GB = 2**30
Over: TypeAlias = list[tuple[Worker, End]]  # workers to end, and why


@final
class CrashCounter:
    """Counts the workers that a study has lost. A trial or a place that loses more than `most` workers is given up."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._deaths: dict[str, int] = {}  # by trial: number of workers that died while they trained it alone
        self._stillborn: dict[int, int] = {}  # by place: number of consecutive workers that died before they were ready

    def given_up(self, worker: Worker, end: End) -> Outcome | None:
        """The outcome of a lone trial that is given up.

        None if it is tried again, or if the worker had no or several trials.
        """
        if len(worker.trials) != 1 or not end.counts:
            return None
        [(trial, going)] = worker.trials.items()
        tries = self._deaths[trial] = self._deaths.get(trial, 0) + 1
        if not end.is_final and tries <= self._most:
            return None
        reason = end.reason if tries == 1 else f"{end.reason}; tried {tries} times"
        words = log_tail(worker.log)
        said = f"The last output of its worker ({worker.log}):\n{words}" if words else ""
        return going.outcome(end.state, reason, traceback=said)

    def is_hopeless(self, worker: Worker, end: End) -> bool:
        """Whether starting another worker in the place of a dead one is pointless."""
        if worker.is_ready or not end.counts:
            return False
        number = worker.place.number
        self._stillborn[number] = self._stillborn.get(number, 0) + 1
        return end.is_final or self._stillborn[number] > self._most

    def note_ready(self, worker: Worker) -> None:
        """Note that a worker is ready."""
        self._stillborn.pop(worker.place.number, None)


@final
class ResourceMonitor:
    """The limits of a study, and the time since its workers were last checked. `memory` is the machine's, in bytes.

    `neighbours` names processes of other workers on this machine, which others check.
    """

    def __init__(self, limits: Limits, *, memory: int, neighbours: Callable[[], Sequence[int]] = tuple) -> None:
        self._limits, self._memory, self._neighbours = limits, memory, neighbours
        self._looked = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time for another check."""
        return time.monotonic() - self._looked >= LOOK_SECONDS

    def over(self, workers: Sequence[Worker]) -> Over:
        """Workers that must be ended now, with the reason."""
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, LEAP_SECONDS), now
        for worker in workers:
            worker.age(passed)
        too_slow = [(worker, end) for worker in workers if (end := self._timed_out(worker)) is not None]
        return too_slow or self._too_large(workers)

    def _timed_out(self, worker: Worker) -> End | None:
        whole, silent = self._limits.trial_minutes, self._limits.silent_minutes
        if whole is not None and any(going.seconds > 60 * whole for going in worker.trials.values()):
            return End(f"it took longer than limits.trial_minutes = {whole:g} allows", is_final=True)
        if worker.silent > 60 * silent and not worker.line.has_more():
            return End(f"its process was silent for longer than limits.silent_minutes = {silent:g}", is_final=True)
        return None

    def _too_large(self, workers: Sequence[Worker]) -> Over:
        """Workers above the limit.

        Without a limit: the largest worker, if all workers and this process hold over nine tenths of the memory. It is
        left to others if it is theirs.
        """
        allowed = self._limits.memory_gb
        if allowed is not None:
            held = _held(workers, exact_above=int(allowed * GB))
            text = f"GB of memory, but limits.memory_gb = {allowed:g} allows no more"
            return [(worker, _too_much(n, text, is_final=True)) for worker, n in held.items() if n > allowed * GB]
        if not workers or not self._memory:
            return []
        others = [system.tree_memory_bytes(pid, exact_above=sys.maxsize) for pid in self._neighbours()]
        own, most = system.held_memory_bytes(os.getpid()) + sum(others), SHARE * self._memory
        if sum(_held(workers).values()) + own <= most:
            return []
        held = _held(workers, exact_above=0)
        if (total := sum(held.values()) + own) <= most:
            return []
        largest = max(held, key=lambda worker: held[worker])
        if max(others, default=0) > held[largest]:
            return []
        whole = f"{SHARE:.0%} of this machine's {self._memory / GB:.1f} GB"
        text = f"GB of memory and the study {total / GB:.1f} GB, more than {whole}"
        return [(largest, _too_much(held[largest], text, is_final=False))]  # with smaller neighbours the trial may fit


def _held(workers: Sequence[Worker], *, exact_above: int = sys.maxsize) -> dict[Worker, int]:
    """The memory of each worker with its child processes; above a limit, what they share is counted once."""
    return {worker: system.tree_memory_bytes(worker.pid, exact_above=exact_above) for worker in workers}


def _too_much(held: int, text: str, *, is_final: bool) -> End:
    return End(f"its process held {held / GB:.1f} {text}", state="out_of_memory", is_final=is_final)
