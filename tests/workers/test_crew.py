from pathlib import Path

import pytest
from pretend import spec
from records import epoch_of_classes

from ablate.study.trial import Outcome
from ablate.workers.crew import End, Worker
from ablate.workers.messages import EpochReport, Idle, Ready, WorkerPlace


class Heard:
    """A line that keeps what it is told."""

    def __init__(self, end: End = End("it crashed")) -> None:  # noqa: B008 (frozen)
        self.said: list[object] = []
        self.end = end

    def say(self, message: object) -> None:
        self.said.append(message)

    def has_more(self) -> bool:
        return False

    def is_gone(self) -> bool:
        return False

    def ended(self) -> End:
        return self.end

    def kill(self) -> None:
        raise AssertionError("nobody asked for it")


def worker(line: Heard | None = None) -> Worker:
    return Worker(WorkerPlace(0), line or Heard(), Path("log"))


def test_a_trial_in_training_grows_older_and_a_worker_that_owes_a_word_more_silent():
    line = Heard()
    mine = worker(line)
    mine.start([spec("a")])
    mine.age(2.0)
    mine.start([spec("b")])
    assert line.said == [[spec("a")], [spec("b")]]
    mine.age(3.0)
    assert mine.silent == 3.0
    mine.heard(EpochReport((epoch_of_classes("b", 4, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0),)))
    assert mine.silent == 0.0
    assert mine.trials["a"].outcome("killed", "why") == Outcome("a", "killed", seconds=5.0, reason="why")
    assert mine.trials["b"].outcome("failed", "", traceback="t").epochs == 4
    for trial in ("a", "b"):
        mine.heard(Outcome(trial, "finished"))
    mine.heard(Idle())
    mine.age(10.0)
    assert (mine.trials, mine.silent) == ({}, 0.0)


def test_what_was_said_by_another_is_only_noted():
    line = Heard()
    mine = worker(line)
    mine.begin([spec("a"), spec("b")])
    assert (line.said, list(mine.trials), mine.is_idle) == ([], ["a", "b"], False)


@pytest.mark.parametrize("is_final", [False, True])
def test_an_end_is_final_only_before_a_worker_was_ready(is_final):
    mine = worker(Heard(End("it exited", is_final=is_final)))
    assert mine.ended().is_final == is_final
    mine.heard(Ready())
    assert (mine.is_idle, mine.ended()) == (True, End("it exited"))
