"""What the scheduler does for each of very many workers, counted: a thousand of them say something all the time."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pretend import Listed, spec

from ablate.study.catalog import Structure, structure_of
from ablate.study.trial import TrialSpec
from ablate.workers.crew import RunningTrial
from ablate.workers.messages import WorkerPlace, WorkerTask
from ablate.workers.pool import TrialScheduler
from ablate.workers.queue import TrialQueue

ADAM = structure_of({"optimizer": "adam"}, model="mlp")


class MadeUp:
    """A worker without a process that counts looks at what it has compiled."""

    looks = 0

    def __init__(self, number: int, *, is_idle: bool, seen: set[Structure]) -> None:
        self.place, self.is_idle, self.structure, self.since = WorkerPlace(number), is_idle, (), 0.0
        self.trials = {} if is_idle else {f"t{number}": RunningTrial(spec(f"t{number}"))}
        self._seen = seen

    @property
    def seen(self) -> set[Structure]:
        MadeUp.looks += 1
        return self._seen

    def start(self, specs: list[TrialSpec]) -> None:
        self.trials, self.is_idle = {one.trial: RunningTrial(one) for one in specs}, False


class MadeUpCrew:
    """Hears nothing."""

    def __init__(self, workers: list[MadeUp]) -> None:
        self.workers = workers

    def hear(self, _timeout: float) -> Iterator[tuple[Any, object]]:
        return iter(())


@pytest.fixture
def taken(monkeypatch) -> list[int]:
    """The workers for which the queue was asked."""
    asked: list[int] = []
    take = TrialQueue.take
    monkeypatch.setattr(
        TrialQueue, "take", lambda queue, worker, all_: asked.append(worker.place.number) or take(queue, worker, all_)
    )
    monkeypatch.setattr(MadeUp, "looks", 0)
    return asked


def hand_out(task: WorkerTask, *workers: MadeUp, specs: int = 3) -> Listed:
    plan = Listed([spec(f"next{n}") for n in range(specs)])
    crew = MadeUpCrew(list(workers))
    TrialScheduler(task, crew, stop=threading.Event(), on_start=lambda _: None)._hand_out(plan)
    return plan


@pytest.fixture
def task(tiny_study) -> WorkerTask:
    return WorkerTask(tiny_study, Path(), cache=None, threads=1, log=Path("worker"))


@pytest.fixture
def busy() -> list[MadeUp]:
    return [MadeUp(number, is_idle=False, seen={ADAM}) for number in range(1000)]


def test_nothing_is_done_for_busy_workers(task, taken, busy):
    plan = hand_out(task, *busy)
    assert (taken, MadeUp.looks, len(plan.specs)) == ([], 0, 3)  # nor is the plan asked


def test_one_that_is_free_and_has_compiled_the_next_trial_costs_no_look_at_the_others(task, taken, busy):
    free = MadeUp(1000, is_idle=True, seen={ADAM})
    hand_out(task, *busy, free)
    assert list(free.trials) == ["next0"]
    assert taken == [1000]
    assert MadeUp.looks == 2  # its own: to choose, and to note what it compiles


def test_else_one_look_at_each(task, taken, busy):
    free = MadeUp(1000, is_idle=True, seen=set())
    hand_out(task, *busy, free)
    assert list(free.trials) == ["next0"]
    assert (taken, MadeUp.looks) == ([1000], 2 + len(busy))


def test_free_workers_are_asked_for_in_turn_while_specs_wait(task, taken):
    free = [MadeUp(number, is_idle=True, seen={ADAM}) for number in range(5)]
    hand_out(task, *free, specs=3)
    assert [list(worker.trials) for worker in free] == [["next0"], ["next1"], ["next2"], [], []]
    assert taken == [0, 1, 2, 3, 4]
