"""The journal of a study: attempts at trials, appended line by line, from which a crashed study resumes.

Only the parent writes it. A line that cannot be read is left out, and its trial is trained again.
"""

import json
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from ablate.errors import AblateError
from ablate.storage.files.atomic import saving
from ablate.storage.files.lines import LineFile
from ablate.study.trial import Epoch, Outcome, RateTest, TrialSpec

UNENDED = "its process ended early"  # why an attempt with a known start and no known end counts as killed
AttemptKey: TypeAlias = tuple[str, int]  # trial and number of the attempt


@dataclass(frozen=True, slots=True)
class Entry:
    """One attempt at a trial as it ended."""

    spec: TrialSpec
    outcome: Outcome
    epochs: tuple[Epoch, ...]
    run_id: str  # run id of the tracker; "" while it has none
    began: int = 0  # start in ms since 1970; 0 if unknown, as in journals of older versions
    ended: int = 0  # the same
    passed: tuple[int, ...] = ()  # end of each epoch, likewise; () if unknown

    @property
    def key(self) -> AttemptKey:
        """The trial and the number of this attempt."""
        return self.spec.trial, self.outcome.attempt

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """A dictionary of JSON types, with the key of the range test in its place."""
        test = self.outcome.rate_test
        outcome = {**replace(self.outcome, rate_test=None).to_json(), "rate_test": test.key if test else None}
        epochs = [epoch.to_json() for epoch in self.epochs]
        times = {"began": self.began, "ended": self.ended, "passed": self.passed}
        return {"spec": self.spec.to_json(), "outcome": outcome, "run_id": self.run_id, **times, "epochs": epochs}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tests: Mapping[str, RateTest]) -> "Entry":
        """The entry that `to_json` wrote."""
        epochs = tuple(Epoch.from_json(epoch) for epoch in data["epochs"])
        key = data["outcome"]["rate_test"]
        outcome = Outcome.from_json({**data["outcome"], "rate_test": None})
        outcome = replace(outcome, rate_test=tests[key] if key else None)
        times = {name: data.get(name, 0) for name in ("began", "ended")}
        passed = tuple(data.get("passed", ()))
        return cls(TrialSpec.from_json(data["spec"]), outcome, epochs, data["run_id"], **times, passed=passed)


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt at a trial that began and has no recorded end."""

    outcome: ClassVar[None] = None
    run_id: ClassVar[str] = ""

    spec: TrialSpec
    attempt: int
    began: int  # ms since 1970
    passed: list[tuple[int, Epoch]] = field(default_factory=list)  # ms since 1970; the ends of epochs 1, 2, …

    @property
    def key(self) -> AttemptKey:
        """The trial and the number of this attempt."""
        return self.spec.trial, self.attempt

    def note(self, epoch: Epoch, *, at: int) -> None:
        """Record that an epoch has passed; an attempt that starts over replaces the previous one."""
        self.passed[epoch.epoch - 1 :] = [(at, epoch)]

    def as_killed(self, *, reason: str = UNENDED, ended: int = 0) -> Entry:
        """The attempt as an entry of a process that died; it ended when its last epoch was recorded, if any."""
        times, epochs = tuple(at for at, _ in self.passed), tuple(epoch for _, epoch in self.passed)
        outcome = Outcome(self.spec.trial, "killed", epochs=len(epochs), reason=reason, attempt=self.attempt)
        return Entry(self.spec, outcome, epochs, "", self.began, ended or max(times, default=0), times)


Attempt: TypeAlias = Entry | Begun


class Journal:
    """The attempts of a study by trial: `entries` has the last one of each that ended, the first settled first.

    A range test, which is most of an entry and shared by many, has a line of its own before its first entry. An epoch
    has a line when it passes, for live views and for attempts whose process dies; the entry repeats its epochs.
    Raises `AblateError` if the file cannot be read, and `StorageError` if it cannot be written: an entry that was not
    written is unknown to the journal, which continues once the disk takes it.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, LineFile(path)
        self._tests: dict[str, RateTest] = {}
        self.entries: dict[str, Entry] = {}
        self._former: dict[str, list[Entry]] = {}  # by trial: attempts that ended before the one in `entries`
        self._begun: dict[str, list[Begun]] = {}  # by trial: attempts without an end, of this or a dead process
        self._running: dict[str, Begun] = {}  # by trial: running attempts of this process
        self._reopened: set[str] = set()
        self._lock = threading.Lock()  # guards the four above: other threads call `so_far`
        try:
            self.unreadable = self._file.read(self._take)  # lines that crashes and damaged disks made unreadable
        except OSError as err:
            raise AblateError(
                f"{path}: cannot be read: {err.strerror or err}\n"
                "  it holds the results so far; --fresh starts again and keeps the old folder under another name"
            ) from err

    def known(self) -> Mapping[str, Outcome]:
        """The outcomes that need no more training: all except interrupted and reopened trials."""
        entries = (item for item in self.entries.items() if item[0] not in self._reopened)
        return {name: entry.outcome for name, entry in entries if entry.outcome.state != "killed"}

    def last(self) -> list[Entry]:
        """The last attempt that ended of each trial, in the order of `entries`; may be called from any thread."""
        with self._lock:
            return list(self.entries.values())

    def reopen(self, trials: Collection[str]) -> None:
        """Allow another attempt at trials that have ended; until it ends, the last outcome stands."""
        self._reopened.update(trials)

    def attempts(self) -> list[Entry]:
        """All attempts at all trials that are not running; one without an end counts as killed, at an unknown time."""
        return [attempt for attempt in self.so_far() if isinstance(attempt, Entry)]

    def so_far(self) -> list[Attempt]:
        """All attempts, and the running ones as they are now; may be called from any thread."""
        with self._lock:
            ended = [entry for name, last in self.entries.items() for entry in (*self._former.get(name, ()), last)]
            dead = [begun.as_killed() for attempts in self._begun.values() for begun in attempts]
            return [*ended, *dead, *self._running.values()]

    def begin(self, spec: TrialSpec, *, at: int) -> int:
        """Write that a trial begins, at `at` ms since 1970, so that it survives a crash; the number of the attempt."""
        begun = Begun(spec, self._next(spec.trial), at)
        line = {"spec": spec.to_json(), "attempt": begun.attempt, "began": at}
        self._append([line], what=f"the start of {spec.trial}", sync=False)
        with self._lock:
            if (former := self._running.pop(spec.trial, None)) is not None:
                self._begun.setdefault(spec.trial, []).append(former)
            self._running[spec.trial] = begun
        return begun.attempt

    def note(self, epoch: Epoch, *, at: int) -> None:
        """Write that a running trial passed an epoch, at `at` ms since 1970. A trial that never began is ignored."""
        if (running := self._running.get(epoch.trial)) is not None:
            line = {"epoch": epoch.to_json(), "attempt": running.attempt, "passed": at}
            self._append([line], what=f"epoch {epoch.epoch} of {epoch.trial}", sync=False)
            running.note(epoch, at=at)

    def attempt(self, trial: str) -> int:
        """The number of the running attempt; the next number if none runs, as with a reused trial that never begins."""
        running = self._running.get(trial)
        return running.attempt if running else self._next(trial)

    def began(self, trial: str) -> int | None:
        """When the running attempt began; None if none runs."""
        running = self._running.get(trial)
        return running.began if running else None

    def append(self, entry: Entry) -> None:
        """Write one entry, and when its epochs passed; it is on disk when this returns."""
        running = self._running.get(entry.spec.trial)
        times = {epoch.epoch: at for at, epoch in running.passed} if running and running.key == entry.key else {}
        if times.keys() >= {epoch.epoch for epoch in entry.epochs}:
            entry = replace(entry, passed=tuple(times[epoch.epoch] for epoch in entry.epochs))
        self._write(entry)

    def add_run_ids(self, run_ids: Mapping[AttemptKey, str]) -> None:
        """Write the tracker's run ids of entries, which it may learn after the trials began."""
        last = self.entries.values()
        changed = [replace(e, run_id=run_ids[e.key]) for e in last if run_ids.get(e.key, e.run_id) != e.run_id]
        if changed:
            lines = [{"run_id": e.run_id, "trial": e.spec.trial, "attempt": e.outcome.attempt} for e in changed]
            self._append(lines, what="which MLflow runs the trials have", sync=True)
            self.entries.update({entry.spec.trial: entry for entry in changed})

    def _next(self, trial: str) -> int:
        last, running = self.entries.get(trial), self._running.get(trial)
        made = [e.outcome.attempt for e in (*self._former.get(trial, ()), *((last,) if last else ()))]
        made += [begun.attempt for begun in (*self._begun.get(trial, ()), *((running,) if running else ()))]
        return 1 + max(made, default=0)

    def _write(self, entry: Entry) -> None:
        test = entry.outcome.rate_test
        new = {test.key: test} if test is not None and test.key not in self._tests else {}
        lines = [{"rate_test": asdict(test)} for test in new.values()]
        self._append([*lines, entry.to_json()], what=entry.spec.trial, sync=True)
        self._tests |= new
        shared = replace(entry.outcome, rate_test=self._tests[test.key] if test else None)
        self._note(replace(entry, outcome=shared))

    def _append(self, lines: Sequence[Mapping[str, Any]], *, what: str, sync: bool) -> None:
        with saving(self._path, what):
            self._file.append([json.dumps(line) for line in lines], sync=sync)

    def _take(self, line: bytes) -> bool:
        try:
            if line.strip():
                self._read(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return False  # cut short by a crash, or damaged
        return True

    def _read(self, data: Mapping[str, Any]) -> None:
        if set(data) == {"rate_test"}:
            test = RateTest.from_json(data["rate_test"])
            self._tests[test.key] = test
        elif "outcome" in data:
            self._note(Entry.from_json(data, self._tests))
        elif "epoch" in data:
            epoch, attempt = Epoch.from_json(data["epoch"]), int(data["attempt"])
            for begun in self._begun.get(epoch.trial, ()):
                if begun.attempt == attempt:
                    begun.note(epoch, at=int(data["passed"]))
        elif "run_id" in data:
            entry = self.entries[data["trial"]]
            if entry.outcome.attempt == data["attempt"]:
                self.entries[data["trial"]] = replace(entry, run_id=str(data["run_id"]))
        else:
            begun = Begun(TrialSpec.from_json(data["spec"]), int(data["attempt"]), int(data["began"]))
            self._begun.setdefault(begun.spec.trial, []).append(begun)

    def _note(self, entry: Entry) -> None:
        """Take in an entry of the file: the last one of its trial, and the end of its attempt."""
        trial, (_, attempt) = entry.spec.trial, entry.key
        with self._lock:
            self._running.pop(trial, None)
            if left := [begun for begun in self._begun.pop(trial, ()) if begun.attempt != attempt]:
                self._begun[trial] = left
            before = self.entries.get(trial)
            if before is not None and before.key != entry.key:
                self._former.setdefault(trial, []).append(before)
                self._reopened.discard(trial)
            self.entries[trial] = entry
