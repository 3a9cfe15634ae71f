"""The seam between a worker and what trains in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ablate.data.placement import UNKNOWN, Room
from ablate.study.settings import StudySettings
from ablate.study.trial import Epoch, Outcome, TrialSpec


class Feed(Protocol):
    """The source and receiver of a worker's trials. Errors that it raises are its own, not a trial's."""

    def more(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` more specs of the structure in training; none if there are no more now."""
        ...

    def report(self, epochs: Sequence[Epoch]) -> Sequence[bool]:
        """Receive an epoch of some trials; a False, in the order of the epochs, stops that trial."""
        ...

    def tell(self, outcome: Outcome) -> None:
        """Receive the outcome of a trial."""
        ...


class Trainer(Protocol):
    """Trains specs in this process."""

    def check(self) -> tuple[str, ...]:
        """Check what can be checked before the first trial; returns notices for the user. Raises `AblateError`."""
        ...

    def train(self, specs: Sequence[TrialSpec], feed: Feed) -> None:
        """Train specs of one structure to their ends; any error in a trial becomes its outcome."""
        ...


@dataclass(frozen=True, slots=True)
class TrainerTask:
    """What a trainer needs besides a spec."""

    study: StudySettings
    arrays: Path  # folder of the memory-mapped data set
    threads: int
    folders: Path  # where the trials of a user's function or program have folders of their own
    cache: Path | None = None  # folder of caches that outlive a run: range tests, compile policies
    room: Room = UNKNOWN  # memory of the process
    stack: int | None = None  # most trials of one structure in one program; None: depends on the device
    kept_in: Path | None = None  # folder of the study, for the models that it keeps; None: it keeps none
    on_life: Callable[[], None] = lambda: None  # called from time to time while it prepares
