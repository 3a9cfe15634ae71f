from concurrent.futures import Executor, Future
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ablate.errors import AblateError
from ablate.storage.conditions import Conditions

pytest.importorskip("ray")
from ablate.workers.cluster import nodes as module
from ablate.workers.cluster.node_record import GIB, NodeRecord
from ablate.workers.cluster.nodes import DEAD_SECONDS, LOOK_SECONDS, Nodes, uses_gpus

EPYC = Conditions("p", "code", {"keras": "3.15", "numpy": "2.5"}, "tensorflow", "CPU AMD EPYC", 1, 1, {})
XEON = replace(EPYC, device="CPU Intel Xeon")


def record(conditions: Conditions = EPYC, *, memory: int = 64 * GIB) -> NodeRecord:
    return NodeRecord("host", conditions.device, 4, memory, (), conditions)


class Ray:
    """A Ray with made-up machines; a reference is the name of the machine that was asked."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, NodeRecord | Exception] = {}
        self.asked: list[str] = []

    def add(self, name: str, answer: NodeRecord | Exception | None = None, **resources: float) -> None:
        """A machine that answers at once if an answer is given."""
        self.there[name] = {
            "NodeID": name,
            "Alive": True,
            "Resources": resources or {"CPU": 4.0},
            "NodeManagerHostname": f"host-{name}",
        }
        if answer is not None:
            self.answers[name] = answer

    def nodes(self) -> list[dict[str, Any]]:
        return list(self.there.values())

    def remote(self, **_: object) -> Any:
        def ask_at(scheduling_strategy: str) -> Any:
            name = scheduling_strategy
            return SimpleNamespace(remote=lambda *_: self.asked.append(name) or name)

        return lambda _function: SimpleNamespace(options=ask_at)

    def wait(self, refs: list[str], *, num_returns: int, timeout: float) -> tuple[list[str], list[str]]:
        assert (num_returns, timeout) == (len(refs), 0)
        return [ref for ref in refs if ref in self.answers], [ref for ref in refs if ref not in self.answers]

    def get(self, ref: str) -> NodeRecord:
        answer = self.answers[ref]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    """A time in which only sleep passes."""

    def __init__(self) -> None:
        self.now, self.at_sleep = 1000.0, lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.at_sleep()


@pytest.fixture
def ray(monkeypatch) -> Ray:
    made = Ray()
    monkeypatch.setattr(module, "ray", made)
    monkeypatch.setattr(module, "NodeAffinitySchedulingStrategy", lambda name, *, soft: name if not soft else "")
    return made


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


class AtOnce(Executor):
    """No threads: what is asked is answered before anything else happens, unless the head is `down`."""

    def __init__(self) -> None:
        self.down: Exception | None = None
        self.is_silent = False

    def submit(self, ask: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        answer: Future[Any] = Future()
        if self.down:
            answer.set_exception(self.down)
        elif not self.is_silent:
            answer.set_result(ask(*args, **kwargs))
        return answer


class Seen:
    """The machines that were admitted, and what was said."""

    def __init__(self, study: Any, clock: Clock, **changed: Any) -> None:
        self.said: list[str] = []
        settings = {"code": "code", "threads": 1, "on_gpu": False, "mixed": False, "device": ""} | changed
        settings.setdefault("executor", AtOnce())
        self.nodes = Nodes(study, flags={}, names=(), on_notice=self.said.append, **settings)
        self._clock = clock

    def look(self, *, after: float = LOOK_SECONDS) -> dict[str, int]:
        """Seats by machine, of those that are new after some seconds."""
        self._clock.now += after
        return {node.id: node.seats for node in self.nodes.new()}


@pytest.fixture
def seen(tiny_study, clock) -> Any:
    return lambda **changed: Seen(tiny_study, clock, **changed)


def test_a_head_that_does_not_answer_keeps_nobody_waiting(ray, seen):
    head = AtOnce()
    here = seen(executor=head)
    ray.add("a", record())
    assert here.look() == {"a": 4}
    ray.add("b", record())
    head.down = RuntimeError("Timed out while waiting for GCS to become available")
    assert here.look() == {}
    assert here.nodes.alive == {"a"}  # as far as is known
    head.down, head.is_silent = None, True
    assert [here.look() for _ in range(3)] == [{}, {}, {}]  # one question at a time


def test_a_machine_is_asked_and_given_once(ray, seen):
    ray.add("a", record())
    ray.add("b")
    here = seen()
    assert here.look() == {"a": 4}
    assert (here.nodes.is_looking(), here.nodes.reference) == (True, EPYC)
    assert here.look() == {}
    ray.answers["b"] = record(memory=6 * GIB)
    ray.add("c", record())
    assert here.look(after=0.1) == {"b": 3}  # the list of machines is not that often looked at
    assert here.look() == {"c": 4}
    assert (ray.asked, here.said) == (["a", "b", "c"], [])


def test_a_machine_of_another_kind_is_left_out_with_what_differs(ray, seen):
    ray.add("a", record())
    ray.add("b", record(replace(XEON, versions={"keras": "3.15", "numpy": "2.4"})))
    here = seen()
    assert here.look() == {"a": 4}
    assert here.said == [
        "a machine is left out, host-b: its numbers would differ: numpy 2.4, but 2.5 on the others, and 1 more "
        "(--mixed takes it in)"
    ]


def test_mixed_takes_it_in(ray, seen):
    ray.add("a", record())
    ray.add("b", record(XEON))
    here = seen(mixed=True)
    assert [(node.id, node.is_mixed) for node in here.nodes.new()] == [("a", False), ("b", True)]
    assert here.said == ["host is unlike the others: device Intel Xeon, but AMD EPYC on the others; numbers may differ"]
    assert here.nodes.reference == EPYC


@pytest.mark.parametrize("mixed", [False, True])
def test_a_machine_without_the_studys_code_is_left_out_in_any_case(ray, seen, mixed):
    ray.add("a", record(replace(EPYC, model="")))
    here = seen(mixed=mixed)
    assert here.look() == {}
    assert here.said == ["a machine is left out, host-a: the study's own code is another there, or is missing"]


def test_a_machine_without_room_is_left_out_and_decides_nothing(ray, seen):
    ray.add("a", record(XEON), CPU=1.0)
    ray.add("b", record())
    here = seen(threads=2)
    assert here.look() == {"b": 2}
    needs = "it takes 2 processors (--threads) and 2 GiB of memory"
    assert here.said == [f"a machine is left out, host-a: it has no room for a worker: {needs}"]
    assert here.nodes.reference == EPYC


def test_a_study_goes_on_with_the_kind_of_machine_that_it_was_started_on(ray, seen):
    ray.add("a", record())
    ray.add("b", record(XEON))
    here = seen(device="CPU Intel Xeon")
    assert here.look() == {"b": 4}
    [said] = here.said
    assert "host-a: its numbers would differ: the study was started on CPU Intel Xeon, it has CPU AMD EPYC (" in said


def test_machines_without_processors_or_gpus_for_workers_are_not_asked(ray, seen):
    ray.add("head", record(), CPU=0.0)
    ray.add("a", record(), CPU=4.0)
    assert (seen().look(), uses_gpus()) == ({"a": 4}, False)
    ray.add("g", record(), CPU=4.0, GPU=2.0)
    assert (seen(on_gpu=True).look(), uses_gpus()) == ({"g": 2}, True)
    assert ray.asked == ["a", "g"]


def test_a_machine_that_cannot_run_ablate_is_left_out_with_the_reason(ray, seen):
    err = RuntimeError("Ray wraps it")
    err.cause = AblateError("/tmp/x: belongs to another user")
    ray.add("a", err)
    ray.add("b", ModuleNotFoundError("No module named 'keras'"))
    here = seen()
    assert here.look() == {}
    assert here.said[0] == "a machine is left out, host-a: ablate cannot run there: /tmp/x: belongs to another user"
    assert here.said[1].startswith("a machine is left out, host-b: ablate cannot run there: ")
    assert "No module named 'keras'" in here.said[1]


def test_of_a_machine_that_leaves_meanwhile_nothing_is_said(ray, seen):
    ray.add("a")
    here = seen()
    assert here.look() == {}
    ray.there["a"]["Alive"] = False
    ray.answers["a"] = RuntimeError("its node died")
    assert (here.look(), here.said, here.nodes.alive) == ({}, [], frozenset())


def test_a_lost_machine_is_looked_at_again_only_when_ray_would_know_that_it_is_dead(ray, seen):
    ray.add("a", record())
    here = seen()
    assert here.look() == {"a": 4}
    here.nodes.lose("a")
    assert here.look() == here.look(after=DEAD_SECONDS - LOOK_SECONDS) == {}
    assert here.look() == {"a": 4}
    assert here.look(after=2 * DEAD_SECONDS) == {}
    assert ray.asked == ["a", "a"]


def test_the_first_machine_is_waited_for_with_one_notice(ray, seen, clock):
    here = seen()
    clock.at_sleep = lambda: ray.add("a", record()) if clock.now > 1030 else None
    assert [node.id for node in here.nodes.first()] == ["a"]
    assert here.said == ["no machine of the cluster can train this study yet: waiting for one (Ctrl-C stops)"]
