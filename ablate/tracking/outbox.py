"""Attempts and files into the runs of a study, kept and tried again as long as the store does not take them."""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, final

from ablate.storage.journal import AttemptKey
from ablate.storage.preregistration import FROZEN, Freeze
from ablate.study.trial import Outcome
from ablate.tracking import names
from ablate.tracking.names import FILES
from ablate.tracking.open_trial import OpenTrial, write_batch, write_texts
from ablate.tracking.store import is_final, is_gone, reason
from ablate.tracking.study_run import tag_freeze

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


FLUSH_SECONDS = 5.0  # a running trial's curve is at most about this old
SHARE = 0.02  # of the time that writing may take: where a store is slow, its batches grow
RETRY_SECONDS = 10.0  # between two tries at a store that failed
MOST_RETRY_SECONDS = 60.0  # the same where it took long to fail
CLOSE_TRIES = 3  # one second apart


@final
class Outbox:
    """What a store is still to take: all of it, before it is open.

    A failure is noted, never raised: `failure` says why, `is_down` whether it lasts. What the store does not take for
    good is dropped: the journal has it.
    """

    def __init__(self) -> None:
        self.failure = ""
        self.is_down = False  # the last try failed, and another may not
        self.trials: dict[AttemptKey, OpenTrial] = {}
        self.run_ids: dict[AttemptKey, str] = {}
        self._whole: set[AttemptKey] = set()  # attempts of which the store has all, files aside
        self._rate_tests: set[str] = set()  # keys whose curve some run has
        self._freeze: Freeze | None = None  # that the study's run does not have yet
        self._artifacts = Artifacts()
        self._parent = ""
        self._retry_at = 0.0
        self._written = 0

    def open(
        self, client: "MlflowClient", experiment_id: str, *, parent_run_id: str, origin: Mapping[str, str]
    ) -> None:
        """Where everything goes, and the tags that say from where."""
        self._client, self._experiment, self._parent = client, experiment_id, parent_run_id
        self._origin = names.tag_values({**origin, names.PARENT: parent_run_id})
        if self._freeze is not None:
            self.add_freeze(self._freeze)

    @property
    def progress(self) -> int:
        """How often the store took something."""
        return self._written + self._artifacts.written

    def lacks(self, keys: Iterable[AttemptKey]) -> int:
        """How many of these attempts are not in the store as a whole."""
        files = self._artifacts.waiting()
        return sum(key not in self._whole or self.run_ids.get(key) in files for key in keys)

    def lacks_of_study(self) -> bool:
        """Whether something waits for the study's own run."""
        return self._freeze is not None or self._parent in self._artifacts.waiting()

    def put(self, trial: OpenTrial) -> OpenTrial:
        """Take up an attempt, unless it is here already; that which is here."""
        return self.trials.setdefault(trial.key, trial)

    def know(self, key: AttemptKey, run_id: str, *, outcome: Outcome, files: str | None) -> None:
        """An attempt has its run, from an earlier process; `files` are what its tag names, None: nobody wants any."""
        self.run_ids[key] = run_id
        self._whole.add(key)
        if files is not None:
            self._add_files(run_id, outcome, had=files)

    def know_rate_tests(self, keys: Iterable[str]) -> None:
        """These range tests have their curves in some run."""
        self._rate_tests.update(keys)

    def add_file(self, name: str, text: str) -> None:
        """A file for the study's run."""
        self._artifacts.add(self._parent, {name: text})
        self.write_files()

    def add_freeze(self, freeze: Freeze) -> None:
        """What was frozen and when, for the study's run; nothing else is written before it."""
        self._freeze = freeze
        if self._parent:
            self.tried(self._write_freeze)
            self.add_file(FROZEN, freeze.to_text())

    def flush(self, trial: OpenTrial) -> None:
        """Write what its run lacks, unless the store failed just now."""
        began = time.monotonic()
        if not self._parent or began < self._retry_at:
            return
        err = self.tried(partial(self._write, trial))
        took = time.monotonic() - began
        if err is None:
            trial.due = time.monotonic() + max(FLUSH_SECONDS, took / SHARE)
        elif is_final(err):
            del self.trials[trial.key]
        else:
            self.trials[trial.key] = self.trials.pop(trial.key)  # behind the others
            self._retry_at = time.monotonic() + min(max(RETRY_SECONDS, took / SHARE), MOST_RETRY_SECONDS)

    def flush_ended(self, *, now: bool = False) -> None:
        """Write all attempts that ended and wait for the store; `now`: also where it failed just now."""
        if now:
            self._retry_at, self.is_down = 0.0, False
        for trial in list(self.trials.values()):
            if time.monotonic() < self._retry_at:
                return
            if trial.outcome is not None:
                self.flush(trial)

    def write_files(self, *, again: bool = True) -> None:
        """Write the files that wait; `again`: also where one failed before."""
        if self._parent and (again or not self._artifacts.failed) and not self._artifacts.write(self._client):
            self.failure = self._artifacts.failure

    def try_all(self) -> None:
        """A last time, or three: everything that waits."""
        for i in range(CLOSE_TRIES):
            time.sleep(min(i, 1))
            self.flush_ended(now=True)
            if not self.is_down and self._freeze is not None:
                self.tried(self._write_freeze)
            if not self.is_down:
                self.write_files()
            if not self.trials and not self._artifacts.waiting() and self._freeze is None:
                return

    def tried(self, action: Callable[[], object]) -> Exception | None:
        """Call; what it failed with, which is noted."""
        try:
            action()
        except Exception as err:  # whatever a store raises must not end the training
            self.failure, self.is_down = reason(err), not is_final(err)
            return err
        self.is_down = False
        self._written += 1
        return None

    def _write(self, trial: OpenTrial) -> None:
        self._write_freeze()
        trial.run_id = trial.run_id or self._start(trial)
        self.run_ids[trial.key] = trial.run_id
        trial.write(self._client)
        if trial.outcome is not None:
            del self.trials[trial.key]
            self._whole.add(trial.key)
            self._add_files(trial.run_id, trial.outcome, had=trial.had_tags.get(names.FILES, ""))

    def _start(self, trial: OpenTrial) -> str:
        spec, attempt = trial.spec, trial.attempt
        run = self._client.create_run(
            self._experiment,
            start_time=trial.opened,
            tags=self._origin | names.spec_tags(spec, attempt=attempt),
            run_name=names.run_name(spec, attempt=attempt),
        )
        return str(run.info.run_id)

    def _add_files(self, run_id: str, outcome: Outcome, *, had: str) -> None:
        files = {"traceback.txt": outcome.traceback} if outcome.traceback and "traceback.txt" not in had else {}
        if outcome.rate_test and outcome.rate_test.key not in self._rate_tests:
            self._rate_tests.add(outcome.rate_test.key)
            files |= names.rate_test_files(outcome.rate_test)
        if outcome.layers and "layers.csv" not in had:
            files |= names.layer_files(outcome)
        if files:
            self._artifacts.add(run_id, files, had=had)

    def _write_freeze(self) -> None:
        if self._freeze is not None:
            tag_freeze(self._client, self._parent, freeze=self._freeze)
            self._freeze = None


