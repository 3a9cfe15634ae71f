"""Find and keep trials of other studies that decide the same numbers, in files shared by all studies of a machine."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, final

from pydantic import TypeAdapter

from ablate.storage.facts import Facts
from ablate.storage.files.kept import keep, load_kept
from ablate.storage.files.trimming import MOST_BYTES, CacheFile, CacheLimit, files_in, remove_files, surplus
from ablate.storage.models import is_candidate
from ablate.study.catalog import is_transferred
from ablate.study.rate import RATE, is_found
from ablate.study.trial import Epoch, Monitor, Outcome, RateTest, TrialSpec, counted, stopped
from ablate.study.user_code import study_stands_alone

KEPT_STATES = ("finished", "diverged")  # other states say more about a pruner or a machine than about the configuration
RATE_TEST = "[0-9a-f]{1,64}"  # key of a range test; a test with micro-batches has another key
TRIALS, LR_TESTS = "trials", "lr_tests"  # folders of the cache
TRIM_EVERY = MOST_BYTES // 32  # bytes that a process writes before it looks at the cache's size again
_NAMES = {TRIALS: re.compile(r"[0-9a-f]{64}\.json"), LR_TESTS: re.compile(rf"{RATE_TEST}(-\d+-parts)?\.json")}


@dataclass(frozen=True, slots=True)
class CachedTrial:
    """A trial of another study with the same numbers, as it ended there: finished or diverged."""

    origin: str  # "STUDY/TRIAL"
    outcome: Outcome
    epochs: tuple[Epoch, ...]
    monitor: Monitor

    def as_trial(self, trial: str) -> "CachedTrial":
        """This outcome under the name of another trial, at no cost."""
        outcome = replace(self.outcome, trial=trial, same_as=self.origin, seconds=0.0, timings={})
        return replace(self, outcome=outcome, epochs=tuple(replace(epoch, trial=trial) for epoch in self.epochs))

    def stopped_after(self, n: int) -> Outcome:
        """How the trial would have ended if a plan had stopped it after epoch `n`, from 1."""
        fresh = replace(self.outcome, state="finished", score=None, best_epoch=None, reason="")
        so_far = replace(fresh, metrics={}, test_predictions="", read_at="", read_under="", predictive_sd=None)
        for epoch in self.epochs[:n]:
            so_far = counted(so_far, epoch, monitor=self.monitor)
        return stopped(so_far)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The content of a cache file."""

    digest: str  # the name of the file
    origin: str  # "STUDY/TRIAL"
    outcome: Outcome  # the outcome without its range test
    rate_test: str  # the key of its range test, which has a file of its own; "" if there is none
    epochs: tuple[Epoch, ...]


@final
class TrialCache:
    """Trials by a digest of everything that decides their numbers, in `folder`/trials, shared by a machine's studies.

    Their range tests are in `folder`/lr_tests. Equal digests mean equal numbers: to the bit, or up to rounding
    if trials were stacked in one program, if a compile policy was chosen by measuring, or if memory was short
    for evaluating; trials trained with micro-batches are not kept. A file that cannot be read as a trial
    counts as missing, and a file that cannot be written is skipped.

    Trials and range tests together take at most `MOST_BYTES` (2 GB) and `TRIM_EVERY` (64 MB) for each process that
    writes: before its first trial, and after every 64 MB of them, a process removes the files that were used longest
    ago. Several processes may do so at once: a file that another one removed is not there, and one that another one
    used meanwhile stays. A trial whose file is gone is trained again. `ablate gc` shows the cache and trims it further.
    """

    def __init__(self, folder: Path, facts: Facts, *, stack: int | None) -> None:
        self._folder, self._study, self._label = folder, facts.study, facts.label
        self._monitor = facts.task.monitor
        self._shared = _shared(facts, stack=stack)
        self._file = TypeAdapter(_Kept)
        self._rate_tests = TypeAdapter(RateTest)
        self._written = TRIM_EVERY  # bytes since the cache was trimmed: it is before the first file

    def find(self, spec: TrialSpec) -> CachedTrial | None:
        """The trial that equals `spec`, from this or another study; one with test scores also serves without them.

        None for a trial whose model the study may keep: the weights of another study's trials are nowhere.
        """
        if is_candidate(self._study, spec):
            return None
        for tested in (True,) if spec.test else (True, False):
            kept = self._load(self.digest(spec, tested=tested))
            if kept is not None and _is_whole(kept, tested=tested):
                outcome = kept.outcome if spec.test else untested(kept.outcome)
                return CachedTrial(kept.origin, outcome, kept.epochs, self._monitor)
        return None

    def keep(self, spec: TrialSpec, outcome: Outcome, epochs: Sequence[Epoch]) -> None:
        """Write a finished or diverged trial with its epochs; the first trial of a digest stays."""
        digest = self.digest(spec, tested=spec.test)
        if outcome.state not in KEPT_STATES or outcome.same_as or self._load(digest):
            return
        key, origin = outcome.rate_test.key if outcome.rate_test else "", f"{self._label}/{spec.trial}"
        plain = replace(outcome, rate_test=None, attempt=1, trained_on="")  # a study that finds it makes no attempt
        kept = _Kept(digest, origin, plain, rate_test=key, epochs=tuple(epochs))
        if _is_whole(kept, tested=spec.test):
            text = json.dumps(asdict(kept))
            self._make_room(len(text))
            keep(self._path(digest), text)

    def digest(self, spec: TrialSpec, *, tested: bool) -> str:
        """SHA-256 of everything that decides the numbers of `spec`, hexadecimal."""
        before = self._study.transfer if is_transferred(spec.factors) else None
        finds = is_found(spec.factors) or before is not None
        test = self._study.lr_test.model_dump() if finds else None
        depends_on = [self._shared, trial_key(spec), test, before.model_dump() if before else None, tested]
        return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()

    def _make_room(self, n_bytes: int) -> None:
        """Trim the cache if this process has not done so for long."""
        if self._written >= TRIM_EVERY:
            remove_files(surplus(cache_files(self._folder), CacheLimit()))
            self._written = 0
        self._written += n_bytes

    def _path(self, digest: str) -> Path:
        return self._folder / TRIALS / digest[:2] / f"{digest}.json"

    def _load(self, digest: str) -> _Kept | None:
        kept = load_kept(self._path(digest), self._file)
        if kept is None or kept.digest != digest:
            return None
        if not kept.rate_test:
            return kept
        test = self._load_test(kept.rate_test)
        return replace(kept, outcome=replace(kept.outcome, rate_test=test)) if test else None

    def _load_test(self, key: str) -> RateTest | None:
        if not re.fullmatch(RATE_TEST, key):  # the digest names a file
            return None
        return load_kept(self._folder / LR_TESTS / f"{key}.json", self._rate_tests)


