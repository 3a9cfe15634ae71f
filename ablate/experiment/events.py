"""Events of a running study, for its displays: live display, plain lines, JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ablate.plans import TrialCount as TrialCount  # words of the events, so displays take them from here
from ablate.plans.counting import Part as Part
from ablate.storage.facts import Facts
from ablate.study.trial import Epoch, Outcome, TrialSpec


@dataclass(frozen=True, slots=True)
class Opened:
    """The study is about to run."""

    facts: Facts
    folder: Path
    counts: Mapping[Part, TrialCount]  # trials of each part, including finished ones


@dataclass(frozen=True, slots=True)
class Notice:
    """A one-line message, e.g. that something takes a while before the study can begin."""

    text: str


@dataclass(frozen=True, slots=True)
class PartBegan:
    """A part of the study begins; `done` of its trials are known from an earlier run."""

    part: Part
    trials: int
    done: int
    best: Outcome | None


@dataclass(frozen=True, slots=True)
class TrialBegan:
    """A worker has started a trial."""

    spec: TrialSpec


@dataclass(frozen=True, slots=True)
class TrialEnded:
    """A trial ended, or reused the result of an identical trial."""

    spec: TrialSpec
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TrialLost:
    """An attempt at a trial ended without a result; the trial will be tried again."""

    spec: TrialSpec
    reason: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """A stop was requested: running epochs are finished first."""


@dataclass(frozen=True, slots=True)
class ReportWritten:
    """The page of the running study was written, anew or for the first time; it is on disk."""

    path: Path


Event: TypeAlias = Notice | Opened | PartBegan | TrialBegan | Epoch | TrialLost | TrialEnded | Stopping | ReportWritten
Watcher: TypeAlias = Callable[[Event], None]
