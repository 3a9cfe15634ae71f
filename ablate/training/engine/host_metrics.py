"""The metrics that are computed outside of the compiled loop, once an evaluation: functions, and sums over batches."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
from keras import ops

from ablate.data.array import Array
from ablate.data.trees import leaves, to_tree
from ablate.errors import StudyError, is_ours, reason_of
from ablate.study.task import Task, TaskMetric
from ablate.training.engine.compiled_metrics import CompiledMetric
from ablate.training.engine.targets import as_held
from ablate.training.engine.views import OutputKind, probabilities_of

Function: TypeAlias = Callable[..., object]  # (y_true, y_pred), maybe sample_weight


@final
@dataclass(frozen=True, slots=True)
class HostMetric:
    """A metric of a whole part of the data, computed outside of the compiled loop, once an evaluation."""

    name: str
    compute: Callable[[Mapping[str, Array], Mapping[str, Array], Array | None], float]

    def value(self, y: Any, outputs: Any, weights: Array | None = None) -> float:  # Any: an array, or arrays by output
        """Its value for all targets and the network's outputs for them; NaN counts as no score.

        `weights` are those of the examples; None: all count equally.
        """
        return self.compute(leaves(y), leaves(outputs), weights)


def of_function(
    metric: TaskMetric, task: Task, kinds: Mapping[str, OutputKind], function: Callable[..., object]
) -> HostMetric:
    """A function of the user's: it gets probabilities for classes and tags, numbers in their own unit.

    A single output (n, 1) has the shape of its targets, (n,): else their difference would be (n, n). The function gets
    the weights of the examples if it lists `sample_weight`; None if all count equally.
    """
    is_weighted = _lists_weights(function)

    def compute(y: Mapping[str, Array], outputs: Mapping[str, Array], weights: Array | None) -> float:
        given = {
            name: _alike(ops.convert_to_numpy(probabilities_of(target, kinds[name], outputs[name])), y[name])
            for name, target in task.targets.items()
        }
        try:
            further = {"sample_weight": weights} if is_weighted else {}
            value = np.asarray(function(to_tree(y), to_tree(given), **further), dtype=float)
        except Exception as err:
            if is_ours(err):
                raise
            raise StudyError(f"metric: {metric.spec} fails: {reason_of(err)}") from err
        if value.size != 1:
            raise StudyError(
                f"metric: {metric.spec} must return a number, got an array of shape {value.shape}\n  return its mean"
            )
        return float(value.reshape(()))

    return HostMetric(metric.name, compute)


def in_batches(
    metric: CompiledMetric, batch_size: int, columns: frozenset[str]
) -> Callable[[Mapping[str, Array], Mapping[str, Array], Array | None], float]:
    """Update a metric in batches of a study's size, as `model.evaluate` does."""

    def compute(y: Mapping[str, Array], outputs: Mapping[str, Array], weights: Array | None) -> float:
        y, state, n = leaves(as_held(to_tree(y), columns)), metric.start(), len(next(iter(y.values())))
        for start in range(0, n, batch_size):
            rows = slice(start, start + batch_size)
            some = weights[rows] if weights is not None and metric.is_weighted else None
            y_some, outputs_some = (
                {k: ops.convert_to_tensor(a[rows]) for k, a in tree.items()} for tree in (y, outputs)
            )
            state = metric.update(state, y_some, outputs_some, some)
        return metric.value(state)

    return compute


def _alike(outputs: Array, y: Array) -> Array:
    return outputs.reshape(y.shape) if outputs.size == y.size else outputs


def _lists_weights(function: Function) -> bool:
    try:
        return "sample_weight" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # not written in Python
        return False
