"""A study's journal into MLflow runs: one for the study, one nested in it for each attempt."""

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
from ablate.tracking import names
from ablate.tracking.batch import write_batch, write_texts
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
MOST_PAUSE_SECONDS = 5.0  # the same where a store is slow: its passes take half of the time, and grow
RETRY_SECONDS = 10.0  # between two passes where the store failed
MOST_RETRY_SECONDS = 60.0  # the same where it took long to fail


@final
class Tracker:
    """Makes MLflow equal to a journal, from one thread: each pass writes what the store lacks.

    Only opening a study fails loudly. After that a store that fails costs no training: `failure` says why, `missing`
    counts what it lacks, and the next pass, in this process or a later one, looks what it has and goes on.
    """

    def __init__(self, uri: str, *, connect: "Callable[[str], MlflowClient]" = connect) -> None:
        """Nothing is contacted yet."""
        self._uri = uri
        self._connect = connect
        self._clock = Clock()
        self.failure = ""  # why the store lacks something, or did for a while; "" where nothing ever failed
        self.is_down = False  # the last pass failed, and another may not
        self.is_ended = False  # the study's own run is, as a whole
        self.progress = 0  # how often the store took something: while this grows, waiting is worth it
        self.pause = PAUSE_SECONDS  # until the next pass
        self.run_ids: dict[AttemptKey, str] = {}  # as far as the store has come
        self._stored: dict[AttemptKey, Stored] = {}
        self._is_looked_up = False  # `_stored` is what the store has; a call that failed may have arrived
        self._rate_tests: set[str] = set()  # keys whose curve some run has
        self._failures: Counter[AttemptKey] = Counter()
        self._files_failed = False  # the place for artifacts may fail where the store does not
        self._own = Stored()  # the study's run
        self._former_parent: str | None = None  # that is gone
        self._put_off = ""  # the study's run, on a server that was away when it was to be opened
        self._freeze: Preregistration | None = None  # that the study's run does not have yet

    @property
    def seconds(self) -> float:
        """Wall time spent in here so far."""
        return self._clock.seconds.get("track", 0.0)

    def missing(self, attempts: Iterable[AttemptKey]) -> int:
        """How many runs the store does not have as a whole: of these attempts, and that of the study itself."""
        stored = [self._stored.get(key, Stored()) for key in attempts]
        own = not self.is_ended or bool(self._own.files) or self._freeze is not None
        return sum(not one.has_ended or bool(one.files) for one in stored) + own

    def open_study(self, study: StudyRun, *, parent_run_id: str | None) -> str:
        """Start the study's run, or go on with `parent_run_id` where it still exists; its id.

        Raises `AblateError` where the store cannot be used. A server that took the study once, and is not reached now,
        is no reason to refuse: it is opened with a later pass.
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
        """The study's run is to say what was frozen and when; no trial is written any further before that is done."""
        self._freeze = freeze
        self._own.files = {**self._own.files, FROZEN: freeze.to_text()}

    def reconcile(self, attempts: Sequence[Attempt], *, again: bool = True) -> None:
        """Write what the store lacks of all attempts, of whatever process; end what dead ones left running.

        `again`: also files where one failed before. What the store has stays as it is: where nothing is missing, the
        first pass costs two searches and the next ones nothing.
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
        status: names.RunStatus,
        *,
        note: str,
        metrics: Mapping[str, float],
        artifacts: Path | None,
    ) -> None:
        """End the study's run: `note` as its description (Markdown), `metrics` such as "effect/normalization=batch".

        The known files of the folder `artifacts`, its figures included, go with it. Trials still open end as killed.
        """
        why, at = "the study ended first", now_ms()
        self.reconcile([one.as_killed(reason=why, ended=at) if isinstance(one, Begun) else one for one in attempts])
        if self.is_down or not self._own.run_id:
            return
        with self._clock.on("track"):
            client, run_id = self._client, self._own.run_id
            end = partial(end_parent, client, run_id, status=status, note=note, metrics=metrics)
            kept = [partial(client.log_artifact, run_id, *file) for file in folder_files(artifacts)]
            before, steps = self.progress, (end, *kept)
            _ = all(self._took(step) for step in steps)
            self.is_ended = self.progress - before == len(steps)

    def _steps(self, attempts: Sequence[Attempt]) -> Iterator[Callable[[], object]]:
        if not self._own.run_id:
            yield partial(self._open, self._put_off)
        if not self._is_looked_up:
            yield partial(self._look_up, attempts)
        if not self._is_looked_up:
            return  # the store refuses to say: whatever were written now might be there twice
        if self._freeze is not None:
            yield partial(self._write_freeze, self._freeze)
        behind = [one for one in attempts if is_behind(one, self._stored.setdefault(one.key, Stored()))]
        for attempt in sorted(behind, key=lambda one: self._failures[one.key]):
            yield partial(self._write, attempt, self._stored[attempt.key])

    def _took(self, step: Callable[[], object]) -> bool:
        """Take a step; whether it is worth going on. A failure is noted, never raised."""
        try:
            step()
        except Exception as err:  # whatever a store raises must not end the training
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
        self._origin = names.tag_values({**study.origin(), names.PARENT: parent})
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
            had = stored.tags.get(names.FILES, "")
            stored.files = lacking_files(attempt.outcome, had=had, rate_tests=self._rate_tests)

    def _start(self, attempt: Attempt) -> str:
        spec, number = attempt.spec, attempt.key[1]
        tags, name = names.spec_tags(spec, attempt=number), names.run_name(spec, attempt=number)
        run = self._client.create_run(self._experiment, began(attempt), self._origin | tags, name)
        return str(run.info.run_id)

    def _write_files(self) -> None:
        """Write the files that runs lack, and tag those of trials with what they have, so that nobody need look."""
        self._files_failed = False
        for stored in [one for one in (self._own, *self._stored.values()) if one.files]:
            try:
                write_texts(self._client, stored.run_id, texts=stored.files)
                if stored is not self._own:
                    had = stored.tags.get(names.FILES, "").split()
                    write_batch(self._client, stored.run_id, tags={names.FILES: " ".join([*had, *stored.files])})
            except Exception as err:  # whatever a place for artifacts raises must not end the training
                if not is_gone(err):
                    self.failure, self._files_failed = reason(err), True
                    return
            stored.files = {}
            self.progress += 1
