import os
import signal
import time
from collections.abc import Callable, Iterator

import pretend
import pytest

from ablate.errors import AblateError
from ablate.study.settings import Limits
from ablate.workers import crashes, local_crew
from ablate.workers.crew import End, Worker
from ablate.workers.local_crew import LocalCrew
from ablate.workers.messages import Ready, WorkerPlace, WorkerTask
from ablate.workers.process import spawn_worker


@pytest.fixture
def task(tiny_study, tmp_path) -> WorkerTask:
    study = tiny_study.model_copy(update={"limits": Limits(trial_minutes=0.05)})
    return WorkerTask(study, tmp_path, cache=None, threads=1, log=tmp_path / "worker")


@pytest.fixture
def opened(task) -> Iterator[Callable[[int], LocalCrew]]:
    """Opens crews of some workers that are ready."""
    crews: list[LocalCrew] = []

    def of(n: int) -> LocalCrew:
        crews.append(LocalCrew(task, [WorkerPlace(number) for number in range(n)], pretend.pretend))
        crews[-1].open()
        for _ in range(n):
            worker, message = next_of(crews[-1])
            assert message == Ready()
            worker.heard(message)
        return crews[-1]

    yield of
    for crew in crews:
        crew.close()


def next_of(crew: LocalCrew) -> tuple[Worker, object]:
    """The next word of a worker; others are left for later."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for said in crew.hear(0.5):
            return said
    raise AssertionError("no worker says anything")


def test_a_worker_sits_in_each_place_and_all_end_with_the_crew(opened):
    crew = opened(2)
    assert sorted(worker.place.number for worker in crew.workers) == [0, 1]
    assert all(worker.pid == worker.line.process.pid for worker in crew.workers)
    crew.close()
    assert not any(worker.line.process.is_alive() for worker in crew.workers)


def test_a_death_is_heard_as_an_end(opened):
    crew = opened(1)
    os.kill(crew.workers[0].pid, signal.SIGKILL)
    worker, end = next_of(crew)
    assert worker is crew.workers[0]
    assert isinstance(end, End)
    assert end.reason.startswith("its process was killed by signal 9 (SIGKILL)")


def test_a_look_ends_what_went_over_a_limit_and_finds_what_died_unheard(opened, monkeypatch):
    monkeypatch.setattr(crashes, "LOOK_SECONDS", 0.0)
    crew = opened(2)
    assert crew.look_after() == []  # the time until now is no trial's
    slow, other = crew.workers
    slow.start([pretend.spec("asleep-1")])
    other.start([pretend.spec("fork-1")])  # a child of it holds the pipe
    ends: dict[Worker, str] = {}
    deadline = time.monotonic() + 30
    while crew.workers and time.monotonic() < deadline:
        for worker, end in crew.look_after():
            crew.workers.remove(worker)
            ends[worker] = end.reason
        time.sleep(0.05)
    assert ends == {
        slow: "it took longer than limits.trial_minutes = 0.05 allows",
        other: "its process exited with code 6",
    }


def test_looks_are_about_a_second_apart(opened):
    crew = opened(1)
    os.kill(crew.workers[0].pid, signal.SIGKILL)
    crew._watch._looked = time.monotonic() + 3600
    assert crew.look_after() == []


def test_if_one_worker_cannot_be_started_the_others_end(task, monkeypatch):
    started: list[Worker] = []

    def second_fails(*given: object) -> Worker:
        if started:
            raise AblateError("no worker process can be started")
        started.append(spawn_worker(*given))
        return started[-1]

    monkeypatch.setattr(local_crew, "spawn_worker", second_fails)
    crew = LocalCrew(task, [WorkerPlace(0), WorkerPlace(1)], pretend.pretend)
    with pytest.raises(AblateError, match="no worker process"):
        crew.open()
    assert not started[0].line.process.is_alive()
