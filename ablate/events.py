"""What happens while a study runs, for whoever watches: a live display, plain lines, or JSON for machines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ablate.ablation import Count
from ablate.ablation.counting import Part
from ablate.plan import Plan
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.running.closing import Facts


@dataclass(frozen=True, slots=True)
class Opened:
    """The study is about to run."""

    facts: Facts
    folder: Path
    counts: Mapping[Part, Count]  # trials of each part, what is done already included


@dataclass(frozen=True, slots=True)
class Notice:
    """Something takes a while before the study can begin, in one line."""

    text: str


@dataclass(frozen=True, slots=True)
class PartBegan:
    """A part of the study begins, of which `done` trials are known from an earlier run."""

    part: Part
    trials: int
    done: int
    best: Outcome | None


@dataclass(frozen=True, slots=True)
class TrialBegan:
    """A worker has taken a trial."""

    spec: TrialSpec


@dataclass(frozen=True, slots=True)
class TrialEnded:
    """A trial ended, or took the result of an equal one."""

    spec: TrialSpec
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TrialLost:
    """An attempt at a trial ended without a result; the trial is tried again."""

    spec: TrialSpec
    reason: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """A stop was asked for: running epochs are finished first."""


Event: TypeAlias = Notice | Opened | PartBegan | TrialBegan | Epoch | TrialLost | TrialEnded | Stopping
Watcher: TypeAlias = Callable[[Event], None]


class Watched:
    """A plan whose epochs and outcomes are shown to a watcher."""

    def __init__(self, plan: Plan, watch: Watcher) -> None:
        self._plan, self._watch = plan, watch
        self._specs: dict[str, TrialSpec] = {}

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Pass on."""
        specs = self._plan.ask(n)
        self._specs.update({spec.trial: spec for spec in specs})
        return specs

    def report(self, epoch: Epoch) -> bool:
        """Show, and pass on."""
        self._watch(epoch)
        return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on, and show."""
        self._plan.tell(outcome)
        self._watch(TrialEnded(self._specs.pop(outcome.trial), outcome))
