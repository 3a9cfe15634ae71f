"""The crew of a cluster with made-up actors: whom it starts where, and what becomes of what Ray says."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from pretend import spec

from ablate.storage.conditions import Conditions
from ablate.study.trial import Outcome
from ablate.workers.messages import Idle, Ready, WorkerTask

pytest.importorskip("ray")
from ray import exceptions

from ablate.workers.cluster import cluster_crew as module
from ablate.workers.cluster.cluster_crew import NODE_LOST, PING_SECONDS, ClusterCrew
from ablate.workers.cluster.node_record import NodeRecord
from ablate.workers.cluster.nodes import Node
from ablate.workers.cluster.shipment import Brought, Ended, Shipment
from ablate.workers.crew import End, Worker

EPYC = Conditions("p", "code", {}, "tensorflow", "CPU AMD EPYC", 1, 1, {})


def node(name: str, seats: int) -> Node:
    return Node(name, NodeRecord(f"host-{name}", "AMD EPYC", 8, 0, (), EPYC), seats)


class Ray:
    """A Ray whose actors note their calls; an answer is given by hand."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []  # of all actors; a reference is a place in it
        self.answers: dict[int, Any] = {}
        self.seats: list[tuple[str, int]] = []  # the machine and number of each actor
        self.killed: list[object] = []

    def put(self, one: object) -> object:
        return one

    def remote(self, _kind: type) -> Any:
        return SimpleNamespace(options=lambda *, scheduling_strategy, **_: self._at(scheduling_strategy))

    def _at(self, name: str) -> Any:
        def start(_shipment: object, _data: object, seat: Any) -> Any:
            self.seats.append((name, seat.number))
            return SimpleNamespace(**{call: self._call(call) for call in ("hire", "exchange", "look", "leave")})

        return SimpleNamespace(remote=start)

    def _call(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *given: self.calls.append((name, given)) or len(self.calls) - 1)

    def wait(self, refs: list[int], *, num_returns: int, timeout: float) -> tuple[list[int], list[int]]:  # noqa: ARG002
        ready = [ref for ref in refs if ref in self.answers][:num_returns]
        return ready, [ref for ref in refs if ref not in ready]

    def get(self, ref: int) -> Any:
        answer = self.answers.pop(ref)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self, actor: object, *, no_restart: bool) -> None:
        assert no_restart
        self.killed.append(actor)


class Machines:
    """The machines of a cluster, changed by hand."""

    def __init__(self) -> None:
        self.alive = frozenset({"a", "b"})
        self.coming: list[Node] = []
        self.lost: list[str] = []

    def new(self) -> list[Node]:
        coming, self.coming = self.coming, []
        return coming

    def lose(self, name: str) -> None:
        self.lost.append(name)


@pytest.fixture
def machines(monkeypatch) -> Machines:
    made = Machines()
    monkeypatch.setattr(module, "alive_nodes", lambda: [{"NodeID": name} for name in made.alive])
    return made


@pytest.fixture
def ray(monkeypatch) -> Ray:
    made = Ray()
    monkeypatch.setattr(module, "ray", made)
    monkeypatch.setattr(module, "NodeAffinitySchedulingStrategy", lambda name, *, soft: name if not soft else "")
    return made


@pytest.fixture
def opened(tiny_study, ray, machines, tmp_path) -> Callable[..., tuple[ClusterCrew, list[str]]]:  # noqa: ARG001
    """Crews on some machines, and their notices."""

    def on(*first: Node, most: int | None = None) -> tuple[ClusterCrew, list[str]]:
        said: list[str] = []
        task = WorkerTask(tiny_study, tmp_path, tmp_path / "cache", 1, tmp_path / "worker", kept_in=tmp_path)
        shipment = Shipment(task, "code", "1234", tmp_path / ".cluster", serve=print, cache={"ways/a": b"a"})
        nodes: Any = machines
        crew = ClusterCrew(
            nodes, list(first), shipment, "data", threads=1, most=most, on_gpu=False, on_notice=said.append
        )
        crew.open()
        return crew, said

    return on


def heard(crew: ClusterCrew) -> list[tuple[int, object]]:
    found = []
    for worker, message in crew.hear(0.0):
        if isinstance(message, End):
            crew.workers.remove(worker)
        else:
            worker.heard(message)
        found.append((worker.place.number, message))
    return found


def test_a_worker_sits_on_each_seat_and_never_more_than_asked_for(opened, ray):
    opened(node("a", 2), node("b", 1))
    assert ray.seats == [("a", 0), ("a", 1), ("b", 2)]
    ray.seats.clear()
    opened(node("a", 2), node("b", 2), most=3)
    assert ray.seats == [("a", 0), ("a", 1), ("b", 2)]


