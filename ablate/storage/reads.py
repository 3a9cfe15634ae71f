"""Record when each trial's test score was first read and under which preregistration, for all studies of a folder."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, final

from pydantic import TypeAdapter

from ablate.storage.conditions import model_digest
from ablate.storage.facts import Facts
from ablate.storage.files.atomic import saving, write_once
from ablate.storage.files.kept import load_kept
from ablate.storage.preregistration import Preregistration
from ablate.storage.trial_cache import trial_key
from ablate.study.catalog import is_transferred
from ablate.study.rate import is_found
from ablate.study.trial import Outcome, TrialSpec

FOLDER = "test_reads"


@dataclass(frozen=True, slots=True)
class FirstRead:
    """The first reading of a trial's test score."""

    at: str  # ISO time
    under: str  # digest of the preregistration under which it was read
    study: str
    trial: str


@final
class ScoreReads:
    """The first reading of every test score, a file each in `folder`/test_reads, shared by the studies of a folder.

    These files are records, not results: they are written with `--no-cache` too, as a seed that is trained again gives
    the same score, and a study stops if the disk does not take one. Their names cover the data, the seeds and all
    settings that decide a score, but neither the machine nor library versions: these change rounding, and a score
    that is known up to rounding has been read.
    """

    def __init__(self, folder: Path, facts: Facts) -> None:
        self._folder, self._study, self._label = folder / FOLDER, facts.study, facts.label
        self._setting = setting(facts)
        self._file = TypeAdapter(FirstRead)
        self._marked: set[str] = set()

    def stamp(self, spec: TrialSpec, outcome: Outcome) -> Outcome:
        """The outcome with its first reading, which is now unless a record says otherwise.

        A result that is reused without a record was read at an unknown time: its fields stay as they are.
        """
        if not outcome.is_tested:
            return replace(outcome, read_at="", read_under="")
        first = self._find(spec)
        if first is None and not outcome.same_as:
            first = self._note(spec)
        return outcome if first is None else replace(outcome, read_at=first.at, read_under=first.under)

    def is_known(self, spec: TrialSpec) -> bool:
        """Whether the test score of a trial was read before."""
        return self._find(spec) is not None

    def _find(self, spec: TrialSpec) -> FirstRead | None:
        return load_kept(self._path(spec), self._file)

    def _note(self, spec: TrialSpec) -> FirstRead:
        first = FirstRead(_now(), spec.frozen, self._label, spec.trial)
        path = self._path(spec)
        with saving(path, f"that the test score of {spec.trial} was read"):
            self._mark(spec.frozen)
            there = write_once(path, json.dumps(asdict(first)) + "\n")
        try:
            return self._file.validate_json(there)
        except ValueError:  # a damaged record: when the score was first read is no longer known
            return FirstRead("", "", "", "")

    def _mark(self, frozen: str) -> None:
        if frozen not in self._marked:
            write_once(_mark_of(self._folder, frozen), "")
            self._marked.add(frozen)

    def _path(self, spec: TrialSpec) -> Path:
        name = _digest([self._setting, trial_key(spec), *self._tests(spec)])
        return self._folder / name[:2] / f"{name}.json"

    def _tests(self, spec: TrialSpec) -> list[Any]:  # Any: JSON
        before = self._study.transfer if is_transferred(spec.factors) else None
        finds = is_found(spec.factors) or before is not None
        return [self._study.lr_test.model_dump() if finds else None, before.model_dump() if before else None]


def is_read_under(folder: Path, frozen: str) -> bool:
    """Whether a test score was first read under the preregistration with the digest `frozen`."""
    return _mark_of(folder / FOLDER, frozen).exists()


def setting(facts: Facts) -> str:
    """Digest of all that decides scores besides specs, machine and versions: data, splits, model, training."""
    study = facts.study
    return _digest({
        "data": facts.split_settings(),
        "seed": study.seed,
        "model": [*study.model.ingredients(), model_digest(study)],
        "training": study.training.deciding(),
        "schedule": study.schedule.model_dump(),
    })  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """How many test scores a study rests on, and when they were first read."""

    scores: int
    before: dict[str, int]  # digest of an earlier preregistration -> scores first read under it; "": unknown which
    unknown: int  # scores without a record of their first reading


def count_reads(trials: Iterable[tuple[TrialSpec, Outcome]], frozen: Preregistration) -> ReadCounts:
    """Count the test scores, each once, that were first read before the preregistration `frozen`.

    A score that was reused from another study without a record had been read there. Journals of older versions have
    no record of any reading.
    """
    trials = list(trials)
    own = {spec.trial for spec, _ in trials}
    before, unknown, seen = dict[str, int](), 0, set[str]()
    for spec, outcome in trials:
        if not outcome.is_tested or (key := trial_key(spec)) in seen:
            continue
        seen.add(key)
        is_elsewhere = bool(outcome.same_as) and outcome.same_as not in own
        if not outcome.read_at and not is_elsewhere:
            unknown += 1
        elif _is_earlier(outcome, frozen):
            before[outcome.read_under] = before.get(outcome.read_under, 0) + 1
    return ReadCounts(len(seen), before, unknown)


def _is_earlier(outcome: Outcome, frozen: Preregistration) -> bool:
    """Whether a score was read before the preregistration; unknown times, and those in its second, count as earlier."""
    if outcome.read_under == frozen.digest:
        return False
    try:
        return datetime.fromisoformat(outcome.read_at) <= datetime.fromisoformat(frozen.at)
    except (ValueError, TypeError):  # no time, or one of them without a time zone
        return True


def _mark_of(folder: Path, frozen: str) -> Path:
    return folder / f"under-{frozen}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
