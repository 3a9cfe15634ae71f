"""The metrics of a task as pure functions of a state that a compiled loop carries, and those computed on the host.

Weights of examples and classes count as in Keras: in the loss, in metrics that a model is compiled with as
`weighted_metrics`, and in functions that list `sample_weight`. In all other metrics every example counts once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, final

import keras
import numpy as np
from keras import ops

from ablate.data.array import Array, Tensor
from ablate.data.trees import leaves, to_tree
from ablate.errors import StudyError, is_ours, known_names
from ablate.study.metrics import find_metric
from ablate.study.read_task import function_name
from ablate.study.task import LOSS, Target, Task, TaskMetric
from ablate.training.engine.compiled_metrics import CompiledMetric, compiled_metrics
from ablate.training.engine.host_metrics import Function, HostMetric, in_batches, of_function
from ablate.training.engine.measures import Measure, MetricState, measure_of
from ablate.training.engine.targets import as_held, columns_of
from ablate.training.engine.views import OutputKind, view_of

PROBED = 16  # rows of a probe
FIRST = 5  # rows of the first of its two batches


@final
@dataclass(frozen=True, slots=True)
class StreamedMetrics:
    """The metrics of a task that add up over batches, all but the loss."""

    names: tuple[str, ...]
    _parts: "tuple[_Part, ...]"
    _sizes: tuple[int, ...]  # tensors in the state of each

    def start(self) -> MetricState:
        """The state before the first batch: tensors of fixed shapes and types."""
        return tuple(tensor for part in self._parts for tensor in part.start())

    def update(
        self, state: MetricState, y: Any, outputs: Any, weights: Tensor | None = None
    ) -> MetricState:  # Any: a tensor, or tensors by output
        """The state with one more batch, without padding. `weights` (examples,) count in `weighted_metrics` alone."""
        batch, first = _Batch(leaves(y), leaves(outputs), weights), 0
        after: list[Tensor] = []
        for part, size in zip(self._parts, self._sizes, strict=True):
            after += part.update(tuple(state[first : first + size]), batch)
            first += size
        return tuple(after)

    def values(self, state: MetricState) -> list[float]:
        """The value of each metric, in the order of `names`. Not in a graph."""
        first, values = 0, list[float]()
        for part, size in zip(self._parts, self._sizes, strict=True):
            values.append(part.value(tuple(state[first : first + size])))
            first += size
        return values


@final
@dataclass(frozen=True, slots=True)
class TaskMetrics:
    """How the metrics of a task are computed."""

    streamed: StreamedMetrics
    host: tuple[HostMetric, ...] = ()
    notes: tuple[str, ...] = field(default=())  # sentences for the user


def metrics_of(
    task: Task,
    kinds: Mapping[str, OutputKind],
    *,
    load: Callable[[str], Function],
    model: keras.Model | None = None,
    examples: tuple[Any, Any] | None = None,  # Any: arrays, or arrays by output
    batch_size: int = 32,
) -> TaskMetrics:
    """The metrics of a task but its loss, for outputs of these kinds.

    `load` imports the function of a spec, "my.py:f". A compiled `model` brings its own metrics: they are found with
    `examples`, targets and outputs of at least 16 rows. Raises `StudyError` if a metric is not among them.
    """
    columns = columns_of(task.targets)
    own = compiled_metrics(model, *examples) if model is not None and examples is not None else {}
    parts: list[_Part] = []
    host: list[HostMetric] = []
    notes: list[str] = []
    for metric in (metric for metric in task.metrics if metric.name != LOSS):
        if function_name(metric.spec):
            host.append(of_function(metric, task, kinds, load(metric.spec)))
        elif (found := own.get(metric.spec) or own.get(metric.name)) is not None:
            if examples is None or adds_up(found, *examples):
                parts.append(_Compiled(metric.name, found, columns))
            else:
                host.append(HostMetric(metric.name, in_batches(found, batch_size, columns)))
                notes.append(
                    f"{metric.name} depends on the batch size: it is computed after each evaluation in batches of "
                    f"{batch_size}, not while training"
                )
        else:
            parts.append(_known(metric, task, kinds, own))
    names = tuple(part.name for part in parts)
    return TaskMetrics(
        StreamedMetrics(names, tuple(parts), tuple(len(part.start()) for part in parts)), tuple(host), tuple(notes)
    )


def adds_up(metric: CompiledMetric, y: Any, outputs: Any) -> bool:  # Any: arrays, or arrays by output
    """Whether 16 rows count as 5 and then 11 of them do, weights included."""
    y, outputs = ({name: np.asarray(a) for name, a in leaves(tree).items()} for tree in (y, outputs))
    weights = np.linspace(0.5, 2, PROBED, dtype=np.float32) if metric.is_weighted else None

    def value(*parts: slice) -> float:
        state = metric.start()
        for rows in parts:
            some = None if weights is None else ops.convert_to_tensor(weights[rows])
            state = metric.update(state, _rows(y, rows), _rows(outputs, rows), some)
        return metric.value(state)

    try:
        values = value(slice(PROBED)), value(slice(FIRST), slice(FIRST, PROBED))
    except Exception as err:  # a user's metric may do what it likes
        if is_ours(err):
            raise
        return False
    return bool(np.isclose(*values, rtol=1e-5, atol=1e-7, equal_nan=True))


class _Part(Protocol):
    """One streamed metric."""

    @property
    def name(self) -> str: ...

    def start(self) -> MetricState: ...

    def update(self, state: MetricState, batch: "_Batch") -> MetricState: ...

    def value(self, state: MetricState) -> float: ...


@dataclass(frozen=True, slots=True)
class _Batch:
    y: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    weights: Tensor | None


@final
@dataclass(frozen=True, slots=True)
class _Known:
    """A metric of this package for one output."""

    name: str
    output: str
    target: Target
    kind: OutputKind
    measure: Measure

    def start(self) -> MetricState:
        return self.measure.start()

    def update(self, state: MetricState, batch: _Batch) -> MetricState:
        y, outputs = batch.y[self.output], batch.outputs[self.output]
        return self.measure.update(state, view_of(self.target, self.kind, y, outputs))

    def value(self, state: MetricState) -> float:
        return self.measure.value(state)


@final
@dataclass(frozen=True, slots=True)
class _Compiled:
    """A metric that a model was compiled with."""

    name: str
    metric: CompiledMetric
    columns: frozenset[str]  # targets that it takes as (n, 1)

    def start(self) -> MetricState:
        return self.metric.start()

    def update(self, state: MetricState, batch: _Batch) -> MetricState:
        weights = batch.weights if self.metric.is_weighted else None
        return self.metric.update(state, leaves(as_held(to_tree(batch.y), self.columns)), batch.outputs, weights)

    def value(self, state: MetricState) -> float:
        return self.metric.value(state)


def _known(
    metric: TaskMetric, task: Task, kinds: Mapping[str, OutputKind], own: Mapping[str, CompiledMetric]
) -> _Known:
    for output, target in task.targets.items():
        spec = metric.spec or metric.name
        if output and not spec.startswith(f"{output}_"):
            continue
        found = find_metric(spec.removeprefix(f"{output}_") if output else spec)
        if found is not None and not found.misfit(target):
            return _Known(metric.name, output, target, kinds[output], measure_of(found, target, kinds[output]))
    hint = known_names(metric.name, own) if own else "compile the model with it, or take a metric of Keras"
    raise StudyError(f'metric: the model is compiled with no metric "{metric.spec or metric.name}"\n  {hint}')


def _rows(arrays: Mapping[str, Array], rows: slice) -> dict[str, Tensor]:
    return {name: ops.convert_to_tensor(array[rows]) for name, array in arrays.items()}
