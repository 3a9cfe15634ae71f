"""The metrics of this package as pure functions of a state: counts of classes, moments, and metrics of Keras."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, final

import keras
import numpy as np
from keras import ops

from ablate.data.array import Floats64, Tensor
from ablate.study.metrics import TOP_K, NamedMetric
from ablate.study.task import Target
from ablate.training.engine import backend
from ablate.training.engine.class_scores import RATES, SCORES, ClassTotals, ratio
from ablate.training.engine.views import OutputKind, View

MetricState: TypeAlias = tuple[Tensor, ...]
Picked: TypeAlias = tuple[Tensor, Tensor]  # y_true, y_pred


class Measure(Protocol):
    """A metric whose state adds up over batches; the functions change nothing and may run in a compiled graph.

    All examples count equally, as in Keras' `metrics`: weights of examples and classes count in the loss.
    """

    def start(self) -> MetricState:
        """The state before the first batch."""

    def update(self, state: MetricState, view: View) -> MetricState:
        """The state with one more batch."""

    def value(self, state: MetricState) -> float:
        """The metric's value. Not in a graph."""


def measure_of(metric: NamedMetric, target: Target, kind: OutputKind) -> Measure:
    """The measure of a metric that fits the target."""
    name, number = metric.known.name, metric.number
    if name == "accuracy":
        return RowMean(_hits)
    if name == TOP_K:
        return RowMean(lambda view: _top_hits(view, int(number or 1)))
    if name in SCORES:
        return ClassCounts(target, SCORES[name])
    if name in ("auc", "pr_auc"):
        curve = "PR" if name == "pr_auc" else "ROC"
        return KerasMeasure(_curve(target, curve), lambda view: _one_vs_rest(target, view))
    if name in _AT:
        if target.is_binary:
            return KerasMeasure(_AT[name](number), lambda view: _one_vs_rest(target, view))
        return AtLeast(target, name, number or 0.0)
    if name == "r2":
        return Determination(target)
    if name in _OF_NUMBERS:
        return KerasMeasure(_OF_NUMBERS[name](), lambda view: (view.y, view.outputs))
    return _cross_entropy(name, target, kind)


@final
@dataclass(frozen=True, slots=True)
class RowMean:
    """The mean of a value for each row."""

    values: Callable[[View], Tensor]  # (rows,)

    def start(self) -> MetricState:
        """The sum, and the number of rows."""
        return backend.resident(0.0, "float32"), backend.resident(0.0, "float32")

    def update(self, state: MetricState, view: View) -> MetricState:
        """Add the rows of a batch."""
        values = ops.cast(self.values(view), "float32")
        return state[0] + ops.sum(values), state[1] + ops.cast(ops.size(values), "float32")

    def value(self, state: MetricState) -> float:
        """The mean; 0 without rows."""
        return float(ratio(_exact(state[0]), _exact(state[1])))


@final
@dataclass(frozen=True, slots=True)
class ClassCounts:
    """A score from the numbers of true positives, predictions and labels of each class or tag."""

    target: Target
    score: Callable[[ClassTotals], Tensor]

    def start(self) -> MetricState:
        """True positives, predictions, labels, each (classes,); and the number of rows."""
        zeros = [backend.resident(np.zeros(self.target.n_classes), "float32") for _ in range(3)]
        return (*zeros, backend.resident(0.0, "float32"))

    def update(self, state: MetricState, view: View) -> MetricState:
        """Add the labels of a batch."""
        chosen, y = (self._flags(labels) for labels in (view.chosen, view.y))
        counts = [ops.sum(flags, axis=0) for flags in (chosen * y, chosen, y)]
        n = ops.cast(ops.shape(y)[0], "float32")
        return (*(old + new for old, new in zip(state[:3], counts, strict=True)), state[3] + n)

    def value(self, state: MetricState) -> float:
        """A fraction."""
        hits, predicted, actual, total = map(_exact, state)
        return float(self.score(ClassTotals(hits, predicted, actual, total, self.target.is_binary)))

    def _flags(self, labels: Tensor) -> Tensor:
        return labels if self.target.kind == "tags" else ops.one_hot(labels, self.target.n_classes, dtype="float32")


@final
@dataclass(frozen=True, slots=True)
class Determination:
    """R²: the share of the variance that is predicted, averaged over the numbers of a target as Keras does.

    By the deviations from the mean so far (Chan, Golub & LeVeque 1979): the squares of years or prices would cancel.
    """

    target: Target

    def start(self) -> MetricState:
        """The number of rows, then the mean, squared deviations from it and squared errors, by number."""
        zeros = [backend.resident(np.zeros(self.target.n_outputs), "float32") for _ in range(3)]
        return (backend.resident(0.0, "float32"), *zeros)

    def update(self, state: MetricState, view: View) -> MetricState:
        """Add the numbers of a batch."""
        before, mean, around, errors = state
        y, outputs = (ops.reshape(ops.cast(t, "float32"), [-1, self.target.n_outputs]) for t in (view.y, view.outputs))
        rows, here = ops.cast(ops.shape(y)[0], "float32"), ops.mean(y, axis=0)
        n, apart = before + rows, here - mean
        around = around + ops.sum((y - here) ** 2, axis=0) + apart**2 * (before * rows / n)
        return n, mean + apart * (rows / n), around, errors + ops.sum((y - outputs) ** 2, axis=0)

    def value(self, state: MetricState) -> float:
        """At most 1; 0 for the mean of the targets."""
        n, mean, around, errors = map(_exact, state)
        varies = around > 1e-12 * np.maximum(around + n * mean**2, 1e-300)
        return float(np.mean(np.where(varies, 1.0 - errors / np.where(varies, around, 1.0), 0.0)))


