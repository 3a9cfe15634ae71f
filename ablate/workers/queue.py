"""What a plan asks for into what a free worker takes next; trials whose worker died come first."""

import os
from collections.abc import Iterable, Sequence
from typing import TypeAlias, final

from ablate.plans.protocol import Plan
from ablate.study.catalog import Structure, is_transferred, structure_of, trained_before
from ablate.study.trial import Level, TrialSpec
from ablate.workers.messages import Place
from ablate.workers.process import Worker

STACK_LOOKAHEAD = 256  # specs held ready where a worker looks for more trials of one structure
_StructuredSpec: TypeAlias = tuple[Structure, TrialSpec]
_Origin: TypeAlias = tuple[int, tuple[tuple[str, Level], ...]]
LEAST_MEMORY = 2 * 2**30  # bytes: TensorFlow, its compiler and a small data set take about 1.5 GiB
SHARE = 0.6  # of the machine's memory is the workers'
MOST_WORKERS = 8  # without a GPU


@final
class Waiting:
    """Specs that a plan asked for and that no worker trains, in its order; those that were put back lead."""

    def __init__(self, *, model: str) -> None:
        self._model = model
        self._pairs: list[_StructuredSpec] = []
        self._alone: set[str] = set()  # trials that share no program any more: a worker died under their stack

    def __len__(self) -> int:
        return len(self._pairs)

    def fill(self, plan: Plan, n: int) -> None:
        """Ask until `n` wait, or the plan has no more for now."""
        if n > len(self._pairs):
            specs = plan.ask(n - len(self._pairs))
            self._pairs.extend((structure_of(spec.factors, model=self._model), spec) for spec in specs)

    def take(self, worker: Worker, others: Sequence[Worker]) -> tuple[Structure, TrialSpec] | None:
        """What a free worker begins with while `others` work. None: nothing."""
        if not self._pairs:
            return None
        under_way = {_origin(going.spec) for other in others for going in other.trials.values()} - {None}
        fitting = [pair for pair in self._pairs if _origin(pair[1]) not in under_way] or self._pairs
        pair = fitting[choose([structure for structure, _ in fitting], worker.seen, [other.seen for other in others])]
        self._pairs.remove(pair)
        return pair

    def more(self, worker: Worker, plan: Plan, *, n: int) -> list[TrialSpec]:
        """Up to `n` specs to stack with those that a worker trains."""
        if not self._alone.isdisjoint(worker.trials):
            return []
        self.fill(plan, STACK_LOOKAHEAD)
        same = [pair for pair in self._pairs if pair[0] == worker.structure]
        fitting = [pair for pair in same if pair[1].trial not in self._alone][:n]
        for pair in fitting:
            self._pairs.remove(pair)
        return [spec for _, spec in fitting]

    def put_back(self, structure: Structure, specs: Sequence[TrialSpec]) -> None:
        """Take in the trials of a worker that died; of a stack, each begins again in a program of its own.

        Whose fault the stack's death was shows then. A trial is a function of its spec, alone or not.
        """
        if len(specs) > 1:
            self._alone |= {spec.trial for spec in specs}
        self._pairs[:0] = [(structure, spec) for spec in specs]

    def clear(self) -> None:
        """Nothing more is to be begun."""
        self._pairs.clear()


def _origin(spec: TrialSpec) -> _Origin | None:
    """The network trained before on which a trial begins, equal for trials that share one; None: it begins afresh."""
    return (spec.seed, tuple(sorted(trained_before(spec.factors).items()))) if is_transferred(spec.factors) else None


def count_workers(cores: int, *, gpus: int, memory: int) -> int:
    """One worker a GPU; without one, a worker a core, at most 8 and as many as `memory` (bytes; 0: unknown) bears.

    A small network's trial gains less from a second thread than from a neighbour; two workers on one GPU would share
    its memory.
    """
    bearable = int(SHARE * memory) // LEAST_MEMORY if memory else MOST_WORKERS
    return gpus or max(1, min(MOST_WORKERS, cores, bearable))


def share_of_memory(workers: int, *, memory: int) -> int:
    """Bytes that a worker may come to hold: its share of six tenths of the machine's `memory`, at least 2 GiB."""
    return max(LEAST_MEMORY, int(SHARE * memory) // workers)


def places(workers: int, *, threads: int, gpus: Sequence[str]) -> Iterable[Place]:
    """A place for each worker: `threads` processors of its own where there are enough, and one of the `gpus`."""
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for number in range(workers):
        own = cpus[number * threads : (number + 1) * threads] if workers * threads <= len(cpus) else []
        yield Place(number, frozenset(own), gpu=gpus[number % len(gpus)] if gpus else None)


def choose(waiting: Sequence[Structure], seen: set[Structure], others: Iterable[set[Structure]]) -> int:
    """Which waiting trial a free worker takes: one it has compiled, else one nobody has, else the first."""
    known_elsewhere: set[Structure] = set().union(*others)
    for place, structure in enumerate(waiting):
        if structure in seen:
            return place
    for place, structure in enumerate(waiting):
        if structure not in known_elsewhere:
            return place
    return 0
