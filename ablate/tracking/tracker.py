"""What passes between a plan and a scheduler into MLflow runs: one for the study, one nested in it for each trial."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

from ablate.clock import Clock
from ablate.freeze import FROZEN, Freeze
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.tracking import entries
from ablate.tracking.artifacts import Artifacts
from ablate.tracking.batch import write_batch
from ablate.tracking.open_trial import OpenTrial
from ablate.tracking.parent import (
    FINAL_ERRORS,
    StudyRun,
    end_parent,
    keep_folder,
    resume_parent,
    start_parent,
    tag_freeze,
)
from ablate.tracking.store import connect, explained, open_experiment, reason

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

FLUSH_SECONDS = 5.0  # a running trial's curve is at most about this old
SHARE = 0.02  # of the time that writing may take: where a store is slow, its batches grow
RETRY_SECONDS = 10.0  # between two tries at a store that failed
CLOSE_TRIES = 3  # one second apart


def now_ms() -> int:
    """The time as MLflow keeps it: milliseconds since 1970."""
    return int(time.time() * 1000)


@final
class Tracker:
    """Writes a study down in MLflow, from one thread.

    Only opening a study fails loudly. After that a store that fails costs no training: the events are kept, tried again
    with later ones and a last time at the end; `lost` counts those that never arrived, `failure` says why.
    """

    def __init__(self, uri: str, *, connect: "Callable[[str], MlflowClient]" = connect) -> None:
        """Nothing is contacted yet."""
        self.lost = 0
        self.failure = ""
        self._uri = uri
        self._connect = connect
        self._clock = Clock()
        self._parent = ""
        self._trials: dict[str, OpenTrial] = {}
        self._run_ids: dict[str, str] = {}
        self._rate_tests: set[str] = set()  # keys whose curve some run has
        self._freeze: Freeze | None = None  # that the study's run does not have yet
        self._artifacts = Artifacts()
        self._retry_at = 0.0

    @property
    def seconds(self) -> float:
        """Wall time spent in here so far."""
        return self._clock.seconds.get("track", 0.0)

    @property
    def run_ids(self) -> Mapping[str, str]:
        """Trial -> run id, those of earlier runs of a resumed study included."""
        return self._run_ids

    def open_study(self, study: StudyRun, *, parent_run_id: str | None) -> str:
        """Start the study's run, or go on with `parent_run_id` where it still exists; its id.

        Trials that a dead process left running end as killed. Raises `AblateError` where the store cannot be used.
        """
        with self._clock.on("track"):
            self._study = study
            self._client = self._connect(self._uri)
            self._experiment = open_experiment(self._client, self._uri, name=study.study, title=study.title)
            with explained(self._uri):
                if not (parent_run_id and self._go_on(parent_run_id)):
                    self._parent = start_parent(self._client, self._experiment, study=study)
            self._artifacts.add(self._parent, {"study.toml": study.study_toml})
            self._write_artifacts()
            return self._parent

    def log_freeze(self, freeze: Freeze) -> None:
        """Tag the study's run with what was frozen and when; no trial is written any further before that is done."""
        with self._clock.on("track"):
            self._freeze = freeze
            self._artifacts.add(self._parent, {FROZEN: freeze.to_text()})
            self._guarded(self._write_freeze, lost=0)
            self._write_artifacts()

    def open_trial(self, spec: TrialSpec, *, at: int | None = None) -> str:
        """Start a trial's run, nested in the study's; its id, or "" while the store does not answer.

        `at`, here and below: when it happened, in ms since 1970; now if left out.
        """
        with self._clock.on("track"):
            trial = self._trials.setdefault(spec.trial, OpenTrial(spec, opened=at or now_ms()))
            self._flush(trial)
            return trial.run_id

    def log_epoch(self, epoch: Epoch, *, at: int | None = None) -> None:
        """Take note of an epoch; written with others after some seconds. Nothing where the trial is not open."""
        with self._clock.on("track"):
            trial = self._trials.get(epoch.trial)
            if trial is None or trial.outcome is not None:
                return
            trial.epochs.append((at or now_ms(), epoch))
            if time.monotonic() >= trial.due:
                self._flush(trial)

    def close_trial(self, outcome: Outcome, *, at: int | None = None) -> None:
        """Write the rest of a trial and end its run. Nothing where the trial is not open, so twice is once."""
        with self._clock.on("track"):
            trial = self._trials.get(outcome.trial)
            if trial is None or trial.outcome is not None:
                return
            trial.outcome, trial.ended = outcome, at or now_ms()
            for ended in [trial, *self._trials.values()]:  # the others waited for a store that failed
                if ended.outcome is not None and ended.spec.trial in self._trials:
                    self._flush(ended)
            if not self._artifacts.failed:  # else a last time at the end
                self._write_artifacts()

    def close_study(
        self, status: entries.RunStatus, *, note: str, metrics: Mapping[str, float], artifacts: Path | None
    ) -> None:
        """End the study's run: `note` as its description (Markdown), `metrics` such as "effect/normalization=batch".

        The known files of the folder `artifacts`, its figures included, go with it. Trials still open end as killed.
        """
        if not self._parent:
            return  # it never opened
        with self._clock.on("track"):
            for trial in self._trials.values():
                if trial.outcome is None:
                    trial.outcome = Outcome(trial.spec.trial, "killed", reason="the study ended first")
                    trial.ended = now_ms()
            self._last_tries()
            self._guarded(partial(end_parent, self._client, self._parent, status=status, note=note, metrics=metrics))
            if artifacts is not None:
                self._guarded(partial(keep_folder, self._client, self._parent, folder=artifacts))

    def _go_on(self, run_id: str) -> bool:
        children = resume_parent(self._client, self._experiment, run_id=run_id, study=self._study)
        if children is None:
            return False
        self._parent = run_id
        self._run_ids |= {child.data.tags["trial"]: child.info.run_id for child in children}
        self._rate_tests |= {child.data.tags.get("lr_test", "") for child in children}
        return True

    def _flush(self, trial: OpenTrial) -> None:
        began = time.monotonic()
        if began < self._retry_at:
            return
        try:
            self._write_freeze()
            self._write(trial)
        except Exception as err:  # whatever a store raises must not end the training
            self.failure = reason(err)
            if getattr(err, "error_code", "") in FINAL_ERRORS:
                self._give_up(trial)
            else:
                self._trials[trial.spec.trial] = self._trials.pop(trial.spec.trial)  # behind the others
                self._retry_at = time.monotonic() + max(RETRY_SECONDS, (time.monotonic() - began) / SHARE)
            return
        trial.due = time.monotonic() + max(FLUSH_SECONDS, (time.monotonic() - began) / SHARE)

    def _write(self, trial: OpenTrial) -> None:
        trial.run_id = trial.run_id or self._start(trial)
        params = {} if trial.has_params else entries.param_values(trial.spec.factors)
        points = [
            (name, value, at, epoch.epoch)
            for at, epoch in trial.epochs
            for name, value in entries.epoch_metrics(epoch).items()
        ]
        if trial.outcome is None:
            write_batch(self._client, trial.run_id, metrics=points, params=params)
            trial.has_params = True
            trial.epochs.clear()
            return
        points += [(name, value, trial.ended, 0) for name, value in entries.outcome_metrics(trial.outcome).items()]
        tags = entries.outcome_tags(trial.outcome)
        write_batch(self._client, trial.run_id, metrics=points, params=params, tags=tags)
        self._client.set_terminated(trial.run_id, entries.STATUS[trial.outcome.state], trial.ended)
        del self._trials[trial.spec.trial]
        self._queue_files(trial.run_id, outcome=trial.outcome)

    def _start(self, trial: OpenTrial) -> str:
        tags = entries.tag_values({**self._study.origin(), entries.PARENT: self._parent})
        run_id: str = self._client.create_run(
            self._experiment,
            start_time=trial.opened,
            tags=tags | entries.spec_tags(trial.spec),
            run_name=entries.run_name(trial.spec),
        ).info.run_id
        self._run_ids[trial.spec.trial] = run_id
        return run_id

    def _queue_files(self, run_id: str, *, outcome: Outcome) -> None:
        files = {"traceback.txt": outcome.traceback} if outcome.traceback else {}
        if outcome.rate_test and outcome.rate_test.key not in self._rate_tests:
            self._rate_tests.add(outcome.rate_test.key)
            files |= entries.rate_test_files(outcome.rate_test)
        if files:
            self._artifacts.add(run_id, files)

    def _write_freeze(self) -> None:
        if self._freeze is not None:
            tag_freeze(self._client, self._parent, freeze=self._freeze)
            self._freeze = None

    def _write_artifacts(self) -> None:
        if not self._artifacts.write(self._client):
            self.failure = self._artifacts.failure

    def _last_tries(self) -> None:
        for i in range(CLOSE_TRIES):
            time.sleep(min(i, 1))
            self._retry_at = 0.0
            for trial in list(self._trials.values()):
                self._flush(trial)
            self._guarded(self._write_freeze, lost=0)
            self._write_artifacts()
            if not self._trials and not self._artifacts.waiting() and self._freeze is None:
                return
        for trial in list(self._trials.values()):
            self._give_up(trial)
        self.lost += self._artifacts.waiting() + (self._freeze is not None)

    def _guarded(self, action: Callable[[], None], *, lost: int = 1) -> None:
        try:
            action()
        except Exception as err:  # the results are on disk: a failure here is told, not raised
            self.failure = reason(err)
            self.lost += lost

    def _give_up(self, trial: OpenTrial) -> None:
        self.lost += trial.waiting()
        del self._trials[trial.spec.trial]