@final
class KerasMeasure:
    """A metric of Keras on what `pick` makes of a batch."""

    def __init__(self, metric: keras.metrics.Metric, pick: Callable[[View], Picked]) -> None:
        self.metric, self._pick = metric, pick

    def start(self) -> MetricState:
        """The metric's variables, reset."""
        return tuple(ops.convert_to_tensor(value) for value in self.metric.stateless_reset_state())

    def update(self, state: MetricState, view: View) -> MetricState:
        """The variables after `update_state`."""
        y_true, y_pred = self._pick(view)
        after = self.metric.stateless_update_state(list(state), y_true, y_pred)
        return tuple(ops.convert_to_tensor(value) for value in after)

    def value(self, state: MetricState) -> float:
        """The result for these variables."""
        return float(result_of(self.metric, state))


@final
class AtLeast:
    """The best of one rate where another is at least `number`, one class against the rest; the mean of the classes."""

    def __init__(self, target: Target, name: str, number: float) -> None:
        self._auc = _curve(target, "ROC")
        self._curves = KerasMeasure(self._auc, lambda view: _one_vs_rest(target, view))
        (self._rate, self._bound), self._number = RATES[name], number

    def start(self) -> MetricState:
        """The counts at each threshold, (thresholds, classes)."""
        return self._curves.start()

    def update(self, state: MetricState, view: View) -> MetricState:
        """Add the labels of a batch."""
        return self._curves.update(state, view)

    def value(self, state: MetricState) -> float:
        """A fraction."""
        auc = self._auc
        wanted = (auc.true_positives, auc.false_positives, auc.true_negatives, auc.false_negatives)
        places = [next(i for i, v in enumerate(auc.variables) if v is variable) for variable in wanted]
        hits, false, true_negatives, missed = (_exact(state[place]) for place in places)
        counts = ClassTotals(hits, hits + false, hits + missed, hits + false + true_negatives + missed)
        allowed = self._bound(counts) >= self._number
        return float(np.mean(np.max(np.where(allowed, self._rate(counts), 0.0), axis=0)))


def result_of(metric: keras.metrics.Metric, state: MetricState) -> Tensor:
    """The result of a metric of Keras, a scalar. A metric may return a variable, which stands for its state."""
    result = metric.stateless_result(list(state))
    places = [place for place, variable in enumerate(metric.variables) if variable is result]
    return ops.reshape(state[places[0]] if places else result, ())


def _exact(counts: Tensor) -> Floats64:
    """Counts in float64, on the host."""
    return np.asarray(counts).astype(np.float64)


def _curve(target: Target, curve: str) -> keras.metrics.AUC:
    if target.is_binary:
        return keras.metrics.AUC(curve=curve)
    return keras.metrics.AUC(curve=curve, multi_label=True, num_labels=target.n_classes)


def _one_vs_rest(target: Target, view: View) -> Picked:
    assert view.probabilities is not None
    if target.is_binary:
        return ops.cast(view.y, "float32"), view.probabilities[:, 0]
    y = view.y if target.kind == "tags" else ops.one_hot(view.y, target.n_classes, dtype="float32")
    return y, view.probabilities


def _cross_entropy(name: str, target: Target, kind: OutputKind) -> Measure:
    logits = kind == "logits"
    if name == "kl_divergence":
        return KerasMeasure(keras.metrics.KLDivergence(), lambda view: _one_vs_rest(target, view))
    if target.kind == "tags":
        metric = keras.metrics.BinaryCrossentropy(from_logits=logits)
        return KerasMeasure(metric, lambda view: (view.y, view.outputs))
    return RowMean(lambda view: _label_cross_entropy(view, logits=logits))


def _hits(view: View) -> Tensor:
    """1 where the prediction is right; of tags, the share that is."""
    hits = ops.cast(view.chosen == view.y, "float32")
    return ops.mean(hits, axis=-1) if len(hits.shape) > 1 else hits


def _top_hits(view: View, k: int) -> Tensor:
    """1 where fewer than `k` classes are more probable than the label."""
    own = ops.take_along_axis(view.outputs, view.y[:, None], axis=-1)
    return ops.sum(ops.cast(view.outputs > own, "int32"), axis=-1) < k


def _label_cross_entropy(view: View, *, logits: bool) -> Tensor:
    if view.outputs.shape[-1] == 1:
        return keras.losses.binary_crossentropy(view.y[:, None], view.outputs, from_logits=logits)
    return keras.losses.sparse_categorical_crossentropy(view.y, view.outputs, from_logits=logits)


# By name, the metric of two classes.
_AT: dict[str, Any] = {  # Any: classes with one number
    "recall_at_precision": keras.metrics.RecallAtPrecision,
    "precision_at_recall": keras.metrics.PrecisionAtRecall,
    "sensitivity_at_specificity": keras.metrics.SensitivityAtSpecificity,
    "specificity_at_sensitivity": keras.metrics.SpecificityAtSensitivity,
}
_OF_NUMBERS: dict[str, Any] = {  # Any: classes without arguments
    "mae": keras.metrics.MeanAbsoluteError,
    "mse": keras.metrics.MeanSquaredError,
    "rmse": keras.metrics.RootMeanSquaredError,
    "mape": keras.metrics.MeanAbsolutePercentageError,
    "msle": keras.metrics.MeanSquaredLogarithmicError,
    "log_cosh": keras.metrics.LogCoshError,
    "cosine_similarity": keras.metrics.CosineSimilarity,
    "pearson_correlation": keras.metrics.PearsonCorrelation,
    "concordance_correlation": keras.metrics.ConcordanceCorrelation,
    "poisson": keras.metrics.Poisson,
}
