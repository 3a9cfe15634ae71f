"""The workers of a cluster, as the scheduler sees them: an actor each, with one call under way while it is busy."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias, final

import ray
from ray import exceptions
from ray.autoscaler.sdk import request_resources
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ablate.errors import one_line, reason_of
from ablate.storage.files.atomic import saving
from ablate.study.trial import Outcome
from ablate.workers.cluster.nodes import Node, Nodes, alive_nodes
from ablate.workers.cluster.nurse import Nurse
from ablate.workers.cluster.shipment import Brought, Ended, Seat, Shipment, write_missing, write_over
from ablate.workers.crew import End, Worker
from ablate.workers.messages import WorkerPlace

PING_SECONDS = 60.0  # between two signs of life to an idle worker
CLOSE_SECONDS = 3.0  # for actors to clean up
AGE_SECONDS = 1.0  # between two looks at the workers' times
WAIT_SECONDS = 0.2  # between two looks while there is no worker
NODE_LOST = End("its machine left the cluster, or the line to it was cut", counts=False)
Ref: TypeAlias = Any  # of Ray: an object reference, an actor's handle
_FileNames: TypeAlias = set[str]


@final
@dataclass(slots=True)
class _Machine:
    """A machine in use."""

    node: Node
    sent: _FileNames = field(default_factory=set)  # cache files that it has


@final
class ActorLine:
    """The connection to a worker process beside an actor."""

    def __init__(self, actor: Ref, machine: _Machine, new: dict[str, bytes]) -> None:
        self.actor, self.machine, self._new = actor, machine, new
        self.call: Ref | None = actor.hire.remote()  # the call under way
        self.pinged = time.monotonic()
        self.is_lost = False

    def say(self, message: object) -> None:
        """Send it a message, with the cache files that its machine lacks."""
        files = {name: content for name, content in self._new.items() if name not in self.machine.sent}
        self.machine.sent |= files.keys()
        self.call = self.actor.exchange.remote(message, files)

    def ping(self) -> None:
        """Look whether it is there, and show that the driver is."""
        self.pinged = time.monotonic()
        self.call = self.actor.look.remote()

    def has_more(self) -> bool:
        """Whether something that it sent was not heard yet."""
        return self.call is not None and bool(ray.wait([self.call], timeout=0)[0])

    def is_gone(self) -> bool:
        """No: its end is heard as the end of a call."""
        return False

    def ended(self) -> End:
        """It has ended in good order."""
        self.kill()
        return End("")

    def kill(self) -> None:
        """Kill actor and worker."""
        self.is_lost = True
        with suppress(Exception):  # it is gone
            ray.kill(self.actor, no_restart=True)


@final
class ClusterCrew:
    """The workers on the machines of a cluster, at most `most` of them; a `Crew`.

    Machines that come are used, and those that go are waited for.
    """

    def __init__(
        self,
        nodes: Nodes,
        first: list[Node],
        shipment: Shipment,
        data: Ref,
        *,
        threads: int,
        most: int | None,
        on_gpu: bool,
        on_notice: Callable[[str], None],
    ) -> None:
        self._nodes, self._first, self._threads, self._most, self._on_gpu = nodes, first, threads, most, on_gpu
        self._shipment, self._data, self._on_notice = shipment, data, on_notice
        self._shipped: Ref = None
        self.workers: list[Worker] = []
        self._machines: dict[str, _Machine] = {}  # by Ray's number
        self._spare: list[Node] = []  # not needed for `most` workers, until another machine leaves
        self._numbers = 0  # of workers so far
        self._of: dict[int, str] = {}  # the machine of a worker, by its number
        self._new: dict[str, bytes] = {}  # cache files that machines brought
        self._aged = time.monotonic()
        self._is_waiting = False

    def open(self) -> None:
        """Start workers on the machines that have answered."""
        self._shipped = ray.put(self._shipment)
        self._ask_for_room()
        for node in self._first:
            self._settle(node)

    def hire(self, place: WorkerPlace) -> None:
        """Start a worker in the place of one that is gone, if its machine is still there."""
        machine = self._machines.get(self._of.get(place.number, ""))
        if machine is not None:
            line = self._line(machine, place.number)
            self.workers.append(Worker(place, line, self._shipment.task.log_of(place.number)))

    def hear(self, timeout: float) -> Iterator[tuple[Worker, object]]:
        """What workers say, within some seconds."""
        calls = {line.call: worker for worker, line in self._lines() if line.call is not None}
        if not calls:
            time.sleep(min(timeout, WAIT_SECONDS))
            return
        ready, others = ray.wait(list(calls), num_returns=1, timeout=timeout)
        if ready and others:
            ready += ray.wait(others, num_returns=len(others), timeout=0)[0]
        for call in ready:
            yield from self._said(calls[call], call)

    def look_after(self) -> list[tuple[Worker, End]]:
        """Take in machines that came, and drop those that left with their workers; a sign of life to idle workers."""
        self._age()
        spare, self._spare = [node for node in self._spare if node.id in self._nodes.alive], []
        for node in (*spare, *self._nodes.new()):
            self._settle(node)
        self._say_if_nobody_is_there()
        return []

    def close(self) -> None:
        """End all workers, and let their machines clean up."""
        actors = [line.actor for _, line in self._lines() if not line.is_lost]
        with suppress(Exception):
            leaving = [line.actor.leave.remote() for worker, line in self._lines() if line.call is None]
            if leaving:
                ray.wait(leaving, num_returns=len(leaving), timeout=CLOSE_SECONDS)
        for actor in actors:
            with suppress(Exception):
                ray.kill(actor, no_restart=True)
        if self._most is not None:
            with suppress(Exception):
                request_resources(bundles=[])
        with suppress(OSError):
            self._shipment.mark.unlink(missing_ok=True)

    def _age(self) -> None:
        """About once a second: with a thousand workers that say something all the time it takes a millisecond."""
        now = time.monotonic()
        if (passed := now - self._aged) < AGE_SECONDS:
            return
        self._aged = now
        for worker, line in self._lines():
            worker.age(passed)
            if line.call is None and now - line.pinged > PING_SECONDS:
                line.ping()

    def _ask_for_room(self) -> None:
        """Let a cluster that grows by itself start machines for as many workers as were asked for."""
        if self._most is not None:
            one = {"CPU": self._threads, **({"GPU": 1} if self._on_gpu else {})}
            with suppress(Exception):  # a cluster that does not grow
                request_resources(bundles=[one] * self._most)

    def _settle(self, node: Node) -> None:
        """Start as many workers on a machine as it has room for."""
        there = sum(self._of[worker.place.number] == node.id for worker in self.workers)  # the line to it was cut
        room = node.seats - there
        room = room if self._most is None else min(room, self._most - len(self.workers))
        if room < 1:
            self._spare.append(node)
            return
        machine = self._machines[node.id] = _Machine(node)
        machine.sent |= self._shipment.cache.keys()
        for _ in range(room):
            number, self._numbers = self._numbers, self._numbers + 1
            self._of[number] = node.id
            self.hire(WorkerPlace(number))
        if self._is_waiting:
            self._is_waiting = False
            self._on_notice(f"{node.record.host} has come: going on")

    def _line(self, machine: _Machine, number: int) -> ActorLine:
        seat = Seat(number, self._threads, machine.node.seats, self._on_gpu)
        nurse: Ref = ray.remote(Nurse)
        actor = nurse.options(
            num_cpus=self._threads,
            num_gpus=1 if self._on_gpu else 0,
            max_restarts=0,
            max_task_retries=0,
            enable_task_events=False,
            scheduling_strategy=NodeAffinitySchedulingStrategy(machine.node.id, soft=False),
        )
        return ActorLine(actor.remote(self._shipped, self._data, seat), machine, self._new)

    def _said(self, worker: Worker, call: Ref) -> Iterator[tuple[Worker, object]]:
        line = _line_of(worker)
        line.call, line.pinged = None, time.monotonic()
        try:
            messages: list[object] = ray.get(call)
        except Exception as err:  # Ray raises a dozen kinds
            end = self._why_gone(err, line)
            line.kill()
            yield worker, end
            return
        for message in messages:
            match message:
                case Brought():
                    self._write(message, line)
                case Ended():
                    self._write_log(worker.log, message.words)
                    line.kill()
                    yield worker, message.end
                case Outcome():
                    yield worker, replace(message, trained_on=line.machine.node.record.host)
                case _:
                    yield worker, message

    def _why_gone(self, err: Exception, line: ActorLine) -> End:
        node = line.machine.node.id
        if isinstance(err, exceptions.ActorUnavailableError | exceptions.NodeDiedError) or self._has_left(node):
            self._machines.pop(node, None)
            self._nodes.lose(node)
            return NODE_LOST
        if isinstance(err, exceptions.OutOfMemoryError):
            return End("Ray killed it, as its machine was short of memory", state="out_of_memory")
        return End(f"the process beside it ended: {one_line(reason_of(err))}")

    def _has_left(self, node: str) -> bool:
        return node not in {one["NodeID"] for one in alive_nodes()}

    def _write(self, brought: Brought, line: ActorLine) -> None:
        task = self._shipment.task
        if task.kept_in is not None:
            with saving(task.kept_in, "files of a trial"):
                write_over(task.kept_in, brought.study)
        if task.cache is not None:
            with suppress(OSError):
                write_missing(task.cache, brought.cache)
            self._new.update(brought.cache)
            line.machine.sent |= brought.cache.keys()

    def _write_log(self, log: Path, words: str) -> None:
        if words:
            with suppress(OSError), log.open("a", encoding="utf-8") as file:
                file.write(words + "\n")

    def _say_if_nobody_is_there(self) -> None:
        if not self.workers and not self._is_waiting:
            self._is_waiting = True
            self._on_notice("no machine of the cluster is left: waiting for one (ray start --address=…)")

    def _lines(self) -> Iterator[tuple[Worker, ActorLine]]:
        return ((worker, _line_of(worker)) for worker in self.workers)


def _line_of(worker: Worker) -> ActorLine:
    assert isinstance(worker.line, ActorLine)  # only this crew's `hire` makes them
    return worker.line
