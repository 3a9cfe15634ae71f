"""Retrain recorded trials with the study's own scheduler, and check each against the record."""

import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import final

from ablate.experiment.verify.comparing import compare
from ablate.experiment.verify.conditions import Recorded, in_words
from ablate.experiment.verify.select_trials import ROUNDING, Prepared
from ablate.plans.filters import GuardedTestSet
from ablate.storage.files.lock import scratch_folder
from ablate.storage.journal import Entry
from ablate.storage.verified import RetrainedTrial, Round, read_rounds, write_rounds
from ablate.study.trial import Epoch, Outcome, TrialSpec
from ablate.workers.scheduler import WorkerOptions, open_workers

# Whether a model is compiled with XLA changes rounding; the study's measured choice is cached beside it, unless
# cleared.
MEASURED_ANEW = "compile policies: {} were measured again, because they were not saved"


def retrain(
    prepared: Prepared,
    *,
    stop: threading.Event,
    on_check: Callable[[RetrainedTrial], None],
    announce: Callable[[str], None],
) -> Round:
    """Retrain until all are done or a stop is requested; verified.json is updated after each trial.

    Uses no cache except the compile policies, which are no results. Writes nothing else except the workers' logs.
    `announce` receives messages on lost workers.
    """
    folder = prepared.recorded.folder.path
    with scratch_folder() as scratch:
        ways = copy_ways(prepared.recorded, scratch)
        keeper = _Keeper(prepared, read_rounds(folder), on_check, ways=ways)
        options = WorkerOptions(
            prepared.workers, prepared.threads, ways.parent, folder / "verify", stack=1, cluster=prepared.cluster
        )
        train_again(prepared, keeper.take, options, stop=stop, announce=announce, on_notice=announce)
    return keeper.round


def copy_ways(recorded: Recorded, scratch: Path) -> Path:
    """Copy the compile policies, which are no results, to a cache in a temporary folder; their folder there."""
    ways = scratch / "cache" / "ways"
    if recorded.ways.is_dir():
        shutil.copytree(recorded.ways, ways)
    return ways


def train_again(
    prepared: Prepared,
    on_end: Callable[[Entry, Outcome, Sequence[Epoch]], None],
    options: WorkerOptions,
    *,
    stop: threading.Event,
    announce: Callable[[str], None],
    on_notice: Callable[[str], None] = lambda _: None,
) -> None:
    """Train the chosen trials once more; each ends with `on_end`.

    `announce` receives messages on lost workers, `on_notice` what workers say of the models.
    """
    recorded = prepared.recorded
    with open_workers(
        recorded.study,
        prepared.data,
        options,
        stop=stop,
        on_lost=lambda spec, reason: announce(f"{spec.trial}: {reason}: starting again"),
        on_notice=on_notice,
    ) as scheduler:
        scheduler.run(GuardedTestSet(Again(prepared.entries, on_end), recorded.frozen))


@final
class Again:
    """A plan of recorded trials. A pruned trial is stopped after as many epochs as it had."""

    def __init__(self, entries: Iterable[Entry], on_end: Callable[[Entry, Outcome, Sequence[Epoch]], None]) -> None:
        self._entries = {entry.spec.trial: entry for entry in entries}
        self._waiting = list(self._entries.values())
        self._epochs: dict[str, list[Epoch]] = {}
        self._on_end = on_end

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """The next `n` specs."""
        asked, self._waiting = self._waiting[:n], self._waiting[n:]
        return [entry.spec for entry in asked]

    def report(self, epoch: Epoch) -> bool:
        """Keep the epoch; an attempt that starts over replaces the one before."""
        epochs = self._epochs.setdefault(epoch.trial, [])
        epochs[epoch.epoch - 1 :] = [epoch]
        recorded = self._entries[epoch.trial].outcome
        return recorded.state != "pruned" or epoch.epoch < recorded.epochs

    def tell(self, outcome: Outcome) -> None:
        """Pass on the outcome; interrupted trials are ignored."""
        epochs = self._epochs.pop(outcome.trial, [])
        if outcome.state != "killed":
            self._on_end(self._entries[outcome.trial], outcome, epochs)


@final
class _Keeper:
    """Compares retrained trials, and saves the checks to disk."""

    def __init__(
        self, prepared: Prepared, earlier: Sequence[Round], on_check: Callable[[RetrainedTrial], None], *, ways: Path
    ) -> None:
        self._prepared, self._earlier, self._on_check = prepared, earlier, on_check
        self._ways, self._kept = ways, _measured(ways)
        self.round = Round(
            at=datetime.now().astimezone().isoformat(timespec="seconds"),
            trials=prepared.of,
            conditions=in_words(prepared.conditions, stack=1),
            changes=prepared.changes,
            checks=(),
            table=prepared.table,
        )

    def take(self, entry: Entry, outcome: Outcome, epochs: Sequence[Epoch]) -> None:
        tolerance, anew = self._prepared.tolerance, len(_measured(self._ways) - self._kept)
        if not self._prepared.is_stated and (anew or outcome.parts != entry.outcome.parts):
            tolerance = ROUNDING
        check = compare(entry, outcome, epochs, tolerance=tolerance, tested=entry.spec.may_test())
        changes = (*self._prepared.changes, *([MEASURED_ANEW.format(anew)] if anew else []))
        self.round = replace(self.round, changes=changes, checks=(*self.round.checks, check))
        write_rounds(self._prepared.recorded.folder.path, [*self._earlier, self.round])
        self._on_check(check)


def _measured(ways: Path) -> frozenset[Path]:
    """The compile policies (with or without XLA) that workers have written or found in this folder."""
    return frozenset(ways.glob("xla-*.json"))
