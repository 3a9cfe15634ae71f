"""Compare the attempts in a journal with the runs in a store, and write what the store lacks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ablate.clock import now_ms
from ablate.storage.journal import Attempt, AttemptKey, Begun
from ablate.study.trial import Epoch, Outcome
from ablate.tracking import run_fields as entries
from ablate.tracking.batch import Point, write_batch
from ablate.tracking.study_run import end_killed

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient


@dataclass(slots=True)
class Stored:
    """What a store has of an attempt, as far as this process knows. All times are in ms since 1970."""

    run_id: str = ""
    started: int = 0  # 0: started in this process
    has_params: bool = False
    epochs: dict[int, int] = field(default_factory=dict)  # number -> end time
    values: Mapping[str, float] = field(default_factory=dict)  # metrics written by an earlier process
    tags: Mapping[str, str] = field(default_factory=dict)  # tags written by an earlier process
    has_ended: bool = False  # complete except for files
    is_refused: bool = False  # the store rejects it permanently
    files: Mapping[str, str] = field(default_factory=dict)  # name -> text, not written yet


def is_behind(attempt: Attempt, stored: Stored) -> bool:
    """Whether the store lacks anything of an attempt that it would accept, files aside."""
    if stored.has_ended or stored.is_refused:
        return False
    return not stored.run_id or attempt.outcome is not None or bool(_new_epochs(attempt, stored))


def began(attempt: Attempt) -> int:
    """When an attempt began; estimated for journals of older versions."""
    if attempt.began or isinstance(attempt, Begun):
        return attempt.began
    return (attempt.ended or now_ms()) - round(1000 * attempt.outcome.seconds)


def write(client: "MlflowClient", attempt: Attempt, stored: Stored) -> None:
    """Write what the attempt's run lacks, and its end if it has ended; update `stored`."""
    epochs = _new_epochs(attempt, stored)
    points: list[Point] = [(k, v, at, epoch.epoch) for at, epoch in epochs for k, v in _values(epoch)]
    params = {} if stored.has_params else entries.param_values(attempt.spec.factors)
    if isinstance(attempt, Begun):
        write_batch(client, stored.run_id, metrics=points, params=params)
        stored.has_params, stored.epochs = True, stored.epochs | {epoch.epoch: at for at, epoch in epochs}
        return
    ended = attempt.ended or max(stored.epochs.values(), default=stored.started or attempt.began or now_ms())
    values = entries.outcome_metrics(attempt.outcome).items()
    points += [(name, value, ended, 0) for name, value in values if stored.values.get(name) != value]
    # Clears the end tags that an earlier process may have written.
    tags = {name: "" for name in entries.END_TAGS if name in stored.tags} | entries.outcome_tags(attempt.outcome)
    write_batch(client, stored.run_id, metrics=points, params=params, tags=tags)
    client.set_terminated(stored.run_id, entries.STATUS[attempt.outcome.state], ended)
    stored.has_ended, stored.epochs = True, {}


def lacking_files(outcome: Outcome, *, had: str, rate_tests: set[str]) -> dict[str, str]:
    """Files that a run should have besides `had`.

    A range test's curve goes to one run only; `rate_tests` keeps track.
    """
    files = {"traceback.txt": outcome.traceback} if outcome.traceback and "traceback.txt" not in had else {}
    if outcome.rate_test and outcome.rate_test.key not in rate_tests:
        rate_tests.add(outcome.rate_test.key)
        files |= entries.rate_test_files(outcome.rate_test)
    return files | (entries.layer_files(outcome) if outcome.layers and "layers.csv" not in had else {})


def look_up(
    client: "MlflowClient", attempts: Iterable[Attempt], runs: Sequence["Run"]
) -> tuple[dict[AttemptKey, Stored], set[str]]:
    """Look up what the runs of a study (oldest first) hold of its attempts, and which range tests are stored.

    Ends runs that no process trains. A run that a person deleted counts as complete: it is left alone.
    """
    found: dict[AttemptKey, list[Run]] = {}  # possibly several: the answer to a call that created a run may get lost
    for run in runs:
        found.setdefault((run.data.tags["trial"], entries.attempt_in(run.data.tags)), []).append(run)
    having = (run for run in runs if "lr_test.csv" in run.data.tags.get(entries.FILES, "") and not _is_deleted(run))
    rate_tests = {run.data.tags.get("lr_test", "") for run in having}
    stored: dict[AttemptKey, Stored] = {}
    for attempt in attempts:
        trial, number = attempt.key
        own = _run_of(attempt, found.get((entries.stored_name(trial), number), ()))
        if own is not None:
            stored[attempt.key] = _read(client, attempt, own, rate_tests)
    _end_others(client, found.values(), kept={one.run_id for one in stored.values()})
    return stored, rate_tests


