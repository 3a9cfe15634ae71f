"""What a journal knows of a study's attempts, held against the runs of a store, into what the runs lack."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ablate.clock import now_ms
from ablate.storage.journal import AttemptKey, Entry
from ablate.study.trial import Epoch
from ablate.tracking.names import ATTEMPT, EPOCH_METRICS, FILES, STATUS, attempt_in, outcome_metrics, stored_name
from ablate.tracking.open_trial import OpenTrial
from ablate.tracking.outbox import Outbox
from ablate.tracking.study_run import end_killed

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient


def replay(outbox: Outbox, client: "MlflowClient", attempts: Iterable[Entry], runs: Sequence["Run"]) -> None:
    """Put what the runs of a study, oldest first, lack of its attempts into the outbox; end those that nobody trains.

    The attempts are those that ended. A run that a person deleted is left alone.
    """
    found = _by_attempt(runs)
    outbox.know_rate_tests(_rate_tests(runs))
    kept = {trial.run_id for trial in outbox.trials.values()}
    for entry in attempts:
        waiting = outbox.trials.get(entry.key)
        if waiting is not None and waiting.outcome is not None:
            continue
        run = run_of(entry, found.get((stored_name(entry.spec.trial), entry.outcome.attempt), ()))
        if run is not None:
            kept.add(run.info.run_id)
        if run is not None and (is_as(run, entry) or _is_deleted(run)):
            files = None if _is_deleted(run) else run.data.tags.get(FILES, "")
            outbox.know(entry.key, run.info.run_id, outcome=entry.outcome, files=files)
        else:
            outbox.trials[entry.key] = lacking(client, entry, run)
    _end_others(client, found, kept=kept)


def run_of(entry: Entry, runs: Sequence["Run"]) -> "Run | None":
    """Of the runs of an attempt, oldest first, one that nobody deleted, that ended alike, that the journal names."""

    def fitness(run: "Run") -> tuple[bool, bool, bool]:
        return not _is_deleted(run), is_as(run, entry), run.info.run_id == entry.run_id

    return max(reversed(runs), key=fitness, default=None)


def is_as(run: "Run", entry: Entry) -> bool:
    """Whether the run ended as the attempt did."""
    state = entry.outcome.state
    return (run.info.status, run.data.tags.get("state")) == (STATUS[state], state)


def lacking(client: "MlflowClient", entry: Entry, run: "Run | None") -> OpenTrial:
    """An attempt without what its run has of it; `run` None: all of it."""
    ended = entry.ended or entry.began or now_ms()
    began = entry.began or ended - round(1000 * entry.outcome.seconds)
    trial = OpenTrial(entry.spec, began, attempt=entry.outcome.attempt, outcome=entry.outcome, ended=ended)
    trial.epochs = list(zip(_times(entry.epochs, began=began, ended=ended), entry.epochs, strict=True))
    if run is not None:
        _leave_out(client, trial, run, ended=entry.ended)
    return trial


def _leave_out(client: "MlflowClient", trial: OpenTrial, run: "Run", *, ended: int) -> None:
    """Note what the run has. What ended at an unknown time (0) ended with the last epoch that its run knows."""
    names = [name for name in EPOCH_METRICS if name in run.data.metrics]
    curves = [point for name in names for point in client.get_metric_history(run.info.run_id, name)]
    values = outcome_metrics(trial.outcome) if trial.outcome else {}
    same = {(name, 0) for name, value in values.items() if run.data.metrics.get(name) == value}
    trial.run_id, trial.had_tags, trial.has_params = run.info.run_id, run.data.tags, bool(run.data.params)
    trial.had_points = frozenset({(point.key, point.step) for point in curves} | same)
    trial.ended = ended or max((point.timestamp for point in curves), default=run.info.start_time)


def _times(epochs: Sequence[Epoch], *, began: int, ended: int) -> list[int]:
    """About when each epoch passed: the last one at the end, each one before by the seconds of the next earlier."""
    times, at = [], ended
    for epoch in reversed(epochs):
        times.append(max(began, at))
        at -= round(1000 * epoch.seconds)
    return times[::-1]


def _by_attempt(runs: Iterable["Run"]) -> dict[AttemptKey, list["Run"]]:
    """The runs by trial and attempt. There may be several: the answer to a call that made one may be lost."""
    found: dict[AttemptKey, list[Run]] = {}
    for run in runs:
        found.setdefault((run.data.tags["trial"], attempt_in(run.data.tags)), []).append(run)
    return found


def _rate_tests(runs: Iterable["Run"]) -> set[str]:
    """The keys of the range tests whose curves some run has."""
    having = (run for run in runs if "lr_test.csv" in run.data.tags.get(FILES, "") and not _is_deleted(run))
    return {run.data.tags.get("lr_test", "") for run in having}


def _end_others(client: "MlflowClient", found: Mapping[AttemptKey, Sequence["Run"]], *, kept: Container[str]) -> None:
    """Delete what is there twice, because an answer was lost; end as killed what a journal does not know."""
    for same in found.values():
        for run in same:
            if run.info.status == "RUNNING" and run.info.run_id not in kept and not _is_deleted(run):
                twice = ATTEMPT in run.data.tags and any(other.info.run_id in kept for other in same)
                if twice:
                    client.delete_run(run.info.run_id)
                else:
                    end_killed(client, run)


def _is_deleted(run: "Run") -> bool:
    """Whether it lies in MLflow's trash."""
    return bool(run.info.lifecycle_stage == "deleted")
