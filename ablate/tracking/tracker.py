"""What passes between a plan and a scheduler into MLflow runs: one for the study, one nested in it for each attempt."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

from ablate.clock import Clock, now_ms
from ablate.errors import AblateError
from ablate.storage.journal import AttemptKey, Entry
from ablate.storage.preregistration import Freeze
from ablate.study.trial import Epoch, Outcome, TrialSpec
from ablate.tracking.names import RunStatus
from ablate.tracking.open_trial import OpenTrial
from ablate.tracking.outbox import Outbox
from ablate.tracking.reading import child_runs
from ablate.tracking.reconcile import replay
from ablate.tracking.store import connect, explained, is_away, open_experiment, reason
from ablate.tracking.study_run import (
    StudyRun,
    adopt,
    end_dead_parents,
    end_parent,
    folder_files,
    resume_parent,
    start_parent,
)

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


@final
class Tracker:
    """Writes a study down in MLflow, from one thread.

    Only opening a study fails loudly. After that a store that fails costs no training: the events are kept, tried again
    with later ones and a last time at the end. What the store lacks even then is in the journal: `missing` counts it,
    `failure` says why, and `reconcile` writes it, in this process or a later one.
    """

    def __init__(self, uri: str, *, connect: "Callable[[str], MlflowClient]" = connect) -> None:
        """Nothing is contacted yet."""
        self._uri = uri
        self._connect = connect
        self._clock = Clock()
        self._outbox = Outbox()
        self._running: dict[str, AttemptKey] = {}  # by trial
        self._parent = ""
        self._former_parent: str | None = None  # that is gone
        self._put_off = ""  # the study's run, on a server that was away when it was to be opened
        self._is_ended = False

    @property
    def seconds(self) -> float:
        """Wall time spent in here so far."""
        return self._clock.seconds.get("track", 0.0)

    @property
    def run_ids(self) -> Mapping[AttemptKey, str]:
        """Attempt -> run id, as far as the store has come; those of earlier runs of a study once it is reconciled."""
        return self._outbox.run_ids

    @property
    def failure(self) -> str:
        """Why the store lacks something, or did for a while; "" where nothing ever failed."""
        return self._outbox.failure

    @property
    def progress(self) -> int:
        """How often the store took something: while this grows, waiting is worth it."""
        return self._outbox.progress

    def missing(self, attempts: Iterable[AttemptKey]) -> int:
        """How many runs the store does not have as a whole: of these attempts, and that of the study itself."""
        of_study = not self._is_ended or self._outbox.lacks_of_study()
        return self._outbox.lacks(attempts) + of_study

    def open_study(self, study: StudyRun, *, parent_run_id: str | None) -> str:
        """Start the study's run, or go on with `parent_run_id` where it still exists; its id.

        Raises `AblateError` where the store cannot be used. A server that took the study once, and is not reached now,
        is no reason to refuse: it is opened when the study is reconciled.
        """
        with self._clock.on("track"):
            self._study = study
            try:
                return self._open(parent_run_id)
            except AblateError as err:
                if not parent_run_id or not is_away(err):
                    raise
                self._outbox.failure, self._put_off = reason(err), parent_run_id
                return parent_run_id

    def reconcile(self, attempts: Sequence[Entry]) -> None:
        """Write what the store lacks of all attempts that ended, in whatever process; end what dead ones left running.

        What the store has stays as it is: where nothing is missing, and when repeated, this costs two searches.
        """
        with self._clock.on("track"):
            if not self._parent and self._put_off:
                self._outbox.tried(partial(self._open, self._put_off))
            if not self._parent:
                return  # it never opened
            self._outbox.flush_ended(now=True)
            if not self._outbox.is_down and self._outbox.tried(partial(self._compare, attempts)) is None:
                self._outbox.flush_ended()
                self._outbox.write_files()

    def log_freeze(self, freeze: Freeze) -> None:
        """Tag the study's run with what was frozen and when; no trial is written any further before that is done."""
        with self._clock.on("track"):
            self._outbox.add_freeze(freeze)

    def open_trial(self, spec: TrialSpec, *, attempt: int = 1, at: int | None = None) -> str:
        """Start an attempt's run, nested in the study's; its id, or "" while the store does not answer.

        `at`, here and below: when it happened, in ms since 1970; now if left out.
        """
        with self._clock.on("track"):
            trial = self._outbox.put(OpenTrial(spec, at or now_ms(), attempt=attempt))
            self._running[spec.trial] = trial.key
            self._outbox.flush(trial)
            return trial.run_id

    def log_epoch(self, epoch: Epoch, *, at: int | None = None) -> None:
        """Take note of an epoch; written with others after some seconds. Nothing where the trial is not open."""
        with self._clock.on("track"):
            trial = self._outbox.trials.get(self._running.get(epoch.trial, ("", 0)))
            if trial is None:
                return
            trial.epochs.append((at or now_ms(), epoch))
            if time.monotonic() >= trial.due:
                self._outbox.flush(trial)

    def close_trial(self, outcome: Outcome, *, at: int | None = None) -> None:
        """Write the rest of an attempt and end its run. Nothing where it is not open, so twice is once."""
        with self._clock.on("track"):
            trial = self._outbox.trials.get((outcome.trial, outcome.attempt))
            if trial is None or trial.outcome is not None:
                return
            self._running.pop(outcome.trial, None)
            trial.outcome, trial.ended = outcome, at or now_ms()
            self._outbox.flush(trial)
            self._outbox.flush_ended()  # the others waited for a store that failed
            self._outbox.write_files(again=False)

    def close_study(
        self, status: RunStatus, *, note: str, metrics: Mapping[str, float], artifacts: Path | None
    ) -> None:
        """End the study's run: `note` as its description (Markdown), `metrics` such as "effect/normalization=batch".

        The known files of the folder `artifacts`, its figures included, go with it. Trials still open end as killed.
        """
        if not self._parent:
            return  # it never opened
        with self._clock.on("track"):
            for trial in self._outbox.trials.values():
                if trial.outcome is None:
                    trial.end_as_killed(reason="the study ended first", at=now_ms())
            self._outbox.try_all()
            if self._outbox.is_down:
                return
            end = partial(end_parent, self._client, self._parent, status=status, note=note, metrics=metrics)
            kept = [partial(self._client.log_artifact, self._parent, *file) for file in folder_files(artifacts)]
            self._is_ended = all(self._outbox.tried(action) is None for action in (end, *kept))

    def _open(self, parent_run_id: str | None) -> str:
        study = self._study
        self._client = self._connect(self._uri)
        self._experiment = open_experiment(self._client, self._uri, name=study.study, title=study.title)
        with explained(self._uri):
            if parent_run_id and resume_parent(self._client, self._experiment, run_id=parent_run_id, study=study):
                parent = parent_run_id
            else:
                parent = start_parent(self._client, self._experiment, study=study)
                self._former_parent = parent_run_id
        self._outbox.open(self._client, self._experiment, parent_run_id=parent, origin=study.origin())
        self._outbox.add_file("study.toml", study.study_toml)
        self._parent = parent
        return parent

    def _compare(self, attempts: Sequence[Entry]) -> None:
        """Put what the store lacks into the outbox."""
        if self._former_parent:
            adopt(self._client, self._experiment, former=self._former_parent, parent=self._parent)
            self._former_parent = None
        end_dead_parents(self._client, self._experiment, study=self._study, own=self._parent)
        runs = child_runs(self._client, self._experiment, parent_run_id=self._parent, deleted=True)
        replay(self._outbox, self._client, attempts, runs)