def _run_of(attempt: Attempt, runs: Sequence["Run"]) -> "Run | None":
    """Choose from an attempt's runs (oldest first): prefer one not deleted, ended alike, and named in the journal."""

    def fitness(run: "Run") -> tuple[bool, bool, bool]:
        return not _is_deleted(run), _is_as(run, attempt), run.info.run_id == attempt.run_id

    return max(reversed(runs), key=fitness, default=None)


def _is_as(run: "Run", attempt: Attempt) -> bool:
    """Whether the run ended as the attempt did, or is running like it."""
    state = attempt.outcome.state if attempt.outcome else "running"
    status = entries.STATUS[attempt.outcome.state] if attempt.outcome else "RUNNING"
    return (run.info.status, run.data.tags.get("state")) == (status, state)


def _read(client: "MlflowClient", attempt: Attempt, run: "Run", rate_tests: set[str]) -> Stored:
    if _is_deleted(run):
        return Stored(run.info.run_id, has_ended=True)
    tags, metrics = run.data.tags, run.data.metrics
    if attempt.outcome is not None and _is_as(run, attempt):
        files = lacking_files(attempt.outcome, had=tags.get(entries.FILES, ""), rate_tests=rate_tests)
        return Stored(run.info.run_id, has_ended=True, tags=tags, files=files)
    names = [name for name in metrics if entries.is_epoch_metric(name)]
    points = {(p.key, p.step): p.timestamp for name in names for p in client.get_metric_history(run.info.run_id, name)}
    times = {step: at for (_, step), at in points.items()}
    for epoch in (epoch for _, epoch in _passed(attempt, times)):
        if any((name, epoch.epoch) not in points for name, _ in _values(epoch)):
            times.pop(epoch.epoch, None)  # rewritten in full: MLflow drops the points that it has
    return Stored(run.info.run_id, run.info.start_time, bool(run.data.params), times, metrics, tags)


def _new_epochs(attempt: Attempt, stored: Stored) -> list[tuple[int, Epoch]]:
    return [(at, epoch) for at, epoch in _passed(attempt, stored.epochs) if stored.epochs.get(epoch.epoch) != at]


def _passed(attempt: Attempt, stored: Mapping[int, int]) -> Sequence[tuple[int, Epoch]]:
    """The epochs of an attempt with their end times: from the journal, else from the store, else estimated.

    Estimated: the last epoch at the end, each earlier one sooner by the seconds of the epoch after it.
    """
    if isinstance(attempt, Begun):
        return tuple(attempt.passed)  # a copy: another thread appends to it
    if attempt.passed:
        return tuple(zip(attempt.passed, attempt.epochs, strict=True))
    at, first = attempt.ended or attempt.began or now_ms(), began(attempt)
    passed: list[tuple[int, Epoch]] = []
    for epoch in reversed(attempt.epochs):
        passed.append((stored.get(epoch.epoch, max(first, at)), epoch))
        at -= round(1000 * epoch.seconds)
    return passed[::-1]


def _values(epoch: Epoch) -> Iterable[tuple[str, float]]:
    return entries.epoch_metrics(epoch).items()


def _end_others(client: "MlflowClient", found: Iterable[Sequence["Run"]], *, kept: Collection[str]) -> None:
    """Delete duplicate runs, left when an answer got lost; end as killed the runs that the journal does not know."""
    for same in found:
        for run in same:
            if run.info.status == "RUNNING" and run.info.run_id not in kept and not _is_deleted(run):
                twice = entries.ATTEMPT in run.data.tags and any(other.info.run_id in kept for other in same)
                if twice:
                    client.delete_run(run.info.run_id)
                else:
                    end_killed(client, run)


def _is_deleted(run: "Run") -> bool:
    """Whether the run is in MLflow's trash."""
    return bool(run.info.lifecycle_stage == "deleted")
