"""A machine into workers and their places; waiting specs into the one that a worker should take."""

import os
from collections.abc import Iterable, Sequence

from ablate.models.structure import Structure
from ablate.schedule.messages import Place

LEAST_MEMORY = 2 * 2**30  # bytes: TensorFlow, its compiler and a small data set take about 1.5 GiB
SHARE = 0.6  # of the machine's memory is the workers'
MOST_WORKERS = 8  # without a GPU


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
