"""One worker process: specs from a pipe into epochs and outcomes on it."""

import os
import signal
import sys
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from ablate import provenance
from ablate.errors import AblateError
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.study import Study


@dataclass(frozen=True, slots=True)
class Task:
    """What every trial of a study shares, in a form that a spawned process can take."""

    study: Study
    arrays: Path  # folder of the memory-mapped data set
    cache: Path | None  # folder of range tests
    threads: int  # per worker: part of what makes a trial's numbers the same everywhere
    log: Path  # what the libraries print goes here
    max_memory: int | None = None  # bytes; a worker above it after a trial is replaced


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker's first word: its libraries are up, and the model of the baseline can be built."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A worker's last word instead: what the user has to mend."""

    reason: str


@dataclass(frozen=True, slots=True)
class Worn:
    """A worker's last word after a trial: its memory has grown past the bound."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker runs."""

    number: int
    cpus: frozenset[int] = field(default_factory=frozenset)  # empty: wherever the system likes


def work(task: Task, place: Place, pipe: Connection) -> None:
    """Serve specs until the pipe closes or memory runs high. After each epoch it sent, it waits for the verdict."""
    _settle_in(task, place)
    # Imported here: the settings above must come first.
    from ablate.datasets import load_arrays
    from ablate.engine.workbench import Workbench
    from ablate.rate_finder import RateFinder
    from ablate.training import run_trial

    try:
        bench = Workbench(task.study, load_arrays(task.arrays))
        bench.check()
    except AblateError as err:
        pipe.send(Refused(str(err)))
        return
    finder = RateFinder(bench, cache=task.cache)
    pipe.send(Ready())

    def on_epoch(epoch: Epoch) -> bool:
        pipe.send(epoch)
        return bool(pipe.recv())

    try:
        while (spec := pipe.recv()) is not None:
            assert isinstance(spec, TrialSpec)
            outcome: Outcome = run_trial(spec, bench, finder, on_epoch)
            if task.max_memory is not None and provenance.peak_memory_bytes() > task.max_memory:
                pipe.send(Worn(outcome))
                break
            pipe.send(outcome)
    except (EOFError, BrokenPipeError):
        pass  # the parent is gone: so is the reason to work
    pipe.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the libraries' own way out takes seconds, and the parent waits for it


def _settle_in(task: Task, place: Place) -> None:
    """Signals, output, processors and threads, all before TensorFlow is imported."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    with Path(task.log.parent / f"{task.log.name}-{place.number}.log").open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    if place.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, place.cpus)
    from ablate.engine.device import prepare_tensorflow

    prepare_tensorflow(task.threads)
