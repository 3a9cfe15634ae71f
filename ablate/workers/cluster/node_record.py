"""What a machine of a cluster tells of itself, and whether its numbers would equal another's."""

import os
import platform
from dataclasses import dataclass
from typing import final

from ablate import system
from ablate.storage.conditions import OWN_CODE, Conditions, changed, of_workers
from ablate.study.settings import StudySettings
from ablate.workers.queue import LEAST_MEMORY

GIB = 2**30


@final
@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A machine: its hardware, and the conditions of workers that it would run."""

    host: str
    cpu: str
    cores: int  # processors that a process of Ray's may use there
    memory: int  # bytes; 0: unknown
    gpus: tuple[str, ...]
    conditions: Conditions


def look_here(study: StudySettings, *, threads: int) -> NodeRecord:
    """This machine, for workers of `threads` processors each."""
    hardware = system.hardware()
    return NodeRecord(
        host=platform.node(),
        cpu=hardware["cpu"],
        cores=hardware["cores"],
        memory=system.memory_bytes(),
        gpus=tuple(hardware["gpus"]),
        conditions=of_workers(study, workers=1, threads=min(threads, system.usable_cores())),
    )


def differences(reference: Conditions, node: Conditions) -> list[str]:
    """Why numbers of a node would not equal those under the reference, as "device A, but B on the others"."""
    return [
        f"{name} {there}, but {here} on the others" if name != OWN_CODE else "another version of ablate's code"
        for name, here, there in changed(reference, node)
    ]


def seats(*, cpus: float, gpus: float, memory: int, threads: int, on_gpu: bool) -> int:
    """How many workers a node has room for, by what Ray counts there: one a GPU, else as processors and memory allow.

    `memory` in bytes, 0: unknown.
    """
    if on_gpu:
        return min(int(gpus), int(cpus) // threads)
    room = memory // LEAST_MEMORY if memory else int(cpus)
    return max(0, min(int(cpus) // threads, room))


def restore(flags: dict[str, str], names: tuple[str, ...]) -> None:
    """Give this process the driver's values of environment variables; Ray sets some of them by itself."""
    for name in names:
        os.environ.pop(name, None)
    os.environ.update(flags)