@final
class Artifacts:
    """Files that runs still lack. The place for artifacts may fail where the store does not."""

    def __init__(self) -> None:
        self.failed = False
        self.failure = ""
        self.written = 0  # runs that got theirs
        self._waiting: list[tuple[str, Mapping[str, str], str | None]] = []  # run id, file name -> content, had

    def add(self, run_id: str, texts: Mapping[str, str], *, had: str | None = None) -> None:
        """Files to be written. `had`: those that the run's tag names already; None: it has no such tag."""
        self._waiting.append((run_id, texts, had))

    def waiting(self) -> set[str]:
        """The ids of the runs that lack files."""
        return {run_id for run_id, _, _ in tuple(self._waiting)}  # a copy: another thread may ask

    def write(self, client: "MlflowClient") -> bool:
        """Write what waits, and tag runs with what they have, so that nobody need look; whether all was written."""
        while self._waiting:
            run_id, texts, had = self._waiting[0]
            try:
                write_texts(client, run_id, texts=texts)
                if had is not None:
                    write_batch(client, run_id, tags={FILES: " ".join([*had.split(), *texts])})
            except Exception as err:  # whatever a place for artifacts raises must not end the training
                if not is_gone(err):
                    self.failure, self.failed = reason(err), True
                    return False
            self._waiting.pop(0)
            self.written += 1
        return True