def test_a_machine_that_was_not_needed_takes_the_place_of_one_that_left(opened, ray, machines):
    crew, said = opened(node("a", 1), node("b", 1), most=1)
    crew.look_after()
    assert ray.seats == [("a", 0)]
    machines.alive = frozenset({"b"})
    ray.answers[0] = exceptions.ActorUnavailableError("line cut", None)
    assert heard(crew) == [(0, NODE_LOST)]
    crew.look_after()
    assert (ray.seats, said) == ([("a", 0), ("b", 1)], [])


def test_where_no_machine_is_left_one_is_waited_for(opened, ray, machines):
    crew, said = opened(node("a", 1))
    machines.alive = frozenset()
    ray.answers[0] = exceptions.ActorDiedError()
    assert heard(crew) == [(0, NODE_LOST)]
    assert machines.lost == ["a"]
    for _ in range(2):
        crew.look_after()
    machines.coming = [node("c", 1)]
    crew.look_after()
    assert said == [
        "no machine of the cluster is left: waiting for one (ray start --address=…)",
        "host-c has come: going on",
    ]
    assert ray.seats == [("a", 0), ("c", 1)]


def test_a_worker_is_replaced_on_its_machine_as_long_as_that_is_there(opened, ray):
    crew, _ = opened(node("a", 2))
    first, second = (worker.place for worker in crew.workers)
    ray.answers[0] = exceptions.ActorDiedError()
    [(number, end)] = heard(crew)
    assert (number, end.counts, end.reason.startswith("the process beside it ended: ")) == (0, True, True)
    crew.hire(first)
    ray.answers[1] = exceptions.ActorUnavailableError("line cut", None)
    assert heard(crew) == [(1, NODE_LOST)]
    crew.hire(second)
    assert ray.seats == [("a", 0), ("a", 1), ("a", 0)]


def test_rays_own_end_of_a_process_for_want_of_memory_is_told_so(opened, ray):
    crew, _ = opened(node("a", 1))
    ray.answers[0] = exceptions.OutOfMemoryError("Task was killed")
    [(_, end)] = heard(crew)
    assert (end.state, end.is_final) == ("out_of_memory", False)
    assert len(ray.killed) == 1


def test_a_workers_end_is_told_and_its_last_output_is_in_its_log(opened, ray):
    crew, _ = opened(node("a", 1))
    log = crew.workers[0].log
    ray.answers[0] = [Ready(), Ended(End("it crashed"), "Segmentation fault")]
    assert heard(crew) == [(0, Ready()), (0, End("it crashed"))]
    assert log.read_text() == "Segmentation fault\n"


def start(worker: Worker, trial: str, ray: Ray, *answer: object) -> tuple[Any, ...]:
    """What an actor gets with a trial, that it answers at once."""
    worker.start([spec(trial)])
    ray.answers[len(ray.calls) - 1] = list(answer)
    return ray.calls[-1][1]


def test_files_go_to_the_drivers_folders_and_what_is_new_of_the_cache_once_to_each_machine(opened, ray, tmp_path):
    crew, _ = opened(node("a", 2), node("b", 1))
    ray.answers |= {0: [Ready()], 1: [Ready()], 2: [Ready()]}
    heard(crew)
    first, second, third = crew.workers
    brought = Brought({"models/t.keras": b"m"}, {"ways/b": b"b"})
    ended = Outcome("t", "finished")
    assert start(first, "t", ray, brought, ended, Idle())[1] == {}
    assert heard(crew) == [(0, replace(ended, trained_on="host-a")), (0, Idle())]
    assert ((tmp_path / "models/t.keras").read_bytes(), (tmp_path / "cache/ways/b").read_bytes()) == (b"m", b"b")
    assert start(second, "u", ray)[1] == {}  # the machine that it is from
    assert start(third, "v", ray)[1] == {"ways/b": b"b"}
    assert start(first, "w", ray)[1] == {}
    third.line.say([True])
    assert ray.calls[-1] == ("exchange", ([True], {}))


def test_an_idle_worker_gets_a_sign_of_life_a_minute(opened, ray, monkeypatch):
    crew, _ = opened(node("a", 2))
    ray.answers[0] = [Ready()]
    heard(crew)  # the other one is busy
    now = module.time.monotonic() + PING_SECONDS + 1
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    for _ in range(2):
        crew.look_after()
    assert [name for name, _ in ray.calls] == ["hire", "hire", "look"]
    ray.answers[2] = []
    assert heard(crew) == []
    assert crew.workers[0].is_idle


def test_at_the_end_idle_workers_clean_up_and_all_go(opened, ray, tmp_path):
    crew, _ = opened(node("a", 2))
    (tmp_path / ".cluster").touch()
    ray.answers[0] = [Ready()]
    heard(crew)
    crew.close()
    assert [name for name, _ in ray.calls] == ["hire", "hire", "leave"]
    assert len(ray.killed) == 2
    assert not (tmp_path / ".cluster").exists()
