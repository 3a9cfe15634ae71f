"""Queue a plan's specs and choose what a free worker trains next; count workers and divide the machine among them."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from ablate.data.placement import UNKNOWN, Room
from ablate.plans.protocol import Plan
from ablate.study.catalog import Structure, is_transferred, structure_of, trained_before
from ablate.study.settings import Limits
from ablate.study.trial import Level, TrialSpec
from ablate.workers.crew import Worker
from ablate.workers.messages import WorkerPlace

STACK_LOOKAHEAD = 256  # specs held ready where a worker looks for more trials of one structure
_Origin: TypeAlias = tuple[int, tuple[tuple[str, Level], ...]]
LEAST_MEMORY = 2 * 2**30  # bytes: TensorFlow, its compiler and a small data set take about 1.5 GiB
SHARE = 0.6  # of the machine's memory, for all workers
MOST_WORKERS = 8  # without a GPU


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A spec that waits, and what decides which worker suits it."""

    spec: TrialSpec
    structure: Structure
    origin: _Origin | None


@final
class TrialQueue:
    """Specs that no worker trains yet, in the plan's order; specs that were put back come first."""

    def __init__(self, *, model: str) -> None:
        self._model = model
        self._waiting: list[_Waiting] = []
        self._alone: set[str] = set()  # trials not to be stacked again: a worker died with their stack

    def __len__(self) -> int:
        return len(self._waiting)

    def fill(self, plan: Plan, n: int) -> None:
        """Ask the plan until `n` specs wait, or it has no more for now."""
        if n > len(self._waiting):
            specs = plan.ask(n - len(self._waiting))
            of = ((spec, structure_of(spec.factors, model=self._model)) for spec in specs)
            self._waiting.extend(_Waiting(spec, structure, _origin(spec)) for spec, structure in of)

    def take(self, worker: Worker, workers: Sequence[Worker]) -> tuple[Structure, TrialSpec] | None:
        """A spec for a free one of all the `workers`; None if there is nothing to do."""
        if not self._waiting:
            return None
        fitting = self._apart(worker, workers)
        structures = [self._waiting[place].structure for place in fitting]
        chosen = choose(structures, worker.seen, (other.seen for other in workers if other is not worker))
        taken = self._waiting.pop(fitting[chosen])
        return taken.structure, taken.spec

    def _apart(self, worker: Worker, workers: Sequence[Worker]) -> Sequence[int]:
        """The places of specs that start from another network than those under way, if there are any; else of all.

        Two workers would pretrain the same network.
        """
        if all(one.origin is None for one in self._waiting):
            return range(len(self._waiting))
        others = (other for other in workers if other is not worker)
        under_way = {_origin(going.spec) for other in others for going in other.trials.values()} - {None}
        apart = [place for place, one in enumerate(self._waiting) if one.origin not in under_way]
        return apart or range(len(self._waiting))

    def more(self, worker: Worker, plan: Plan, *, n: int) -> list[TrialSpec]:
        """Up to `n` specs to stack with those that a worker is training."""
        if not self._alone.isdisjoint(worker.trials):
            return []
        self.fill(plan, STACK_LOOKAHEAD)
        same = [one for one in self._waiting if one.structure == worker.structure]
        fitting = [one for one in same if one.spec.trial not in self._alone][:n]
        for one in fitting:
            self._waiting.remove(one)
        return [one.spec for one in fitting]

    def put_back(self, structure: Structure, specs: Sequence[TrialSpec]) -> None:
        """Put back the trials of a dead worker; each trial of a stack begins again in a program of its own.

        This shows which trial killed the stack. A trial depends only on its spec, so training it alone changes nothing.
        """
        if len(specs) > 1:
            self._alone |= {spec.trial for spec in specs}
        self._waiting[:0] = [_Waiting(spec, structure, _origin(spec)) for spec in specs]

    def clear(self) -> None:
        """Drop all specs, so that no further trial begins."""
        self._waiting.clear()


def _origin(spec: TrialSpec) -> _Origin | None:
    """Key of the pretrained network from which a trial starts, equal for trials that share it; None: random weights."""
    return (spec.seed, tuple(sorted(trained_before(spec.factors).items()))) if is_transferred(spec.factors) else None


def count_workers(cores: int, *, gpus: int, memory: int) -> int:
    """One worker per GPU; without a GPU, one per core, at most 8 and as many as `memory` allows (bytes; 0: unknown).

    A small network's trial gains less from a second thread than from another worker; two workers on one GPU would share
    its memory.
    """
    bearable = int(SHARE * memory) // LEAST_MEMORY if memory else MOST_WORKERS
    return gpus or max(1, min(MOST_WORKERS, cores, bearable))


def share_of_memory(workers: int, *, memory: int) -> int:
    """Memory limit per worker in bytes: its share of six tenths of the machine's `memory`, at least 2 GiB."""
    return max(LEAST_MEMORY, int(SHARE * memory) // workers)


def room_of_worker(workers: int, *, memory: int, gpu_memory: Sequence[int], limits: Limits) -> Room:
    """The memory of each worker: its share of the machine's `memory` and of its GPU's, and at most its limit.

    In bytes, 0: unknown. The examples on a GPU come through the machine's memory, so the smaller of both counts.
    """
    rooms = [Room(int(SHARE * memory) // workers)]
    if limits.memory_gb is not None:
        rooms.append(Room(int(limits.memory_gb * 2**30)))
    if gpu_memory:
        rooms.append(Room(min(gpu_memory) // -(-workers // len(gpu_memory)), is_gpu=True))
    return min((room for room in rooms if room.n_bytes), key=lambda room: room.n_bytes, default=UNKNOWN)


def places(workers: int, *, threads: int, gpus: Sequence[str]) -> Iterable[WorkerPlace]:
    """A place for each worker: `threads` processors of its own if there are enough, and one of the `gpus`."""
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for number in range(workers):
        own = cpus[number * threads : (number + 1) * threads] if workers * threads <= len(cpus) else []
        yield WorkerPlace(number, frozenset(own), gpu=gpus[number % len(gpus)] if gpus else None)


def choose(waiting: Sequence[Structure], seen: set[Structure], others: Iterable[set[Structure]]) -> int:
    """Choose a free worker's trial: a structure that it has compiled, else one that no worker has, else the first."""
    for place, structure in enumerate(waiting):
        if structure in seen:
            return place
    known_elsewhere: set[Structure] = set().union(*others)
    for place, structure in enumerate(waiting):
        if structure not in known_elsewhere:
            return place
    return 0
