"""Write metrics, params, tags and text files to an MLflow run, in as few calls as MLflow's limits allow."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


Point: TypeAlias = tuple[str, float, int, int]  # metric, value, ms since 1970, step
T = TypeVar("T")
_METRICS = 900  # MLflow accepts 1,000 entries of all kinds
_VALUES = 40  # params per call, and tags per call; MLflow accepts 100, but at most 1 MB in all


def write_batch(
    client: "MlflowClient",
    run_id: str,
    *,
    metrics: Sequence[Point] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write in batches. Safe to repeat: MLflow drops points that it has, and equal params."""
    from mlflow.entities import Metric, Param, RunTag

    points = _chunks([Metric(*point) for point in metrics], _METRICS)
    settings = _chunks([Param(*item) for item in (params or {}).items()], _VALUES)
    labels = _chunks([RunTag(*item) for item in (tags or {}).items()], _VALUES)
    for i in range(max(len(points), len(settings), len(labels))):
        client.log_batch(run_id, _part(points, i), _part(settings, i), _part(labels, i), synchronous=True)


def write_texts(client: "MlflowClient", run_id: str, *, texts: Mapping[str, str]) -> None:
    """Write texts as artifacts; `texts` maps file names to contents."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", errors="replace")
        client.log_artifacts(run_id, folder)


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _part(chunks: Sequence[Sequence[T]], i: int) -> Sequence[T]:
    return chunks[i] if i < len(chunks) else ()
