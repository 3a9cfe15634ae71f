"""Workers of a cluster for benchmarks: many that only wait, in a few actors, and real ones that time their verdicts."""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing.connection import Connection
from typing import Any
from unittest.mock import patch

from does_it_scale import made_up_epochs, made_up_outcome

from ablate.study.trial import Epoch, Outcome, TrialSpec
from ablate.workers.messages import EpochReport, Idle, Ready, WorkerPlace, WorkerTask
from ablate.workers.worker import Deserted, WorkerPipe, settle_in

METRICS = {"train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5}


class Ward:
    """An actor that answers for many nurses: each epoch takes `pause` seconds and no processor."""

    def __init__(self, epochs: int, pause: float) -> None:
        self._epochs, self._pause = epochs, pause
        self._trials: dict[int, tuple[TrialSpec, list[Epoch], list[Epoch]]] = {}  # with its curve and what is said
        self._said: dict[int, float] = {}  # when a nurse's epoch went out
        self.waited: list[float] = []  # seconds from an epoch to its verdict

    async def hire(self, _number: int) -> list[object]:
        return [Ready()]

    async def exchange(self, number: int, answer: Sequence[object], _files: object) -> list[object]:
        goes_on = True
        if isinstance(answer[0], TrialSpec):
            self._trials[number] = (answer[0], made_up_epochs(answer[0]), [])
        else:
            self.waited.append(time.perf_counter() - self._said.pop(number))
            goes_on = bool(answer[0])
        spec, curve, said = self._trials[number]
        if not goes_on or len(said) == self._epochs:
            outcome = made_up_outcome(spec, said, state="finished" if goes_on else "pruned")
            return [outcome, Idle()]
        if self._pause:
            await asyncio.sleep(self._pause)
        said.append(replace(curve[len(said) % len(curve)], epoch=len(said) + 1))
        self._said[number] = time.perf_counter()
        return [EpochReport((said[-1],))]

    async def look(self, _number: int) -> list[object]:
        return []

    async def leave(self, _number: int) -> None:
        pass

    async def waits(self) -> list[float]:
        return self.waited


@dataclass(frozen=True)
class Call:
    """A method of a ward for one of its nurses, called as that of an actor is."""

    method: Any
    number: int

    def remote(self, *arguments: object) -> Any:
        return self.method.remote(self.number, *arguments)


class Bed:
    """What a `ClusterCrew` takes for the handle of one nurse."""

    def __init__(self, ward: Any, number: int) -> None:
        self.hire, self.exchange = Call(ward.hire, number), Call(ward.exchange, number)
        self.look, self.leave = Call(ward.look, number), Call(ward.leave, number)


@contextmanager
def simulating(n: int, *, epochs: int, pause: float, wards: int = 4) -> Iterator[list[Any]]:
    """Inside the block, a crew has `n` workers in a few wards, whose handles are given once they are made."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from ablate.workers.cluster import nodes
    from ablate.workers.cluster.cluster_crew import ActorLine, ClusterCrew

    made: list[Any] = []
    numbers = count()

    def line(crew: Any, machine: Any, _number: int) -> ActorLine:
        if not made:
            here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
            ward = ray.remote(Ward).options(  # on a machine that no other part of a benchmark kills
                num_cpus=0, max_concurrency=2 * n + 10, enable_task_events=False, scheduling_strategy=here
            )
            made.extend(ward.remote(epochs, pause) for _ in range(min(wards, n)))
        number = next(numbers)
        return ActorLine(Bed(made[number % len(made)], number), machine, crew._new)

    with patch.object(nodes, "seats", lambda **_: n), patch.object(ClusterCrew, "_line", line):
        yield made


def timing(task: WorkerTask, place: WorkerPlace, pipe: Connection) -> None:
    """A real worker: a trial is named EPOCHSxPAUSE-…, and an epoch's seconds are those until the last one's verdict."""
    settle_in(task, place)
    link = WorkerPipe(pipe, max_memory=None)
    try:
        link.say(Ready())
        while True:
            for spec in link.hear():
                _time_trial(spec.trial, link)
            link.say(Idle())
    except Deserted:
        os._exit(0)


def _time_trial(trial: str, link: WorkerPipe) -> None:
    epochs, _, pause = trial.partition("-")[0].partition("x")
    waited = 0.0
    for number in range(1, int(epochs) + 1):
        time.sleep(float(pause))
        began = time.perf_counter()
        link.report([Epoch(trial, number, METRICS, 0.1, waited)])
        waited = time.perf_counter() - began
    link.tell(Outcome(trial, "finished", score=0.5, epochs=int(epochs)))
