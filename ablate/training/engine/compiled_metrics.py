"""The metrics that a model was compiled with, each as pure functions on the targets and outputs as they are.

Keras keeps no public list of which metric belongs to which output, and which are weighted. So `compute_metrics` is
called once on a few examples while each metric notes what it receives.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import keras
from keras import ops

from ablate.data.array import Tensor
from ablate.data.trees import leaves
from ablate.training.engine.measures import MetricState, result_of

Call = tuple[Any, Any, bool]  # y_true, y_pred, whether there were weights  # Any: tensors


@final
@dataclass(frozen=True, slots=True)
class CompiledMetric:
    """A metric of a compiled model, for one of its outputs."""

    metric: keras.metrics.Metric
    output: str  # "" for the only one
    is_weighted: bool  # by the weights of examples: one of weighted_metrics
    is_scalar: bool

    def start(self) -> MetricState:
        """The metric's variables, reset."""
        return tuple(ops.convert_to_tensor(value) for value in self.metric.stateless_reset_state())

    def update(
        self, state: MetricState, y: Mapping[str, Tensor], outputs: Mapping[str, Tensor], weights: Tensor | None
    ) -> MetricState:
        """The variables after `update_state`, with weights or the mask of padding."""
        y_true, y_pred = y[self.output], outputs[self.output]
        given = {} if weights is None else {"sample_weight": weights}
        after = self.metric.stateless_update_state(list(state), y_true, y_pred, **given)
        return tuple(ops.convert_to_tensor(value) for value in after)

    def value(self, state: MetricState) -> float:
        """The result for these variables."""
        return float(result_of(self.metric, state))


def compiled_metrics(model: keras.Model, y: Any, outputs: Any) -> dict[str, CompiledMetric]:
    """The metrics of a compiled model, found with targets and outputs of a few examples.

    `y` and `outputs` are arrays, or arrays by output. The names are those of `evaluate` in a fresh process: Keras
    numbers metrics without a name of their own on and on, "precision_4" in the third model. Metrics whose result is no
    single number are left out.
    """
    y_of, outputs_of = ({k: ops.convert_to_tensor(v) for k, v in leaves(tree).items()} for tree in (y, outputs))
    given = [tree if len(tree) > 1 else next(iter(tree.values())) for tree in (y_of, outputs_of)]
    weights = ops.ones((len(next(iter(y_of.values()))),))
    model.compute_metrics(None, *given, sample_weight=weights)  # creates the metrics
    owners = [metric for metric in model.metrics if isinstance(metric.result(), dict)]
    model.reset_metrics()
    found: dict[str, CompiledMetric] = {}
    for owner in owners:
        each = list(getattr(owner, "metrics", ()))
        with _noting(each) as calls:
            owner.update_state(*given, weights)
        by_metric = dict(_described(each, calls, outputs_of))
        named = dict(zip(_names([*by_metric], by_metric), by_metric.values(), strict=True))
        results = owner.result()
        here = dict(zip(results, each, strict=True)) if len(results) == len(each) == len(by_metric) else {}
        own = {name: by_metric[metric] for name, metric in here.items() if not _is_numbered(metric)}
        found |= own | named
    return {name: metric for name, metric in found.items() if metric.is_scalar}


def _described(
    metrics: Sequence[keras.metrics.Metric], calls: Mapping[int, Call], outputs: Mapping[str, Any]
) -> Iterator[tuple[keras.metrics.Metric, CompiledMetric]]:
    """Each metric with the output that it received."""
    for metric in metrics:
        _, y_pred, is_weighted = calls.get(id(metric), (None, None, False))
        output = next((output for output, tensor in outputs.items() if tensor is y_pred), None)
        if output is not None:
            is_scalar = math.prod(ops.convert_to_tensor(metric.result()).shape) == 1
            yield metric, CompiledMetric(metric, output, is_weighted, is_scalar)


def _names(
    metrics: Sequence[keras.metrics.Metric], by_metric: Mapping[keras.metrics.Metric, CompiledMetric]
) -> list[str]:
    """The names of a model's metrics in a fresh process, each once; an explicit name goes before a numbered one."""
    names: dict[int, str] = {}
    for metric in sorted(metrics, key=_is_numbered):
        found = by_metric[metric]
        prefix, plain = f"{found.output}_" if found.output else "", _unnumbered(metric)
        tried = [f"{prefix}{plain}", *([f"{prefix}weighted_{plain}"] if found.is_weighted else [])]
        numbered = (f"{tried[-1]}_{number}" for number in itertools.count(1))
        names[id(metric)] = next(name for name in itertools.chain(tried, numbered) if name not in names.values())
    return [names[id(metric)] for metric in metrics]


def _is_numbered(metric: keras.metrics.Metric) -> bool:
    return _unnumbered(metric) != str(metric.name)


def _unnumbered(metric: keras.metrics.Metric) -> str:
    """The name of a metric, without the number that Keras gives to one without a name of its own."""
    name, _, number = str(metric.name).rpartition("_")
    is_numbered = number.isdigit() and name.replace("_", "") == type(metric).__name__.lower()
    return name if is_numbered else str(metric.name)


@contextmanager
def _noting(metrics: Sequence[keras.metrics.Metric]) -> Iterator[dict[int, Call]]:
    """Let metrics note the arguments of `update_state` instead of counting them."""
    calls: dict[int, Call] = {}

    def noting(metric: keras.metrics.Metric) -> Callable[..., None]:
        def note(y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # Any: tensors
            calls[id(metric)] = (y_true, y_pred, sample_weight is not None)

        return note

    for metric in metrics:
        metric.update_state = noting(metric)
    try:
        yield calls
    finally:
        for metric in metrics:
            del metric.update_state
