"""Read what a model reports of training and testing: the values of its trackers, or the means of its batches' own."""

from collections.abc import Mapping
from typing import Any, Literal, final

import keras
import numpy as np

Logs = Mapping[str, Any] | None  # Any: tensors or numbers, as the backend has them


@final
class BatchMeans(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """The means over the batches of what a model reports of each, for `fit` and `evaluate` with batches of one size.

    Keras gives a whole pass the values of the model's trackers. A step that returns a batch's loss and updates no
    tracker would so report that of the last batch, or 0. What a tracker counts is told by its name or its value, since
    `train_step` may return it under any name.
    """

    def __init__(self, part: Literal["train", "test"], *, n: int, batch_size: int) -> None:
        """`n` examples a pass, the last batch smaller."""
        super().__init__()
        self._part, self._n, self._batch_size = part, n, batch_size
        self._sums: dict[str, float] = {}
        self._seen = 0
        self._tracked: frozenset[str] = frozenset()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Count a batch."""
        if self._part == "train":
            self._add(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Count a batch."""
        if self._part == "test":
            self._add(batch, logs)

    def of(self, logs: Mapping[str, object]) -> dict[str, float]:
        """The values of the last pass: what the model tracks, as Keras reports it, and the means of all else."""
        means = {name: total / self._seen for name, total in self._sums.items() if name not in self._tracked}
        return {**numbers(logs), **means}

    def names(self) -> frozenset[str]:
        """The names of what the model reports of a batch."""
        return frozenset(self._sums)

    def _add(self, batch: int, logs: Logs) -> None:
        if batch == 0:
            self._sums, self._seen = {}, 0
        size = min(self._batch_size, self._n - batch * self._batch_size)
        self._seen += size
        for name, value in numbers(logs or {}).items():
            self._sums[name] = self._sums.get(name, 0.0) + size * value
        if self._seen == self._n:  # before Keras resets the trackers
            self._tracked = _tracked_in(self.model, numbers(logs or {}))


def numbers(logs: Mapping[str, object]) -> dict[str, float]:
    """What Keras reports, as numbers; what is no single number is left out."""
    found = {}
    for name, value in logs.items():
        try:
            found[name] = float(np.asarray(value))
        except (TypeError, ValueError):
            continue
    return found


def trackers(model: keras.Model) -> list[keras.metrics.Metric]:
    """The metrics that a model counts with: those that Keras resets, and others that are attributes of it."""
    found = [*model.metrics, *(value for value in vars(model).values() if isinstance(value, keras.metrics.Metric))]
    return list({id(metric): metric for metric in found}.values())


def _tracked_in(model: keras.Model, last: Mapping[str, float]) -> frozenset[str]:
    """The names, among those of the last batch, whose values are those of metrics that have counted something."""
    values: dict[str, float] = {}
    for number, metric in enumerate(trackers(model)):
        if any(np.any(np.asarray(variable)) for variable in metric.variables):
            value = metric.result()
            values |= numbers(value if isinstance(value, Mapping) else {metric.name: value, f"{number}": value})
    counted = np.array(list(values.values()))
    same = {name for name, value in last.items() if np.isclose(counted, value, rtol=1e-6, atol=0).any()}
    return frozenset(same | (values.keys() & last.keys()))
