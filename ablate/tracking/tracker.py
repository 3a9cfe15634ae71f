"""Write a study's journal to MLflow: one run for the study, and nested in it one run per attempt."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

from ablate.clock import Clock, now_ms
from ablate.errors import AblateError
from ablate.storage.journal import Attempt, AttemptKey, Begun
from ablate.storage.preregistration import FROZEN, Preregistration
from ablate.tracking import run_fields
from ablate.tracking.batch import write_batch, write_texts
from ablate.tracking.model_files import ModelFile, log_model
from ablate.tracking.reading import child_runs
from ablate.tracking.reconcile import Stored, began, is_behind, lacking_files, look_up, write
from ablate.tracking.store import connect, explained, is_away, is_final, is_gone, open_experiment, reason
from ablate.tracking.study_run import (
    StudyRun,
    adopt,
    end_dead_parents,
    end_parent,
    folder_files,
    resume_parent,
    start_parent,
    tag_freeze,
)

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


PAUSE_SECONDS = 2.0  # between two passes: what MLflow shows is about this old
MOST_PAUSE_SECONDS = 5.0  # limit of the pause with a slow store: a pass takes half of the time, and later passes grow
RETRY_SECONDS = 10.0  # between two passes after a failure
MOST_RETRY_SECONDS = 60.0  # limit of that pause, for a store that takes long to fail


@final
class Tracker:
    """Makes MLflow equal to a journal, from one thread: each pass writes what the store lacks.

    Only opening a study raises errors. After that a failing store never stops training: `failure` says why, `missing`
    counts the incomplete runs, and the next pass, in this process or a later one, looks up what the store has and
    continues.
    """

    def __init__(self, uri: str, *, connect: "Callable[[str], MlflowClient]" = connect) -> None:
        """Makes no connection yet."""
        self._uri = uri
        self._connect = connect
        self._clock = Clock()
        self.failure = ""  # why the store lacks something, or did for a while; "" if nothing ever failed
        self.is_down = False  # the last pass failed, but a later one may succeed
        self.is_ended = False  # whether the study's own run is complete
        self.progress = 0  # number of successful writes: while it grows, waiting is worthwhile
        self.pause = PAUSE_SECONDS  # until the next pass
        self.run_ids: dict[AttemptKey, str] = {}  # of the runs created so far
        self._stored: dict[AttemptKey, Stored] = {}
        self._is_looked_up = False  # False after a failed call: it may have arrived all the same
        self._rate_tests: set[str] = set()  # keys of range tests whose curve a run has
        self._failures: Counter[AttemptKey] = Counter()
        self._files_failed = False  # the artifact store may fail where the tracking store does not
        self._own = Stored()  # the study's run
        self._former_parent: str | None = None  # a parent run that is gone
        self._put_off = ""  # id of the study's run, if its server was away when it was to be opened
        self._freeze: Preregistration | None = None  # not yet written to the study's run

    @property
    def seconds(self) -> float:
        """Wall time spent on tracking so far."""
        return self._clock.seconds.get("track", 0.0)

    def missing(self, attempts: Iterable[AttemptKey]) -> int:
        """Number of incomplete runs in the store, of these attempts and the study's own."""
        stored = [self._stored.get(key, Stored()) for key in attempts]
        own = not self.is_ended or bool(self._own.files) or self._freeze is not None
        return sum(not one.has_ended or bool(one.files) for one in stored) + own

    def open_study(self, study: StudyRun, *, parent_run_id: str | None) -> str:
        """Start the study's run, or resume `parent_run_id` if it still exists; return its id.

        Raises `AblateError` if the store cannot be used. If a server accepted the study once but cannot be reached now,
        the run is opened in a later pass instead.
        """
        with self._clock.on("track"):
            self._study = study
            try:
                return self._open(parent_run_id)
            except AblateError as err:
                if not parent_run_id or not is_away(err):
                    raise
                self.failure, self._put_off = reason(err), parent_run_id
                return parent_run_id

    def log_preregistration(self, freeze: Preregistration) -> None:
        """Queue the preregistration for the study's run; it is written before any further trial."""
        self._freeze = freeze
        self._own.files = {**self._own.files, FROZEN: freeze.to_text()}

    def reconcile(self, attempts: Sequence[Attempt], *, again: bool = True) -> None:
        """Write what the store lacks of all attempts, of any process, and end runs of dead processes.

        `again`: also retry files that failed before. Nothing is written twice: if nothing is missing, the first pass
        costs two searches and the next ones nothing.
        """
        with self._clock.on("track"):
            began = time.monotonic()
            self.is_down = False
            if all(self._took(step) for step in self._steps(attempts)) and (again or not self._files_failed):
                self._write_files()
            took = time.monotonic() - began
            pause, retry = max(PAUSE_SECONDS, took), max(RETRY_SECONDS, 10 * took)
            self.pause = min(retry, MOST_RETRY_SECONDS) if self.is_down else min(pause, MOST_PAUSE_SECONDS)

    def close_study(
        self,
        attempts: Sequence[Attempt],
        status: run_fields.RunStatus,
        *,
        note: str,
        metrics: Mapping[str, float],
        artifacts: Path | None,
        models: Sequence[ModelFile] = (),
    ) -> None:
        """End the study's run: `note` as its description (Markdown), `metrics` such as "effect/normalization=batch".

        Uploads the known files of the folder `artifacts`, including its figures, and the `models` of trials to their
        runs. Trials still open end as killed.
        """
        why, at = "the study ended first", now_ms()
        self.reconcile([one.as_killed(reason=why, ended=at) if isinstance(one, Begun) else one for one in attempts])
        if self.is_down or not self._own.run_id:
            return
        with self._clock.on("track"):
            client, run_id = self._client, self._own.run_id
            end = partial(end_parent, client, run_id, status=status, note=note, metrics=metrics)
            kept = [partial(client.log_artifact, run_id, *file) for file in folder_files(artifacts)]
            logged = [partial(log_model, client, model) for model in models]
            steps: list[Callable[[], object]] = [end, *kept, *logged]
            before = self.progress
            _ = all(self._took(step) for step in steps)
            self.is_ended = self.progress - before == len(steps)

    def _steps(self, attempts: Sequence[Attempt]) -> Iterator[Callable[[], object]]:
        if not self._own.run_id:
            yield partial(self._open, self._put_off)
        if not self._is_looked_up:
            yield partial(self._look_up, attempts)
        if not self._is_looked_up:
            return  # the store did not answer: writing now might duplicate runs
        if self._freeze is not None:
            yield partial(self._write_freeze, self._freeze)
        behind = [one for one in attempts if is_behind(one, self._stored.setdefault(one.key, Stored()))]
        for attempt in sorted(behind, key=lambda one: self._failures[one.key]):
            yield partial(self._write, attempt, self._stored[attempt.key])

    def _took(self, step: Callable[[], object]) -> bool:
        """Take a step; return whether to continue. A failure is noted, never raised."""
        try:
            step()
        except Exception as err:  # no error of a store may end the training
            self.failure, self.is_down = reason(err), not is_final(err)
            self._is_looked_up = self._is_looked_up and not self.is_down
            return not self.is_down
        self.progress += 1
        return True

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
        self._origin = run_fields.tag_values({**study.origin(), run_fields.PARENT: parent})
        self._own.run_id, self._own.files = parent, {**self._own.files, "study.toml": study.study_toml}
        return parent

    def _look_up(self, attempts: Sequence[Attempt]) -> None:
        """Read what the store has."""
        client, experiment, parent = self._client, self._experiment, self._own.run_id
        if self._former_parent:
            adopt(client, experiment, former=self._former_parent, parent=parent)
            self._former_parent = None
        end_dead_parents(client, experiment, study=self._study, own=parent)
        runs = child_runs(client, experiment, parent_run_id=parent, deleted=True)
        self._stored, self._rate_tests = look_up(client, attempts, runs)
        self.run_ids.update({key: stored.run_id for key, stored in self._stored.items()})
        self._is_looked_up = True

    def _write_freeze(self, freeze: Preregistration) -> None:
        tag_freeze(self._client, self._own.run_id, freeze=freeze)
        self._freeze = None

    def _write(self, attempt: Attempt, stored: Stored) -> None:
        self._failures[attempt.key] += 1
        try:
            if not stored.run_id:
                stored.run_id = self.run_ids[attempt.key] = self._start(attempt)
            write(self._client, attempt, stored)
        except Exception as err:
            stored.is_refused = is_final(err)
            raise
        del self._failures[attempt.key]
        if attempt.outcome is not None:
            had = stored.tags.get(run_fields.FILES, "")
            stored.files = lacking_files(attempt.outcome, had=had, rate_tests=self._rate_tests)

    def _start(self, attempt: Attempt) -> str:
        spec, number = attempt.spec, attempt.key[1]
        tags, name = run_fields.spec_tags(spec, attempt=number), run_fields.run_name(spec, attempt=number)
        run = self._client.create_run(self._experiment, began(attempt), self._origin | tags, name)
        return str(run.info.run_id)

    def _write_files(self) -> None:
        """Write files that runs lack, and list them in a tag of the trial's run, so that later passes need not look."""
        self._files_failed = False
        for stored in [one for one in (self._own, *self._stored.values()) if one.files]:
            try:
                write_texts(self._client, stored.run_id, texts=stored.files)
                if stored is not self._own:
                    had = stored.tags.get(run_fields.FILES, "").split()
                    write_batch(self._client, stored.run_id, tags={run_fields.FILES: " ".join([*had, *stored.files])})
            except Exception as err:  # no error of an artifact store may end the training
                if not is_gone(err):
                    self.failure, self._files_failed = reason(err), True
                    return
            stored.files = {}
            self.progress += 1
