"""Messages between a worker process and the scheduler, and the settings with which a worker starts."""

from dataclasses import dataclass, field
from pathlib import Path

from ablate.data.placement import UNKNOWN, Room
from ablate.study.settings import StudySettings
from ablate.study.trial import Epoch


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """The settings that all trials of a study share; can be pickled for a spawned process."""

    study: StudySettings
    arrays: Path  # folder of the memory-mapped data set
    cache: Path | None  # folder of caches that outlive a run: range tests, compile policies
    threads: int  # per worker; a trial's numbers are reproducible only with the same number
    log: Path  # prefix of the workers' log files
    max_memory: int | None = None  # bytes; a worker above it after a trial is replaced
    room: Room = UNKNOWN  # memory of each worker
    stack: int | None = None  # most trials of one structure in one program; None: depends on the device
    folders: Path | None = None  # of the trials of a user's function or program; None: beside the logs
    kept_in: Path | None = None  # folder of the study, for the models that it keeps; None: it keeps none
    is_log_kept: bool = True  # after the workers end; if not, no message may send a user to it

    def trial_folders(self) -> Path:
        """Where the trials of a user's function or program have folders of their own."""
        return self.folders or self.log.with_name("trials")

    def log_of(self, number: int) -> Path:
        """The log file of worker `number`."""
        return self.log.with_name(f"{self.log.name}-{number}.log")


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """The processors and the GPU of a worker."""

    number: int
    cpus: frozenset[int] = field(default_factory=frozenset)  # empty: chosen by the operating system
    gpu: str | None = None  # the visible GPU, as in CUDA_VISIBLE_DEVICES; None: leave the environment as it is


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker's first message: its libraries are loaded, and the baseline's model can be built."""

    notices: tuple[str, ...] = ()  # warnings about the models, to show before the first trial


@dataclass(frozen=True, slots=True)
class Refused:
    """A worker's last message if it cannot start: the problem that the user has to fix."""

    reason: str
    is_whole: bool = False  # the reason says it all, and the log no more


@dataclass(frozen=True, slots=True)
class Busy:
    """A sign of life before trials begin: one more epoch of pretraining the network that they start from."""


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """The worker could train up to `n` more trials of its structure at once. The answer is a list of specs."""

    n: int


@dataclass(frozen=True, slots=True)
class EpochReport:
    """An epoch of each trial in a stack. The answer is a list of verdicts; False stops that trial."""

    epochs: tuple[Epoch, ...]


@dataclass(frozen=True, slots=True)
class Idle:
    """The worker has sent all outcomes and waits for specs."""


@dataclass(frozen=True, slots=True)
class Retired:
    """Like `Idle`, but the worker's last message: its memory has grown past the limit."""