def cache_files(folder: Path, parts: Sequence[str] = (TRIALS, LR_TESTS)) -> list[CacheFile]:
    """The files of the cached trials and range tests in the cache `folder`, by their names; links are left out."""
    found = list[CacheFile]()
    for part in parts:
        if not (folder / part).is_symlink():
            found += files_in(folder / part, _NAMES[part].fullmatch, depth=1 if part == TRIALS else 0)
    return found


def open_cache(folder: Path, facts: Facts, *, stack: int | None) -> TrialCache | None:
    """The cache in `folder` for a study; None if code of its own decides numbers that no digest here covers.

    So it is with imports of other packages, and with a function that makes other examples for other data factors.
    """
    study = facts.study
    return TrialCache(folder, facts, stack=stack) if study_stands_alone(study) and not facts.data.factors else None


def trial_key(spec: TrialSpec) -> str:
    """Everything that decides a trial's numbers within a study, as text; not its name, phase or use of the test set."""
    found_for = None
    if is_found(spec.factors):
        rate_factors = spec.rate_factors if spec.rate_factors is not None else spec.factors
        found_for = sorted((name, level) for name, level in rate_factors.items() if name != RATE)
    return json.dumps([sorted(spec.factors.items()), found_for, spec.seed])


def untested(outcome: Outcome) -> Outcome:
    """The outcome as it would be without the test set."""
    metrics = {name: value for name, value in outcome.metrics.items() if not name.startswith("test_")}
    return replace(outcome, metrics=metrics, test_predictions="", read_at="", read_under="")


def _shared(facts: Facts, *, stack: int | None) -> dict[str, Any]:  # Any: JSON
    study = facts.study
    return {
        # With the replicate's seed, these decide the split; drawing it here would fit its scaling too.
        "data": facts.split_settings(),
        "seed": study.seed,
        "model": study.model.ingredients(),
        "training": study.training.deciding(),
        "metric": study.metric.model_dump(exclude={"margin", "unit"}),
        "schedule": study.schedule.model_dump(),
        "inspect": study.inspect.model_dump(),
        "conditions": facts.conditions().digest(),
        "stack": stack,
    }


def _is_whole(kept: _Kept, *, tested: bool) -> bool:
    """Whether the trial finished or diverged with all its epochs (a diverged trial lacks its last epoch).

    Its batches and those of its range test must also be whole: another machine may have more memory.
    """
    outcome = kept.outcome
    lost = outcome.state == "diverged"
    numbers = [epoch.epoch for epoch in kept.epochs]
    return (
        outcome.state in KEPT_STATES
        and outcome.parts == 1
        and re.fullmatch(RATE_TEST, kept.rate_test or "0") is not None
        and numbers == list(range(1, outcome.epochs + 1 - lost))
        and outcome.is_tested == (tested and not lost)
    )
