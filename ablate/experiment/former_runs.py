"""What earlier runs of a study left: their wall time, and the facts of the last one that trained."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ablate.errors import AblateError
from ablate.storage.journal import AttemptKey, Entry
from ablate.storage.provenance import Provenance, read_provenance

PARTS = ("train", "evaluate", "compile", "lr_test", "build", "data")  # what a worker's time is spent on
# Facts of the run that trained the results, and of the last run that came to the comparisons.
OF_TRAINING = (
    "ended", "command", "ablate_version", "versions", "backend", "hardware", "workers", "threads", "stack",
    "git", "package_in_checkout", "time",
)  # fmt: skip
OF_COMPARISON = ("tune", "looks", "complete")


@dataclass(frozen=True, slots=True)
class FormerRuns:
    """The runs of a study before this one."""

    facts: Provenance  # of the last of them; empty if there was none, or it cannot be read
    seconds: Mapping[str, float]  # wall time of all of them by part, "total" among them
    settled: frozenset[AttemptKey]  # attempts that ended in them

    def settled_since(self, entries: Iterable[Entry]) -> list[Entry]:
        """The trials of this run."""
        return [entry for entry in entries if entry.key not in self.settled]

    def and_now(self, seconds: Mapping[str, float]) -> dict[str, float]:
        """Wall time of all runs, by part, from that of this run."""
        names = dict.fromkeys([*self.seconds, *seconds])
        return {name: self.seconds.get(name, 0.0) + seconds.get(name, 0.0) for name in names}

    def kept_in(self, facts: Provenance, entries: Sequence[Entry], *, compared: bool) -> Provenance:
        """The provenance `facts` of this run, with what earlier runs know better.

        If this run settled no trial, the results were trained by an earlier one: by its command, workers and versions.
        A run that did not come to the comparisons says nothing about them.
        """
        former = self.facts
        if former.study is None or not self.settled:
            return facts
        facts = replace(facts, started=former.started or facts.started)
        if not self.settled_since(entries):
            facts = _taken(facts, former, OF_TRAINING)
        if not compared:
            facts = _taken(facts, former, OF_COMPARISON)
        return facts


def read_former_runs(path: Path, entries: Iterable[Entry], *, workers: int) -> FormerRuns:
    """Earlier runs, from the provenance at `path` and the trials that they settled.

    A run that was killed wrote no provenance: each part took at least the time of the trials.
    """
    entries = list(entries)
    try:
        facts = read_provenance(path)
    except AblateError:
        facts = Provenance()
    of_trials, written = wall_seconds(entries, workers=workers), facts.time or {}
    of_trials["total"] = sum(of_trials.values())
    names = dict.fromkeys([*of_trials, *written])
    seconds = {name: max(of_trials.get(name, 0.0), written.get(name, 0.0)) for name in names}
    return FormerRuns(facts, seconds, frozenset(entry.key for entry in entries))


def _taken(facts: Provenance, former: Provenance, names: Iterable[str]) -> Provenance:
    return replace(facts, **{name: getattr(former, name) for name in names})


def wall_seconds(entries: Iterable[Entry], *, workers: int) -> dict[str, float]:
    """The parts of the workers' time, converted to wall time with all workers busy."""
    spent = dict.fromkeys(PARTS, 0.0)
    for entry in entries:
        for part, seconds in entry.outcome.timings.items():
            spent[part] = spent.get(part, 0.0) + seconds / workers
    return spent
