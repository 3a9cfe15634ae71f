"""What a worker process and the scheduler say to each other, and what a worker is started with."""

from dataclasses import dataclass, field
from pathlib import Path

from ablate.study.settings import Study
from ablate.study.trial import Epoch


@dataclass(frozen=True, slots=True)
class Task:
    """What every trial of a study shares, in a form that a spawned process can take."""

    study: Study
    arrays: Path  # folder of the memory-mapped data set
    cache: Path | None  # folder of what outlives a run: range tests, and the ways in which programs are made
    threads: int  # per worker: part of what makes a trial's numbers the same everywhere
    log: Path  # beginning of the files for what workers print
    max_memory: int | None = None  # bytes; a worker above it after a trial is replaced
    stack: int | None = None  # trials of one structure in one program, at most; None: as many as suit the device

    def log_of(self, number: int) -> Path:
        """What the worker of this number prints."""
        return self.log.with_name(f"{self.log.name}-{number}.log")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker runs."""

    number: int
    cpus: frozenset[int] = field(default_factory=frozenset)  # empty: wherever the system likes
    gpu: str | None = None  # the one that it sees, as CUDA_VISIBLE_DEVICES names it; None: what the environment says


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker's first word: its libraries are up, and the model of the baseline can be built."""

    notices: tuple[str, ...] = ()  # what a person should know of the models before the first trial


@dataclass(frozen=True, slots=True)
class Refused:
    """A worker's last word instead: what the user has to mend."""

    reason: str


@dataclass(frozen=True, slots=True)
class Busy:
    """A sign of life between the epochs of trials: one more epoch of a network on which they will begin."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A worker could train up to `n` more trials of its structure at once. Answered by a list of specs."""

    n: int


@dataclass(frozen=True, slots=True)
class Passed:
    """An epoch of each trial in a stack. Answered by a list of verdicts; False stops that trial."""

    epochs: tuple[Epoch, ...]


@dataclass(frozen=True, slots=True)
class Idle:
    """A worker has told all its trials' outcomes and waits for specs."""


@dataclass(frozen=True, slots=True)
class Retired:
    """The same, but as its last word: its memory has grown past the bound."""
