"""Outcomes into a file that grows by a line a trial, and back: what a study knows after any death.

Only the parent writes it. A line that a crash cut short is left out when reading; its trial is trained again.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from ablate.plan import Plan
from ablate.records import Epoch, Outcome, TrialSpec


@dataclass(frozen=True, slots=True)
class Entry:
    """One trial as it ended."""

    spec: TrialSpec
    outcome: Outcome
    epochs: tuple[Epoch, ...]
    run_id: str  # of the tracker; "" without one

    def to_line(self) -> str:
        """One line of JSON."""
        data = {"spec": self.spec.to_json(), "outcome": self.outcome.to_json(), "run_id": self.run_id}
        return json.dumps({**data, "epochs": [asdict(epoch) for epoch in self.epochs]})

    @classmethod
    def from_line(cls, line: str) -> "Entry":
        """The entry that `to_line` wrote."""
        data = json.loads(line)
        epochs = tuple(Epoch(**epoch) for epoch in data["epochs"])
        return cls(TrialSpec.from_json(data["spec"]), Outcome.from_json(data["outcome"]), epochs, data["run_id"])


class Journal:
    """The entries of a study by trial, the last one of each, in the order in which trials were first settled."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries: dict[str, Entry] = {entry.spec.trial: entry for entry in _read(path)}

    def known(self) -> Mapping[str, Outcome]:
        """The outcomes that need no more training: all but what was interrupted."""
        return {name: e.outcome for name, e in self.entries.items() if e.outcome.state != "killed"}

    def append(self, entry: Entry) -> None:
        """Write one entry; it is on disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            # The line that a crash cut short must not swallow this one.
            if file.tell() and not _ends_a_line(file):
                file.write(b"\n")
            file.write(entry.to_line().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.entries[entry.spec.trial] = entry


class Journaled:
    """A plan whose outcomes are written to a journal."""

    def __init__(self, plan: Plan, journal: Journal, *, run_id: Callable[[str], str]) -> None:
        self._plan, self._journal, self._run_id = plan, journal, run_id
        self._specs: dict[str, TrialSpec] = {}
        self._epochs: dict[str, list[Epoch]] = {}

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Pass on, and remember what was asked for."""
        specs = self._plan.ask(n)
        self._specs.update({spec.trial: spec for spec in specs})
        return specs

    def report(self, epoch: Epoch) -> bool:
        """Pass on, and keep the epoch; an attempt that starts over replaces the one before."""
        epochs = self._epochs.setdefault(epoch.trial, [])
        del epochs[epoch.epoch - 1 :]
        epochs.append(epoch)
        return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on, then write: the entry carries the id that the tracker gave."""
        self._plan.tell(outcome)
        spec, epochs = self._specs.pop(outcome.trial), self._epochs.pop(outcome.trial, [])
        self._journal.append(Entry(spec, outcome, tuple(epochs), self._run_id(outcome.trial)))


def _ends_a_line(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _read(path: Path) -> list[Entry]:
    if not path.exists():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entries.append(Entry.from_line(line))
        except (ValueError, KeyError, TypeError):
            continue  # cut short by a crash
    return entries
