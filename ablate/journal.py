"""Outcomes into a file that grows by a line a trial, and back: what a study knows after any death.

Only the parent writes it. A line that a crash cut short is left out when reading; its trial is trained again.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ablate.plan import Plan
from ablate.records import Epoch, Outcome, RateTest, TrialSpec


@dataclass(frozen=True, slots=True)
class Entry:
    """One trial as it ended."""

    spec: TrialSpec
    outcome: Outcome
    epochs: tuple[Epoch, ...]
    run_id: str  # of the tracker; "" while it has none

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """A dictionary of JSON types, with the key of the range test in its place."""
        test = self.outcome.rate_test
        outcome = {**replace(self.outcome, rate_test=None).to_json(), "rate_test": test.key if test else None}
        epochs = [asdict(epoch) for epoch in self.epochs]
        return {"spec": self.spec.to_json(), "outcome": outcome, "run_id": self.run_id, "epochs": epochs}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tests: Mapping[str, RateTest]) -> "Entry":
        """The entry that `to_json` wrote."""
        epochs = tuple(Epoch(**epoch) for epoch in data["epochs"])
        key = data["outcome"]["rate_test"]
        outcome = Outcome.from_json({**data["outcome"], "rate_test": None})
        outcome = replace(outcome, rate_test=tests[key] if key else None)
        return cls(TrialSpec.from_json(data["spec"]), outcome, epochs, data["run_id"])


class Journal:
    """The entries of a study by trial, the last one of each, in the order in which trials were first settled.

    A range test, which is most of an entry and shared by many, has a line of its own before the first of them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tests: dict[str, RateTest] = {}
        self.entries: dict[str, Entry] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                self._read(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue  # cut short by a crash

    def known(self) -> Mapping[str, Outcome]:
        """The outcomes that need no more training: all but what was interrupted."""
        return {name: e.outcome for name, e in self.entries.items() if e.outcome.state != "killed"}

    def append(self, entry: Entry) -> None:
        """Write one entry; it is on disk when this returns."""
        self._write([entry])

    def add_run_ids(self, run_ids: Mapping[str, str]) -> None:
        """Write anew the entries whose run the tracker knows better by now: it opens runs later than trials begin."""
        known = {name: run_ids.get(name, entry.run_id) for name, entry in self.entries.items()}
        changed = [replace(e, run_id=known[name]) for name, e in self.entries.items() if e.run_id != known[name]]
        if changed:
            self._write(changed)

    def _write(self, entries: Sequence[Entry]) -> None:
        lines: list[dict[str, Any]] = []
        for entry in entries:
            test = entry.outcome.rate_test
            if test is not None and test.key not in self._tests:
                self._tests[test.key] = test
                lines.append({"rate_test": asdict(test)})
            lines.append(entry.to_json())
            shared = replace(entry.outcome, rate_test=self._tests[test.key] if test else None)
            self.entries[entry.spec.trial] = replace(entry, outcome=shared)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            # The line that a crash cut short must not swallow this one.
            if file.tell() and not _ends_a_line(file):
                file.write(b"\n")
            file.write("".join(f"{json.dumps(line)}\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())

    def _read(self, data: Mapping[str, Any]) -> None:
        if set(data) == {"rate_test"}:
            test = RateTest.from_json(data["rate_test"])
            self._tests[test.key] = test
            return
        entry = Entry.from_json(data, self._tests)
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
        """Pass on, then write, with the run's id where the tracker has come so far; see `Journal.add_run_ids`."""
        self._plan.tell(outcome)
        spec, epochs = self._specs.pop(outcome.trial), self._epochs.pop(outcome.trial, [])
        self._journal.append(Entry(spec, outcome, tuple(epochs), self._run_id(outcome.trial)))


def _ends_a_line(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
