"""Workers that have ended into what becomes of the trial and of the place that each of them had."""

from typing import final

from ablate.study.trial import Outcome
from ablate.workers.logs import last_words
from ablate.workers.process import End, Worker


@final
class Losses:
    """What a study's workers have lost so far. `most` is how often a trial or a place may lose one and go on."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._deaths: dict[str, int] = {}  # by trial: how many workers died while they trained it alone
        self._stillborn: dict[int, int] = {}  # by place: how many died one after the other before they were ready

    def given_up(self, worker: Worker, end: End) -> Outcome | None:
        """How the one trial of a worker is told; None where it is tried again, or where there are none or several."""
        if len(worker.trials) != 1:
            return None
        [(trial, going)] = worker.trials.items()
        tries = self._deaths[trial] = self._deaths.get(trial, 0) + 1
        if not end.is_final and tries <= self._most:
            return None
        reason = end.reason if tries == 1 else f"{end.reason}; tried {tries} times"
        words = last_words(worker.log)
        said = f"The last output of its worker ({worker.log}):\n{words}" if words else ""
        return going.outcome(end.state, reason, traceback=said)

    def is_hopeless(self, worker: Worker, end: End) -> bool:
        """Whether another worker in the place of one that has ended would come no further."""
        if worker.is_ready:
            return False
        number = worker.place.number
        self._stillborn[number] = self._stillborn.get(number, 0) + 1
        return end.is_final or self._stillborn[number] > self._most

    def note_ready(self, worker: Worker) -> None:
        """A worker has come to life."""
        self._stillborn.pop(worker.place.number, None)
