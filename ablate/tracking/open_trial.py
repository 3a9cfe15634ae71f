"""One attempt at a trial, from its start until the store has all of it."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, final

from ablate.storage.journal import AttemptKey
from ablate.study.trial import Epoch, Outcome, TrialSpec
from ablate.tracking.names import END_TAGS, STATUS, epoch_metrics, outcome_metrics, outcome_tags, param_values

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


Point: TypeAlias = tuple[str, float, int, int]  # metric, value, ms since 1970, step
T = TypeVar("T")
_METRICS = 900  # MLflow takes 1,000 entries of all kinds
_VALUES = 40  # of the params and of the tags; MLflow takes 100, but not over 1 MB in all


@final
@dataclass(slots=True)
class OpenTrial:
    """An attempt: what of it the store does not have yet. Nothing is dropped before the store has taken it."""

    spec: TrialSpec
    opened: int  # ms since 1970, like all times that MLflow keeps
    attempt: int = 1
    run_id: str = ""
    has_params: bool = False
    epochs: list[tuple[int, Epoch]] = field(default_factory=list)
    outcome: Outcome | None = None
    ended: int = 0
    due: float = 0.0  # monotonic seconds, when the epochs are to be written
    had_points: frozenset[tuple[str, int]] = frozenset()  # metrics and steps that an earlier process wrote
    had_tags: Mapping[str, str] = field(default_factory=dict)  # the same

    @property
    def key(self) -> AttemptKey:
        """Which attempt at which trial this is."""
        return self.spec.trial, self.attempt

    def end_as_killed(self, *, reason: str, at: int) -> None:
        """It ended without a result, at `at` ms since 1970."""
        self.outcome = Outcome(self.spec.trial, "killed", reason=reason, attempt=self.attempt)
        self.ended = at

    def write(self, client: "MlflowClient") -> None:
        """What the run lacks, and its end where that has come. Repeating a call that arrived changes nothing."""
        params = {} if self.has_params else param_values(self.spec.factors)
        write_batch(client, self.run_id, metrics=self._points(), params=params, tags=self._end_tags())
        self.has_params = True
        if self.outcome is None:
            self.epochs.clear()
        else:
            client.set_terminated(self.run_id, STATUS[self.outcome.state], self.ended)

    def _points(self) -> list[Point]:
        points = [
            (name, value, at, epoch.epoch) for at, epoch in self.epochs for name, value in epoch_metrics(epoch).items()
        ]
        if self.outcome is not None:
            points += [(name, value, self.ended, 0) for name, value in outcome_metrics(self.outcome).items()]
        return [point for point in points if (point[0], point[3]) not in self.had_points]

    def _end_tags(self) -> dict[str, str]:
        """How it ended, and nothing of what an earlier process thought of that."""
        if self.outcome is None:
            return {}
        return {name: "" for name in END_TAGS if name in self.had_tags} | outcome_tags(self.outcome)


def write_batch(
    client: "MlflowClient",
    run_id: str,
    *,
    metrics: Sequence[Point] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Repeating a call that arrived changes nothing: MLflow drops points it has, and equal params."""
    from mlflow.entities import Metric, Param, RunTag

    points = _chunks([Metric(*point) for point in metrics], _METRICS)
    settings = _chunks([Param(*item) for item in (params or {}).items()], _VALUES)
    labels = _chunks([RunTag(*item) for item in (tags or {}).items()], _VALUES)
    for i in range(max(len(points), len(settings), len(labels))):
        client.log_batch(run_id, _part(points, i), _part(settings, i), _part(labels, i), synchronous=True)


def write_texts(client: "MlflowClient", run_id: str, *, texts: Mapping[str, str]) -> None:
    """File name -> content, as artifacts."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", errors="replace")
        client.log_artifacts(run_id, folder)


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _part(chunks: Sequence[Sequence[T]], i: int) -> Sequence[T]:
    return chunks[i] if i < len(chunks) else ()
